CREATE OR REPLACE FUNCTION es.event_summary(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
	SELECT CASE WHEN length(whole.words) > 80 THEN left(whole.words, 79) || '…' ELSE whole.words END
	FROM (
		SELECT coalesce(string_agg(
			CASE jsonb_typeof(m.value)
				WHEN 'string' THEN regexp_replace(left(m.value #>> '{}', 100), '\s+', ' ', 'g')
				ELSE m.key || ' ' || left(m.value #>> '{}', 100)
			END, ', ' ORDER BY jsonb_typeof(m.value) <> 'string', m.key), '') AS words
		FROM jsonb_each(CASE jsonb_typeof(event_summary.data) WHEN 'object' THEN event_summary.data ELSE '{}' END) AS m
		WHERE m.value #>> '{}' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
	) AS whole
$$;

COMMENT ON FUNCTION es.event_summary(jsonb) IS
	'What an event says, for people: its texts, then its other members with their names, at most 80 characters;'
	' ids (uuid) are left out.';
