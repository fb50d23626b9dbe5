-- Everything says what it is.
BEGIN;
SELECT * FROM no_plan();

SELECT isnt(obj_description('es'::regnamespace, 'pg_namespace'), NULL, 'schema es has a comment');
SELECT isnt(obj_description(c.oid, 'pg_class'), NULL, format('%s has a comment', c.oid::regclass))
FROM pg_class AS c
WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'S') ORDER BY c.relname;
SELECT isnt(col_description(c.oid, a.attnum), NULL, format('%s.%I has a comment', c.oid::regclass, a.attname))
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'es'::regnamespace AND c.relkind IN ('r', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum;
SELECT isnt(obj_description(p.oid, 'pg_proc'), NULL, format('%s has a comment', p.oid::regprocedure))
FROM pg_proc AS p WHERE p.pronamespace = 'es'::regnamespace ORDER BY p.proname;
SELECT isnt(obj_description(t.oid, 'pg_trigger'), NULL, format('trigger %I has a comment', t.tgname))
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'es'::regnamespace AND NOT t.tgisinternal ORDER BY t.tgname;

-- Every SQLSTATE raised is in the one list of them.
SELECT ok(obj_description('es'::regnamespace, 'pg_namespace') LIKE '%' || code || ' %', code || ' is in the comment of schema es')
FROM (SELECT DISTINCT (regexp_matches(p.prosrc, 'ES[0-9]{3}', 'g'))[1] AS code
	FROM pg_proc AS p WHERE p.pronamespace = 'es'::regnamespace) AS raised
ORDER BY code;

SELECT * FROM finish();
ROLLBACK;
