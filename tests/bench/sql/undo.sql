-- Adds to a ledger that fill.sql made, and that has only appends, an even number of rewinds, each of the event before
-- it: the last item goes and comes back again and again, and every other event is inactive.
--
-- psql variables: ledger, rewinds.

\set QUIET 1
\pset tuples_only on
\o /dev/null
BEGIN;
SELECT es.lock_log();

CREATE TEMPORARY TABLE fill ON COMMIT DROP AS
SELECT s.stream_id, e.version AS head, e.live, :rewinds::bigint AS rewinds,
	(SELECT max(position) FROM es.events) AS position,
	greatest(clock_timestamp(), (SELECT max(recorded_at) FROM es.events)) AS recorded_at
FROM es.streams AS s
JOIN es.events AS e USING (stream_id)
WHERE s.name = :'ledger'
ORDER BY e.version DESC
LIMIT 1;

INSERT INTO es.events (position, stream_id, version, id, type, data, base, actor, command_id, live, recorded_at)
SELECT position + n, stream_id, head + n, gen_random_uuid(), 'rewound', jsonb_build_object('version', head + n - 1),
	head + n - 2, NULL, gen_random_uuid(), live - n % 2, recorded_at
FROM fill, generate_series(1, rewinds) AS n
ORDER BY n;

INSERT INTO es.facts (stream_id, key, value, origin, since, until)
SELECT f.stream_id, f.key, f.value, f.origin, fill.head + n, CASE WHEN n < fill.rewinds THEN fill.head + n + 1 END
FROM fill
JOIN es.facts AS f ON f.stream_id = fill.stream_id AND f.since = fill.head,
	generate_series(2, fill.rewinds, 2) AS n
WHERE n < fill.rewinds
ORDER BY n;

UPDATE es.facts AS f
SET until = fill.head + 1
FROM fill
WHERE f.stream_id = fill.stream_id AND f.since = fill.head;

INSERT INTO es.facts (stream_id, key, value, origin, since)
SELECT f.stream_id, f.key, f.value, f.origin, fill.head + fill.rewinds
FROM fill
JOIN es.facts AS f ON f.stream_id = fill.stream_id AND f.since = fill.head;
COMMIT;
