-- The open rows, and the closed ones at the nodes above the version (see facts_closed_by_node): for each bit, the node
-- that has this bit and none below it, and the version's own bits above.  No row lies beyond the newest end.  An array
-- and not a join, so that every plan looks at these nodes alone.
CREATE OR REPLACE FUNCTION es.facts_at(stream bigint, version bigint) RETURNS SETOF es.facts
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	SELECT f.*
	FROM es.facts AS f
	WHERE f.stream_id = facts_at.stream AND f.until IS NULL AND f.since <= facts_at.version
	UNION ALL
	SELECT f.*
	FROM es.facts AS f
	WHERE f.until IS NOT NULL
		AND f.stream_id + 0 = facts_at.stream
		AND (f.until - 1) & ((-1)::bigint << (64 - position(B'1' IN ((f.since - 1) # (f.until - 1))::bit(64))))
			= ANY (ARRAY(
				SELECT ((facts_at.version >> bit) | 1) << bit
				FROM generate_series(0, 62) AS bit
				WHERE ((facts_at.version >> bit) | 1) << bit <= (
					SELECT c.until
					FROM es.facts AS c
					WHERE c.stream_id = facts_at.stream AND c.until > facts_at.version
					ORDER BY c.until DESC
					LIMIT 1
				)
			))
		AND f.since + 0 <= facts_at.version
		AND f.until + 0 > facts_at.version
$$;

COMMENT ON FUNCTION es.facts_at(bigint, bigint) IS
	'The state of a stream at a version: the facts that held right after that event.  Order by origin, key.  Costs '
	'what stood then and what stands now, however long the log.';
