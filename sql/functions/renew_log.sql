CREATE OR REPLACE FUNCTION es.renew_log() RETURNS text
LANGUAGE sql VOLATILE
AS $$
	UPDATE es.log SET log = DEFAULT, created_at = DEFAULT RETURNING log
$$;

COMMENT ON FUNCTION es.renew_log() IS
	'Gives the log a new id and returns it.  Call it after restoring a backup: a version number that comes back'
	' is then never taken for the one that was lost.  Owner only.';
