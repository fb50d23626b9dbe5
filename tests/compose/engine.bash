# shellcheck shell=bash
# tests/compose/engine.bash - a Docker engine of the tests' own, and the images that a machine without a registry lacks.
#
# Its data, its socket and its processes lie in the folder $engine and are gone when it stops; so are the bridge and the
# rules of the packet filter, where there were none before.  Sourced by tests/compose/run, which has bail and $here.

# shellcheck source-path=SCRIPTDIR source=../debian.bash
. "$here/../debian.bash"

readonly start_patience=60 # seconds

engine_process='' had_bridge=false

start_engine() { # folder, folder of the data
	engine=$1
	command -v dockerd >/dev/null || bail 'no Docker engine is installed here'
	((EUID == 0)) || bail 'only root can start a Docker engine'
	export DOCKER_HOST=unix://$engine/docker.sock
	[[ ! -e /sys/class/net/docker0 ]] || had_bridge=true
	iptables-save >"$engine/iptables" 2>/dev/null || true
	setsid dockerd --data-root "$2" --exec-root "$engine/exec" --host "$DOCKER_HOST" --pidfile "$engine/pid" \
		>"$engine/log" 2>&1 </dev/null &
	engine_process=$!
	for ((i = 0; i < start_patience * 10; i++)); do
		! docker info >/dev/null 2>&1 || return 0
		kill -0 "$engine_process" 2>/dev/null || break
		sleep 0.1
	done
	bail 'no Docker engine can run here' "$engine/log"
}

stop_engine() {
	local place
	[[ -n $engine_process ]] || return 0
	kill -TERM "$engine_process" 2>/dev/null || true
	wait "$engine_process" 2>/dev/null || true
	engine_process=
	while read -r _ place _; do
		[[ $place != "$engine"/* ]] || umount -l -- "$place" 2>/dev/null || true
	done < <(tac /proc/mounts)
	if ! $had_bridge; then
		ip link delete docker0 2>/dev/null || true
		[[ ! -s $engine/iptables ]] || iptables-restore <"$engine/iptables" 2>/dev/null || true
	fi
}

# Debian as the image "debian:bookworm-slim" has it, which gets its packages, apt's and npm's, the way this machine does.
make_base_image() { # folder for the work
	local line options=()
	! docker image inspect debian:bookworm-slim >/dev/null 2>&1 || return 0
	while IFS= read -r line; do
		options+=(--aptopt="$line")
	done < <(apt-config dump Acquire | grep -iE '^Acquire::(https?|Check)[^ ]* "..*"')
	[[ ! -e $authorities ]] || options+=("--customize-hook=copy-in $authorities /usr/local/share")
	make_debian - "$1" --quiet --variant=minbase "${options[@]}" |
		docker import --change 'CMD ["bash"]' \
			--change "ENV NODE_EXTRA_CA_CERTS=/usr/local/share/${authorities##*/}" \
			--change "ENV NPM_CONFIG_REGISTRY=$(npm config get registry --prefix /)" - debian:bookworm-slim
}
readonly authorities=/etc/ssl/certs/ca-certificates.crt
