-- Versions are dense and events stay: a head that once was is the head for as long as nothing follows it.  Looking for
-- that one event is cheaper than for the newest (measured: a third, with 19 streams).
CREATE OR REPLACE FUNCTION es.still_stands(log text, stream_ids bigint[], heads bigint[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
	RETURN (
		SELECT l.log = still_stands.log AND NOT EXISTS (
			SELECT
			FROM (SELECT unnest(stream_ids) AS stream_id, unnest(heads) AS head) AS u
			JOIN es.events AS n ON n.stream_id = u.stream_id AND n.version = u.head + 1
		)
		FROM es.log AS l
	);
END
$$;

COMMENT ON FUNCTION es.still_stands(text, bigint[], bigint[]) IS
	'Whether this is the log, and nothing follows what once were the heads of these streams in it.  Call it with the '
	'streams locked: else it tells of the past.';
