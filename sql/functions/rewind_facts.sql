-- Both statements read what changed since the target by the indexes on since and until, and compare the two sets by
-- a full join, which can only be done by hashing or merging, and rows are closed by their place: no plan, however
-- wrong its statistics, compares every changed row with every other.  (coalesce: "until IS NULL" would let a plan
-- read all open rows of the stream by an index that has no since; no row ends at 0.)  Planned anew at each call,
-- because a plan made while the table was small would be kept while it grows.
CREATE OR REPLACE FUNCTION es.rewind_facts(stream bigint, target bigint, new_version bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
	UPDATE es.facts AS f
	SET until = new_version
	WHERE f.ctid = ANY (ARRAY(
		SELECT here.place
		FROM (
			SELECT o.key, o.origin, o.ctid AS place
			FROM es.facts AS o
			WHERE o.stream_id = stream AND o.since BETWEEN target AND new_version
				AND coalesce(o.until, 0) = 0
		) AS here
		FULL JOIN (
			SELECT p.key, p.origin, p.since
			FROM es.facts AS p
			WHERE p.stream_id = stream AND p.until BETWEEN target AND new_version AND p.since < target
		) AS past USING (key, origin)
		WHERE past.since IS NULL
	));

	INSERT INTO es.facts (stream_id, key, value, origin, since)
	SELECT stream, key, past.value, origin, new_version
	FROM (
		SELECT p.key, p.origin, p.value
		FROM es.facts AS p
		WHERE p.stream_id = stream AND p.until BETWEEN target AND new_version AND p.since < target
	) AS past
	FULL JOIN (
		SELECT o.key, o.origin, o.since
		FROM es.facts AS o
		WHERE o.stream_id = stream AND o.since BETWEEN target AND new_version
			AND coalesce(o.until, 0) = 0
	) AS here USING (key, origin)
	WHERE here.since IS NULL;
END
$$;

COMMENT ON FUNCTION es.rewind_facts(bigint, bigint, bigint) IS
	'Makes the open facts of a stream those of the version before target: closes, at new_version, what was not '
	'there, and brings back what was.  A fact that is there on both sides stays untouched.  Costs what changed '
	'since the target.';
