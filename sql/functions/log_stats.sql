CREATE OR REPLACE FUNCTION es.log_stats() RETURNS TABLE (name text, value text)
LANGUAGE sql STABLE
AS $$
	WITH heads AS (
		SELECT count(*) AS streams, coalesce(sum(h.live), 0) AS live FROM es.stream_heads AS h
	), last AS (
		SELECT e.position, e.recorded_at FROM es.events AS e ORDER BY e.position DESC LIMIT 1
	)
	SELECT s.name, s.value
	FROM es.log AS l
	CROSS JOIN heads AS h
	LEFT JOIN last ON true
	CROSS JOIN LATERAL (VALUES
		('log', l.log),
		('schema version', l.schema_version::text),
		('streams', h.streams::text),
		('events', (SELECT count(*)::text FROM es.events)),
		('last position', coalesce(last.position, 0)::text),
		('last recorded at', last.recorded_at::text),
		('facts open', h.live::text),
		('facts closed', (SELECT count(*)::text FROM es.facts AS f WHERE f.until IS NOT NULL)),
		('commands remembered', (SELECT count(*)::text FROM es.commands)),
		('size of events', pg_size_pretty(pg_total_relation_size('es.events'))),
		('size of facts', pg_size_pretty(pg_total_relation_size('es.facts'))),
		('size of commands', pg_size_pretty(pg_total_relation_size('es.commands'))),
		('size of database', pg_size_pretty(pg_database_size(current_database()))),
		('notification queue used', round((pg_notification_queue_usage() * 100)::numeric, 2) || ' %')
	) AS s (name, value)
$$;

COMMENT ON FUNCTION es.log_stats() IS 'How much the log holds, and how full the notification queue is.';
