-- Both kinds of ranges, so that a reader of all events joins each event once, by the primary key.
CREATE OR REPLACE FUNCTION es.activity(stream bigint, head bigint)
RETURNS TABLE (low bigint, high bigint, active boolean)
LANGUAGE sql STABLE PARALLEL SAFE
ROWS 200
AS $$
	WITH ranges AS MATERIALIZED (
		SELECT r.low, r.high, lead(r.high, 1, 0::bigint) OVER (ORDER BY r.high DESC) AS below
		FROM es.active_ranges(activity.stream, activity.head, 1) AS r
	)
	SELECT r.low, r.high, true FROM ranges AS r
	UNION ALL
	SELECT r.below + 1, r.low - 1, false FROM ranges AS r WHERE r.below + 1 < r.low
$$;

COMMENT ON FUNCTION es.activity(bigint, bigint) IS
	'Every event from 1 to the head, in ranges, told whether it is active at that head.';
