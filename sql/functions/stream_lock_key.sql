CREATE OR REPLACE FUNCTION es.stream_lock_key(name text) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
	SELECT hashtextextended(stream_lock_key.name, 17747)
$$;

COMMENT ON FUNCTION es.stream_lock_key(text) IS
	'The key of the advisory lock of a stream, by name so that a stream can be locked before it exists.  Two '
	'names that share a key only wait for each other.';
