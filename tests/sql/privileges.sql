-- Each forbidden statement, tried by each role; and each one that must be allowed.
BEGIN;
SELECT * FROM no_plan();

DO $$
BEGIN
	PERFORM test.append('main', '{"milk": 1}');
END
$$;

CREATE ROLE stranger NOLOGIN;

-- 42501 is insufficient privilege, 00000 success; ES405 and ES409 are the triggers, which the owner meets.
SELECT is(test.outcome('es_worker', statement), worker, 'es_worker: ' || statement),
	is(test.outcome('eventledger_worker', statement), worker, 'eventledger_worker: ' || statement),
	is(test.outcome('es_reader', statement), reader, 'es_reader: ' || statement),
	is(test.outcome('eventledger_reader', statement), reader, 'eventledger_reader: ' || statement),
	is(test.outcome('es_owner', statement), owner, 'es_owner: ' || statement),
	is(test.outcome('stranger', statement), '42501', 'a stranger: ' || statement)
FROM (VALUES
	('SELECT * FROM es.log', '00000', '00000', '00000'),
	('SELECT * FROM es.schema_migration', '00000', '00000', '00000'),
	('SELECT * FROM es.streams', '00000', '00000', '00000'),
	('SELECT * FROM es.events', '00000', '00000', '00000'),
	('SELECT * FROM es.facts', '00000', '00000', '00000'),
	('SELECT * FROM es.commands', '00000', '00000', '00000'),
	('SELECT * FROM es.rewinds', '00000', '00000', '00000'),
	('SELECT * FROM es.stream_heads', '00000', '00000', '00000'),
	('SELECT * FROM es.event_log', '00000', '00000', '00000'),

	('INSERT INTO es.streams (name) VALUES (''new'')', '00000', '42501', '00000'),
	('INSERT INTO es.events SELECT 2, 1, 2, id, type, data, 1, actor, command_id, live, recorded_at FROM es.events', '00000', '42501', '00000'),
	('INSERT INTO es.events SELECT 2, 1, 2, id, type, data, 0, actor, command_id, live, recorded_at FROM es.events', '00000', '42501', '00000'),
	('INSERT INTO es.facts VALUES (1, ''tea'', ''1'', 2, 2)', '00000', '42501', '00000'),
	('INSERT INTO es.commands VALUES (''01890a5d-ac96-774b-bcce-b302099a8057'', 1, 1, 1, ''01890a5d-ac96-774b-bcce-b302099a8057'', now())', '00000', '42501', '00000'),
	('INSERT INTO es.log DEFAULT VALUES', '42501', '42501', '23505'),
	('INSERT INTO es.schema_migration VALUES (9999, ''x'', ''x'')', '42501', '42501', '00000'),

	('UPDATE es.facts SET until = 2', '00000', '42501', '00000'),
	('UPDATE es.facts SET value = ''2''', '42501', '42501', 'ES409'),
	('UPDATE es.facts SET key = ''x'', until = 2', '42501', '42501', 'ES409'),
	('UPDATE es.events SET actor = ''me''', '42501', '42501', 'ES405'),
	('UPDATE es.streams SET horizon = 2', '42501', '42501', '00000'),
	('UPDATE es.streams SET name = ''renamed''', '42501', '42501', '00000'),
	('UPDATE es.commands SET last_version = 7', '42501', '42501', '00000'),
	('UPDATE es.rewinds SET jump = 0', '42501', '42501', 'ES405'),
	('UPDATE es.log SET log = ''00000000''', '42501', '42501', '00000'),
	('UPDATE es.schema_migration SET checksum = ''''', '42501', '42501', '00000'),

	('DELETE FROM es.events', '42501', '42501', 'ES405'),
	('DELETE FROM es.facts', '42501', '42501', 'ES409'),
	('DELETE FROM es.streams', '42501', '42501', '00000'),
	('DELETE FROM es.commands', '42501', '42501', '00000'),
	('DELETE FROM es.rewinds', '42501', '42501', 'ES405'),
	('DELETE FROM es.log', '42501', '42501', '00000'),
	('DELETE FROM es.schema_migration', '42501', '42501', '00000'),
	('TRUNCATE es.events', '42501', '42501', 'ES405'),
	('TRUNCATE es.facts', '42501', '42501', 'ES409'),
	('TRUNCATE es.streams', '42501', '42501', '00000'),
	('TRUNCATE es.commands', '42501', '42501', '00000'),
	('TRUNCATE es.log', '42501', '42501', '00000'),

	('ALTER TABLE es.events DISABLE TRIGGER append_only', '42501', '42501', '00000'),
	('ALTER TABLE es.facts ADD COLUMN more text', '42501', '42501', '00000'),
	('DROP TABLE es.commands', '42501', '42501', '00000'),
	('DROP VIEW es.event_log', '42501', '42501', '00000'),
	('CREATE TABLE es.mine (a integer)', '42501', '42501', '00000'),
	('CREATE INDEX ON es.events (id)', '42501', '42501', '00000'),
	('CREATE TRIGGER mine AFTER INSERT ON es.events EXECUTE FUNCTION es.refuse_event_change()', '42501', '42501', '00000'),
	('CREATE RULE mine AS ON INSERT TO es.events DO INSTEAD NOTHING', '42501', '42501', '00000'),
	('LOCK TABLE es.events IN ACCESS EXCLUSIVE MODE', '42501', '42501', '00000'),
	('SELECT nextval(''es.streams_stream_id_seq'')', '00000', '42501', '00000'),
	('SELECT setval(''es.streams_stream_id_seq'', 1)', '42501', '42501', '00000'),

	('SELECT * FROM es.facts_at(1, 1)', '00000', '00000', '00000'),
	('SELECT * FROM es.active_ranges(1, 1, 1, 1)', '00000', '00000', '00000'),
	('SELECT * FROM es.fact_diff(1, 0, 1)', '00000', '00000', '00000'),
	('SELECT * FROM es.event_changes(1, 1)', '00000', '00000', '00000'),
	('SELECT es.version_at(1, now())', '00000', '00000', '00000'),
	('SELECT es.data_contains(''{}'', ''x'')', '00000', '00000', '00000'),
	('SELECT es.event_summary(''{}'')', '00000', '00000', '00000'),
	('SELECT es.stream_live_at(1, 1)', '00000', '00000', '00000'),
	('SELECT * FROM es.find_version(''main'', 1)', '00000', '00000', '00000'),
	('SELECT * FROM es.state_at(''main'')', '00000', '00000', '00000'),
	('SELECT * FROM es.diff(''main'', 0)', '00000', '00000', '00000'),
	('SELECT * FROM es.rewind_preview(''main'', 1)', '00000', '00000', '00000'),
	('SELECT * FROM es.log_stats()', '00000', '00000', '00000'),
	('SELECT es.stream_lock_key(''main'')', '00000', '42501', '00000'),
	('SELECT es.lock_streams(''{main}'')', '00000', '42501', '00000'),
	('SELECT es.lock_log()', '00000', '42501', '00000'),
	('SELECT es.still_stands('''', ''{1}'', ''{1}'', NULL)', '00000', '42501', '00000'),
	('SELECT es.append(''00000000'', ''{main}'', ''{1}'', ''{1}'''
		|| repeat(', NULL', 26) || ')', '00000', '42501', '00000'),
	('SELECT * FROM es.end_hung_holders(''1 hour'')', '00000', '42501', '00000'),
	('SELECT es.rewind_facts(1, 1, 2)', '00000', '42501', '00000'),
	('SELECT es.renew_log()', '42501', '42501', '00000'),
	('SELECT es.refuse_event_change()', '42501', '42501', '0A000'),
	('SELECT es.refuse_fact_change()', '42501', '42501', '0A000')
) AS s (statement, worker, reader, owner);

