-- Whether an event is active is told for each event alone, and only where the column is asked for: a page of a long log
-- costs its rows.  No order here: it would sort the whole log before a page of it is cut.  (The heads are not read from
-- stream_heads: views are made in no order, so none reads another.)
CREATE OR REPLACE VIEW es.event_log AS
	SELECT s.name AS ledger, e.version, e.recorded_at AS time, e.type,
		EXISTS (
			SELECT FROM es.active_ranges(s.stream_id, (
				SELECT n.version FROM es.events AS n WHERE n.stream_id = s.stream_id ORDER BY n.version DESC LIMIT 1
			), e.version, e.version)
		) AS active,
		es.event_summary(e.data) AS summary, e.actor, e.position
	FROM es.streams AS s
	JOIN es.events AS e ON e.stream_id = s.stream_id;

COMMENT ON VIEW es.event_log IS
	'The story of every ledger, for people: select * from es.event_log where ledger = ''main'' order by position desc '
	'limit 50.';
COMMENT ON COLUMN es.event_log.ledger IS 'The name of the stream.';
COMMENT ON COLUMN es.event_log.version IS 'Place in its ledger.';
COMMENT ON COLUMN es.event_log.time IS 'When it was recorded.';
COMMENT ON COLUMN es.event_log.type IS 'What happened.';
COMMENT ON COLUMN es.event_log.active IS 'Whether it counts at the head: false after a rewind past it.';
COMMENT ON COLUMN es.event_log.summary IS 'What the event says, cut at 80 characters.';
COMMENT ON COLUMN es.event_log.actor IS 'Who did it; null where there is no login.';
COMMENT ON COLUMN es.event_log.position IS 'Place in the whole log: order by it to read what happened as it happened.';
