-- The function that writes a batch: what it does with each of its arrays, and when it writes nothing.
BEGIN;
SELECT * FROM no_plan();

-- The events that these heads are.
CREATE FUNCTION pg_temp.heads(streams bigint[], versions bigint[]) RETURNS uuid[]
LANGUAGE sql
AS $$
	SELECT array_agg((SELECT e.id FROM es.events AS e WHERE e.stream_id = s AND e.version = versions[place]) ORDER BY place)
	FROM unnest(streams) WITH ORDINALITY AS u (s, place)
$$;

-- Events of one stream from head on, each with a fact of its own; with a key, its answer.
CREATE FUNCTION pg_temp.write(log text, name text, stream bigint, head bigint, count integer, key uuid DEFAULT NULL)
RETURNS bigint[]
LANGUAGE sql
AS $$
	SELECT es.append(log, ARRAY[name], ARRAY[stream], ARRAY[head], pg_temp.heads(ARRAY[stream], ARRAY[head]), NULL, NULL, NULL,
		array_agg(stream), array_agg('k' || v), array_agg('1'::text), array_agg(v), NULL,
		NULL, NULL, NULL,
		array_agg(stream), array_agg(v), array_agg(gen_random_uuid()), array_agg('noted'::text), array_agg('{}'::text),
		array_agg(v - 1), NULL, array_agg(coalesce(key, gen_random_uuid())), array_agg(v),
		CASE WHEN key IS NOT NULL THEN ARRAY[key] END, CASE WHEN key IS NOT NULL THEN ARRAY[stream] END,
		CASE WHEN key IS NOT NULL THEN ARRAY[head + 1] END, CASE WHEN key IS NOT NULL THEN ARRAY[head + count] END,
		CASE WHEN key IS NOT NULL THEN ARRAY[key] END)
	FROM generate_series(head + 1, head + count) AS v
$$;

CREATE FUNCTION pg_temp.this_log() RETURNS text LANGUAGE sql AS 'SELECT log FROM es.log';

-- as after looking: the log is null
SELECT is((pg_temp.write(NULL, 'main', 1001, 0, 2))[1], 1::bigint, 'the first position of an empty log');
SELECT results_eq($$SELECT name, stream_id, horizon FROM es.streams$$, $$VALUES ('main' COLLATE "C", 1001::bigint, 1::bigint)$$,
	'a stream at head 0 is made');
SELECT results_eq($$SELECT position, version, base, live, type, actor FROM es.events ORDER BY version$$,
	$$VALUES (1::bigint, 1::bigint, 0::bigint, 1, 'noted', NULL), (2, 2, 1, 2, 'noted', NULL)$$, 'its events are written');
SELECT results_eq($$SELECT key, origin, since, until FROM es.facts ORDER BY since$$,
	$$VALUES ('k1' COLLATE "C", 1::bigint, 1::bigint, NULL::bigint), ('k2', 2, 2, NULL)$$, 'and their facts');
SELECT is((SELECT count(*) FROM es.commands), 0::bigint, 'without a key there is no answer');
CREATE TEMPORARY TABLE answer AS
	SELECT pg_temp.write(NULL, 'main', 1001, 2, 2, '00000000-0000-0000-0000-000000000001') AS said;
SELECT is((SELECT said[1] FROM answer), 3::bigint, 'positions go on');
SELECT results_eq($$SELECT DISTINCT (extract(epoch FROM recorded_at) * 1000000)::bigint FROM es.events WHERE version > 2$$,
	$$SELECT said[2] FROM answer$$, 'the events of a call have one time, and it is told');
SELECT results_eq($$SELECT command_id, stream_id, first_version, last_version, request_hash FROM es.commands$$,
	$$VALUES ('00000000-0000-0000-0000-000000000001'::uuid, 1001::bigint, 3::bigint, 4::bigint,
		'00000000-0000-0000-0000-000000000001'::uuid)$$, 'with a key its answer is remembered');
SELECT throws_ok($$SELECT pg_temp.write(NULL, 'main', 1001, 3, 1)$$, '23505', NULL, 'a version is taken once');

-- as remembered: the log is named
SELECT is((pg_temp.write(pg_temp.this_log(), 'main', 1001, 4, 1))[1], 5::bigint, 'what still stands is written to');
SELECT results_eq(
	$$SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objsubid = 1
		AND (classid::bigint << 32) | objid::bigint = es.stream_lock_key('main')$$, $$VALUES (1::bigint)$$,
	'with the lock of its stream');
