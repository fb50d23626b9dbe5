CREATE OR REPLACE FUNCTION es.event_changes(stream bigint, version bigint)
RETURNS TABLE (key text, value jsonb, origin bigint)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	SELECT f.key, f.value, f.origin
	FROM es.facts AS f
	WHERE f.stream_id = event_changes.stream AND f.since = event_changes.version
	UNION ALL
	SELECT f.key, NULL, NULL
	FROM es.facts AS f
	WHERE f.stream_id = event_changes.stream AND f.until = event_changes.version
		AND NOT EXISTS (
			SELECT FROM es.facts AS p
			WHERE p.stream_id = event_changes.stream AND p.since = event_changes.version AND p.key = f.key
		)
$$;

COMMENT ON FUNCTION es.event_changes(bigint, bigint) IS
	'The facts an event put, and the keys it removed (value and origin null).';
