-- One call writes a whole batch, because starting a statement costs more than what most of them do (measured with one
-- event: the nine statements that this replaces took over a quarter longer).  Locks are taken by assignments, which plpgsql
-- evaluates without starting a query.  Arrays are unnested side by side in a select list, which hands out row by row; in
-- FROM, each would be copied to a tuple store of its own first.  There an array that is null stands for as many nulls as
-- the others have rows.
CREATE OR REPLACE FUNCTION es.append(
	log text,
	names text[], stream_ids bigint[], heads bigint[], head_events uuid[],
	closed_streams bigint[], closed_keys text[], closed_at bigint[],
	fact_streams bigint[], fact_keys text[], fact_values text[], fact_since bigint[], fact_until bigint[],
	rewind_streams bigint[], rewind_targets bigint[], rewind_versions bigint[],
	event_streams bigint[], event_versions bigint[], event_ids uuid[], event_types text[], event_data text[],
	event_bases bigint[], event_actors text[], event_commands uuid[], event_lives bigint[],
	answer_commands uuid[], answer_streams bigint[], answer_firsts bigint[], answer_lasts bigint[], answer_hashes uuid[]
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	locked text;
	last_position bigint;
	recorded timestamptz;
BEGIN
	IF append.log IS NOT NULL THEN
		-- each statement after the locks sees what was committed before them
		locked := es.lock_streams(names);
		IF NOT es.still_stands(append.log, stream_ids, heads, head_events) THEN
			RETURN NULL;
		END IF;
	END IF;

	IF 0 = ANY (heads) THEN
		INSERT INTO es.streams (stream_id, name)
		SELECT u.stream_id, u.name
		FROM (SELECT unnest(stream_ids) AS stream_id, unnest(names) AS name, unnest(heads) AS head) AS u
		WHERE u.head = 0;
	END IF;
	IF closed_streams IS NOT NULL THEN
		UPDATE es.facts AS f
		SET until = u.until
		FROM (
			SELECT unnest(closed_streams) AS stream_id, unnest(closed_keys) AS key, unnest(closed_at) AS until
		) AS u
		WHERE f.stream_id = u.stream_id AND f.key = u.key AND f.until IS NULL;
	END IF;
	IF fact_streams IS NOT NULL THEN
		INSERT INTO es.facts (stream_id, key, value, origin, since, until)
		SELECT u.stream_id, u.key, u.value::jsonb, u.since, u.since, u.until
		FROM (
			SELECT unnest(fact_streams) AS stream_id, unnest(fact_keys) AS key, unnest(fact_values) AS value,
				unnest(fact_since) AS since, unnest(fact_until) AS until
		) AS u;
	END IF;
	-- after the facts of the events before it: a rewind works on the stream as the batch leaves it
	FOR i IN 1 .. coalesce(cardinality(rewind_streams), 0) LOOP
		PERFORM es.rewind_facts(rewind_streams[i], rewind_targets[i], rewind_versions[i]);
	END LOOP;

	IF event_streams IS NOT NULL THEN
		locked := es.lock_log();
	END IF;
	SELECT n.position, n.recorded_at INTO last_position, recorded
	FROM es.events AS n
	ORDER BY n.position DESC
	LIMIT 1;
	last_position := coalesce(last_position, 0);
	IF event_streams IS NOT NULL THEN
		-- time never goes back within the log; greatest leaves out the null of an empty one
		recorded := greatest(clock_timestamp(), recorded);
		INSERT INTO es.events (position, stream_id, version, id, type, data, base, actor, command_id, live, recorded_at)
		SELECT last_position + u.place, u.stream_id, u.version, u.id, u.type, u.data::jsonb, u.base, u.actor,
			u.command_id, u.live, recorded
		FROM (
			SELECT unnest(event_streams) AS stream_id, unnest(event_versions) AS version, unnest(event_ids) AS id,
				unnest(event_types) AS type, unnest(event_data) AS data, unnest(event_bases) AS base,
				unnest(event_actors) AS actor, unnest(event_commands) AS command_id, unnest(event_lives) AS live,
				generate_series(1, cardinality(event_streams)) AS place
		) AS u;
		locked := pg_notify('es_events', '');
	END IF;
	IF answer_commands IS NOT NULL THEN
		INSERT INTO es.commands (command_id, stream_id, first_version, last_version, request_hash, recorded_at)
		SELECT u.command_id, u.stream_id, u.first_version, u.last_version, u.request_hash,
			coalesce(recorded, clock_timestamp())
		FROM (
			SELECT unnest(answer_commands) AS command_id, unnest(answer_streams) AS stream_id,
				unnest(answer_firsts) AS first_version, unnest(answer_lasts) AS last_version,
				unnest(answer_hashes) AS request_hash
		) AS u;
	END IF;
	RETURN ARRAY[last_position + 1, (extract(epoch FROM recorded) * 1000000)::bigint];
END
$$;

COMMENT ON FUNCTION es.append(
	text, text[], bigint[], bigint[], uuid[], bigint[], text[], bigint[], bigint[], text[], text[], bigint[], bigint[],
	bigint[], bigint[], bigint[], bigint[], bigint[], uuid[], text[], text[], bigint[], text[], uuid[], bigint[],
	uuid[], bigint[], bigint[], bigint[], uuid[]
) IS
	'Writes what a batch decided, as arrays side by side, a null for what it has none of: closed facts, new facts, '
	'rewinds, events, answers to keys; then notifies es_events.  Streams at head 0 are made.  With log null the caller '
	'holds the locks of the streams and has read their heads under them.  Else the locks are taken here, and nothing is '
	'written unless the log and the heads of all its streams still are as the caller remembers (see still_stands): then null is '
	'returned.  Else the position of the first event, and the time of all of them (microseconds since 1970).';
