CREATE OR REPLACE VIEW es.stream_heads AS
	SELECT s.stream_id, s.name, s.horizon, s.created_at,
		coalesce(h.version, 0) AS version, coalesce(h.live, 0) AS live, h.recorded_at AS changed_at
	FROM es.streams AS s
	LEFT JOIN LATERAL (
		SELECT e.version, e.live, e.recorded_at
		FROM es.events AS e
		WHERE e.stream_id = s.stream_id
		ORDER BY e.version DESC
		LIMIT 1
	) AS h ON true;

COMMENT ON VIEW es.stream_heads IS 'Where every stream stands: one look-up a stream, backwards off the primary key.';
COMMENT ON COLUMN es.stream_heads.stream_id IS 'Names the stream within this database.';
COMMENT ON COLUMN es.stream_heads.name IS 'Names the stream to the world.';
COMMENT ON COLUMN es.stream_heads.horizon IS 'The first event still kept.';
COMMENT ON COLUMN es.stream_heads.created_at IS 'When the stream got its first event.';
COMMENT ON COLUMN es.stream_heads.version IS 'The newest event (the head).';
COMMENT ON COLUMN es.stream_heads.live IS 'How many facts stand at the head.';
COMMENT ON COLUMN es.stream_heads.changed_at IS 'When the head was recorded.';
