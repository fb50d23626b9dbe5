# tests/sql/cluster.bash - a throw-away PostgreSQL cluster, reached through PGHOST, PGPORT and PGUSER only.
#
# Its files and its socket lie in one new folder, which is PGHOST; it listens on no network.

cluster_as_postgres() { # PostgreSQL never runs as root
	if ((EUID == 0)); then
		setpriv --reuid=postgres --regid=postgres --init-groups -- env -C / "$@"
	else
		"$@"
	fi
}

cluster_start() {
	cluster_programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	export PATH=$cluster_programs:$PATH
	unset PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD
	PGHOST=$(mktemp -d "${TMPDIR:-/tmp}/eventledger-sql.XXXXXX")
	export PGHOST PGPORT=5432 PGUSER=postgres
	((EUID != 0)) || chown postgres: "$PGHOST"
	cluster_as_postgres initdb --pgdata="$PGHOST/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
		--no-sync >"$PGHOST/initdb.out"
	cluster_as_postgres pg_ctl start --silent --wait --pgdata="$PGHOST/data" --log="$PGHOST/server.log" \
		--options="-p 5432 -k '$PGHOST' -c listen_addresses='' -c fsync=off -c full_page_writes=off -c jit=off"
}

cluster_stop() {
	cluster_as_postgres pg_ctl stop --silent --wait --mode=immediate --pgdata="$PGHOST/data" || true
	rm -rf -- "$PGHOST"
}
