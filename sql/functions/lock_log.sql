CREATE OR REPLACE FUNCTION es.lock_log() RETURNS void
LANGUAGE sql VOLATILE
AS $$
	SELECT pg_advisory_xact_lock(17747, 1)
$$;

COMMENT ON FUNCTION es.lock_log() IS
	'The one lock of the log, held until the commit is durable, taken last: positions are given under it.  Its '
	'key has two numbers (17747 is "ES"), so it never meets the key of a stream.';
