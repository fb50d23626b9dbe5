#!/usr/bin/env bash
# sql/install.sh - creates the log in a database, or upgrades it.
#
# Everything happens in one psql session under one advisory lock, so that installations of one database wait for each
# other: it reads what is there, refuses what it cannot continue from, then runs only what is due.
#
#   migrations/NNNN_name.sql  run once, each in a transaction of its own, recorded with its checksum
#   roles.sql                 roles and settings, run again whenever anything below changed
#   functions/*.sql           functions, triggers, then views: all again, in any order (so no view reads another view),
#                             in one transaction with
#   privileges.sql            who may do what
#
# A function or view that no file defines any more is dropped.  A migration that must change a function's result type
# drops that function; the file then makes it anew.
set -euo pipefail

readonly program=${0##*/}
folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly folder

usage() {
	cat <<-END
		Usage: $program [--database CONNINFO] [--login] [--force]

		Creates the log (schema es) in an existing database, or upgrades it.  Running it again changes nothing.

		  --database CONNINFO  a libpq connection string or URI (default: the PG* environment)
		  --login              also make the login roles eventledger_worker and eventledger_reader, without password
		                       (for a server that knows its local users: peer or trust)
		  --force              apply roles, functions and privileges again even if nothing changed
		  --help               show this

		The installing role must be a superuser, or have CREATEROLE and CREATE on the database; only the database's
		owner can also set its search_path and take from PUBLIC what it has by default.
		The database must use UTF8; make one with: createdb --encoding=UTF8 --template=template0 NAME
	END
}

fail() { # reason, next step
	printf '%s: %s\n' "$program" "$1" >&2
	[[ -z ${2-} ]] || printf '%s: next: %s\n' "$program" "$2" >&2
	exit 1
}

sql_text() { # a text as an SQL literal (standard_conforming_strings is on)
	printf "'%s'" "${1//\'/\'\'}"
}

psql_file() { # a path as an argument of \i
	local path=${1//\\/\\\\}
	printf "\\\\i '%s'\n" "${path//\'/\\\'}"
}

database='' login=false force=false
while (($# > 0)); do
	case $1 in
	--database)
		(($# > 1)) || fail "--database needs a connection string" "$program --help"
		database=$2
		shift
		;;
	--database=*) database=${1#*=} ;;
	--login) login=true ;;
	--force) force=true ;;
	--help)
		usage
		exit 0
		;;
	*) fail "unknown option \"$1\"" "$program --help" ;;
	esac
	shift
done

command -v psql >/dev/null || fail "psql is not installed" "apt-get install postgresql-client"

shopt -s nullglob
migrations=("$folder"/migrations/*.sql)
((${#migrations[@]} > 0)) || fail "no migrations in \"$folder/migrations\"" "install from a complete copy"
all_functions=("$folder"/functions/*.sql)
mapfile -t views < <(grep -l '^CREATE OR REPLACE VIEW' -- "${all_functions[@]}")
mapfile -t functions < <(grep -L '^CREATE OR REPLACE VIEW' -- "${all_functions[@]}")

names=()
for file in "${migrations[@]}"; do
	name=${file##*/}
	[[ $name =~ ^([0-9]{4})_([a-z0-9_]+)\.sql$ ]] ||
		fail "the name of migration \"$name\" is not NNNN_name.sql" "rename it"
	((10#${BASH_REMATCH[1]} == ${#names[@]} + 1)) ||
		fail "migration \"$name\" should be number $((${#names[@]} + 1))" "number them without gaps"
	names+=("${BASH_REMATCH[2]}")
done
readonly newest=${#names[@]}

# SHA-256 of each migration, and one of everything else together.
mapfile -t checksums < <(
	sha256sum -- "${migrations[@]}" | cut -d ' ' -f 1
	cat -- "$folder/roles.sql" "$folder/privileges.sql" "${all_functions[@]}" | sha256sum | cut -d ' ' -f 1
)
readonly functions_checksum=${checksums[newest]}

# The whole session, as one script of psql.
script() {
	local i file

	cat <<-'SQL'
		\set ON_ERROR_STOP on
		\set QUIET on
		\pset format unaligned
		\pset tuples_only on
		SET client_min_messages = warning;
		SET lock_timeout = 0;
		SET statement_timeout = 0;
		SET search_path = pg_catalog;
		DO $$
		BEGIN
			IF current_setting('server_version_num')::integer < 150000 THEN
				RAISE EXCEPTION 'the server is PostgreSQL %', current_setting('server_version')
					USING HINT = 'PostgreSQL 15 or later is needed.';
			ELSIF current_setting('server_encoding') <> 'UTF8' THEN
				RAISE EXCEPTION 'the encoding of database "%" is %', current_database(), current_setting('server_encoding')
					USING HINT = 'Make a database with: createdb --encoding=UTF8 --template=template0 NAME';
			END IF;
		END
		$$;
		SELECT pg_try_advisory_lock(17747, 2) AS locked \gset
		\if :locked
		\else
			\echo waiting for another installation of this database
			SELECT pg_advisory_lock(17747, 2) AS done \gset
		\endif
		SELECT to_regclass('es.schema_migration') IS NOT NULL AS installed \gset
		\set applied 0
		\set functions_checksum ''
		\if :installed
	SQL
	printf "DO \$check\$\nDECLARE\n\tfound record;\nBEGIN\n"
	printf "\tFOR found IN\n\t\tSELECT m.version, m.name, m.checksum, f.checksum AS expected, f.version AS known\n"
	printf "\t\tFROM es.schema_migration AS m\n\t\tLEFT JOIN (VALUES\n"
	for ((i = 0; i < newest; i++)); do
		((i == 0)) || printf ','
		printf "(%d, %s, '%s')\n" $((i + 1)) "$(sql_text "${names[i]}")" "${checksums[i]}"
	done
	cat <<-'SQL'
			) AS f (version, name, checksum) USING (version)
				ORDER BY m.version DESC
			LOOP
				IF found.known IS NULL THEN
					RAISE EXCEPTION 'the database is newer than these files: it has migration %_%',
						to_char(found.version, 'FM0000'), found.name
						USING HINT = 'Install from the release that made it, or a later one.';
				ELSIF found.checksum <> found.expected THEN
					RAISE EXCEPTION 'migration %_% was changed after it was applied',
						to_char(found.version, 'FM0000'), found.name
						USING HINT = 'Bring back the file of the release; a change belongs into a new migration.';
				END IF;
			END LOOP;
		END
		$check$;
		SELECT schema_version AS applied, coalesce(functions_checksum, '') AS functions_checksum FROM es.log \gset
		\endif
	SQL
	cat <<-SQL
		SELECT :applied < $newest AS behind \\gset
		SELECT :'behind' OR $force OR :'functions_checksum' <> '$functions_checksum'
			OR to_regrole('es_owner') IS NULL OR to_regrole('es_worker') IS NULL OR to_regrole('es_reader') IS NULL
			OR ($login AND (to_regrole('eventledger_worker') IS NULL OR to_regrole('eventledger_reader') IS NULL))
			AS due \\gset
		\\if :due
		\\echo roles and settings
		\\set login $login
	SQL
	psql_file "$folder/roles.sql"
	cat <<-'SQL'
		SELECT to_regnamespace('es') IS NULL AS missing \gset
		\if :missing
			\echo schema es
			CREATE SCHEMA es AUTHORIZATION es_owner;
		\endif
	SQL
	for ((i = 0; i < newest; i++)); do
		cat <<-SQL
			SELECT :applied < $((i + 1)) AS behind \\gset
			\\if :behind
			\\echo migration $(basename -- "${migrations[i]}" .sql)
			BEGIN;
			SET LOCAL ROLE es_owner;
			$(psql_file "${migrations[i]}")
			INSERT INTO es.schema_migration (version, name, checksum)
			VALUES ($((i + 1)), $(sql_text "${names[i]}"), '${checksums[i]}');
			UPDATE es.log SET schema_version = $((i + 1)), functions_checksum = NULL;
			COMMIT;
			\\endif
		SQL
	done
	# Functions are made without looking into their bodies, so their order does not matter; then each one is checked.
	cat <<-'SQL'
		\echo functions, views and privileges
		BEGIN;
		SET LOCAL ROLE es_owner;
		SET LOCAL check_function_bodies = off;
		-- Triggers are made anew, which waits for writers: in their order, before they can wait for this.
		LOCK TABLE es.facts, es.events, es.rewinds IN SHARE ROW EXCLUSIVE MODE;
	SQL
	for file in "${functions[@]}" "${views[@]}"; do
		psql_file "$file"
	done
	# What this transaction has not written is left over from an older release; looked for before the privileges, which
	# write to everything.
	cat <<-SQL
		DO \$\$
		DECLARE
			left_over record;
			made record;
		BEGIN
			FOR left_over IN
				SELECT c.oid::regclass::text AS name
				FROM pg_class AS c JOIN pg_rewrite AS r ON r.ev_class = c.oid
				WHERE c.relnamespace = 'es'::regnamespace AND c.relkind = 'v'
					AND r.xmin <> pg_current_xact_id()::xid
			LOOP
				EXECUTE format('DROP VIEW %s', left_over.name);
			END LOOP;
			FOR left_over IN
				SELECT p.oid::regprocedure::text AS name
				FROM pg_proc AS p
				WHERE p.pronamespace = 'es'::regnamespace AND p.prokind = 'f'
					AND p.xmin <> pg_current_xact_id()::xid
			LOOP
				EXECUTE format('DROP FUNCTION %s', left_over.name);
			END LOOP;
			SET LOCAL check_function_bodies = on;
			FOR made IN
				SELECT format('SELECT %s(%s)', l.lanvalidator::regproc, p.oid) AS validation
				FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
				WHERE p.pronamespace = 'es'::regnamespace
			LOOP
				EXECUTE made.validation;
			END LOOP;
		END
		\$\$;
		$(psql_file "$folder/privileges.sql")
		UPDATE es.log SET functions_checksum = '$functions_checksum';
		COMMIT;
		\\endif
		SELECT format('log %s, schema version %s', log, schema_version) AS place FROM es.log \\gset
		\\if :due
			\\echo installed: :place
		\\else
			\\echo up to date: :place
		\\endif
	SQL
}

errors=$(mktemp)
trap 'rm -f -- "$errors"' EXIT
step='connecting to the database'
connection=()
[[ -z $database ]] || connection=(--dbname "$database")

# psql's own words tell the steps; what it complains about is kept for the end.
set +e
while IFS= read -r line; do
	case $line in
	status=*) status=${line#status=} ;;
	*)
		step=$line
		printf '%s: %s\n' "$program" "$line"
		;;
	esac
done < <(script | PGAPPNAME=${PGAPPNAME-$program} psql --no-psqlrc --no-password --file=- "${connection[@]}" 2>"$errors"
	printf 'status=%d\n' "${PIPESTATUS[1]}")
set -e

sed -E 's/^psql:<stdin>:[0-9]+: //' -- "$errors" >&2
case $status in
0) ;;
2) fail "no connection to the database" "check --database, and that the server runs" ;;
*) fail "failed after: $step" "nothing of the failed step was kept; put it right and run $program again" ;;
esac
