#!/usr/bin/env bats
# early: the program's own beginning, before Go's runtime, leaves no trace in what
# the runtime does and starts (package rtstart).
load helpers

# The runtime's binary begins where it is meant to; one that does not is slower only.
begun() {
	ours
	case $(uname -m) in x86_64 | aarch64) ;; *) skip "no beginning of our own on $(uname -m)" ;; esac
	grep -q GOMAXPROCS=01 "$RUNTIME" || skip "this build begins as Go programs do"
}

# hook writes its environment, its timer slack, its limit on open files and its
# processors.
hooked() {
	cat >"$BATS_TEST_TMPDIR/hook" <<-'END'
		#!/bin/sh
		env | grep ^GO | sort >"$1"
		cat /proc/self/timerslack_ns >>"$1"
		ulimit -Sn >>"$1"
		grep Cpus_allowed_list /proc/self/status >>"$1"
	END
	chmod 755 "$BATS_TEST_TMPDIR/hook"
	config --arg h "$BATS_TEST_TMPDIR/hook" --arg out "$BATS_TEST_TMPDIR/told" \
		'.process.args = ["cat", "/proc/self/timerslack_ns"] | .hooks.createRuntime = [{path: $h, args: ["hook", $out]}]'
}
told() { tr '\n' ' ' <"$BATS_TEST_TMPDIR/told"; }
processors() { grep Cpus_allowed_list "/proc/${1:-self}/status" | tr '\n' ' '; }

@test "hooks and containers have the caller's environment, timer slack and limits" {
	begun
	hooked
	ok bash -c 'ulimit -Sn 200; "$@"' - "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	same hook "$(told)" "$(cat /proc/self/timerslack_ns) 200 $(processors)"
	same container "$out" "$(cat /proc/self/timerslack_ns)"
}

@test "the caller's GOMAXPROCS is the hooks', too" {
	begun
	hooked
	ok env GOMAXPROCS=3 GOMAXPRO=x GOMAXPROC=y "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	same hook "$(told)" "GOMAXPRO=x GOMAXPROC=y GOMAXPROCS=3 $(cat /proc/self/timerslack_ns) $(ulimit -Sn) $(processors)"
}

@test "hooks have the processors that the caller was held to" {
	begun
	command -v taskset >/dev/null || skip "needs taskset"
	hooked
	local last
	last=$(processors | grep -o '[0-9]* $')
	ok taskset -c $last "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[[ $(told) == *Cpus_allowed_list:$'\t'"$last" ]] || fail "told $(told)"
}

