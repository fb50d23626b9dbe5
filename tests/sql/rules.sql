-- What the tables refuse, whoever tries: history changed, and rows that break a rule.
BEGIN;
SELECT * FROM no_plan();

DO $$
BEGIN
	PERFORM test.append('main', '{"milk": 1, "eggs": 1}');
	PERFORM test.append('main', removes => '{milk}');
END
$$;

SELECT is(test.outcome(role, statement), code, format('%s: %s', role, statement))
FROM (VALUES ('es_owner'), ('postgres')) AS r (role)
CROSS JOIN (VALUES
	('UPDATE es.events SET actor = ''me''', 'ES405'),
	('UPDATE es.events SET actor = ''me'' WHERE false', 'ES405'),
	('DELETE FROM es.events', 'ES405'),
	('TRUNCATE es.events', 'ES405'),
	('UPDATE es.rewinds SET jump = 0', 'ES405'),
	('DELETE FROM es.rewinds', 'ES405'),
	('TRUNCATE es.rewinds', 'ES405'),
	('DELETE FROM es.facts', 'ES409'),
	('TRUNCATE es.facts', 'ES409'),
	('UPDATE es.facts SET value = ''2''', 'ES409'),
	('UPDATE es.facts SET key = ''x'' WHERE key = ''eggs''', 'ES409'),
	('UPDATE es.facts SET origin = 1', 'ES409'),
	('UPDATE es.facts SET since = 1', 'ES409'),
	('UPDATE es.facts SET stream_id = 7, until = 9 WHERE until IS NULL', 'ES409'),
	('UPDATE es.facts SET until = 9 WHERE until IS NOT NULL', 'ES409'),
	('UPDATE es.facts SET until = until WHERE until IS NOT NULL', 'ES409'),
	('UPDATE es.facts SET until = NULL', 'ES409'),
	('UPDATE es.facts SET until = 3 WHERE until IS NULL', '00000')
) AS s (statement, code);

CREATE FUNCTION pg_temp.event(change jsonb) RETURNS text
LANGUAGE sql
AS $$
	SELECT test.outcome('es_worker', format('INSERT INTO es.events SELECT * FROM jsonb_populate_record(NULL::es.events, %L)',
		'{"position": 3, "stream_id": 1, "version": 3, "id": "01890a5d-ac96-774b-bcce-b302099a8057", "type": "noted",
			"data": {}, "base": 2, "command_id": "01890a5d-ac96-774b-bcce-b302099a8057", "live": 1,
			"recorded_at": "2026-01-01T00:00:00Z"}'::jsonb || change))
$$;
CREATE FUNCTION pg_temp.fact(change jsonb) RETURNS text
LANGUAGE sql
AS $$
	SELECT test.outcome('es_worker', format('INSERT INTO es.facts SELECT * FROM jsonb_populate_record(NULL::es.facts, %L)',
		'{"stream_id": 1, "key": "tea", "value": 1, "origin": 3, "since": 3}'::jsonb || change))
$$;
CREATE FUNCTION pg_temp.command(change jsonb) RETURNS text
LANGUAGE sql
AS $$
	SELECT test.outcome('es_worker', format('INSERT INTO es.commands SELECT * FROM jsonb_populate_record(NULL::es.commands, %L)',
		'{"command_id": "01890a5d-ac96-774b-bcce-b302099a8057", "stream_id": 1, "first_version": 3, "last_version": 3,
			"request_hash": "01890a5d-ac96-774b-bcce-b302099a8057", "recorded_at": "2026-01-01T00:00:00Z"}'::jsonb || change))
$$;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;

SELECT is(pg_temp.event(change::jsonb), code, 'an event with ' || change) FROM (VALUES
	('{}', '00000'),
	('{"base": 0}', '00000'),
	('{"base": 3}', '23514'),
	('{"base": -1}', '23514'),
	('{"base": null}', '23502'),
	('{"version": 0, "base": 0}', '23514'),
	('{"version": 2, "base": 1}', '23505'),
	('{"position": 0}', '23514'),
	('{"position": 2}', '23505'),
	('{"type": ""}', '23514'),
	('{"live": 100000}', '00000'),
	('{"live": 100001}', '23514'),
	('{"live": -1}', '23514'),
	('{"actor": "me"}', '00000'),
	('{"command_id": null}', '23502')
) AS e (change, code);
SELECT is(pg_temp.fact(change::jsonb), code, 'a fact with ' || change) FROM (VALUES
	('{}', '00000'),
	('{"key": "eggs"}', '23505'),
	('{"key": ""}', '23514'),
	('{"until": 3}', '23514'),
	('{"until": 4}', '00000'),
	('{"origin": 4}', '23514'),
	('{"origin": 0}', '23514'),
	('{"origin": 1}', '00000'),
	('{"value": null}', '23502')
) AS f (change, code);
SELECT is(pg_temp.fact(jsonb_build_object('key', repeat('ä', 256))), '00000', 'a key of 512 bytes');
SELECT is(pg_temp.fact(jsonb_build_object('key', repeat('ä', 257))), '23514', 'a key of 514 bytes');
SELECT is(pg_temp.command(change::jsonb), code, 'a command with ' || change) FROM (VALUES
	('{}', '00000'),
	('{"last_version": 2}', '00000'),
	('{"last_version": 1}', '23514'),
	('{"first_version": 0, "last_version": 0}', '23514'),
	('{"request_hash": null}', '23502')
) AS c (change, code);
SELECT is(test.outcome('es_worker', format('INSERT INTO es.streams (name) VALUES (%L)', name)), code, 'a stream named ' || name)
FROM (VALUES
	('a', '00000'), ('0.9_x-y', '00000'), (repeat('a', 63), '00000'),
	(repeat('a', 64), '23514'), ('', '23514'), ('.a', '23514'), ('-a', '23514'), ('_a', '23514'), ('A', '23514'), ('a/b', '23514'), (E'a\n', '23514'),
	('ä', '23514'), ('main', '23505')
) AS s (name, code);
SELECT is(test.outcome('es_owner', 'UPDATE es.streams SET horizon = 0'), '23514', 'a horizon of 0');

SELECT * FROM finish();
ROLLBACK;
