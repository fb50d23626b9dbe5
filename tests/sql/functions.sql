-- The functions, where the worked example and the random logs do not reach: edges, times, texts, errors.
BEGIN;
SELECT * FROM no_plan();

DO $$
BEGIN
	FOR v IN 1..9 LOOP
		PERFORM test.append('main', jsonb_build_object('k' || v, v), at => '2026-01-01 00:00:00+00'::timestamptz + v / 2 * interval '1 s');
	END LOOP;
	PERFORM test.append('other', '{"k": 1}', at => '2026-01-02 00:00:00+00');
END
$$;

-- version_at; the events 2 and 3, 4 and 5 ... share a time
SELECT is(es.version_at(test.stream('main'), '2025-12-31 23:59:59+00'), 0::bigint, 'version_at: before the first event');
SELECT is(es.version_at(test.stream('main'), '2026-01-01 00:00:00+00'), 1::bigint, 'version_at: at the very time of the first');
SELECT is(es.version_at(test.stream('main'), '2026-01-01 00:00:01+00'), 3::bigint, 'version_at: the last of one time');
SELECT is(es.version_at(test.stream('main'), '2026-01-01 00:00:01.5+00'), 3::bigint, 'version_at: between two');
SELECT is(es.version_at(test.stream('main'), 'infinity'), 9::bigint, 'version_at: after the last');
SELECT is(es.version_at(-1, 'infinity'), 0::bigint, 'version_at: no such stream');
SELECT is((SELECT array_agg(es.version_at(test.stream('main'), e.recorded_at) ORDER BY e.version)
	FROM es.events AS e WHERE e.stream_id = test.stream('main')),
	'{1,3,3,5,5,7,7,9,9}', 'version_at: at the time of each event');

-- facts_at, stream_live_at
SELECT is((SELECT count(*) FROM es.facts_at(test.stream('main'), 4)), 4::bigint, 'facts_at: the facts that held then');
SELECT is_empty($$SELECT * FROM es.facts_at(test.stream('main'), 0)$$, 'facts_at: nothing at version 0');
SELECT is_empty($$SELECT * FROM es.facts_at(-1, 5)$$, 'facts_at: nothing of no stream');
SELECT is(es.stream_live_at(test.stream('main'), 0), 0, 'stream_live_at: 0 at version 0');
SELECT is(es.stream_live_at(test.stream('main'), 4), 4, 'stream_live_at: as the event says');
UPDATE es.streams SET horizon = 5 WHERE name = 'main';
ALTER TABLE es.events DISABLE TRIGGER append_only;
DELETE FROM es.events WHERE stream_id = test.stream('main') AND version < 5;
ALTER TABLE es.events ENABLE TRIGGER append_only;
SELECT is(es.stream_live_at(test.stream('main'), 4), 4, 'stream_live_at: counted where the event is no longer kept');
SELECT is(es.version_at(test.stream('main'), '2025-12-31 23:59:59+00'), 4::bigint, 'version_at: not below horizon - 1');

-- active_ranges, fact_diff, event_changes
SELECT results_eq($$SELECT * FROM es.active_ranges(test.stream('main'), 9, 9, 9)$$, $$VALUES (1::bigint, 9::bigint)$$,
	'active_ranges: one range where nothing was rewound');
SELECT is_empty($$SELECT * FROM es.active_ranges(test.stream('main'), 0, 1, 0)$$, 'active_ranges: none at version 0');
SELECT is_empty($$SELECT * FROM es.active_ranges(test.stream('main'), 5, 6, 6)$$, 'active_ranges: none above the head');
SELECT is_empty($$SELECT * FROM es.fact_diff(test.stream('main'), 9, 9)$$, 'fact_diff: nothing between a version and itself');
SELECT results_eq($$SELECT * FROM es.fact_diff(test.stream('main'), 9, 8)$$,
	$$VALUES ('k9', '9'::jsonb, 9::bigint, NULL::jsonb, NULL::bigint)$$, 'fact_diff: backwards');
