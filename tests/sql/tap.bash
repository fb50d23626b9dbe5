# tests/sql/tap.bash - the Test Anything Protocol for tests in bash, and psql sessions that run side by side.

tap_count=0

ok() { # name, command...: passes when the command succeeds
	local name=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@"; then
		printf 'ok %d - %s\n' "$tap_count" "$name"
	else
		printf 'not ok %d - %s\n' "$tap_count" "$name"
	fi
}

is() { # got, expected, name
	tap_count=$((tap_count + 1))
	if [[ $1 == "$2" ]]; then
		printf 'ok %d - %s\n' "$tap_count" "$3"
	else
		printf 'not ok %d - %s\n' "$tap_count" "$3"
		printf '# got:      %s\n# expected: %s\n' "${1//$'\n'/$'\n#           '}" "${2//$'\n'/$'\n#           '}"
	fi
}

contains() { # got, expected part, name
	tap_count=$((tap_count + 1))
	if [[ $1 == *"$2"* ]]; then
		printf 'ok %d - %s\n' "$tap_count" "$3"
	else
		printf 'not ok %d - %s\n' "$tap_count" "$3"
		printf '# got:        %s\n# should have: %s\n' "${1//$'\n'/$'\n#             '}" "$2"
	fi
}

same() { # got, expected, name: like is, for long texts
	tap_count=$((tap_count + 1))
	if [[ $1 == "$2" ]]; then
		printf 'ok %d - %s\n' "$tap_count" "$3"
	else
		printf 'not ok %d - %s\n' "$tap_count" "$3"
		diff <(printf '%s\n' "$2") <(printf '%s\n' "$1") | sed 's/^/# /' || true
	fi
}

done_testing() {
	printf '1..%d\n' "$tap_count"
}

query() { # SQL, further options of psql: runs it in a session of its own and prints what it answers
	psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 "${@:2}" --command "$1"
}

# Sessions: session_open NAME [psql options]; session_send NAME SQL returns at once; session_answer NAME prints all that
# was answered to what was sent, when it is done; session_run NAME SQL is both.
declare -A session_in=() session_out=() session_process=() session_pid=()

session_open() {
	local name=$1 in out
	shift
	mkfifo "$PGHOST/$name.in" "$PGHOST/$name.out"
	psql --no-psqlrc --quiet --no-align --tuples-only "$@" <"$PGHOST/$name.in" >"$PGHOST/$name.out" 2>&1 &
	session_process[$name]=$!
	exec {in}>"$PGHOST/$name.in" {out}<"$PGHOST/$name.out"
	rm -- "$PGHOST/$name.in" "$PGHOST/$name.out"
	session_in[$name]=$in session_out[$name]=$out
	session_send "$name" 'SELECT pg_backend_pid()'
	session_pid[$name]=$(session_answer "$name")
}

session_send() {
	printf '%s;\n' "$2" >&"${session_in[$1]}"
}

session_answer() {
	local line
	printf '\\echo :: answered\n' >&"${session_in[$1]}"
	while IFS= read -r -t 30 line <&"${session_out[$1]}"; do
		[[ $line != ':: answered' ]] || return 0
		[[ -z $line ]] || printf '%s\n' "$line"
	done
}

session_run() {
	session_send "$1" "$2"
	session_answer "$1"
}

# Ends a session.  (Closing its input is not enough: later sessions have inherited it.)
session_close() {
	printf '\\q\n' >&"${session_in[$1]}"
	wait "${session_process[$1]}" || true
}

session_kill() { # for a session that reads no more
	kill "${session_process[$1]}"
	wait "${session_process[$1]}" || true
}

# Asks until the answer is "t", for at most 30 s.
becomes_true() { # SQL
	local deadline=$((SECONDS + 30))
	until [[ $(query "$1") == t ]]; do
		((SECONDS < deadline)) || return 1
	done
}

waits_for() { # name of a session, name of the one that must hold it up
	becomes_true "SELECT ${session_pid[$2]} = ANY (pg_blocking_pids(${session_pid[$1]}))"
}
