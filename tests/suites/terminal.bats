#!/usr/bin/env bats
# terminal: a container with a terminal in the foreground, at a terminal and
# without one.
load helpers

suite_setup() { mkdir -p "$BATS_FILE_TMPDIR/rootfs/dev"; }

# tty SCRIPT: the container runs this shell script at its terminal.
tty() {
	config '.process.terminal = true'
	script "$1"
}

# at_pty ACTION...: run the container at a terminal where ACTIONs happen.
at_pty() { "$PROBE" pty "$@" -- "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"; }

# shown: what the last try printed, without carriage returns.
shown() { tr -d '\r' <"$OUT"; }

@test "at a terminal: typing, output, exit code, and the terminal as before" {
	tty 'tty; echo ready; read -r line; echo "got $line"; exit 7'
	try at_pty see:ready raw: 'type:hello\r'
	same "exit code" "$rc" 7
	same shown "$(shown)" $'/dev/pts/0\nready\nhello\ngot hello'
}

@test "lines end as the program ends them where standard output is no terminal" {
	tty 'echo hi; stat -c done /'
	ok "$PROBE" pty -- sh -c '"$0" --root "$1" run --bundle "$2" "$3" | od -An -c' "$RUNTIME" "$ROOT" "$BUNDLE" "$ID"
	same bytes "$(tr -d ' \r\n' <"$OUT")" 'hi\ndone\n'
}

@test "the terminal is /dev/console and the controlling one, and is the user's" {
	config '.process.user = {uid: 1000, gid: 1000}'
	tty 'tty </dev/console; stat -c %u /dev/console; echo to tty >/dev/tty; stat -c "%u %a" /dev/pts/0'
	ok at_pty
	same shown "$(shown)" $'/dev/console\n1000\nto tty\n1000 620'
}

@test "the size is the caller's, and follows it" {
	tty 'trap "stty size; exit" WINCH; stty size; while :; do sleep 0.05; done'
	config '.process.consoleSize = {height: 40, width: 100}'
	ok at_pty 'see:24 80' raw: size:50x132 'see:50 132'
}

@test "consoleSize where the caller has no terminal" {
	tty 'stty size'
	config '.process.consoleSize = {height: 40, width: 100}'
	ok run_bundle "$ID"
	same shown "$(shown)" "40 100"
	config '.process.consoleSize = {height: 65536, width: 100}'
	no 1 process.consoleSize run_bundle "$ID"
}

@test "^C is a byte: the container's program gets the signal, not the runtime" {
	tty 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.05; done'
	try at_pty see:ready raw: 'type:\x03' see:interrupted
	same "exit code" "$rc" 9
}

@test "signals are passed on and the terminal is as before, whatever ends it" {
	local sig
	for sig in HUP INT QUIT TERM USR1 USR2 ALRM; do
		tty "trap 'echo got $sig; exit 5' $sig; echo ready; while :; do sleep 0.05; done"
		try at_pty see:ready raw: kill:$sig "see:got $sig"
		same "exit code after $sig" "$rc" 5
	done
	tty 'kill -KILL $$'
	config '.linux.namespaces |= map(select(.type != "pid"))'
	try at_pty
	same "exit code" "$rc" 137
}

@test "a failure to start leaves the terminal alone" {
	tty ''
	args /nosuch
	try at_pty
	same "exit code" "$rc" 1
	[[ $out == *'no such file or directory'* ]] || fail "no reason given"
}

@test "stopped and continued: the terminal is raw again" {
	tty 'echo ready; read -r line; echo "got $line"'
	ok at_pty see:ready raw: kill:STOP reset: cooked: kill:CONT raw: 'type:x\r' 'see:got x'
}

@test "in the background the terminal is left alone" {
	tty 'echo ready; read -r line; echo "got $line"; read -r line; echo "got $line"'
	# Who moves a job that runs to the foreground does not tell it.
	ok "$PROBE" pty see:ready cooked: 'see:to the fore' handed: 'type:one\r' 'see:got one' raw: 'type:two\r' 'see:got two' -- \
		bash -c 'set -m; "${@:2}" & until grep -q ready "$1"; do sleep 0.05; done
			sleep 0.2; stty -a | grep -q " icanon" && echo to the fore; fg >/dev/null' bash "$OUT" \
		"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
}

