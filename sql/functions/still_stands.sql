-- One stream, as in most batches, is looked at without unnesting: starting that costs more than the look.
CREATE OR REPLACE FUNCTION es.still_stands(log text, stream_ids bigint[], heads bigint[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	stands boolean;
BEGIN
	IF cardinality(stream_ids) = 1 THEN
		SELECT l.log = still_stands.log AND heads[1] = (
			SELECT n.version
			FROM es.events AS n
			WHERE n.stream_id = stream_ids[1]
			ORDER BY n.version DESC
			LIMIT 1
		) INTO stands
		FROM es.log AS l;
	ELSE
		SELECT l.log = still_stands.log AND NOT EXISTS (
			SELECT
			FROM (SELECT unnest(stream_ids) AS stream_id, unnest(heads) AS head) AS u
			LEFT JOIN LATERAL (
				SELECT n.version
				FROM es.events AS n
				WHERE n.stream_id = u.stream_id
				ORDER BY n.version DESC
				LIMIT 1
			) AS e ON true
			WHERE e.version IS DISTINCT FROM u.head
		) INTO stands
		FROM es.log AS l;
	END IF;
	RETURN coalesce(stands, false);
END
$$;

COMMENT ON FUNCTION es.still_stands(text, bigint[], bigint[]) IS
	'Whether this is the log, and each stream has just this head.  Call it with the streams locked: else it tells of the '
	'past.';
