-- Fills new ledgers quickly with a log that the programs could have written: appends up to a number of live items, then
-- in turn the removal of the oldest item and one more append.
--
-- psql variables: prefix, ledgers (1: the prefix is the name; more: PREFIX-0, PREFIX-1 ...), events (of each), live.
-- What was appended as number j has the version j up to "live" and live + 2 (j - live) after that; it is removed by the
-- event live + 2 j - 1, if the log gets that far.

\set QUIET 1
\pset tuples_only on
\o /dev/null
BEGIN;
SELECT es.lock_log();

CREATE TEMPORARY TABLE fill ON COMMIT DROP AS
SELECT
	:'prefix' AS prefix, :ledgers::bigint AS ledgers, :events::bigint AS events, :live::bigint AS live,
	(SELECT coalesce(max(position), 0) FROM es.events) AS position,
	greatest(clock_timestamp(), (SELECT max(recorded_at) FROM es.events)) AS recorded_at,
	-- every event a millisecond after the one before, as far as its id tells
	(extract(epoch FROM clock_timestamp()) * 1000)::bigint - :events::bigint AS milliseconds;

-- A UUID of version 7 that is always the same for the same event of a stream.
CREATE FUNCTION pg_temp.id(milliseconds bigint, stream bigint, version bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN (lpad(to_hex(milliseconds + version), 12, '0')
	|| '7' || right(to_hex(hashint8extended(version, stream) | (1::bigint << 12)), 3)
	|| 'a' || right(to_hex(hashint8extended(version, -stream) | (1::bigint << 60)), 15))::uuid;

CREATE TEMPORARY TABLE filled ON COMMIT DROP AS
SELECT n, nextval('es.streams_stream_id_seq') AS stream_id,
	CASE WHEN ledgers = 1 THEN prefix ELSE prefix || '-' || n END AS name
FROM fill, generate_series(0, ledgers - 1) AS n;

INSERT INTO es.streams (stream_id, name) SELECT stream_id, name FROM filled ORDER BY n;

INSERT INTO es.events (position, stream_id, version, id, type, data, base, actor, command_id, live, recorded_at)
SELECT fill.position + s.n * fill.events + v, s.stream_id, v, pg_temp.id(fill.milliseconds, s.stream_id, v),
	CASE WHEN r.removed IS NULL THEN 'item-appended' ELSE 'item-removed' END,
	CASE WHEN r.removed IS NULL THEN jsonb_build_object('content', 'milk and honey ' || v)
		ELSE jsonb_build_object('item', pg_temp.id(fill.milliseconds, s.stream_id, r.removed),
			'content', 'milk and honey ' || r.removed) END,
	v - 1, NULL, gen_random_uuid(),
	CASE WHEN v <= fill.live THEN v WHEN r.removed IS NULL THEN fill.live ELSE fill.live - 1 END,
	fill.recorded_at
FROM fill, filled AS s, generate_series(1, fill.events) AS v,
	LATERAL (SELECT CASE WHEN v > fill.live AND (v - fill.live) % 2 = 1 THEN (v - fill.live + 1) / 2 END) AS number (j),
	LATERAL (SELECT CASE WHEN j <= fill.live THEN j ELSE fill.live + 2 * (j - fill.live) END) AS r (removed)
ORDER BY s.n, v;

INSERT INTO es.facts (stream_id, key, value, origin, since, until)
SELECT s.stream_id, pg_temp.id(fill.milliseconds, s.stream_id, v)::text,
	jsonb_build_object('content', 'milk and honey ' || v), v, v,
	CASE WHEN gone <= fill.events THEN gone END
FROM fill, filled AS s, generate_series(1, fill.events) AS v,
	LATERAL (SELECT CASE WHEN v <= fill.live THEN v ELSE fill.live + (v - fill.live) / 2 END) AS number (j),
	LATERAL (SELECT fill.live + 2 * j - 1) AS removal (gone)
WHERE v <= fill.live OR (v - fill.live) % 2 = 0
ORDER BY s.n, v;
COMMIT;