SELECT is_empty($$SELECT * FROM es.event_changes(test.stream('main'), 10)$$, 'event_changes: none of no event');
SELECT is(test.append('main', '{"k9": 10}', '{k8}'), 10::bigint, 'a fact is replaced, another removed');
SELECT bag_eq($$SELECT * FROM es.event_changes(test.stream('main'), 10)$$,
	$$VALUES ('k8', NULL::jsonb, NULL::bigint), ('k9', '10', 10)$$, 'event_changes: a fact replaced is a put, not a removal');
SELECT results_eq($$SELECT * FROM es.diff('main', 9) ORDER BY key$$,
	$$VALUES ('removed', 'k8', '8'::jsonb, NULL::jsonb), ('changed', 'k9', '9', '10')$$, 'diff: removed and changed, to the head');
SELECT results_eq($$SELECT * FROM es.rewind_preview('main', 10) ORDER BY key$$,
	$$VALUES ('comes back', 'k8', NULL::jsonb, '8'::jsonb), ('changes', 'k9', '10', '9')$$, 'rewind_preview: comes back and changes');
SELECT results_eq($$SELECT * FROM es.rewind_preview('main', 9) ORDER BY key$$,
	$$VALUES ('comes back', 'k8', NULL::jsonb, '8'::jsonb), ('goes', 'k9', '10', NULL)$$, 'rewind_preview: goes');

-- data_contains
CREATE FUNCTION pg_temp.contains(needle text) RETURNS boolean
LANGUAGE sql
AS $$
	SELECT es.data_contains('{"content": "Käse \"fresh\" \\ 100% (a.b*)\nline", "deep": [1, {"er": ["TEA"]}], "n": 42}', needle)
$$;
SELECT ok(pg_temp.contains('KÄSE'), 'data_contains: upper and lower case alike');
SELECT ok(pg_temp.contains('tea'), 'data_contains: at any depth');
SELECT ok(pg_temp.contains('"Fresh" \ 100%'), 'data_contains: quotes and backslashes are text');
SELECT ok(pg_temp.contains('(A.B*)'), 'data_contains: signs of patterns are text');
SELECT ok(pg_temp.contains(E')\nLINE'), 'data_contains: a line end is text');
SELECT ok(pg_temp.contains(''), 'data_contains: every string contains nothing');
SELECT ok(NOT pg_temp.contains('a.*b'), 'data_contains: no patterns');
SELECT ok(NOT pg_temp.contains('content'), 'data_contains: names of members do not count');
SELECT ok(NOT pg_temp.contains('42'), 'data_contains: numbers are no strings');
SELECT ok(NOT es.data_contains('{}', ''), 'data_contains: no string, no match');
SELECT ok(es.data_contains('"plain"', 'LAI'), 'data_contains: data may be a string');

-- event_summary
SELECT is(es.event_summary('{"content": "milk", "item": "01890a5d-ac96-774b-bcce-b302099a8057"}'), 'milk', 'event_summary: ids are left out');
SELECT is(es.event_summary('{"version": 3}'), 'version 3', 'event_summary: numbers with their name');
SELECT is(es.event_summary('{"amount": 3, "for": "tea", "on": null}'), 'tea, amount 3', 'event_summary: texts first, nulls not at all');
SELECT is(es.event_summary('{"content": "two\n\tlines"}'), 'two lines', 'event_summary: one line');
SELECT is(length(es.event_summary(jsonb_build_object('content', repeat('ä', 10000)))), 80, 'event_summary: cut at 80 characters');
SELECT is(es.event_summary(jsonb_build_object('content', repeat('ä', 80))), repeat('ä', 80), 'event_summary: 80 characters are not cut');
SELECT is(es.event_summary('[]'), '', 'event_summary: of anything');

