# shellcheck shell=bash
# tests/host/machine.bash - a Debian machine of the tests' own, with systemd, in namespaces.
#
# Its root filesystem lies in memory, its processes in a control group of their own: both are gone when it is removed.
# Sourced by tests/host/run.
: "${work:?}" "${root:?}" "${here:?}"

# shellcheck source-path=SCRIPTDIR source=../debian.bash
. "$here/../debian.bash"

readonly start_patience=60 # seconds until everything is up, or down
# Beyond Debian's essential packages: what boots, what README takes for granted, what the programs link, what tests ask.
readonly machine_packages=systemd-sysv,dbus,sudo,openssl,postgresql,nginx,make,libfcgi0ldbl,libjson-c5,libpq5,libuuid1,iproute2

# What make looks at again before it installs what was built here.
readonly built_with=(/usr/include /usr/lib/gcc)

tree='' group='' machine='' first=''

make_machine() { # name of the host
	local cgroups
	cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[[ -n $cgroups ]] || {
		echo 'there is no cgroup2 here'
		return 1
	}
	mkdir "$work/tree"
	mount -t tmpfs -o mode=755 none "$work/tree" || return 1
	tree=$work/tree
	mkdir "$cgroups/eventledger-host.$$" || return 1
	group=$cgroups/eventledger-host.$$
	make_debian "$tree" "$work" --variant=essential --include="$machine_packages" || return 1
	printf '%s\n' "$1" >"$tree/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$1" >"$tree/etc/hosts"
	tr -d - </proc/sys/kernel/random/uuid >"$tree/etc/machine-id"
}

# Switches it on; returns when everything that systemd starts is up.
boot() {
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		exec "$here/boot" "$tree" "$root" "${built_with[@]}"
	) >"$work/console" 2>&1 </dev/null &
	machine=$!
	first=
	for ((i = 0; i < start_patience * 10; i++)); do
		kill -0 "$machine" 2>/dev/null || break
		if [[ -z $first ]]; then
			read -r first <"/proc/$machine/task/$machine/children" || true
			[[ -n $first && $(<"/proc/$first/comm") == systemd ]] || first=''
		elif inside 'systemctl is-system-running' 2>/dev/null | grep -qE '^(running|degraded)$'; then
			return 0
		fi
		sleep 0.1
	done
	cat "$work/console"
	return 1
}

# Runs a line of bash in the machine, as root, with the environment of a login and no terminal.
inside() { # line, arguments...
	nsenter --target "$first" --mount --pid --net --ipc --uts --cgroup --root --wd \
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		setsid --wait bash -c "$1" bash "${@:2}"
}

# Runs a program of this machine in the network of the other.
in_network() {
	nsenter --target "$first" --net "$@"
}

# Waits until it is off; whether it wanted to be started again.
off() {
	local status=0
	for ((i = 0; i < start_patience * 10; i++)); do
		kill -0 "$machine" 2>/dev/null || break
		sleep 0.1
	done
	! kill -0 "$machine" 2>/dev/null || return 1
	wait "$machine" || status=$?
	machine='' first=''
	((status == 129))
}

# As when the power goes: nothing in there has a say.
cut_power() {
	[[ -z $machine ]] || kill -KILL "$machine" 2>/dev/null || true
	[[ -z $machine ]] || wait "$machine" 2>/dev/null || true
	machine='' first=''
	[[ -n $group ]] || return 0
	for ((i = 0; i < start_patience * 10; i++)); do
		grep -q '^populated 1' "$group/cgroup.events" || return 0
		sleep 0.1
	done
	return 1
}

remove_machine() {
	cut_power || echo 1 >"$group/cgroup.kill" || true
	[[ -z $group ]] || find "$group" -depth -type d -exec rmdir {} + || true
	[[ -z $tree ]] || umount -R -l "$tree" || true
}
