#!/usr/bin/env bash
# tests/compose/postgres/docker-entrypoint.sh - prepares a cluster and runs PostgreSQL, as the official image promises to.
#
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD (each also as _FILE, but
# the last), PGDATA; what lies in /docker-entrypoint-initdb.d runs once.  Meanwhile PostgreSQL listens on its Unix socket only.
set -euo pipefail

if [[ ${1-} == --help ]]; then
	printf 'usage: docker-entrypoint.sh postgres [OPTION...] | COMMAND...\n'
	exit 0
fi

setting() { # name, default: its value, or what is in the file that NAME_FILE names
	local file=${1}_FILE
	if [[ -n ${!1-} && -n ${!file-} ]]; then
		printf 'error: both %s and %s are set\n' "$1" "$file" >&2
		exit 1
	fi
	if [[ -n ${!file-} ]]; then
		printf -v "$1" %s "$(<"${!file}")"
	else
		printf -v "$1" %s "${!1:-$2}"
	fi
	export "${1?}"
	unset "$file"
}

prepare() { # postgres, options...
	local file psql=(psql --no-psqlrc -v ON_ERROR_STOP=1 --no-password --username "$POSTGRES_USER")

	if [[ -z $POSTGRES_PASSWORD && ${POSTGRES_HOST_AUTH_METHOD-} != trust ]]; then
		printf 'Error: Database is uninitialized and superuser password is not specified.\n' >&2
		exit 1
	fi
	eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") ${POSTGRES_INITDB_ARGS-}"
	printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
	export PGPASSWORD=${PGPASSWORD-$POSTGRES_PASSWORD}
	PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -w start \
		-o "$(shift && printf '%q ' "$@") -c listen_addresses='' -p 5432"
	[[ $POSTGRES_DB == postgres ]] ||
		printf 'CREATE DATABASE :"db";\n' | "${psql[@]}" --dbname postgres --set db="$POSTGRES_DB"
	for file in /docker-entrypoint-initdb.d/*; do
		if [[ $file == *.sh && -x $file ]]; then
			"$file"
		elif [[ $file == *.sh ]]; then
			# shellcheck source=/dev/null
			. "$file"
		elif [[ $file == *.sql ]]; then
			"${psql[@]}" --dbname "$POSTGRES_DB" -f "$file"
		fi
	done
	PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
	unset PGPASSWORD
	printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

[[ ${1-} != -* ]] || set -- postgres "$@"
if [[ $1 == postgres ]]; then
	mkdir -p "$PGDATA" && chmod 700 "$PGDATA" || true
	if ((EUID == 0)); then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
		exec setpriv --reuid postgres --regid postgres --init-groups -- "$0" "$@"
	fi
	if [[ ! -s $PGDATA/PG_VERSION ]]; then
		setting POSTGRES_PASSWORD ''
		setting POSTGRES_USER postgres
		setting POSTGRES_DB "$POSTGRES_USER"
		setting POSTGRES_INITDB_ARGS ''
		prepare "$@"
	fi
fi
exec "$@"
