-- Streams first, then their ranges of active events, then the events of each range and of the gap below it: the
-- halves of the union depend on the range, so no plan can find the ranges anew for every event, and a condition on
-- ledger and version still reaches the primary key.  (The heads are not read from stream_heads: views are made in
-- no order, so none reads another.)
CREATE OR REPLACE VIEW es.event_log AS
	SELECT s.name AS ledger, e.version, e.recorded_at AS time, e.type, e.active,
		es.event_summary(e.data) AS summary, e.actor, e.position
	FROM es.streams AS s
	CROSS JOIN LATERAL (
		SELECT n.version FROM es.events AS n WHERE n.stream_id = s.stream_id ORDER BY n.version DESC LIMIT 1
	) AS head
	CROSS JOIN LATERAL (
		SELECT a.low, a.high, lead(a.high, 1, 0::bigint) OVER (ORDER BY a.high DESC) AS below
		FROM es.active_ranges(s.stream_id, head.version, 1) AS a
	) AS range
	CROSS JOIN LATERAL (
		SELECT v.position, v.version, v.recorded_at, v.type, v.data, v.actor, true AS active
		FROM es.events AS v
		WHERE v.stream_id = s.stream_id AND v.version >= range.low AND v.version <= range.high
		UNION ALL
		SELECT v.position, v.version, v.recorded_at, v.type, v.data, v.actor, false
		FROM es.events AS v
		WHERE v.stream_id = s.stream_id AND v.version > range.below AND v.version < range.low
	) AS e
	ORDER BY e.position;

COMMENT ON VIEW es.event_log IS
	'The story of every ledger, in the order in which it happened, for people: select * from es.event_log where ledger = ''main''.';
COMMENT ON COLUMN es.event_log.ledger IS 'The name of the stream.';
COMMENT ON COLUMN es.event_log.version IS 'Place in its ledger.';
COMMENT ON COLUMN es.event_log.time IS 'When it was recorded.';
COMMENT ON COLUMN es.event_log.type IS 'What happened.';
COMMENT ON COLUMN es.event_log.active IS 'Whether it counts at the head: false after a rewind past it.';
COMMENT ON COLUMN es.event_log.summary IS 'What the event says, cut at 80 characters.';
COMMENT ON COLUMN es.event_log.actor IS 'Who did it; null where there is no login.';
COMMENT ON COLUMN es.event_log.position IS 'Place in the whole log.';
