-- Two halves, so that each uses its own index.
CREATE OR REPLACE FUNCTION es.facts_at(stream bigint, version bigint) RETURNS SETOF es.facts
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	SELECT f.*
	FROM es.facts AS f
	WHERE f.stream_id = facts_at.stream AND f.until IS NULL AND f.since <= facts_at.version
	UNION ALL
	SELECT f.*
	FROM es.facts AS f
	WHERE f.stream_id = facts_at.stream AND f.until > facts_at.version AND f.since <= facts_at.version
$$;

COMMENT ON FUNCTION es.facts_at(bigint, bigint) IS
	'The state of a stream at a version: the facts that held right after that event.  Order by origin, key.';
