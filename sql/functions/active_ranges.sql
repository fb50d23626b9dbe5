-- Each step is one look-up in the index of rewinds, whatever the number of events between.
CREATE OR REPLACE FUNCTION es.active_ranges(stream bigint, head bigint, lowest bigint)
RETURNS TABLE (low bigint, high bigint)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 100
AS $$
	WITH RECURSIVE steps (low, high, below) AS (
		SELECT NULL::bigint, NULL::bigint, active_ranges.head
		UNION ALL
		SELECT coalesce(r.version, 1), s.below, coalesce(r.base, 0)
		FROM steps AS s
		LEFT JOIN LATERAL (
			SELECT e.version, e.base
			FROM es.events AS e
			WHERE e.stream_id = active_ranges.stream AND e.version <= s.below AND e.base <> e.version - 1
			ORDER BY e.version DESC
			LIMIT 1
		) AS r ON true
		WHERE s.below >= greatest(active_ranges.lowest, 1)
	)
	SELECT s.low, s.high FROM steps AS s WHERE s.low IS NOT NULL
$$;

COMMENT ON FUNCTION es.active_ranges(bigint, bigint, bigint) IS
	'The ranges of events active at this head, newest first, down to the one that reaches lowest: from the head'
	' to the newest rewind at or below it, then on from the version that rewind continued from.';
