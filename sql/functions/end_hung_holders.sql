-- A stopped worker, or one that never reads its answer, waits on its client for ever: no timeout of the server covers
-- that.  Sessions whose rights the caller lacks are left out, because trying to end one is an error.  The victims are
-- chosen first (materialized), so that nothing is ended that a later condition would have spared.
CREATE OR REPLACE FUNCTION es.end_hung_holders(waited interval) RETURNS SETOF integer
LANGUAGE sql VOLATILE
AS $$
	WITH holders AS MATERIALIZED (
		SELECT a.pid
		FROM pg_catalog.pg_stat_activity AS a
		WHERE a.datname = current_database()
			AND a.pid <> pg_backend_pid()
			AND a.wait_event_type = 'Client'
			AND a.state_change < clock_timestamp() - end_hung_holders.waited
			AND pg_has_role(a.usesysid, 'USAGE')
			AND EXISTS (
				SELECT FROM pg_catalog.pg_locks AS l
				WHERE l.pid = a.pid AND l.granted AND l.locktype = 'advisory' AND l.database = a.datid
					AND (l.objsubid = 1 OR (l.objsubid = 2 AND l.classid = 17747 AND l.objid = 1))
			)
	)
	SELECT h.pid FROM holders AS h WHERE pg_terminate_backend(h.pid)
$$;

COMMENT ON FUNCTION es.end_hung_holders(interval) IS
	'Ends the other sessions of this database, of roles whose rights the caller has, that hold a lock of a '
	'stream or of the log while waiting for their client longer than this; returns their process ids.';
