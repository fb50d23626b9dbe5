-- Costs, told by pages of the buffer cache touched: they do not depend on how busy the machine is.
BEGIN;
SELECT * FROM no_plan();

-- thousand: 100,000 events, every 100th a rewind of the event 10 before it.
-- alternating: every second event rewinds the one before it, the worst case for telling active events.
INSERT INTO es.streams (stream_id, name) VALUES (1001, 'thousand'), (1002, 'alternating');
INSERT INTO es.events (position, stream_id, version, id, type, data, base, command_id, live, recorded_at)
SELECT v, 1001, v, gen_random_uuid(), CASE v % 100 WHEN 0 THEN 'rewound' ELSE 'item-appended' END,
	CASE v % 100 WHEN 0 THEN jsonb_build_object('version', v - 10) ELSE jsonb_build_object('content', 'item ' || v) END,
	CASE v % 100 WHEN 0 THEN v - 11 ELSE v - 1 END, gen_random_uuid(), 1, '2026-01-01'::timestamptz + v * interval '1 s'
FROM generate_series(1, 100000) AS v;
INSERT INTO es.events (position, stream_id, version, id, type, data, base, command_id, live, recorded_at)
SELECT 100000 + v, 1002, v, gen_random_uuid(), 'noted', '{}', CASE v % 2 WHEN 0 THEN v - 2 ELSE v - 1 END,
	gen_random_uuid(), 0, '2026-02-01'::timestamptz + v * interval '1 s'
FROM generate_series(1, 100000) AS v;

CREATE FUNCTION pg_temp.page(stream bigint, newest bigint) RETURNS text
LANGUAGE sql
AS $$
	SELECT format('SELECT e.version, EXISTS (SELECT FROM r WHERE e.version BETWEEN r.low AND r.high) AS active
		FROM es.events AS e
		WHERE e.stream_id = %1$s AND e.version <= %2$s AND e.version > %2$s - 50 ORDER BY e.version DESC', stream, newest)
$$;
CREATE FUNCTION pg_temp.page_with_flags(stream bigint, head bigint, newest bigint) RETURNS text
LANGUAGE sql
AS $$
	SELECT format('WITH r AS MATERIALIZED (SELECT * FROM es.active_ranges(%s, %s, %s, %s)) ', stream, head, newest - 49, newest)
		|| pg_temp.page(stream, newest)
$$;

CREATE FUNCTION pg_temp.cost_tests(state text) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN NEXT cmp_ok(test.pages(pg_temp.page_with_flags(1001, 100000, 100000)), '<', 100::bigint,
		state || ': the newest 50 of 100,000 events with 1,000 rewinds, with flags');
	RETURN NEXT cmp_ok(test.pages(pg_temp.page_with_flags(1001, 50000, 50000)), '<', 100::bigint,
		state || ': 50 events as of version 50,000');
	RETURN NEXT cmp_ok(test.pages(pg_temp.page_with_flags(1002, 100000, 100000)), '<', 300::bigint,
		state || ': the newest 50 of 100,000 alternating ones');
	RETURN NEXT cmp_ok(test.pages(pg_temp.page_with_flags(1002, 100000, 50)), '<', 500::bigint,
		state || ': the oldest 50 of them');
	RETURN NEXT cmp_ok(test.pages(pg_temp.page_with_flags(1002, 99999, 33333)), '<', 500::bigint,
		state || ': 50 in the middle of them');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.active_ranges(1001, 100000, 1, 100000)'), '<', 5000::bigint,
		state || ': all ranges: a few pages a rewind');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.event_log WHERE ledger = ''alternating'' AND version > 99950'), '<', 2000::bigint,
		state || ': the end of event_log');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.event_log WHERE ledger = ''alternating'' AND version <= 50'), '<', 10000::bigint,
		state || ': its beginning');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.event_log WHERE ledger = ''alternating'' ORDER BY position DESC LIMIT 50'), '<', 10000::bigint,
		state || ': its newest page');
	RETURN NEXT cmp_ok(test.pages('SELECT es.version_at(1001, ''2026-01-01 12:00:00'')'), '<', 200::bigint,
		state || ': version_at');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.stream_heads'), '<', 50::bigint, state || ': stream_heads');
END
$$;

SELECT pg_temp.cost_tests('never analyzed');
ANALYZE es.events;
SELECT pg_temp.cost_tests('analyzed');

