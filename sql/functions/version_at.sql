-- recorded_at never goes back, so a binary search over the primary key needs no index of its own.
CREATE OR REPLACE FUNCTION es.version_at(stream bigint, at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
	-- every event up to low was recorded at or before the time, every one above high after it
	low bigint := (SELECT s.horizon - 1 FROM es.streams AS s WHERE s.stream_id = stream);
	high bigint := (
		SELECT e.version FROM es.events AS e WHERE e.stream_id = stream ORDER BY e.version DESC LIMIT 1
	);
	middle bigint;
BEGIN
	low := coalesce(low, 0);
	WHILE low < high LOOP
		middle := high - (high - low) / 2;
		IF (SELECT e.recorded_at FROM es.events AS e WHERE e.stream_id = stream AND e.version = middle) <= at THEN
			low := middle;
		ELSE
			high := middle - 1;
		END IF;
	END LOOP;
	RETURN low;
END
$$;

COMMENT ON FUNCTION es.version_at(bigint, timestamptz) IS
	'The last version recorded at or before this time; 0 (horizon - 1) where the time lies before the first '
	'event kept.';
