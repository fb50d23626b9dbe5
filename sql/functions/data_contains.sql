-- Inlined into its query, where the path is made once; flag q takes the needle literally, i ignores case.
CREATE OR REPLACE FUNCTION es.data_contains(data jsonb, needle text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
	SELECT jsonb_path_exists(data_contains.data,
		('strict $.** ? (@ like_regex "'
			|| replace(replace(data_contains.needle, '\', '\\'), '"', '\"')
			|| '" flag "iq")')::jsonpath)
$$;

COMMENT ON FUNCTION es.data_contains(jsonb, text) IS
	'Whether any string value in data, at any depth, contains the needle, upper and lower case alike; names of '
	'members do not count.';
