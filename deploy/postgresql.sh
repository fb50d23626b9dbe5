# shellcheck shell=bash disable=SC2154 # data, log, shared and who runs what are said by deploy/run
# deploy/postgresql.sh - the PostgreSQL of deploy/run: finds one, makes its cluster, starts it, installs the log.
#
# Sourced by deploy/run, whose folders, users and holds it uses.

readonly database=eventledger
readonly socket_path_most=107 # bytes in a sockaddr_un, less the NUL
readonly postgresql_oldest=15
readonly socket_name=/.s.PGSQL.5432

postgresql_programs() { # the folder of the newest ones, or of those that made the data
	local made folder newest=
	made=$(cat "${data:-/nonexistent}/postgresql/data/PG_VERSION" 2>/dev/null) || made=
	for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
		[[ -x $folder/postgres && $folder =~ /([0-9]+)/bin$ ]] || continue
		((BASH_REMATCH[1] >= postgresql_oldest)) || continue
		[[ -z $made || $made == "${BASH_REMATCH[1]}" ]] && newest=$folder
	done
	printf %s "$newest"
}

ident_name() {
	printf '"%s"' "${1//\"/\"\"}"
}

prepare_postgresql() {
	bin=$(postgresql_programs)
	[[ -n $bin ]] || fail "there is no PostgreSQL $(cat "$data/postgresql/data/PG_VERSION" 2>/dev/null || echo "$postgresql_oldest or later")" \
		"apt-get install postgresql"
	make_folder "$data/postgresql" "$postgresql_user" 700
	pgdata=$data/postgresql/data
	own_log postgresql "$postgresql_user"
	if [[ ! -e $pgdata/PG_VERSION ]]; then
		rm -rf -- "$pgdata.new" # of a start that was cut short
		step "creating the database cluster" "$log/postgresql.log" "${as_postgresql[@]}" \
			"$bin/initdb" --pgdata="$pgdata.new" --username=postgres --auth=peer --encoding=UTF8 --locale=C.UTF-8 \
			--data-checksums ||
			fail "the database cluster could not be created" "look at $log/postgresql.log"
		mv -T -- "$pgdata.new" "$pgdata"
	fi

	sockets=$data/run/postgresql
	if ((${#sockets} + ${#socket_name} > socket_path_most)); then
		# The kernel takes no longer path for a socket, so they lie elsewhere.
		local base=/run
		((EUID == 0)) || base=${XDG_RUNTIME_DIR:-/tmp}
		short_folder=$(mktemp -d -- "$base/eventledger.XXXXXX")
		sockets=$short_folder
		chown "$postgresql_user:" -- "$sockets"
	else
		make_folder "$sockets" "$postgresql_user" 700
	fi
	# Those who may connect, and as whom: pg_ident.conf.  As root several users meet in this folder.
	((EUID != 0)) || chmod 755 -- "$sockets"

	cp -- "$shared/postgresql.conf" "$data/postgresql/postgresql.conf"
	printf 'local all all peer map=eventledger\n' >"$data/postgresql/pg_hba.conf"
	{
		printf 'eventledger %s postgres\n' "$(ident_name "$postgresql_user")"
		printf 'eventledger %s eventledger_worker\n' "$(ident_name "$web_user")"
		printf 'eventledger %s eventledger_reader\n' "$(ident_name "$me")"
		((EUID != 0)) || printf 'eventledger root postgres\n'
	} >"$data/postgresql/pg_ident.conf"
	chown "$postgresql_user:" -- "$data/postgresql"/*.conf
	clear_stale_lock
}

# postmaster.pid of a machine that lost power may name a process that is another one by now.  Nobody else uses this
# folder (we have its lock), so only a PostgreSQL that really runs in it counts; one that is just ending is waited for.
clear_stale_lock() {
	local id deadline=$((SECONDS + 30))
	[[ -e $pgdata/postmaster.pid ]] || return 0
	read -r id <"$pgdata/postmaster.pid" || true
	while [[ $id =~ ^[1-9][0-9]*$ && $(readlink "/proc/$id/cwd" 2>/dev/null) == "$pgdata" ]]; do
		((SECONDS < deadline)) || fail "a PostgreSQL of an earlier run (process $id) does not end" "kill -INT $id"
		pause 0.1
	done
	rm -f -- "$pgdata/postmaster.pid"
}

conninfo() { # user: how it reaches the database
	local host=${sockets//\\/\\\\}
	printf "host='%s' dbname=%s user=%s" "${host//\'/\\\'}" "$database" "$1"
}

start_postgresql() {
	prepare_postgresql
	printf 'starting PostgreSQL ...'
	hold PostgreSQL postgresql as_postgresql --signal INT --patience 30 -- "$bin/postgres" -D "$pgdata" \
		-c config_file="$data/postgresql/postgresql.conf" -c hba_file="$data/postgresql/pg_hba.conf" \
		-c ident_file="$data/postgresql/pg_ident.conf" -c unix_socket_directories="\"$sockets\""
	wait_for PostgreSQL postgresql "${as_postgresql[@]}" "$bin/pg_isready" -q -h "$sockets" -d postgres -U postgres
	printf ' done\n'
}

install_database() {
	local psql=("${as_postgresql[@]}" "$bin/psql" -X -q -A -t -h "$sockets" -U postgres -d postgres)
	local there
	own_log database "$me"
	there=$("${psql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = '$database'")
	[[ -n $there ]] || step "creating the database" "$log/database.log" "${psql[@]}" \
		-c "CREATE DATABASE $database ENCODING 'UTF8' TEMPLATE template0" ||
		fail "the database could not be created" "look at $log/database.log"
	step "installing the log" "$log/database.log" env -C / PATH="$bin:$PATH" "${as_postgresql[@]}" \
		"$shared/sql/install.sh" --database "$(conninfo postgres)" --login ||
		fail "the log could not be installed" "look at $log/database.log"
}
