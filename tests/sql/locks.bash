#!/usr/bin/env bash
# tests/sql/locks.bash - transactions that append at the same time: who waits for whom, and what comes of it.
set -euo pipefail
here=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=tests/sql/tap.bash
. "$here/tap.bash"

createdb --template prepared locks
export PGDATABASE=locks PGUSER=eventledger_worker
export PGOPTIONS='-c search_path=es,public,test,tap'

readonly head="SELECT coalesce(max(version), 0) FROM es.events WHERE stream_id = test.stream('main')"
append() { # ledger: what a writer sends after it has locked its ledgers
	printf "SELECT 'locked log' FROM es.lock_log(); SELECT test.append('%s', '{\"k\": 1}')" "$1"
}

session_open first
session_open second
session_open third

# The same stream: the second waits, then reads what the first has written.
session_run first "BEGIN; SELECT es.lock_streams('{main}'); $(append main)" >/dev/null
session_send second "BEGIN; SELECT es.lock_streams('{main}'); $head; $(append main); COMMIT"
ok 'a second appender of the same stream waits for the first' waits_for second first
session_run first 'COMMIT' >/dev/null
is "$(session_answer second)" $'1\nlocked log\n2' 'then it reads the head the first has left, and goes on from there'

# The locks are taken in a statement of their own for a reason: this one reads under its old snapshot.
session_run first "BEGIN; SELECT es.lock_streams('{main}'); $(append main)" >/dev/null
session_send second "BEGIN; SELECT coalesce(max(version), 0) FROM es.events CROSS JOIN es.lock_streams('{main}'); COMMIT"
ok 'reading in the locking statement waits too' waits_for second first
session_run first 'COMMIT' >/dev/null
is "$(session_answer second)" '2' 'but sees the past'

# A rolled back append leaves nothing.
session_run first "BEGIN; SELECT es.lock_streams('{main}'); $(append main); ROLLBACK" >/dev/null
is "$(session_run first "$head")" '3' 'a rolled back append leaves no version behind'
is "$(session_run first 'SELECT max(position) FROM es.events')" '3' 'and no position'

# Different streams: nobody waits before the lock of the log.
session_run first "BEGIN; SELECT es.lock_streams('{main}')" >/dev/null
is "$(session_run second "BEGIN; SET LOCAL lock_timeout = '1ms'; SELECT 'free' FROM es.lock_streams('{other}'); SET LOCAL lock_timeout = 0")" \
	'free' 'an appender of another stream does not wait'
session_run first "$(append main)" >/dev/null
session_send second "$(append other); COMMIT"
ok 'until both need the log' waits_for second first
session_run first 'COMMIT' >/dev/null
is "$(session_answer second)" $'locked log\n1' 'and goes on when the first has committed'
is "$(query 'SELECT string_agg(s.name || e.version, $$ $$ ORDER BY e.position) FROM es.events AS e JOIN es.streams AS s USING (stream_id)')" \
	'main1 main2 main3 main4 other1' 'positions are in commit order'

# One order of locks for everybody: whoever waits for the first lock of two holds none of the second.
low=$(query "SELECT n FROM unnest('{a,b}'::text[]) AS n ORDER BY es.stream_lock_key(n) LIMIT 1")
session_run first "BEGIN; SELECT es.lock_streams('{$low}')" >/dev/null
held="SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid ="
for names in a,b b,a; do
	session_send second "BEGIN; SELECT es.lock_streams('{$names}'); COMMIT"
	ok "locking {$names} waits for the lower key" waits_for second first
	is "$(query "$held ${session_pid[second]}")" 0 'holding nothing meanwhile'
	query "SELECT pg_cancel_backend(${session_pid[second]})" >/dev/null
	session_answer second >/dev/null
	session_run second 'ROLLBACK' >/dev/null
done
session_run first 'ROLLBACK' >/dev/null

