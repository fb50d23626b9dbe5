-- What changes is what differs between the head and the state before the target: found once, before anything is
-- written, as in fact_diff, which says why near and far are two ways.  The two sides are compared by a full join, which
-- can only be done by hashing or merging, and rows are closed by their place: no plan, however wrong its statistics,
-- compares every changed row with every other.  (coalesce: "until IS NULL" would let a plan read all open rows of the
-- stream by an index that has no since; no row ends at 0.)  A key's row is closed before another takes its place: the
-- count makes the insert wait for the update.  Planned anew at each call, because a plan made while the table was small
-- would be kept while it grows.
CREATE OR REPLACE FUNCTION es.rewind_facts(stream bigint, target bigint, new_version bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
	WITH here AS (
		SELECT o.key, o.origin, o.ctid AS place
		FROM es.facts AS o
		WHERE new_version - target <= 16
			AND o.stream_id = stream AND o.since BETWEEN target AND new_version AND coalesce(o.until, 0) = 0
		UNION ALL
		SELECT o.key, o.origin, o.ctid AS place
		FROM es.facts AS o
		WHERE new_version - target > 16
			AND o.stream_id = stream AND o.since >= target AND o.until IS NULL
	), past AS (
		SELECT p.key, p.origin, p.value, true AS stood
		FROM es.facts AS p
		WHERE new_version - target <= 16
			AND p.stream_id = stream AND p.until BETWEEN target AND new_version AND p.since < target
		UNION ALL
		SELECT p.key, p.origin, p.value, true AS stood
		FROM es.facts_at(stream, target - 1) AS p
		WHERE new_version - target > 16
			AND p.until IS NOT NULL
	), changes AS MATERIALIZED (
		SELECT key, origin, h.place, p.value
		FROM here AS h
		FULL JOIN past AS p USING (key, origin)
		WHERE h.place IS NULL OR p.stood IS NULL
	), closed AS (
		UPDATE es.facts AS f
		SET until = new_version
		WHERE f.ctid = ANY (ARRAY(SELECT c.place FROM changes AS c WHERE c.place IS NOT NULL))
		RETURNING 1
	)
	INSERT INTO es.facts (stream_id, key, value, origin, since)
	SELECT stream, c.key, c.value, c.origin, new_version
	FROM changes AS c
	WHERE c.place IS NULL AND (SELECT count(*) FROM closed) >= 0;
END
$$;

COMMENT ON FUNCTION es.rewind_facts(bigint, bigint, bigint) IS
	'Makes the open facts of a stream those of the version before target: closes, at new_version, what was not '
	'there, and brings back what was.  A fact that is there on both sides stays untouched.  Costs what it changes, '
	'and what stood on either side.';
