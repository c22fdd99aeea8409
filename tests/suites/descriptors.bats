#!/usr/bin/env bats
# descriptors: what a container inherits, and what is sent about it.
load helpers

# named ARG...: the runtime with the options that come before the command.
named() { exec "$RUNTIME" --root "$ROOT" "$@"; }

# receive NAME: an engine's socket at $BATS_TEST_TMPDIR/NAME; what comes is in
# NAME.got. fd 3 is bats' own.
receive() {
	"$PROBE" receive "$BATS_TEST_TMPDIR/$1" >"$BATS_TEST_TMPDIR/$1.got" 3>&- &
	until_true test -S "$BATS_TEST_TMPDIR/$1"
}

# got_pidfd NAME
got_pidfd() {
	until_true grep -q . "$BATS_TEST_TMPDIR/$1.got"
	same message "$(<"$BATS_TEST_TMPDIR/$1.got")" 'data "standard", 1 descriptor: anon_inode:[pidfd]'
}

@test "socket activation: the socket, its name and the pid in the container" {
	ours "1.1 passes no names"
	args /probe serve
	"$PROBE" activate "$BATS_TEST_TMPDIR/web" "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >"$ERR" 2>&1 3>&- &
	until_true test -S "$BATS_TEST_TMPDIR/web"
	ok "$PROBE" call "$BATS_TEST_TMPDIR/web"
	same answer "$out" "this is web"
	wait $!
}

@test "socket activation through create and start" {
	ours "1.1 passes no names"
	args /probe serve
	"$PROBE" activate "$BATS_TEST_TMPDIR/web" "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >"$ERR" 2>&1 3>&-
	ok start "$ID"
	ok "$PROBE" call "$BATS_TEST_TMPDIR/web"
	same answer "$out" "this is web"
}

@test "socket activation without a pid namespace" {
	ours "1.1 says pid 1"
	config '.linux.namespaces |= map(select(.type != "pid"))'
	args /probe serve
	"$PROBE" activate "$BATS_TEST_TMPDIR/web" "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" </dev/null >"$ERR" 2>&1 3>&-
	ok start "$ID"
	ok "$PROBE" call "$BATS_TEST_TMPDIR/web"
	same answer "$out" "this is web"
}

@test "LISTEN_FDS meant for another process is nothing to us" {
	args /probe view
	LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=x ok run_bundle "$ID"
	same variables "$(jq -r '.env[] | select(startswith("LISTEN_"))' "$OUT")" ""
}

@test "--preserve-fds come after those of LISTEN_FDS" {
	args sh -c 'cat <&3; cat <&4; ls /proc/self/fd | wc -l'
	echo first >"$BATS_TEST_TMPDIR/3"
	echo second >"$BATS_TEST_TMPDIR/4"
	(
		exec 3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4" 5</dev/null </dev/null >"$OUT" 2>"$ERR"
		export LISTEN_FDS=1 LISTEN_PID=$BASHPID
		named run --bundle "$BUNDLE" --preserve-fds 1 "$ID"
	)
	same output "$(tr '\n' ' ' <"$OUT")" "first second 6 "
}

@test "sockets of LISTEN_FDS that are not there are refused" {
	ours "1.1 checks for them after it has opened its own"
	LISTEN_FDS=1 no 1 "descriptor 3 of LISTEN_FDS: not open" bash -c "LISTEN_PID=\$\$ exec '$RUNTIME' --root '$ROOT' run --bundle '$BUNDLE' $ID"
	no 1 'invalid value "-1"' run_bundle --preserve-fds=-1 "$ID"
	no 1 'invalid value "x"' run_bundle --preserve-fds=x "$ID"
}

@test "--pidfd-socket: create, run, run --detach" {
	ours "1.1 has no --pidfd-socket"
	receive create
	ok create --pidfd-socket "$BATS_TEST_TMPDIR/create" "$ID"
	got_pidfd create
	receive detach
	ok run_bundle --detach --pidfd-socket "$BATS_TEST_TMPDIR/detach" "$ID-2"
	got_pidfd detach
	receive run
	args true
	ok run_bundle --pidfd-socket "$BATS_TEST_TMPDIR/run" "$ID-3"
	got_pidfd run
}

@test "a pidfd for who asks by annotation" {
	ours "1.1 does not know it"
	config --arg socket "$BATS_TEST_TMPDIR/asked" '.annotations = {"run.oci.pidfd_receiver": $socket}'
	receive asked
	receive flag
	ok create --pidfd-socket "$BATS_TEST_TMPDIR/flag" "$ID"
	got_pidfd asked
	got_pidfd flag
}

@test "nobody at the pidfd socket: no container" {
	ours "1.1 has no --pidfd-socket"
	no 1 "--pidfd-socket: connect $BATS_TEST_TMPDIR/none" create --pidfd-socket "$BATS_TEST_TMPDIR/none" "$ID"
	one_error
	config --arg socket "$BATS_TEST_TMPDIR/none" '.annotations = {"run.oci.pidfd_receiver": $socket}'
	no 1 "annotations.run.oci.pidfd_receiver: connect $BATS_TEST_TMPDIR/none" run_bundle "$ID"
	one_error
}

@test "console socket: nobody there, and a path too long for an address" {
	config '.process.terminal = true'
	args tty
	ours "1.1 words it otherwise"
	no 1 "--console-socket: connect $BATS_TEST_TMPDIR/none" create --console-socket "$BATS_TEST_TMPDIR/none" "$ID"
	local long=$BATS_TEST_TMPDIR/$(printf 'x%.0s' {1..120})
	mkdir "$long"
	(cd "$long" && exec "$PROBE" receive s >"$BATS_TEST_TMPDIR/long.got" 3>&-) &
	until_true test -S "$long/s"
	ok create --console-socket "$long/s" "$ID"
	ok start "$ID"
	wait $!
	grep -q /dev/pts/0 "$BATS_TEST_TMPDIR/long.got"
}
