#!/usr/bin/env bash
# tests/sql/install.bash - sql/install.sh in a cluster of its own: fresh, again, upgraded, refused, failed.
# shellcheck disable=SC2016 # the dollars are SQL's
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/sql/tap.bash
. "$here/tap.bash"
# shellcheck source=tests/sql/cluster.bash
. "$here/cluster.bash"

cluster_start
trap cluster_stop EXIT
readonly sql=$here/../../sql
readonly work="$PGHOST/it's a copy" # a path that needs quoting everywhere
mkdir "$work"
cd "$work"

install() { # folder, options...: prints everything, with the exit status last
	local status=0
	"$1/install.sh" "${@:2}" 2>&1 || status=$?
	echo "status $status"
}

copy() { # name: a copy of sql/ to change
	cp -R "$sql" "$work/$1"
}

dump() { # database: its schema as text
	pg_dump --schema-only "$1" | sed '/^\\\(un\)\?restrict /d'
}

# As an installer that is no superuser, in a cluster that knows none of the roles yet.
query "CREATE ROLE installer LOGIN CREATEROLE" --dbname postgres
createdb --owner installer fresh
output=$(PGUSER=installer install "$sql" --database dbname=fresh --login)
contains "$output" 'migration 0001_log' 'a fresh install tells its steps'
contains "$output" 'installed: log ' 'and names the log'
contains "$output" $'\nstatus 0' 'without superuser'
is "$(grep -ci 'warning\|error' <<<"$output")" 0 'and without complaint'
is "$(query 'SELECT count(*), max(version) = (SELECT schema_version FROM es.log) FROM es.schema_migration' --dbname fresh)" \
	"$(find "$sql/migrations" -name '*.sql' | wc -l)|t" 'every migration is recorded'

readonly traces="SELECT md5(string_agg(t.x, ' ' ORDER BY t.x)) FROM (
	SELECT 'p' || oid || xmin FROM pg_proc UNION ALL SELECT 'c' || oid || xmin FROM pg_class WHERE relkind <> 'S'
	UNION ALL SELECT 'r' || oid || xmin FROM pg_authid UNION ALL SELECT 's' || setdatabase || setrole || xmin FROM pg_db_role_setting
	UNION ALL SELECT 'l' || xmin FROM es.log UNION ALL SELECT 'd' || oid || xmin FROM pg_database) AS t (x)"
before=$(query "$traces" --dbname fresh)
output=$(PGUSER=installer install "$sql" --database dbname=fresh --login)
contains "$output" 'up to date: log ' 'a second run finds all up to date'
contains "$output" $'\nstatus 0' 'and succeeds'
is "$(query "$traces" --dbname fresh)" "$before" 'and changes nothing at all'
before=$(dump fresh)
contains "$(PGUSER=installer install "$sql" --database dbname=fresh --force)" 'functions, views and privileges' '--force applies again'
same "$(dump fresh)" "$before" 'to the same end'
is "$(cd / && PGDATABASE=fresh install "$sql" | grep -c 'up to date')" 1 'the PG* environment is the default'

# Settings of the login roles and the database.
is "$(query 'SHOW idle_in_transaction_session_timeout' --dbname fresh --username eventledger_reader)" 1min \
	'a forgotten transaction of the reader is ended after 60 s'
is "$(query 'SHOW idle_in_transaction_session_timeout' --dbname fresh --username eventledger_worker)" 0 'one of the worker is not'
for role in eventledger_reader eventledger_worker postgres installer; do
	is "$(query 'SHOW search_path' --dbname fresh --username "$role")" 'es, public' "search_path of $role"
done
is "$(query 'SHOW enable_seqscan' --dbname fresh --username eventledger_worker)" off 'a worker goes by the indexes'
query 'CREATE ROLE analyst LOGIN IN ROLE es_reader; CREATE ROLE nobody LOGIN' --dbname fresh
install "$sql" --database dbname=fresh --force >/dev/null
is "$(query 'SHOW idle_in_transaction_session_timeout' --dbname fresh --username analyst)" 1min \
	'another login of the readers gets its settings when install.sh runs again'
is "$(query 'SELECT 1' --dbname fresh --username nobody 2>&1 | grep -c 'permission denied for database')" 1 \
	'PUBLIC cannot even connect'

# Fresh equals migrated: from every older level, and with one more migration than there is.
copy next
readonly level=$(($(find "$sql/migrations" -name '*.sql' | wc -l) + 1))
last=$(printf '%04d' "$level")
cat >"$work/next/migrations/${last}_more.sql" <<-'SQL'
	ALTER TABLE es.streams ADD COLUMN title text;
	COMMENT ON COLUMN es.streams.title IS 'For the test.';
	CREATE TABLE es.more (a integer PRIMARY KEY);
