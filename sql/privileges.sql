-- Who may do what; run by sql/install.sh as es_owner, together with the functions.
--
-- es_owner owns everything.  es_worker appends: it can read all, insert, and close open facts; it can change or remove
-- nothing.  es_reader reads.

ALTER DEFAULT PRIVILEGES FOR ROLE es_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

REVOKE ALL ON SCHEMA es FROM PUBLIC, es_worker, es_reader;
REVOKE ALL ON ALL TABLES IN SCHEMA es FROM PUBLIC, es_worker, es_reader;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA es FROM PUBLIC, es_worker, es_reader;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA es FROM PUBLIC, es_worker, es_reader;

GRANT USAGE ON SCHEMA es TO es_worker, es_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA es TO es_worker, es_reader;

GRANT INSERT ON es.streams, es.events, es.rewinds, es.facts, es.commands TO es_worker;
GRANT UPDATE (until) ON es.facts TO es_worker;
GRANT USAGE ON SEQUENCE es.streams_stream_id_seq TO es_worker;
GRANT EXECUTE ON FUNCTION
	es.append(
		text, text[], bigint[], bigint[], uuid[], bigint[], text[], bigint[], bigint[], text[], text[], bigint[], bigint[],
		bigint[], bigint[], bigint[], bigint[], bigint[], uuid[], text[], text[], bigint[], text[], uuid[], bigint[],
		uuid[], bigint[], bigint[], bigint[], uuid[]
	),
	es.end_hung_holders(interval),
	es.lock_log(),
	es.lock_streams(text[]),
	es.rewind_facts(bigint, bigint, bigint),
	es.still_stands(text, bigint[], bigint[], uuid[]),
	es.stream_lock_key(text)
TO es_worker;

GRANT EXECUTE ON FUNCTION
	es.active_ranges(bigint, bigint, bigint, bigint),
	es.data_contains(jsonb, text),
	es.diff(text, bigint, bigint),
	es.event_changes(bigint, bigint),
	es.event_summary(jsonb),
	es.fact_diff(bigint, bigint, bigint),
	es.facts_at(bigint, bigint),
	es.find_version(text, bigint),
	es.log_stats(),
	es.rewind_preview(text, bigint),
	es.state_at(text, bigint),
	es.stream_live_at(bigint, bigint),
	es.version_at(bigint, timestamptz)
TO es_worker, es_reader;
