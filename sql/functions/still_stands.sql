-- By the event that was the head, not by its version alone: a log that was restored beneath open connections has the same
-- name, until it is renewed, and may have the same versions.  Versions are dense and events stay, so that event is the head
-- for as long as nothing follows it; looking for what follows is cheaper than looking for the newest (measured with 19
-- streams: a third).
CREATE OR REPLACE FUNCTION es.still_stands(log text, stream_ids bigint[], heads bigint[], head_events uuid[])
RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
	RETURN (
		SELECT l.log = still_stands.log AND NOT EXISTS (
			SELECT
			FROM (
				SELECT unnest(stream_ids) AS stream_id, unnest(heads) AS head, unnest(head_events) AS head_event
			) AS u
			LEFT JOIN es.events AS e ON e.stream_id = u.stream_id AND e.version = u.head
			LEFT JOIN es.events AS n ON n.stream_id = u.stream_id AND n.version = u.head + 1
			WHERE e.version IS NULL OR e.id IS DISTINCT FROM u.head_event OR n.version IS NOT NULL
		)
		FROM es.log AS l
	);
END
$$;

COMMENT ON FUNCTION es.still_stands(text, bigint[], bigint[], uuid[]) IS
	'Whether this is the log, and these events still are the heads of these streams.  Call it with the streams locked: '
	'else it tells of the past.';
