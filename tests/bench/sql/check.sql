-- What is wrong with the log, a row each: nothing where every invariant of the tables holds.  The sums look at all
-- events; whether the state before an event and its changes make the state after it, only at some of each ledger.
--
-- psql variables: pattern (of ledger names, LIKE), samples (events looked at for each ledger).

SELECT 'positions have gaps' FROM es.events HAVING max(position) <> count(*);

SELECT 'versions of ' || s.name || ' have gaps'
FROM es.streams AS s
JOIN es.events AS e USING (stream_id)
WHERE s.name LIKE :'pattern'
GROUP BY s.name
HAVING max(e.version) <> count(*) OR min(e.version) <> 1;

SELECT 'the open facts of ' || s.name || ' are not those counted'
FROM es.streams AS s
JOIN LATERAL (SELECT e.live FROM es.events AS e WHERE e.stream_id = s.stream_id ORDER BY e.version DESC LIMIT 1) AS head
	ON true
LEFT JOIN (SELECT f.stream_id, count(*) AS open FROM es.facts AS f WHERE f.until IS NULL GROUP BY f.stream_id) AS o
	USING (stream_id)
WHERE s.name LIKE :'pattern' AND head.live <> coalesce(o.open, 0);

-- A replay, where there is no rewind: what was appended and not removed.  (Of a ledger that is far longer than most,
-- the planner expects too little to choose a hash join by itself.)
SET enable_nestloop = off;
WITH looked_at AS (
	SELECT s.stream_id, s.name
	FROM es.streams AS s
	WHERE s.name LIKE :'pattern'
		AND NOT EXISTS (SELECT FROM es.events AS e WHERE e.stream_id = s.stream_id AND e.base <> e.version - 1)
), replayed AS (
	SELECT e.stream_id, e.id::text AS key, e.data AS value, e.version AS origin
	FROM es.events AS e
	JOIN looked_at USING (stream_id)
	WHERE e.type = 'item-appended' AND NOT EXISTS (
		SELECT FROM es.events AS r
		WHERE r.stream_id = e.stream_id AND r.type = 'item-removed' AND r.data ->> 'item' = e.id::text
	)
), stands AS (
	SELECT f.stream_id, f.key, f.value, f.origin FROM es.facts AS f JOIN looked_at USING (stream_id) WHERE f.until IS NULL
)
SELECT DISTINCT 'the state of ' || name || ' is not that of a replay'
FROM (TABLE replayed EXCEPT TABLE stands) AS wrong
JOIN looked_at USING (stream_id)
UNION ALL
SELECT DISTINCT 'the state of ' || name || ' is more than that of a replay'
FROM (TABLE stands EXCEPT TABLE replayed) AS wrong
JOIN looked_at USING (stream_id);

RESET enable_nestloop;

SELECT 'the changes of event ' || e.version || ' of ' || s.name || ' do not lead to its state'
FROM es.streams AS s
JOIN LATERAL (SELECT max(version) AS head FROM es.events WHERE stream_id = s.stream_id) AS h ON true
JOIN LATERAL (
	SELECT DISTINCT 1 + (h.head - 1) * n / greatest(:samples - 1, 1) AS version FROM generate_series(0, :samples - 1) AS n
) AS sample ON true
JOIN es.events AS e ON e.stream_id = s.stream_id AND e.version = sample.version,
	LATERAL (
		SELECT
			(SELECT jsonb_object_agg(a.key, jsonb_build_array(a.value, a.origin)) FROM (
				SELECT f.key, f.value, f.origin
				FROM es.facts_at(e.stream_id, CASE WHEN e.base = e.version - 1 THEN e.version - 1 ELSE e.base END) AS f
				WHERE e.base <> e.version - 1
					OR f.key NOT IN (SELECT c.key FROM es.event_changes(e.stream_id, e.version) AS c)
				UNION ALL
				SELECT c.key, c.value, c.origin
				FROM es.event_changes(e.stream_id, e.version) AS c
				WHERE e.base = e.version - 1 AND c.value IS NOT NULL
			) AS a) AS changed,
			(SELECT jsonb_object_agg(f.key, jsonb_build_array(f.value, f.origin))
			FROM es.facts_at(e.stream_id, e.version) AS f) AS stood,
			(SELECT count(*) FROM es.facts_at(e.stream_id, e.version)) AS live
	) AS both_ways
WHERE s.name LIKE :'pattern'
	AND (both_ways.changed IS DISTINCT FROM both_ways.stood OR both_ways.live <> e.live);
