# shellcheck shell=bash
# deploy/steps.sh - how the scripts tell what they are doing.  Sourced, never run.
#
# A step shows its name while it runs and its time when it took long; what it prints goes to a log, whose end is shown
# when it fails.

program=${0##*/}

say() {
	printf '%s\n' "$*"
}

fail() { # reason, next step
	printf '%s: %s\n' "$program" "$1" >&2
	[[ -z ${2-} ]] || printf '%s: next: %s\n' "$program" "$2" >&2
	exit 1
}

show_end() { # of a log
	[[ -s $1 ]] || return 0
	printf -- '---- the end of %s\n' "$1" >&2
	tail -n 20 -- "$1" >&2
	printf -- '----\n' >&2
}

# Sleeps without a process of its own, so that a signal is dealt with at once.
exec {never}<> <(:)
pause() { # seconds
	read -r -t "$1" -u "$never" _ || true
}

# What runs in the background on our behalf: the leader of a session of its own (sudo needs to stay in ours).
step_leader=
step_session=(setsid)

end_step() {
	[[ -z $step_leader ]] || kill -TERM -- "-$step_leader" 2>/dev/null || kill -TERM "$step_leader" 2>/dev/null || true
	step_leader=
}

watch_step() { # text, log: until the leader has ended; its status
	local text=$1 log=$2 started=$SECONDS status=0 line

	if [[ -t 1 ]]; then
		while kill -0 "$step_leader" 2>/dev/null; do
			pause 0.2
			((SECONDS > started)) || continue
			line=$(tail -n 1 -- "$log" 2>/dev/null | tr -dc '[:print:]')
			printf '\r%s ... %d s  %.60s\033[K' "$text" $((SECONDS - started)) "$line"
		done
		printf '\r\033[K%s ...' "$text"
	fi
	wait "$step_leader" || status=$?
	step_leader=
	if ((status != 0)); then
		printf ' failed\n'
	elif ((SECONDS - started > 1)); then
		printf ' done in %d s\n' $((SECONDS - started))
	else
		printf ' done\n'
	fi
	return "$status"
}

step() { # text, log, command...
	local text=$1 log=$2
	shift 2
	printf '%s ...' "$text"
	"${step_session[@]}" "$@" >>"$log" 2>&1 </dev/null {never}>&- &
	step_leader=$!
	watch_step "$text" "$log" || {
		show_end "$log"
		return 1
	}
}
