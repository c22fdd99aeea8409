#!/usr/bin/env bats
# budget: what a start may cost, in things that can be counted. Times differ from
# one machine and minute to the next; these don't, or little. Raise a number
# here only with a reason; lower it when less is needed.
load helpers
load bundles

suite_setup() { host_facts; }

# within PERCENT COUNT BUDGET WHAT
within() {
	local most=$(($3 + $3 * $1 / 100))
	[ "$2" -le $most ] || fail "$4: $2, the budget is $3 and $1 % more"
	echo "# within the budget: $4: $2, at most $most" >&3
}

# dockers: Docker's default container, whose process ends at once.
dockers() {
	adapt docker-run-v2
	args true
}

# calls COMMAND...: the system calls of a command and of all it starts, but for
# those whose number depends on scheduling.
calls() {
	command -v strace >/dev/null || skip "needs strace"
	strace -f -c --signal=none -o "$BATS_TEST_TMPDIR/calls" \
		-e 'trace=!futex,nanosleep,sched_yield,rt_sigreturn,tgkill,getpid,madvise,clock_nanosleep,gettid,sigaltstack,rt_sigprocmask,mmap,clone,epoll_pwait,restart_syscall' \
		"$@" >"$OUT" 2>"$ERR" </dev/null 3>&- || fail "strace: $(tail -n 3 "$ERR")"
	awk '$NF == "total" { print $4 }' "$BATS_TEST_TMPDIR/calls"
}

amd64() { [ "$(uname -m)" = x86_64 ] || skip "counted on x86_64"; }

@test "bytes of the binary" {
	ours
	amd64
	# Devices that are added to a container that runs, traces for OpenTelemetry, recorded
	# seccomp profiles, hints for who begins, and steps as they are taken.
	within 3 "$(stat -Lc %s "$RUNTIME")" 6260000 bytes
}

@test "packages that are initialised in init" {
	ours
	local named
	named=$(GODEBUG=inittrace=1 bash -c 'exec -a crun-go:init "$0"' "$RUNTIME" 2>&1 | grep -c '^init ') || true
	[ "$named" -gt 5 ] || fail "inittrace lists only $named packages"
	within 0 "$named" 24 packages
}

@test "system calls" {
	ours
	amd64
	dockers
	within 5 "$(calls "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")" 809 run
	args sleep 1000
	ok rt run --detach --bundle "$BUNDLE" "$ID"
	within 5 "$(calls "$RUNTIME" --root "$ROOT" state "$ID")" 160 state
	within 5 "$(calls "$RUNTIME" --root "$ROOT" exec "$ID" true)" 486 exec
	within 5 "$(calls "$RUNTIME" --root "$ROOT" kill "$ID" KILL)" 157 kill
	wait_status stopped
	within 5 "$(calls "$RUNTIME" --root "$ROOT" delete "$ID")" 178 delete
}

@test "no call uses a descriptor that is closed" {
	ours
	command -v strace >/dev/null || skip "needs strace"
	dockers
	strace -f -o "$BATS_TEST_TMPDIR/run" "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	args sleep 1000
	ok rt run --detach --bundle "$BUNDLE" "$ID"
	strace -f -o "$BATS_TEST_TMPDIR/exec" "$RUNTIME" --root "$ROOT" exec "$ID" true </dev/null >/dev/null 2>&1 3>&-
	! grep -E 'POLLNVAL|EBADF' "$BATS_TEST_TMPDIR"/{run,exec} || fail "see above"
}

@test "page faults" {
	ours
	amd64
	dockers
	local seen=()
	for _ in 1 2 3 4 5 6 7; do
		seen+=("$("$PROBE" faults "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID")")
	done
	within 10 "$(printf '%s\n' "${seen[@]}" | sort -n | sed -n 4p)" 400 "page faults of run"
}

@test "the end of a child interrupts nobody" {
	ours
	dockers
	printf '#!/bin/sh\ngrep SigCgt "/proc/$PPID/status" >"$1"\n' >"$BATS_TEST_TMPDIR/hook"
	chmod 755 "$BATS_TEST_TMPDIR/hook"
	jq --arg h "$BATS_TEST_TMPDIR/hook" --arg out "$BATS_TEST_TMPDIR/caught" \
		'.hooks.createRuntime = [{path: $h, args: ["hook", $out]}]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/config"
	cp "$BATS_TEST_TMPDIR/config" "$BUNDLE/config.json"
	ok rt run --bundle "$BUNDLE" "$ID"
	local caught
	caught=$((0x$(grep -o '[0-9a-f]*$' "$BATS_TEST_TMPDIR/caught")))
	[ $((caught >> 15 - 1 & 1)) = 1 ] || fail "SIGTERM is not even forwarded: $(cat "$BATS_TEST_TMPDIR/caught")"
	[ $((caught >> 17 - 1 & 1)) = 0 ] || fail "SIGCHLD is handled: $(cat "$BATS_TEST_TMPDIR/caught")"
}
