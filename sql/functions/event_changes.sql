-- A full join can only be done by hashing or merging: no plan compares every fact put with every one removed.
CREATE OR REPLACE FUNCTION es.event_changes(stream bigint, version bigint)
RETURNS TABLE (key text, value jsonb, origin bigint)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	SELECT key, put.value, put.origin
	FROM (
		SELECT f.key, f.value, f.origin
		FROM es.facts AS f
		WHERE f.stream_id = event_changes.stream AND f.since = event_changes.version
	) AS put
	FULL JOIN (
		SELECT f.key
		FROM es.facts AS f
		WHERE f.stream_id = event_changes.stream AND f.until = event_changes.version
	) AS closed USING (key)
$$;

COMMENT ON FUNCTION es.event_changes(bigint, bigint) IS
	'The facts an event put, and the keys it removed (value and origin null).';