-- errors of the functions for people: own SQLSTATEs, and a hint each
CREATE FUNCTION pg_temp.hint(statement text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END
$$;
SELECT throws_ok(statement, code, message, 'errors: ' || statement),
	isnt(pg_temp.hint(statement), '', 'errors: a hint for ' || statement)
FROM (VALUES
	($$SELECT * FROM es.state_at('nobody')$$, 'ES404', 'there is no ledger "nobody"'),
	($$SELECT * FROM es.state_at(NULL)$$, 'ES404', 'there is no ledger "<NULL>"'),
	($$SELECT * FROM es.state_at('main', 11)$$, 'ES404', 'ledger "main" has no version 11'),
	($$SELECT * FROM es.state_at('main', 3)$$, 'ES410', 'version 3 of ledger "main" is not kept'),
	($$SELECT * FROM es.diff('nobody', 1)$$, 'ES404', 'there is no ledger "nobody"'),
	($$SELECT * FROM es.diff('main', 5, 11)$$, 'ES404', 'ledger "main" has no version 11'),
	($$SELECT * FROM es.diff('main', 3, 5)$$, 'ES410', 'version 3 of ledger "main" is not kept'),
	($$SELECT * FROM es.rewind_preview('nobody', 1)$$, 'ES404', 'there is no ledger "nobody"'),
	($$SELECT * FROM es.rewind_preview('main', 11)$$, 'ES404', 'ledger "main" has no version 11'),
	($$SELECT * FROM es.rewind_preview('main', 4)$$, 'ES410', 'version 3 of ledger "main" is not kept'),
	($$SELECT * FROM es.rewind_preview('other', 0)$$, 'ES410', 'version -1 of ledger "other" is not kept')
) AS e (statement, code, message);
SELECT lives_ok($$SELECT * FROM es.state_at('main', 4)$$, 'errors: the state right before the horizon is kept');
SELECT lives_ok($$SELECT * FROM es.rewind_preview('main', 5)$$, 'errors: the horizon itself can be rewound');
SELECT results_eq($$SELECT stream, version, head FROM es.find_version('main', NULL)$$,
	$$SELECT test.stream('main'), 10::bigint, 10::bigint$$, 'find_version: no version is the head');

-- log_stats, renew_log, the table log
SELECT results_eq($$SELECT value FROM es.log_stats() WHERE name IN ('streams', 'events', 'last position', 'facts open',
	'facts closed', 'commands remembered') ORDER BY name$$,
	$$VALUES ('0'), ('7'), ('2'), ('9'), ('11'), ('2')$$, 'log_stats: counts');
SELECT results_eq($$SELECT value FROM es.log_stats() WHERE name IN ('log', 'schema version') ORDER BY name$$,
	$$SELECT log FROM es.log UNION ALL SELECT max(version)::text FROM es.schema_migration$$, 'log_stats: which log this is');
SELECT is((SELECT count(*) FROM es.log_stats() WHERE value IS NULL), 0::bigint, 'log_stats: every value is known');
CREATE TEMPORARY TABLE old_log AS SELECT log FROM es.log;
SELECT matches(es.renew_log(), '^[0-9a-f]{8}$', 'renew_log: eight hex digits');
SELECT isnt((SELECT log FROM es.log), (SELECT log FROM old_log), 'renew_log: a new id');
SELECT throws_ok('INSERT INTO es.log DEFAULT VALUES', '23505', NULL, 'log has one row');

-- locks
SELECT is(es.stream_lock_key('main'), es.stream_lock_key('main'), 'stream_lock_key: the same for a name');
SELECT isnt(es.stream_lock_key('main'), es.stream_lock_key('other'), 'stream_lock_key: another for another');
SELECT lives_ok($$SELECT es.lock_streams('{b,a,b,NULL}')$$, 'lock_streams: names may repeat');
SELECT results_eq(
	$$SELECT (l.classid::bigint << 32) | l.objid::bigint FROM pg_locks AS l
		WHERE l.pid = pg_backend_pid() AND l.locktype = 'advisory' AND l.objsubid = 1 ORDER BY 1$$,
	$$SELECT es.stream_lock_key(n) FROM unnest('{a,b}'::text[]) AS n ORDER BY 1$$, 'lock_streams: one lock a name');
SELECT lives_ok('SELECT es.lock_log()', 'lock_log: by itself');
SELECT is_empty($$SELECT es.end_hung_holders('0')$$, 'end_hung_holders: never the caller itself');

SELECT * FROM finish();
ROLLBACK;