SELECT is(pg_temp.write(pg_temp.this_log(), 'main', 1001, 4, 1), NULL, 'what has moved on is not');
SELECT is(pg_temp.write(pg_temp.this_log(), 'main', 1001, 3, 1), NULL, 'nor what moved on long ago');
SELECT is(pg_temp.write('00000000', 'main', 1001, 5, 1), NULL, 'nor what was in another log');
SELECT is((SELECT array_agg(version ORDER BY position) FROM es.events), '{1,2,3,4,5}', 'then nothing at all is written');
SELECT is((SELECT count(*) FROM es.facts), 5::bigint, 'not even facts');
SELECT throws_ok(
	$$SELECT pg_temp.write(pg_temp.this_log(), 'main', 1001, 5, 1, '00000000-0000-0000-0000-000000000001')$$, '23505', NULL,
	'a key is used once');

-- two streams, of which one stands
SELECT is((pg_temp.write(NULL, 'other', 1002, 0, 1))[1], 6::bigint, 'another stream');
CREATE FUNCTION pg_temp.write_both(heads bigint[]) RETURNS bigint[]
LANGUAGE sql
AS $$
	SELECT es.append(pg_temp.this_log(), '{main,other}', '{1001,1002}', heads, pg_temp.heads('{1001,1002}', heads), NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{1001,1002}', ARRAY[heads[1] + 1, heads[2] + 1], ARRAY[gen_random_uuid(), gen_random_uuid()],
		'{noted,noted}', '{"{}","{}"}', heads, '{NULL,berta}', ARRAY[gen_random_uuid(), gen_random_uuid()], '{5,1}',
		NULL, NULL, NULL, NULL, NULL)
$$;
SELECT is(pg_temp.write_both('{5,0}'), NULL, 'of several streams all must stand');
SELECT is((pg_temp.write_both('{5,1}'))[1], 7::bigint, 'then all are written');
SELECT results_eq($$SELECT stream_id, position, actor FROM es.events WHERE position > 6 ORDER BY position$$,
	$$VALUES (1001::bigint, 7::bigint, NULL), (1002, 8, 'berta')$$, 'side by side, in their order');

-- facts that end, and a rewind of what the same call put
SELECT is((es.append(NULL, '{main}', '{1001}', '{6}', NULL, '{1001}', '{k1}', '{7}', '{1001,1001}', '{k8,k1}', '{8,7}', '{7,7}', '{8,NULL}',
	'{1001}', '{8}', '{9}', '{1001,1001,1001}', '{7,8,9}', ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()],
	'{noted,noted,rewound}', '{"{}","{}","{}"}', '{6,7,7}', NULL,
	ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()], '{6,5,6}', NULL, NULL, NULL, NULL, NULL))[1], 9::bigint,
	'facts closed and put, and a rewind, in one call');
SELECT results_eq($$SELECT key, origin, since, until FROM es.facts WHERE stream_id = 1001 AND (since > 6 OR until > 0) ORDER BY 3, 1$$,
	$$VALUES ('k1' COLLATE "C", 1::bigint, 1::bigint, 7::bigint), ('k1', 7, 7, NULL), ('k8', 7, 7, 8), ('k8', 7, 9, NULL)$$,
	'the rewind works on what was put before it');
SELECT results_eq($$SELECT version, base FROM es.rewinds$$, $$VALUES (9::bigint, 7::bigint)$$, 'and is linked');

-- nothing but an answer
SELECT is((es.append(pg_temp.this_log(), '{main}', '{1001}', '{9}', pg_temp.heads('{1001}', '{9}'),
	NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{00000000-0000-0000-0000-000000000002}', '{1001}', '{10}', '{9}',
	'{00000000-0000-0000-0000-000000000003}'))[1], 12::bigint, 'an answer alone');
SELECT is((SELECT count(*) FROM es.commands), 2::bigint, 'is remembered');
SELECT is((SELECT max(position) FROM es.events), 11::bigint, 'and no event is written');

CREATE FUNCTION pg_temp.stands(log text, streams bigint[], heads bigint[]) RETURNS boolean
LANGUAGE sql
AS 'SELECT es.still_stands(log, streams, heads, pg_temp.heads(streams, heads))';
SELECT ok(pg_temp.stands(pg_temp.this_log(), '{1001,1002}', '{9,2}'), 'still_stands: it does');
SELECT ok(NOT pg_temp.stands(pg_temp.this_log(), '{1001,1002}', '{9,1}'), 'still_stands: one does not');
SELECT ok(NOT pg_temp.stands(pg_temp.this_log(), '{1001,1002}', '{9,3}'), 'still_stands: one is not even there');
SELECT ok(NOT pg_temp.stands('00000000', '{1001}', '{9}'), 'still_stands: in another log nothing does');
SELECT ok(NOT es.still_stands(pg_temp.this_log(), '{1001}', '{9}', ARRAY[gen_random_uuid()]), 'still_stands: nor another event');
SELECT ok(NOT es.still_stands(pg_temp.this_log(), '{1009}', '{9}', ARRAY[gen_random_uuid()]), 'still_stands: nor another stream');

SELECT * FROM finish();
ROLLBACK;