@test "when the terminal goes, so does the container's" {
	tty 'trap "echo hang-up >/gone; exit" HUP; echo ready; while :; do sleep 0.05; done'
	try at_pty see:ready raw: hang-up:
	same "what the container saw" "$(<"$BUNDLE/rootfs/gone")" hang-up
}

@test "all that was printed arrives, also last words and much" {
	tty 'seq 1 20000; printf end'
	ok at_pty
	same lines "$(shown | wc -l)" 20000
	same end "$(shown | tail -n 1)" end
	ok run_bundle "$ID"
	same lines "$(shown | wc -l)" 20000
	same end "$(shown | tail -n 1)" end
}

@test "what others in the container print after init's end is not waited for" {
	tty 'setsid sh -c "while :; do echo x; done" & sleep 0.2; exit 3'
	try run_bundle "$ID"
	same "exit code" "$rc" 3
	config '.linux.namespaces |= map(select(.type != "pid"))'
	try run_bundle "$ID"
	same "exit code" "$rc" 3
}

@test "no terminal here: the input's end is the container's" {
	tty 'cat; echo end'
	printf 'one\ntwo' | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 3>&-
	same shown "$(shown)" $'one\ntwoone\ntwoend'
	ok run_bundle "$ID" # at the end from the start
	same shown "$(shown)" end
	tty 'cat; cat; echo end'
	ok run_bundle "$ID"
	same shown "$(shown)" end
}

@test "no terminal here: a shell that reads commands" {
	tty ''
	args sh
	printf 'echo $((6*7))\nstty -echo\n' | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 3>&-
	grep -q '^42' "$OUT" || fail "the shell did not run it"
}

@test "a reader who goes away ends the terminal" {
	tty 'while echo y; do :; done; exit 6'
	rt run --bundle "$BUNDLE" "$ID" </dev/null 3>&- | head -n 1 >"$OUT"
	same shown "$(shown)" y
}

@test "a program may let go of its terminal and come back" {
	tty 'exec </dev/null >/dev/null 2>&1; sleep 0.2; exec >/dev/console; echo back'
	ok at_pty
	same shown "$(shown)" back
}

@test "plan: who will get the terminal need not be known" {
	tty true
	ok rt plan --bundle "$BUNDLE"
	[[ $out == *"process.terminal"* ]] || fail "no such step"
	no 1 "cannot allocate tty if" run_bundle --detach "$ID"
}

@test "exec --tty: a terminal of its own, at the caller's and without one" {
	ok create "$ID"
	ok start "$ID"
	local script='tty; echo ready; read -r line; echo "got $line"; until [ "$(stty size)" = "50 132" ]; do sleep 0.05; done; exit 8'
	try "$PROBE" pty see:ready raw: 'type:hello\r' 'see:got hello' size:50x132 -- \
		"$RUNTIME" --root "$ROOT" exec --tty "$ID" sh -c "$script"
	same "exit code" "$rc" 8
	[[ $out == */dev/pts/0* ]] || fail "not a terminal of the container's"
	printf 'echo $((6*7))\n' | rt exec -t "$ID" sh >"$OUT" 3>&-
	grep -q '^42' "$OUT" || fail "the shell did not run it"
}

@test "a user namespace with the host's /dev: a terminal of the host's devpts" {
	ours "1.1 has no terminal then"
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings
		| .mounts = [.mounts[] | select(.destination | startswith("/dev") | not)] + [{destination: "/dev", type: "bind", source: "/dev", options: ["rbind", "rslave"]}]'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	tty 'tty && stat -c %u "$(tty)"'
	ok at_pty
	[[ $(shown) == /dev/pts/[0-9]*$'\n'0 ]] || fail "no terminal of its own"
}