SQL
createdb all_at_once
is "$(install "$work/next" --database dbname=all_at_once | tail -n 1)" 'status 0' 'a release with one more migration installs'
expected=$(dump all_at_once)
for ((old = 1; old < level; old++)); do
	copy "level$old"
	find "$work/level$old/migrations" -name '*.sql' | sort | tail -n "+$((old + 1))" | xargs -r -d '\n' rm --
	find "$work/level$old/functions" -name '*.sql' ! -name schema.sql ! -name refuse_event_change.sql -delete
	: >"$work/level$old/privileges.sql"
	printf 'CREATE FUNCTION es.forgotten() RETURNS integer LANGUAGE sql AS $$SELECT 1$$;\n' >"$work/level$old/functions/forgotten.sql"
	createdb "from$old"
	install "$work/level$old" --database "dbname=from$old" >/dev/null
	is "$(query 'SELECT max(version), es.forgotten() FROM es.schema_migration' --dbname "from$old")" "$old|1" "a database of level $old"
	is "$(install "$work/next" --database "dbname=from$old" | tail -n 1)" 'status 0' 'is upgraded'
	same "$(dump "from$old")" "$expected" 'to exactly what a fresh install makes: what is no more is dropped'
done

# Refusals, each with its reason and the next step, and nothing touched.
before=$(dump from1)
output=$(install "$sql" --database dbname=from1)
contains "$output" "the database is newer than these files: it has migration ${last}_more" 'a newer database is refused'
contains "$output" 'next: ' 'with the next step'
contains "$output" $'\nstatus 1' 'and a failure'
copy tampered
echo '-- a word more' >>"$work/tampered/migrations/0001_log.sql"
output=$(install "$work/tampered" --database dbname=fresh --force)
contains "$output" 'migration 0001_log was changed after it was applied' 'a changed migration is refused by name'
contains "$output" $'\nstatus 1' 'and a failure'
same "$(dump from1)" "$before" 'and nothing was touched'

copy gap
: >"$work/gap/migrations/9999_far.sql"
contains "$(install "$work/gap" --database dbname=fresh)" 'migration "9999_far.sql" should be number' 'a gap between migrations is refused'
createdb --encoding SQL_ASCII --template template0 --locale C ascii
contains "$(install "$sql" --database dbname=ascii)" 'the encoding of database "ascii" is SQL_ASCII' 'another encoding than UTF8 is refused'
contains "$(install "$sql" --database dbname=missing)" 'database "missing" does not exist' 'a missing database is named'
contains "$(install "$sql" --colour)" 'unknown option "--colour"' 'an unknown option is an error'
contains "$(install "$sql" --database)" 'needs a connection string' 'so is a missing value'
contains "$(install "$sql" --help)" 'Usage: install.sh' '--help helps'

# A migration that fails is rolled back alone.
cp -R "$work/next" "$work/broken"
printf 'CREATE TABLE es.half (a integer);\nSELECT 1 / 0;\n' >"$work/broken/migrations/$(printf '%04d' $((level + 1)))_broken.sql"
createdb half
output=$(install "$work/broken" --database dbname=half)
contains "$output" 'division by zero' 'a failing migration says why'
contains "$output" "failed after: migration $(printf '%04d' $((level + 1)))_broken" 'and which it was'
contains "$output" $'\nstatus 1' 'and fails'
is "$(query "SELECT max(version), to_regclass('es.half') IS NULL, to_regclass('es.more') IS NOT NULL FROM es.schema_migration" --dbname half)" \
	"$level|t|t" 'those before it stay, of itself nothing does'
is "$(install "$work/next" --database dbname=half | tail -n 1)" 'status 0' 'the repaired release goes on from there'
same "$(dump half)" "$expected" 'to the same end'

# A function that fails leaves all the old ones.
cp -R "$work/next" "$work/bad_function"
printf 'CREATE OR REPLACE FUNCTION es.bad() RETURNS integer LANGUAGE sql AS $$SELECT no_such_column FROM es.log$$;\n' \
	>"$work/bad_function/functions/bad.sql"
output=$(install "$work/bad_function" --database dbname=half)
contains "$output" 'no_such_column' 'a function whose body is wrong is found out'
same "$(dump half)" "$expected" 'and none is replaced'

# Two at the same time.
createdb twice
install "$sql" --database dbname=twice >"$work/one.out" &
install "$sql" --database dbname=twice >"$work/two.out"
wait
is "$(cat "$work/one.out" "$work/two.out" | grep -c 'status 0')" 2 'two installations at once both succeed'
is "$(cat "$work/one.out" "$work/two.out" | grep -c 'migration 0001')" 1 'one of them does the work'
is "$(cat "$work/one.out" "$work/two.out" | grep -c 'up to date: log')" 1 'the other finds it done'

done_testing
