CREATE OR REPLACE FUNCTION es.stream_live_at(stream bigint, version bigint) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
	SELECT CASE
		WHEN stream_live_at.version = 0 THEN 0
		ELSE coalesce(
			(SELECT e.live FROM es.events AS e
			 WHERE e.stream_id = stream_live_at.stream AND e.version = stream_live_at.version),
			(SELECT count(*)::integer FROM es.facts_at(stream_live_at.stream, stream_live_at.version)))
		END
$$;

COMMENT ON FUNCTION es.stream_live_at(bigint, bigint) IS
	'How many facts stand at a version: as its event says, counted where the event is no longer kept.';
