# shellcheck shell=bash disable=SC2154 # url is the test's
# tests/deploy/trial.bash - starting deploy/run, stopping it, asking it, and looking for what it leaves.
#
# Sourced by tests/deploy/run.
: "${work:?}" "${tree:?}"

# ---- starting and stopping

runner='' output='' as=()

free_port() {
	local port
	for ((port = 8094; port < 8100; port++)); do
		! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
		printf %d "$port"
		return
	done
	printf 'Bail out! no port from 8094 to 8099 is free\n'
	exit 1
}

# Starts it in the background with the signals of a foreground program; its output goes to a file of its own.
launch() { # arguments of deploy/run
	output=$(mktemp "$work/output.XXXXXX")
	chmod 666 "$output"
	env --default-signal=INT,QUIT "${as[@]}" "$tree/deploy/run" "$@" >"$output" 2>&1 </dev/null &
	runner=$!
}

until_true() { # seconds, command...
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		read -r -t 0.1 -u "$never" _ || true # else its timeout would be the result
	done
}
exec {never}<> <(:)

is_ready() {
	grep -q '^ready ' "$output" || ! kill -0 "$runner" 2>/dev/null
}

ready() { # seconds: whether it got there
	until_true "$1" is_ready
	grep -q '^ready ' "$output" || {
		cat "$output"
		return 1
	}
}

ended() { # process
	! kill -0 "$1" 2>/dev/null
}

# The processes that run from or in a folder, however they came to be there.
left_in() { # folder
	find /proc/[0-9]*/exe /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$1" -o -lname "$1/*" \) 2>/dev/null |
		cut -d / -f 3 | sort -u | paste -sd ' '
}

nothing_left() { # folder
	[[ -z $(left_in "$1") ]] || {
		ps -o pid,ppid,args -p "$(left_in "$1" | tr ' ' ',')"
		return 1
	}
}

stop() { # signal: its exit status
	local status=0
	kill "-$1" "$runner" 2>/dev/null
	wait "$runner" 2>/dev/null || status=$?
	runner=
	return "$status"
}

# ---- asking

request() { # path, arguments of curl...: status and body
	local path=$1
	shift
	curl -sS -m 15 -w '\n%{http_code}' "$@" "$url$path"
}

answers() { # status, path, arguments of curl...
	local expected=$1 got
	shift
	got=$(request "$@")
	[[ ${got##*$'\n'} == "$expected" ]] || {
		printf '%s\n' "$got"
		return 1
	}
}

problem() { # status, type, path, arguments of curl...
	local status=$1 type=$2 got
	shift 2
	got=$(request "$@" -D "$work/headers")
	[[ ${got##*$'\n'} == "$status" && $got == *"\"type\":\"/problems/$type\""* && $got == *"\"status\":$status,"* ]] &&
		grep -qi '^content-type: application/problem+json' "$work/headers" &&
		grep -qi '^content-security-policy: ' "$work/headers" || {
		cat "$work/headers"
		printf '%s\n' "$got"
		return 1
	}
}

append() { # content
	answers 201 /api/ledgers/main/commands -H 'Content-Type: application/json' -d "{\"type\":\"append\",\"content\":\"$1\"}"
}

items() { # the contents at the head, in order
	curl -sS -m 15 "$url/api/ledgers/main" | grep -o '"content":"[^"]*"' | sed 's/.*:"\(.*\)"/\1/' | paste -sd ' '
}

items_are() { # contents
	local got
	got=$(items)
	[[ $got == "$1" ]] || {
		printf 'got: %s\n' "$got"
		return 1
	}
}

process_of() { # name, folder, pattern of its arguments: the one of these that eventledger-hold started
	local id
	for id in $(left_in "$2"); do
		[[ $(cat "/proc/$id/comm" 2>/dev/null) == "$1" ]] || continue
		[[ $(tr '\0' ' ' <"/proc/$id/cmdline" 2>/dev/null) =~ ${3-} ]] || continue
		printf %s "$id"
		return
	done
	return 1
}