-- The same asked of the catalog, for whatever the list above forgets.
SELECT is_empty(
	$$SELECT p.oid::regprocedure FROM pg_proc AS p
		WHERE p.pronamespace = 'es'::regnamespace AND has_function_privilege('stranger', p.oid, 'EXECUTE')$$,
	'PUBLIC can execute no function');
SELECT is_empty(
	$$SELECT c.oid::regclass FROM pg_class AS c
		WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'v', 'S')
			AND (CASE c.relkind WHEN 'S' THEN has_sequence_privilege('stranger', c.oid, 'USAGE, SELECT, UPDATE')
				ELSE has_table_privilege('stranger', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') END)$$,
	'PUBLIC can use no table, view or sequence');
SELECT is_empty(
	$$SELECT c.oid::regclass, p.privilege FROM pg_class AS c
		CROSS JOIN unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p (privilege)
		WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'v')
			AND has_table_privilege('es_reader', c.oid, p.privilege)$$,
	'es_reader can only SELECT');
SELECT bag_eq(
	$$SELECT c.relname::text, p.privilege FROM pg_class AS c
		CROSS JOIN unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p (privilege)
		WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'v')
			AND has_table_privilege('es_worker', c.oid, p.privilege)$$,
	$$VALUES ('commands', 'INSERT'), ('events', 'INSERT'), ('facts', 'INSERT'), ('rewinds', 'INSERT'), ('streams', 'INSERT')$$,
	'es_worker can only SELECT and INSERT whole rows');
SELECT ok(NOT has_schema_privilege('stranger', 'es', 'USAGE, CREATE'), 'PUBLIC cannot look into schema es');
SELECT ok(NOT has_schema_privilege('stranger', 'public', 'CREATE'), 'PUBLIC creates nothing in schema public');
SELECT is_empty(
	$$SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'es'::regnamespace AND c.relowner <> 'es_owner'::regrole
		UNION ALL
		SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'es'::regnamespace AND p.proowner <> 'es_owner'::regrole$$,
	'es_owner owns everything');
SELECT is_empty(
	$$SELECT r.rolname FROM pg_roles AS r WHERE r.rolname ~ '^(es_|eventledger_)'
		AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls OR r.rolreplication
			OR r.rolcanlogin <> (r.rolname ~ '^eventledger_'))$$,
	'the groups cannot log in, and no role can do more than it is for');
SELECT is_empty(
	$$SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'es'::regnamespace AND p.prosecdef$$,
	'no function runs with its owner''s rights');

SELECT * FROM finish();
ROLLBACK;
