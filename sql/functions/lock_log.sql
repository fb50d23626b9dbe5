-- In plpgsql, because a function in SQL is parsed and planned anew in each query that calls it.
CREATE OR REPLACE FUNCTION es.lock_log() RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	locked text;
BEGIN
	locked := pg_advisory_xact_lock(17747, 1);
END
$$;

COMMENT ON FUNCTION es.lock_log() IS
	'The one lock of the log, held until the commit is durable, taken last: positions are given under it.  Its '
	'key has two numbers (17747 is "ES"), so it never meets the key of a stream.';
