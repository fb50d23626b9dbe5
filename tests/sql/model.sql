-- The worked example of the design, through every function that answers about it.
BEGIN;
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.items(at bigint) RETURNS text
LANGUAGE sql
AS $$
	SELECT coalesce(string_agg(s.key, ' ' ORDER BY s.n), '')
	FROM (SELECT f.key, row_number() OVER (ORDER BY f.origin, f.key) AS n
		FROM es.facts_at(test.stream('main'), at) AS f) AS s
$$;

DO $$
BEGIN
	PERFORM test.append('main', '{"milk": 1}', type => 'item-appended', data => '{"content": "milk"}');
	PERFORM test.append('main', '{"eggs": 1}', type => 'item-appended', data => '{"content": "eggs"}');
	PERFORM test.append('main', removes => '{milk}', type => 'item-removed',
		data => '{"item": "01890a5d-ac96-774b-bcce-b302099a8057", "content": "milk"}');
	PERFORM test.rewind('main', 3);
	PERFORM test.append('main', '{"tea": 1}', type => 'item-appended', data => '{"content": "tea"}');
	PERFORM test.rewind('main', 2);
	PERFORM test.rewind('main', 6);
END
$$;

SELECT is(pg_temp.items(0), '', 'state 0 is empty');
SELECT is(pg_temp.items(1), 'milk', 'state 1: append milk');
SELECT is(pg_temp.items(2), 'milk eggs', 'state 2: append eggs');
SELECT is(pg_temp.items(3), 'eggs', 'state 3: remove milk');
SELECT is(pg_temp.items(4), 'milk eggs', 'state 4: rewind 3 brings milk back to its place');
SELECT is(pg_temp.items(5), 'milk eggs tea', 'state 5: append tea');
SELECT is(pg_temp.items(6), 'milk', 'state 6: rewind 2 restores the state before it');
SELECT is(pg_temp.items(7), 'milk eggs tea', 'state 7: rewind 6 is a redo');

SELECT results_eq(
	$$SELECT low, high FROM es.active_ranges(test.stream('main'), 7, 1, 7)$$,
	$$VALUES (7::bigint, 7::bigint), (4, 5), (1, 2)$$,
	'active at 7, newest first: 7, 5, 4, 2, 1');
SELECT results_eq(
	$$SELECT version, base, depth, jump FROM es.rewinds ORDER BY version$$,
	$$VALUES (4::bigint, 2::bigint, 1::bigint, 0::bigint), (6, 1, 1, 0), (7, 5, 2, 4)$$,
	'every rewind has its row: 7 goes on at 5, under the rewind 4; nothing lies under 4 and 6');
SELECT results_eq(
	$$SELECT version FROM es.event_log WHERE ledger = 'main' AND active ORDER BY version$$,
	$$VALUES (1::bigint), (2), (4), (5), (7)$$,
	'event_log tells the same');
SELECT results_eq(
	$$SELECT version, type, active, summary FROM es.event_log WHERE ledger = 'main' ORDER BY position$$,
	$$VALUES (1::bigint, 'item-appended', true, 'milk'), (2, 'item-appended', true, 'eggs'),
		(3, 'item-removed', false, 'milk'), (4, 'rewound', true, 'version 3'), (5, 'item-appended', true, 'tea'),
		(6, 'rewound', false, 'version 2'), (7, 'rewound', true, 'version 6')$$,
	'event_log tells the story');

SELECT bag_eq(
	$$SELECT key, value, origin FROM es.event_changes(test.stream('main'), 6)$$,
	$$VALUES ('eggs', NULL::jsonb, NULL::bigint), ('tea', NULL, NULL)$$,
	'event 6 removed eggs and tea, and did not touch milk');
SELECT bag_eq(
	$$SELECT key, value, origin FROM es.event_changes(test.stream('main'), 7)$$,
	$$VALUES ('eggs', '1'::jsonb, 2::bigint), ('tea', '1', 5)$$,
	'event 7 put them back with their origins');
SELECT is_empty(
	$$SELECT * FROM es.fact_diff(test.stream('main'), 5, 7)$$,
	'states 5 and 7 are the same');
SELECT results_eq(
	$$SELECT * FROM es.diff('main', 1, 3)$$,
	$$VALUES ('removed', 'milk', '1'::jsonb, NULL::jsonb), ('added', 'eggs', NULL, '1')$$,
	'diff 1 to 3');
SELECT results_eq(
	$$SELECT * FROM es.rewind_preview('main', 2)$$,
	$$VALUES ('goes', 'eggs', '1'::jsonb, NULL::jsonb), ('goes', 'tea', '1', NULL)$$,
	'a rewind of 2 would take eggs and tea away');
SELECT results_eq(
	$$SELECT * FROM es.state_at('main')$$,
	$$VALUES ('milk', '1'::jsonb, 1::bigint), ('eggs', '1', 2), ('tea', '1', 5)$$,
	'state_at: now');
SELECT results_eq(
	$$SELECT * FROM es.state_at('main', 3)$$,
	$$VALUES ('eggs', '1'::jsonb, 2::bigint)$$,
	'state_at: then');
SELECT results_eq(
	$$SELECT name, version, live FROM es.stream_heads$$,
	$$VALUES ('main' COLLATE "C", 7::bigint, 3)$$,
	'stream_heads');

SELECT * FROM finish();
ROLLBACK;
