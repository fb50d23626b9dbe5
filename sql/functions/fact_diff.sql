-- Neighbours differ in what the events between them did, far versions in what stood at either: each is read by its own
-- indexes, and one of the two halves of each pair is left out by a condition on the parameters alone.  (16 events of
-- 100,000 changes each are as slow as a state of so many facts; most change one.)  A fact that holds on both sides but
-- was closed and brought back between has the same key and origin: no difference.
CREATE OR REPLACE FUNCTION es.fact_diff(stream bigint, from_version bigint, to_version bigint)
RETURNS TABLE (key text, from_value jsonb, from_origin bigint, to_value jsonb, to_origin bigint)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	WITH gone AS (
		SELECT f.key, f.value, f.origin
		FROM es.facts AS f
		WHERE abs(fact_diff.from_version - fact_diff.to_version) <= 16
			AND f.stream_id = fact_diff.stream
			AND f.until > least(fact_diff.from_version, fact_diff.to_version)
			AND f.until <= greatest(fact_diff.from_version, fact_diff.to_version)
			AND f.since <= least(fact_diff.from_version, fact_diff.to_version)
		UNION ALL
		SELECT f.key, f.value, f.origin
		FROM es.facts_at(fact_diff.stream, least(fact_diff.from_version, fact_diff.to_version)) AS f
		WHERE abs(fact_diff.from_version - fact_diff.to_version) > 16
			AND f.until + 0 <= greatest(fact_diff.from_version, fact_diff.to_version)
	), come AS (
		SELECT f.key, f.value, f.origin
		FROM es.facts AS f
		WHERE abs(fact_diff.from_version - fact_diff.to_version) <= 16
			AND f.stream_id = fact_diff.stream
			AND f.since > least(fact_diff.from_version, fact_diff.to_version)
			AND f.since <= greatest(fact_diff.from_version, fact_diff.to_version)
			AND coalesce(f.until > greatest(fact_diff.from_version, fact_diff.to_version), true)
		UNION ALL
		SELECT f.key, f.value, f.origin
		FROM es.facts_at(fact_diff.stream, greatest(fact_diff.from_version, fact_diff.to_version)) AS f
		WHERE abs(fact_diff.from_version - fact_diff.to_version) > 16
			AND f.since + 0 > least(fact_diff.from_version, fact_diff.to_version)
	)
	SELECT key,
		CASE WHEN fact_diff.from_version <= fact_diff.to_version THEN g.value ELSE c.value END,
		CASE WHEN fact_diff.from_version <= fact_diff.to_version THEN g.origin ELSE c.origin END,
		CASE WHEN fact_diff.from_version <= fact_diff.to_version THEN c.value ELSE g.value END,
		CASE WHEN fact_diff.from_version <= fact_diff.to_version THEN c.origin ELSE g.origin END
	FROM gone AS g
	FULL JOIN come AS c USING (key)
	WHERE g.origin IS DISTINCT FROM c.origin
$$;

COMMENT ON FUNCTION es.fact_diff(bigint, bigint, bigint) IS
	'The keys whose fact is not the same at two versions of a stream, in either order; null where there is '
	'none.  Costs what changed between the two, or what stood at either where they lie far apart.';