# Many at once: no deadlock, versions and positions without gaps, time that never goes back.
cat >"$PGHOST/append.pgbench" <<-'SQL'
	\set a random(1, 3)
	\set b random(1, 3)
	BEGIN;
	SELECT es.lock_streams(ARRAY['busy' || :a, 'busy' || :b]);
	SELECT count(*) FROM es.stream_heads;
	SELECT es.lock_log();
	SELECT test.append('busy' || :a, '{"k": 1}');
	SELECT test.append('busy' || :b, '{"k": 2}');
	COMMIT;
SQL
status=0
pgbench --no-vacuum --client 6 --jobs 1 --transactions 40 --file "$PGHOST/append.pgbench" >"$PGHOST/pgbench.out" 2>&1 || status=$?
is "$status" 0 'six writers of two streams each, locked in any order: no deadlock, no conflict'
is "$(query "SELECT count(*), min(position), max(position), count(DISTINCT position) FROM es.events")" '485|1|485|485' \
	'positions are dense'
is "$(query "SELECT count(*) FROM (SELECT version, row_number() OVER (PARTITION BY stream_id ORDER BY position) AS n FROM es.events) AS v WHERE version <> n")" \
	0 'versions are dense, in the order of positions'
is "$(query "SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back FROM es.events) AS t WHERE back")" \
	0 'time never goes back'
is "$(query "SELECT count(*) FROM es.events WHERE stream_id NOT IN (SELECT stream_id FROM es.streams)")" 0 'no event without its stream'

# A holder that hangs in its transaction is ended by the one who waits, and only then.
idle_in_transaction() { # session
	becomes_true "SELECT state = 'idle in transaction' AND wait_event_type = 'Client' FROM pg_stat_activity WHERE pid = ${session_pid[$1]}"
}
session_run first "BEGIN; SELECT es.lock_streams('{main}')" >/dev/null
session_run third 'BEGIN; SELECT 1' >/dev/null
ok 'a holder stops between two statements' idle_in_transaction first
ok 'somebody without a lock stops too' idle_in_transaction third
is "$(session_run second "SELECT * FROM es.end_hung_holders('1 hour')")" '' 'not before the time'
is "$(session_run second "SELECT * FROM es.end_hung_holders('0')")" "${session_pid[first]}" 'then the holder is ended'
is "$(session_run third 'SELECT 2; ROLLBACK')" 2 'and nobody else'
is "$(session_run second "SELECT 'mine' FROM es.lock_streams('{main}')")" mine 'its lock is free'
session_close first

session_open first
session_run first 'BEGIN; SELECT es.lock_log()' >/dev/null
ok 'a holder of the log stops' idle_in_transaction first
is "$(session_run second "SELECT * FROM es.end_hung_holders('0')")" "${session_pid[first]}" 'it is ended as well'
session_close first

# A holder that never reads its answer: the server waits to write, and no timeout of its own covers that.
session_open first
session_run first "BEGIN; SELECT es.lock_streams('{main}')" >/dev/null
session_send first "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT"
ok 'a holder does not read its answer' becomes_true \
	"SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE pid = ${session_pid[first]}"
is "$(session_run second "SELECT * FROM es.end_hung_holders('0')")" "${session_pid[first]}" 'it is ended'
ok 'and is gone' becomes_true "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${session_pid[first]})"
session_kill first

# Sessions of others are not the caller's to end: they are left alone, and are no error.
session_open owner --username postgres
session_run owner "BEGIN; SELECT es.lock_streams('{main}')" >/dev/null
ok 'a superuser holds a lock' becomes_true \
	"SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ${session_pid[owner]}"
query 'GRANT pg_read_all_stats TO eventledger_worker' --username postgres # so that it sees what it must leave alone
is "$(session_run second "SELECT count(*) FROM es.end_hung_holders('0')")" 0 'a worker leaves it alone'
query 'REVOKE pg_read_all_stats FROM eventledger_worker' --username postgres
session_run owner ROLLBACK >/dev/null

session_close owner
session_close second
session_close third
done_testing
