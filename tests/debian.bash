# shellcheck shell=bash
# tests/debian.bash - a Debian of the tests' own: for a machine (tests/host), for the images (tests/compose).

# The places that this machine's own apt gets Debian 12 from, as lines of a sources.list.
debian_sources() {
	# shellcheck disable=SC2016 # apt's own
	apt-get indextargets --format 'deb $(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
		grep -E ' bookworm(-updates|-security)? main$' | sort -u
}

# Debian 12 without documentation in a folder, or as an archive on standard output.
make_debian() { # folder or "-", folder for the work, options of mmdebstrap...
	debian_sources >"$2/sources.list"
	# shellcheck disable=SC2016 # $1 is the hook's
	mmdebstrap --mode=root --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
		--extract-hook='printf "path-exclude /usr/share/%s/*\n" doc man locale >"$1/etc/dpkg/dpkg.cfg.d/slim"' \
		"${@:3}" bookworm "$1" "$2/sources.list"
}
