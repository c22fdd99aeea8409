#!/usr/bin/env bats
# The examples of every command's help, from which the manual pages have theirs, work as they stand there.
load helpers

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "they are about crun-go"
	# By the name that people type, with a state of its own, for the bundle that they are about.
	mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/work"
	printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$RUNTIME" "$ROOT" >"$BATS_TEST_TMPDIR/bin/crun-go"
	chmod 755 "$BATS_TEST_TMPDIR/bin/crun-go"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	cd "$BATS_TEST_TMPDIR/work"
	mount -t tmpfs srv /srv
	mkdir /srv/web
	cp -a "$BUNDLE/." /srv/web
	RAN=
}

eval "common_$(declare -f teardown)"
teardown() {
	! mountpoint -q /srv || umount /srv
	common_teardown
}

# examples COMMAND: the lines of its example.
examples() { crun-go "$1" --help | sed -n '/^EXAMPLE:$/,/^$/s/^   //p'; }

# shown COMMAND [LINE]: its example, or a line of that, does what it says.
shown() {
	local line
	line=$(examples "$1" | sed -n "${2:-1}p")
	[ -n "$line" ] || fail "$1 has no example"
	ok timeout --foreground -k 5 60 bash -ec "$line"
	RAN+=" $1"
}

# srv FILTER: edit config.json of the bundle.
srv() { jq "$1" /srv/web/config.json >config && mv config /srv/web/config.json; }

@test "each command has an example, and each that can be run works" {
	local saved command missing=
	saved=$(</srv/web/config.json)
	rm /srv/web/config.json
	shown spec
	[ -s /srv/web/config.json ] || fail "spec has written nothing"
	echo "$saved" >/srv/web/config.json
	for command in check plan features version help completion gc; do shown "$command"; done
	[[ $(examples completion) == "source <(crun-go completion bash)" ]] || fail "not what was run"
	shown seccomp 1
	srv '.process.args = ["true"]'
	shown run
	crun-go run --trace start.json --bundle /srv/web web
	shown trace
	[ -s start.svg ] || fail "trace has drawn nothing"
	srv '.process.args = ["sleep", "100"]'
	echo '[{"destination": "/example", "type": "tmpfs", "source": "tmpfs"}]' >mounts.json
	for command in create start state ps list mounts pause resume inspect; do shown "$command"; done
	shown events
	jq -e '.type == "stats"' "$OUT" >/dev/null || fail "no statistics"
	# At a terminal, in which somebody types exit until the shell listens.
	typed() { while sleep 0.5 && echo exit 2>/dev/null; do :; done; }
	timeout -k 5 60 script -qec "$(examples exec)" /dev/null < <(typed) >"$OUT" 2>"$ERR" 3>&- || fail "exec"
	RAN+=" exec"
	shown kill
	shown delete
	same containers "$(crun-go list -q)" ""
	# Not on this host, but as it stands there otherwise.
	ok bash -ec "$(examples engines) --prefix $BATS_TEST_TMPDIR/work"
	RAN+=" engines"
	if command -v criu >/dev/null; then
		mkdir /srv/image
		crun-go run --detach --bundle /srv/web web </dev/null >/dev/null 2>&1
		shown checkpoint
		ok bash -ec "$(examples restore) --detach"
		RAN+=" restore"
		crun-go delete --force web
	fi
	for command in $(crun-go --help | sed -n '/^COMMANDS:/,/^$/s/^   \([a-z]*\).*/\1/p'); do
		[ -n "$(examples "$command")" ] || fail "$command has no example"
		[[ " $RAN " == *" $command "* ]] || missing+=" $command"
	done
	# update's limits need all controllers, its device one that few hosts have (tests/vm/update.bats).
	missing=${missing/ update/}
	command -v criu >/dev/null || missing=${missing/ checkpoint restore/}
	same "commands whose example was not run" "$missing" ""
}
