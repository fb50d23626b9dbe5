-- A loop, not one SELECT: the order in which the locks are taken is what keeps writers from deadlock.
CREATE OR REPLACE FUNCTION es.lock_streams(names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	lock_key bigint;
BEGIN
	-- one stream, as in most batches, needs no query of its own
	IF cardinality(names) = 1 AND names[1] IS NOT NULL THEN
		lock_key := es.stream_lock_key(names[1]);
		PERFORM pg_advisory_xact_lock(lock_key);
		RETURN;
	END IF;
	FOR lock_key IN
		SELECT DISTINCT es.stream_lock_key(n.name) AS k FROM unnest(names) AS n(name) WHERE n.name IS NOT NULL ORDER BY k
	LOOP
		PERFORM pg_advisory_xact_lock(lock_key);
	END LOOP;
END
$$;

COMMENT ON FUNCTION es.lock_streams(text[]) IS
	'Locks the streams of these names until the transaction ends, in one order for everybody.  Call it as a '
	'statement of its own, before reading heads: a read in the same statement would see the past.';