SELECT results_eq(
	$$SELECT version, active FROM es.event_log WHERE ledger = 'thousand' AND version > 99985 ORDER BY version$$,
	$$SELECT v, v < 99990 OR v = 100000 FROM generate_series(99986::bigint, 100000) AS v$$,
	'the flags of the newest events are right');
SELECT is((SELECT count(*) FROM es.event_log WHERE ledger = 'thousand' AND NOT active), 10000::bigint,
	'each rewind leaves ten events inactive');
SELECT is(es.version_at(1001, '2026-01-01 12:00:00'), 43200::bigint, 'version_at finds the event');

-- A stream of 20,000 facts: what is near costs what changed, not what stands.
INSERT INTO es.streams (stream_id, name) VALUES (1003, 'wide');
INSERT INTO es.facts (stream_id, key, value, origin, since) SELECT 1003, 'k' || v, '1', v, v FROM generate_series(1, 20000) AS v;
UPDATE es.facts SET until = 20001 WHERE stream_id = 1003 AND since > 19990;
SELECT es.rewind_facts(-1, 1, 1); -- so that what is measured next does not count the first reading of the catalog
SELECT cmp_ok(test.pages('SELECT * FROM es.fact_diff(1003, 19991, 20001)'), '<', 150::bigint, 'fact_diff: what changed');
SELECT cmp_ok(test.pages('SELECT * FROM es.event_changes(1003, 20001)'), '<', 60::bigint, 'event_changes: what changed');
SELECT cmp_ok(test.pages('SELECT es.rewind_facts(1003, 20001, 20002)'), '<', 250::bigint, 'rewind_facts: what changed');
SELECT is((SELECT count(*) FROM es.facts_at(1003, 20002)), 20000::bigint, 'and all is there again');
-- never analyzed, and everything changes: comparing all with all would be 400 million comparisons
SET LOCAL statement_timeout = '60s';
SELECT lives_ok('SELECT es.rewind_facts(1003, 1, 20003)', 'a rewind takes 20,000 facts away');
SELECT lives_ok('SELECT es.rewind_facts(1003, 20003, 20004)', 'a rewind brings 20,000 facts back');
SELECT is((SELECT count(*) FROM es.facts_at(1003, 20004)), 20000::bigint, 'and all is there again');
SELECT is((SELECT count(*) FROM es.event_changes(1003, 20004)), 20000::bigint, 'event_changes tells them all');
SELECT is((SELECT count(*) FROM es.fact_diff(1003, 20003, 20004)), 20000::bigint, 'fact_diff as well');

-- A stream of 50,000 versions that has 100 facts at any time: a state costs what stood, not what changed since.
INSERT INTO es.streams (stream_id, name) VALUES (1004, 'turnover');
INSERT INTO es.facts (stream_id, key, value, origin, since, until)
SELECT 1004, 'k' || v, '1', v, v, CASE WHEN v <= 49900 THEN v + 100 END FROM generate_series(1, 50000) AS v;
CREATE FUNCTION pg_temp.turnover_tests(state text) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.facts_at(1004, 25000)'), '<', 500::bigint, state || ': the state at half of a long log');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.facts_at(1004, 32768)'), '<', 500::bigint, state || ': the state at a great node');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.fact_diff(1004, 40000, 10000)'), '<', 1000::bigint, state || ': far versions');
	RETURN NEXT cmp_ok(test.pages('SELECT * FROM es.fact_diff(1004, 25000, 25001)'), '<', 30::bigint, state || ': neighbours');
	RETURN QUERY SELECT is((SELECT array_agg(f.since ORDER BY f.since) FROM es.facts_at(1004, v) AS f),
		(SELECT array_agg(n) FROM generate_series(greatest(v - 99, 1), v) AS n), state || ': the state at ' || v)
	FROM unnest('{1,2,99,100,101,16384,32767,32768,32769,49899,49900,49999,50000}'::bigint[]) AS v;
END
$$;
SELECT pg_temp.turnover_tests('never analyzed');
ANALYZE es.facts;
SELECT pg_temp.turnover_tests('analyzed');
SELECT cmp_ok(test.pages('SELECT es.rewind_facts(1004, 25000, 50001)'), '<', 15000::bigint, 'a rewind to the middle: what it changes');
SELECT is((SELECT array_agg(f.since ORDER BY f.since) FROM es.facts_at(1004, 50001) AS f WHERE f.since = 50001 AND f.origin BETWEEN 24900 AND 24999),
	array_fill(50001::bigint, '{100}'), 'and it is right');

SELECT * FROM finish();
ROLLBACK;
