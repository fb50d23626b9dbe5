# shellcheck shell=bash
# tests/host/load.bash - people who write and a page that listens, through whatever happens.
#
# Who writes sends again with the same key until there is a certain answer; who listens comes back with the last id, as a
# browser does.  Sourced by tests/host/run, after machine.bash.
: "${work:?}" "${name:?}" "${ledger:?}"

readonly commands_a_step=12 # answered before and after whatever is done, so that it happens under load
readonly answer_limit=60    # seconds for one answer
readonly stream_limit=600   # seconds for one event stream: longer than all of it

writers=() listener=''

# Becomes curl, in the network of the machine.
reach() { # arguments of curl
	exec nsenter --target "${first:?}" --net curl -sS --http2 --cacert "$work/certificate.pem" --connect-to ::127.0.0.1: "$@"
}

ask() { # arguments of curl
	(reach --max-time "$answer_limit" "$@")
}

send() { # who, key, content, ledger: prints the status and the answer
	local answer
	answer=$(ask -u "$1:$1 secret" -w '\n%{http_code}' -H 'Content-Type: application/json' -H "Idempotency-Key: $2" \
		-d "{\"type\":\"append\",\"content\":\"$3\"}" "https://$name/api/ledgers/$4/commands" 2>&1) || true
	printf '%s %s\n' "${answer##*$'\n'}" "${answer%$'\n'*}"
}

version_of() { # an answer, with its status
	sed -n 's/^20[01] .*"version":\([0-9]*\),"events".*/\1/p' <<<"$1"
}

write() { # who, number
	local key answer content count=0
	for ((count = 0; ; count++)); do
		[[ ! -e $work/stop ]] || return 0
		key=$(</proc/sys/kernel/random/uuid) content=$2/$count
		until answer=$(send "$1" "$key" "$content" "$ledger-load") && [[ $answer == 20[01]* ]]; do
			printf '%s\n' "${answer%% *}" >>"$work/answers"
			[[ $answer == @(000|503|504)* && ! -e $work/abandon ]] || return 1
			sleep 0.1
		done
		printf '%s\n' "${answer%% *}" >>"$work/answers"
		printf '%s %s %s %s\n' "$(version_of "$answer")" "$key" "$1" "$content" >>"$work/acknowledged.$2"
	done
}

# Every version that comes, once it is there whole, to $work/seen; $work/live is there once all that was is replayed.
follow() { # who, ledger
	local last=0 id='' line stream
	while [[ ! -e $work/stop ]]; do
		exec {stream}< <(reach --max-time "$stream_limit" -N -u "$1:$1 secret" -H "Last-Event-ID: $last" "https://$name/sse/ledgers/$2")
		echo $! >"$work/stream"
		while IFS= read -r line; do
			case $line in
			'id: '*) id=${line#id: } ;;
			'event: head') : >"$work/live" ;;
			'')
				[[ -z $id ]] || {
					last=$id
					echo "$last" >>"$work/seen"
				}
				id=''
				;;
			esac
		done <&"$stream"
		exec {stream}<&-
		sleep 0.1
	done
}

listen() { # who, ledger
	rm -f "$work/stop" "$work/seen" "$work/live"
	: >"$work/seen"
	follow "$@" >"$work/listener.out" 2>&1 &
	listener=$!
	until_true test -e "$work/live"
}

seen_last() {
	tail -n 1 "$work/seen"
}

seen() { # version
	(($(seen_last) >= $1))
}

start_load() { # who...
	local who
	listen "$1" "$ledger-load" || return 1
	rm -f "$work"/acknowledged.*
	: >"$work/answers"
	writers=()
	for who; do
		write "$who" "${#writers[@]}" >"$work/writer.out" 2>&1 &
		writers+=($!)
	done
}

stop_load() {
	local writer status=0
	: >"$work/stop"
	for writer in "${writers[@]}"; do
		wait "$writer" || status=1
	done
	writers=()
	while [[ -n $listener ]] && kill -0 "$listener" 2>/dev/null; do
		kill "$(<"$work/stream")" 2>/dev/null || true
		sleep 0.1
	done
	listener=''
	return "$status"
}

acknowledged() { # what every answer said: version, key, who, content
	cat "$work"/acknowledged.* | sort -n
}

more_than() { # a number of answers
	(($(acknowledged | wc -l) > $1))
}

# Waits until commands that are sent from now on are answered.
proceeds() {
	until_true more_than $(($(acknowledged | wc -l) + commands_a_step))
}

# Waits until the open page has everything that is there by now.
caught_up() {
	until_true seen "$(acknowledged | tail -n 1 | cut -d ' ' -f 1)"
}
