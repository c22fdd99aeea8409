#!/usr/bin/env bats
# readme: what README.md tells people to type works as it stands there; docs.bats does that for docs/.
load helpers

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "they are about crun-go"
	# By the name that people type, with a state of its own.
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$RUNTIME" "$ROOT" >"$BATS_TEST_TMPDIR/bin/crun-go"
	chmod 755 "$BATS_TEST_TMPDIR/bin/crun-go"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work"
}

# block TEXT: the indented lines that follow the line in the README that begins with TEXT.
block() {
	TEXT=$1 awk 'index($0, ENVIRON["TEXT"]) == 1 { on = 1; next } on && /^    / { print substr($0, 5); seen = 1; next }
		on && seen && !/^$/ { exit }' "$TESTS/../README.md"
}

# at_terminal FILE: as people do, at a terminal, in which they then type exit.
at_terminal() { { sleep 2; echo exit; sleep 2; } | timeout -k 5 60 script -qec "sh -ex $1" /dev/null; }

@test "a container without an engine" {
	block "Without an engine" >commands
	[ "$(wc -l <commands)" = 3 ] || fail "not the commands that were expected: $(<commands)"
	[ -x /bin/busybox ] || skip "needs /bin/busybox"
	ok at_terminal commands
	same containers "$(crun-go list -q)" ""
}

@test "a container of an image's files" {
	block "With an image's files" >commands
	# The image is the suites' own root filesystem, in the place of Docker's export.
	sed -i "s#docker export .* |#tar -C $BUNDLE/rootfs -c . |#" commands
	! grep -q docker commands || fail "$(<commands)"
	ok at_terminal commands
}

@test "every command and flag that is named is there" {
	local command flag n=0
	crun-go --help >help
	while read -r command flag; do
		n=$((n + 1))
		[ -n "$command" ] || continue
		crun-go "$command" --help >one || fail "no command $command"
		[ -z "$flag" ] || grep -qe "$flag" one || fail "$command has no $flag"
	done < <(grep -ohE '(`|^    |^[$#] )crun-go [a-z]+( [a-z]+)?( --[a-z-]+)?' "$TESTS"/../README.md "$TESTS"/../docs/*.md |
		sed -E 's/^.*crun-go ([a-z]+).*( --[a-z-]+)$/\1\2/; s/^.*crun-go ([a-z]+).*/\1/' | sort -u)
	[ "$n" -gt 10 ] || fail "only $n commands were found"
}

@test "the terminal in the picture shows what the commands print" {
	for command in script jq busybox; do command -v $command >/dev/null || skip "$command is not installed"; done
	case $(uname -r) in [1-6].*) ;; *) skip "the picture is of a kernel before 7.0, where init pivots" ;; esac
	"$TESTS/pictures/record" >now || fail "exit code $?"
	# Numbers are the machine's: limits, rules, steps.
	numberless() { sed -E 's/\x1b\[[0-9;]*m//g; s/[0-9]+/N/g' "$1"; }
	diff <(numberless "$TESTS/../docs/screen.txt") <(numberless now) || fail "make pictures"
}
