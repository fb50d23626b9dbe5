# shellcheck shell=bash disable=SC2154 # source and processors are set before a suite runs
# tests/suites.bash - the suites of tests/run that are more than a script: those that build and check.
#
# Sourced by tests/run, which says where the tree of a suite lies (source) and how many processors there are.
: "${root:?}"

# ---- what several suites are made of

# As one test: the command's output is the diagnosis.
check() { # description, command...
	local description=$1 status=0 output
	shift
	output=$("$@" 2>&1) || status=$?
	check_count=$((${check_count:-0} + 1))
	if ((status == 0)); then
		printf 'ok %d - %s\n' "$check_count" "$description"
		return 0
	fi
	printf 'not ok %d - %s\n' "$check_count" "$description"
	printf '%s\nexit status %d\n' "$(grep -vE '^  (CC|CCLD|AR|GEN) ' <<<"$output")" "$status" | tail -n 60 | sed 's/^/# /'
	return 1
}

plan() {
	printf '1..%d\n' "${check_count:-0}"
}

# Configures in build-NAME if that is not done yet, and builds.  What is plain is built where deploy/run does.
build() { # name, configure arguments...
	local folder=$source/build-$1
	[[ $1 != plain ]] || folder=$source/build
	shift
	mkdir -p "$folder" && cd "$folder" || return 1
	if [[ ! -e Makefile ]]; then
		if [[ ! -e $source/configure ]]; then
			autoreconf -i -Werror "$source" || return 1
		fi
		"$source/configure" -q "$@" || return 1
	fi
	make -s -j "$processors" all
}

# What "make check" did, as one report: the results of each program under its name.
report_check() { # folder
	local results count=0
	while IFS= read -r results; do
		local name=${results#"$1"/}
		name=${name%.trs}
		while IFS= read -r line; do
			case $line in
			':test-result: PASS'*) printf 'ok' ;;
			':test-result: SKIP'*) printf 'ok' ;;
			':test-result: '*) printf 'not ok' ;;
			*) continue ;;
			esac
			count=$((count + 1))
			printf ' %d - %s: %s\n' "$count" "${name#tests/}" "${line#:test-result: }"
		done <"$results"
		if grep -q ':test-result: \(FAIL\|ERROR\|XPASS\)' "$results"; then
			grep -A 8 -e '^not ok' -e '^Bail out' -e 'ERROR' "${results%.trs}.log" | head -n 60 | sed 's/^/# /'
			tail -n 20 "${results%.trs}.log" | sed 's/^/# /'
		fi
	done < <(find "$1" -name '*.trs' | LC_ALL=C sort)
	check_count=$count
}

run_check() { # folder, make arguments...
	local folder=$1
	shift
	find "$folder" -name '*.trs' -delete
	cd "$folder" || return 1
	make -s -k -j "$processors" check "$@" >check.out 2>&1
	local status=$?
	report_check "$folder"
	((status == 0 || check_count > 0)) || tail -n 40 check.out | sed 's/^/# /'
	return "$status"
}

# ---- the suites

readonly fuzz_seconds=10

suite_unit() {
	local status=0
	build plain --enable-werror || return 1
	run_check "$source/build" || status=1
	plan
	return "$status"
}

suite_sanitizers() {
	local status=0
	build sanitizers --enable-werror --enable-sanitizers || return 1
	run_check "$source/build-sanitizers" || status=1
	plan
	return "$status"
}

