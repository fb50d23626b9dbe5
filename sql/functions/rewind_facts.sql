-- Both statements read what changed since the target by the indexes on since and until.  The first meets its two halves
-- by grouping, not by a join, so no plan can compare every changed row with every other; planned anew at each call
-- because a plan made while the table was small would be kept as it grows.
CREATE OR REPLACE FUNCTION es.rewind_facts(stream bigint, target bigint, new_version bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
	UPDATE es.facts AS f
	SET until = new_version
	FROM (
		SELECT b.key, max(b.since) AS since
		FROM (
			SELECT o.key, o.origin, o.since, true AS open
			FROM es.facts AS o
			WHERE o.stream_id = stream AND o.since >= target AND o.until IS NULL
			UNION ALL
			SELECT p.key, p.origin, p.since, false
			FROM es.facts AS p
			WHERE p.stream_id = stream AND p.until >= target AND p.since < target
		) AS b
		GROUP BY b.key, b.origin
		HAVING bool_and(b.open)
	) AS stray
	WHERE f.stream_id = stream AND f.since = stray.since AND f.key = stray.key AND f.until IS NULL;

	INSERT INTO es.facts (stream_id, key, value, origin, since)
	SELECT p.stream_id, p.key, p.value, p.origin, new_version
	FROM es.facts AS p
	WHERE p.stream_id = stream AND p.until >= target AND p.since < target
		AND NOT EXISTS (
			SELECT FROM es.facts AS o
			WHERE o.stream_id = stream AND o.key = p.key AND o.origin = p.origin AND o.until IS NULL
		);
END
$$;

COMMENT ON FUNCTION es.rewind_facts(bigint, bigint, bigint) IS
	'Makes the open facts of a stream those of the version before target: closes, at new_version, what was not there, and '
	'brings back what was.  A fact that is there on both sides stays untouched.  Costs what changed since the target.';
