#!/usr/bin/env bats
# Standard streams of a process that is not the host's root: it may open them again,
# by /dev/stdout and its like, and what belongs to the caller stays his.
load helpers

userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 "$BUNDLE/rootfs" "$BUNDLE/rootfs"/{dev,proc,sys,tmp}
}

user() { config '.process.user = {uid: 1000, gid: 1000}'; }

# The other side copies each stream by itself.
SAYS='echo one >/dev/stderr && sleep 0.2 && echo two >/dev/stdout && sleep 0.2 && echo three >/dev/stderr'

# piped COMMAND...: its output, of both streams, through a pipe.
piped() { "$@" 2>&1 </dev/null 3>&- | cat >"$OUT"; out=$(<"$OUT"); }

@test "run: a pipe, opened again" {
	for who in userns user; do
		$who
		script "$SAYS"
		piped run_bundle "$ID"
		same "output of $who" "$out" $'one\ntwo\nthree'
	done
}

@test "run: a file, opened again, stays the caller's" {
	for who in userns user; do
		$who
		script "$SAYS; stat -c %F -L /proc/self/fd/1; chmod 0777 /dev/stdout; chown 5 /dev/stdout; head -c 200000 /dev/zero"
		install -m 0600 /dev/null "$BATS_TEST_TMPDIR/file"
		echo before >"$BATS_TEST_TMPDIR/file"
		run_bundle "$ID" </dev/null 3>&- >>"$BATS_TEST_TMPDIR/file" 2>&1
		same "output of $who" "$(head -n 5 "$BATS_TEST_TMPDIR/file" | tr '\n' ' ')" 'before one two three fifo '
		same "all of it, of $who" "$(tr -cd '\0' <"$BATS_TEST_TMPDIR/file" | wc -c)" 200000
		same "owner and mode with $who" "$(stat -c '%u %g %a' "$BATS_TEST_TMPDIR/file")" "0 0 600"
	done
}

@test "run: a file that everybody may write, and devices, are passed as they are" {
	user
	echo before >"$BATS_TEST_TMPDIR/file"
	chmod 0666 "$BATS_TEST_TMPDIR/file"
	script 'stat -c %F -L /proc/self/fd/1 /proc/self/fd/2'
	ours "1.1 has pipes for everything"
	run_bundle "$ID" </dev/null 3>&- >>"$BATS_TEST_TMPDIR/file" 2>/dev/null
	same kinds "$(<"$BATS_TEST_TMPDIR/file")" $'before\nregular file\ncharacter special file'
	same "owner of /dev/null" "$(stat -c '%u' /dev/null)" 0
}

@test "run: two files are two" {
	userns
	script 'echo out; echo err >&2; exit 7'
	no 7 err run_bundle "$ID"
	same stdout "$out" out
	same stderr "$err" err
}

@test "run that fails tells what hooks have said" {
	userns
	printf '#!/bin/sh\necho said by the hook >&2\nexit 3\n' >"$BATS_TEST_TMPDIR/hook"
	chmod 0755 "$BATS_TEST_TMPDIR/hook"
	config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.createContainer = [{path: $hook}]'
	no 1 "said by the hook" run_bundle "$ID"
}

@test "run ends though another process holds the pipe" {
	ours "1.1 waits for it"
	config '.linux.namespaces |= map(select(.type != "pid"))'
	user
	script 'sleep 20 & echo here'
	SECONDS=0
	ok run_bundle --keep "$ID"
	same output "$out" here
	[ "$SECONDS" -lt 15 ] || fail "it has waited"
	ok rt delete --force "$ID"
}

@test "exec: pipes and files, opened again" {
	userns
	up
	piped rt exec "$ID" sh -c "$SAYS"
	same "through a pipe" "$out" $'one\ntwo\nthree'
	ok rt exec "$ID" sh -c "$SAYS"
	same "stdout of a file" "$out" two
	same "stderr of a file" "$err" $'one\nthree'
	same "owner" "$(stat -c %u "$OUT")" 0
	ok rt exec --user 1000 "$ID" sh -c "$SAYS"
	same "stdout of a user" "$out" two
	same "owner" "$(stat -c %u "$OUT")" 0
}

@test "pipes and fifos of others stay theirs" {
	userns
	script 'echo a >/dev/stderr; true'
	mkfifo -m 0600 "$BATS_TEST_TMPDIR/fifo"
	chown 77 "$BATS_TEST_TMPDIR/fifo"
	cat "$BATS_TEST_TMPDIR/fifo" >/dev/null 3>&- &
	ours "1.1 has pipes for everything"
	run_bundle "$ID" </dev/null 3>&- 2>"$BATS_TEST_TMPDIR/fifo"
	wait $!
	same "owner of a fifo" "$(stat -c %u "$BATS_TEST_TMPDIR/fifo")" 77
}