explain_themselves() { # commands: those that do not, within a few seconds
	local command explanation silent=()
	for command; do
		explanation=$(timeout 10 "$command" --help 2>/dev/null) && [[ -n $explanation ]] || silent+=("$command")
	done
	printf '%s\n' "${silent[@]}"
	((${#silent[@]} == 0))
}

suite_static() {
	local status=0
	build plain --enable-werror || return 1
	check "clang compiles without a warning" build_fuzzing || status=1
	cd "$source/build" || return 1
	check "every command has a --help" explain_themselves ./ledger.fcgi ./sse.fcgi "$source"/{.ci/run,sql/install.sh} \
		"$source"/deploy/{run,install-packages} "$source"/tests/{run,*/run,host/boot} || status=1
	check "shellcheck has nothing to say" make -s check-shell || status=1
	check "cppcheck has nothing to say" make -s check-cppcheck || status=1
	check "clang-tidy has nothing to say" make -s check-tidy || status=1
	check "gcc -fanalyzer has nothing to say" make -s check-analyzer || status=1
	check "clang-format would change nothing" make -s format-check || status=1
	plan
	return "$status"
}

build_fuzzing() {
	build fuzzing --enable-werror --enable-fuzzing --enable-sanitizers CC=clang
}

suite_fuzz() {
	local status=0 target name names=()
	build_fuzzing || return 1
	cd "$source/build-fuzzing" || return 1
	make -s -j "$processors" check TESTS= || return 1
	for target in tests/fuzz/fuzz-*; do
		[[ ! -x $target || ! -f $target ]] || names+=("${target##*/fuzz-}")
	done
	printf '%s\n' "${names[@]}" | xargs -P "$processors" -I '{}' bash "$root/tests/run" --fuzz '{}'
	for name in "${names[@]}"; do
		check "$name: nothing found in $fuzz_seconds s" found_nothing "$name" || status=1
	done
	plan
	return "$status"
}
# Leaves what it prints and its exit status beside what it finds.
fuzz() { # name
	local inputs status=0
	cd "$source/build-fuzzing" || return 1
	inputs=$(compgen -G "$source/tests/fuzz/$1.in") || inputs=$(compgen -G "$source/tests/fuzz/$1.corpus")
	mkdir -p "found/$1"
	"tests/fuzz/fuzz-$1" -max_total_time="$fuzz_seconds" -timeout=60 -rss_limit_mb=2048 -verbosity=0 "found/$1" "$inputs" \
		>"found/$1.out" 2>&1 || status=$?
	echo "$status" >"found/$1.status"
}

found_nothing() { # name
	cat "found/$1.out"
	return "$(<"found/$1.status")"
}

suite_store() {
	build plain --enable-werror || return 1
	make -s -j "$processors" store-tests || return 1
	"$source/tests/store/run"
}

suite_page() {
	build plain --enable-werror || return 1
	cd "$source/build" || return 1
	make -s check-page
}

linked_libraries() { # program: only what the project says it needs
	local others
	others=$(readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
		grep -vE '^lib(fcgi\.so\.0|json-c\.so\.5|pq\.so\.5|uuid\.so\.1|m\.so\.6|c\.so\.6)$')
	[[ -z $others ]] || {
		printf 'also linked: %s\n' "$others"
		return 1
	}
}

in_tarball() { # paths as git has them: whether all of their files are shipped
	local tarball
	tarball=$(echo "$source"/build/eventledger-*.tar.xz)
	comm -23 <(cd "$source" && find "$@" -type f ! -path '*/node_modules/*' ! -path '*/dist/*' ! -name '.gitignore' |
		LC_ALL=C sort) <(tar -tf "$tarball" | sed 's|^[^/]*/||' | LC_ALL=C sort) >"$source/build/missing.out"
	cat "$source/build/missing.out"
	[[ ! -s $source/build/missing.out ]]
}

suite_dist() {
	local status=0 program
	build plain --enable-werror || return 1
	cd "$source/build" || return 1
	for program in ledger.fcgi sse.fcgi deploy/eventledger-hold; do
		check "${program##*/} is linked with the four libraries at most" linked_libraries "$program" || status=1
	done
	check "make distcheck" make -s -j "$processors" distcheck || status=1
	check "every file of the programs is in the tarball" in_tarball fcgi sql deploy static tests/unit tests/store tests/fuzz || status=1
	check "the page is in the tarball, built" \
		sh -c 'tar -tf eventledger-*.tar.xz | grep -q "/static/dist/index.html$"' || status=1
	touch "$source/static/src/App.vue"
	check "a change of the page is built" sh -c '! make -q static/dist/index.html' || status=1
	plan
	return "$status"
}
