-- The inner query is sorted and the locks are taken from it row by row: their order is what keeps writers from deadlock.
CREATE OR REPLACE FUNCTION es.lock_streams(names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	locked text;
BEGIN
	-- one stream, as in most batches, needs no sorting, and an assignment starts no query
	IF cardinality(names) = 1 THEN
		locked := pg_advisory_xact_lock(es.stream_lock_key(names[1]));
	ELSE
		PERFORM pg_advisory_xact_lock(sorted.lock_key)
		FROM (
			SELECT DISTINCT es.stream_lock_key(n.name) AS lock_key
			FROM unnest(names) AS n(name)
			WHERE n.name IS NOT NULL
			ORDER BY lock_key
		) AS sorted;
	END IF;
END
$$;

COMMENT ON FUNCTION es.lock_streams(text[]) IS
	'Locks the streams of these names until the transaction ends, in one order for everybody.  Call it as a '
	'statement of its own, before reading heads: a read in the same statement would see the past.';