@test "the thread of a terminal may use all processors" {
	begun
	[ "$(nproc)" -gt 1 ] || skip "there is one processor"
	config '.process.terminal = true | .process.args = ["sh", "-c", "echo ready; read -r line"]'
	mkfifo "$BATS_TEST_TMPDIR/typed"
	"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" <>"$BATS_TEST_TMPDIR/typed" >"$OUT" 2>"$ERR" 3>&- &
	local runtime=$! free
	until_true grep -q ready "$OUT"
	free=$(cat "/proc/$runtime"/task/*/status | grep -cxF "$(grep Cpus_allowed_list /proc/self/status)")
	echo >"$BATS_TEST_TMPDIR/typed"
	wait "$runtime" || fail "exit code $?: $(cat "$ERR")"
	[ "$free" -ge 2 ] || fail "$free of its threads may"
}

@test "no environment, no arguments, no standard streams, few descriptors" {
	begun
	ok env -i "$RUNTIME" --version
	[[ $out == "crun-go version"* ]] || fail "says '$out'"
	ok bash -c '"$1" --version <&- 2>&-' - "$RUNTIME"
	[[ $out == "crun-go version"* ]] || fail "says '$out'"
	bash -c '"$1" --version <&- >&- 2>&-' - "$RUNTIME" || fail "exit code $?"
	local n
	for n in 0 1 2 3 4 8; do
		bash -c 'ulimit -n "$2"; exec "$1" --version' - "$RUNTIME" "$n" >"$OUT" 2>"$ERR" || fail "with $n descriptors: $(head -n 3 "$ERR")"
	done
}

@test "a command takes three threads beside its own at most, and looks for no CPU limit" {
	begun
	command -v strace >/dev/null || skip "needs strace"
	strace -f -qq -e trace=clone,clone3 -o "$BATS_TEST_TMPDIR/clones" "$RUNTIME" --version >/dev/null
	local n
	n=$(grep -c 'clone.*CLONE_THREAD' "$BATS_TEST_TMPDIR/clones")
	[ "$n" -le 3 ] || fail "$n threads"
	strace -f -qq -e trace=openat -o "$BATS_TEST_TMPDIR/opens" "$RUNTIME" --version >/dev/null
	! grep mountinfo "$BATS_TEST_TMPDIR/opens" || fail "it looks for a CPU limit"
}

@test "no command starts Go's poller" {
	ours
	command -v strace >/dev/null || skip "needs strace"
	local words
	no_poller() {
		strace -D -f -qq -e signal=none -e trace=epoll_create1,eventfd2 -o "$BATS_TEST_TMPDIR/poller" \
			timeout --foreground -s KILL 20 "$RUNTIME" --root "$ROOT" "$@" </dev/null >"$OUT" 2>"$ERR" 3>&- || fail "$*: $(<"$ERR")"
		until [ -e "$BATS_TEST_TMPDIR/poller" ]; do sleep 0.01; done
		! grep . "$BATS_TEST_TMPDIR/poller" || fail "$*"
	}
	echo '[]' >"$BATS_TEST_TMPDIR/mounts.json"
	config '.hooks.createRuntime = [{path: "/bin/true", timeout: 5}]'
	no_poller create --bundle "$BUNDLE" "$ID"
	for words in "state $ID" "start $ID" list "list -f table" "ps $ID" "exec $ID true" "exec --timeout 5s $ID true" "events --stats $ID" \
		"mounts add $ID $BATS_TEST_TMPDIR/mounts.json" "pause $ID" "resume $ID" "kill $ID KILL" "delete --force $ID" features; do
		# shellcheck disable=SC2086
		no_poller $words
	done
}

# one_line COMMAND...: it succeeds, or says one thing. Whoever kills the runtime with a
# signal says nothing: the kernel, if it cannot even execute.
one_line() {
	try "$@"
	[ $rc = 0 ] || [ $rc -ge 128 -a $rc -lt 160 ] || one_error || fail "more than one line"
	[[ $err != *goroutine* && $err != *"fatal error"* && $err != *"runtime: "* ]] || fail "Go's own words"
}

@test "too little address space for Go's runtime: one line" {
	begun
	local n refused=0
	up
	args true
	for n in 30000 100000 200000 400000 600000 620000 640000 660000 680000 700000 720000 740000 760000 800000 1000000; do
		one_line bash -c 'ulimit -v "$1"; shift; exec "$@"' - $n "$RUNTIME" --version
		[ $rc = 0 ] || refused=$((refused + 1))
		[ $rc = 0 ] || [[ $err == *"cannot allocate memory"*"ulimit -v"* ]] || fail "says something else"
		one_line bash -c 'ulimit -v "$1"; shift; exec "$@"' - $n timeout -s KILL 20 "$RUNTIME" --root "$ROOT" list
		one_line bash -c 'ulimit -v "$1"; shift; exec "$@"' - $n timeout -s KILL 20 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID-$n"
		ok rt delete --force "$ID-$n"
	done
	[ $refused -gt 2 ] || fail "refused $refused times"
}

@test "too few processes for Go's runtime: one line" {
	begun
	command -v setpriv >/dev/null && command -v prlimit >/dev/null || skip "needs setpriv and prlimit"
	local n refused=0
	for n in 1 2 3 4 5 6 7 8; do
		one_line setpriv --reuid $((54000 + $$ % 1000)) --clear-groups prlimit --nproc=$n "$RUNTIME" --version
		[ $rc = 0 ] || refused=$((refused + 1))
		[ $rc = 0 ] || [[ $err == *"clone: resource temporarily unavailable"*"ulimit -u"* ]] || fail "says something else"
	done
	[ $refused -gt 0 ] || fail "never refused"
}

@test "few descriptors: one line" {
	begun
	local n command
	up
	args true
	for n in 3 4 5 6 7 8 9 10 11 12 14 16 18 20; do
		for command in list "ps $ID" "state $ID" "exec $ID true" "exec --timeout 5s $ID true" "events --stats $ID" "run --bundle $BUNDLE $ID-$n"; do
			# shellcheck disable=SC2086
			one_line bash -c 'ulimit -n "$1"; shift; exec "$@"' - $n timeout -s KILL 20 "$RUNTIME" --root "$ROOT" $command
		done
	done
}
