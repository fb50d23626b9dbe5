-- The jump goes as far again as the next two jumps where these are equally long, else to the next rewind: that is what
-- makes any place of a way of n rewinds reachable in O(log n) jumps and steps.
CREATE OR REPLACE FUNCTION es.link_rewind() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	INSERT INTO es.rewinds (stream_id, version, base, depth, jump)
	SELECT NEW.stream_id, NEW.version, NEW.base, coalesce(next.depth, 0) + 1,
		CASE WHEN next.depth - coalesce(far.depth, 0) = coalesce(far.depth, 0) - coalesce(further.depth, 0)
			THEN coalesce(far.jump, 0)
			ELSE coalesce(next.version, 0) END
	FROM (VALUES (NEW.base)) AS b (base)
	LEFT JOIN LATERAL (
		SELECT r.version, r.depth, r.jump
		FROM es.rewinds AS r
		WHERE r.stream_id = NEW.stream_id AND r.version <= b.base
		ORDER BY r.version DESC
		LIMIT 1
	) AS next ON true
	LEFT JOIN es.rewinds AS far ON far.stream_id = NEW.stream_id AND far.version = next.jump
	LEFT JOIN es.rewinds AS further ON further.stream_id = NEW.stream_id AND further.version = far.jump;
	RETURN NULL;
END
$$;

COMMENT ON FUNCTION es.link_rewind() IS 'Trigger: makes the row in rewinds of an event that is a rewind.';

CREATE OR REPLACE TRIGGER link_rewind
	AFTER INSERT ON es.events
	FOR EACH ROW WHEN (NEW.base <> NEW.version - 1)
	EXECUTE FUNCTION es.link_rewind();

COMMENT ON TRIGGER link_rewind ON es.events IS 'Every rewind has its row in rewinds, whoever records it.';
