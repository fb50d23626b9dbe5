-- First along the jumps, as far as they stay above highest, to the last rewind that still lies above it; then from
-- there range by range.  Each step is one look-up in the primary key of rewinds.
CREATE OR REPLACE FUNCTION es.active_ranges(stream bigint, head bigint, lowest bigint, highest bigint)
RETURNS TABLE (low bigint, high bigint)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 100
AS $$
	WITH RECURSIVE above (version, base, jump) AS (
		(
			SELECT r.version, r.base, r.jump
			FROM es.rewinds AS r
			WHERE r.stream_id = active_ranges.stream AND r.version <= active_ranges.head
			ORDER BY r.version DESC
			LIMIT 1
		)
		UNION ALL
		SELECT n.version, n.base, n.jump
		FROM above AS a
		CROSS JOIN LATERAL (
			SELECT r.version, r.base, r.jump
			FROM es.rewinds AS r
			WHERE r.stream_id = active_ranges.stream
				AND r.version <= CASE WHEN a.jump > active_ranges.highest THEN a.jump ELSE a.base END
			ORDER BY r.version DESC
			LIMIT 1
		) AS n
		WHERE a.version > active_ranges.highest
	), steps (low, high, below) AS (
		SELECT NULL::bigint, NULL::bigint, coalesce(
			(SELECT min(a.base) FROM above AS a WHERE a.version > active_ranges.highest), active_ranges.head)
		UNION ALL
		SELECT coalesce(r.version, 1), s.below, coalesce(r.base, 0)
		FROM steps AS s
		LEFT JOIN LATERAL (
			SELECT n.version, n.base
			FROM es.rewinds AS n
			WHERE n.stream_id = active_ranges.stream AND n.version <= s.below
			ORDER BY n.version DESC
			LIMIT 1
		) AS r ON true
		WHERE s.below >= greatest(active_ranges.lowest, 1)
	)
	SELECT s.low, s.high FROM steps AS s WHERE s.low IS NOT NULL
$$;

COMMENT ON FUNCTION es.active_ranges(bigint, bigint, bigint, bigint) IS
	'The ranges of events active at this head that touch the versions from lowest to highest, newest first.  Costs '
	'these, and the logarithm of all that the head has.';
