#!/usr/bin/env bats
# An init that is killed cannot say where it was. Its parent knows: the error names
# the step that was under way, and the field of config.json that asked for it.
load helpers

suite_setup() { ours "only crun-go names the step"; }

KILLED="container init was killed (SIGKILL) by someone else; possibly OOM-killed"
FILTERED="container init was killed by its seccomp filter before it could execute the process"

# killed_at CALL SIGNAL COMMAND...: COMMAND, in which the first caller of CALL gets SIGNAL.
killed_at() {
	local call=$1 signal=$2
	shift 2
	command -v strace >/dev/null || skip "needs strace"
	try strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=$signal:when=1" "$RUNTIME" --root "$ROOT" "$@"
}

# forbidden CALL COMMAND...: COMMAND, under a filter of an outer sandbox.
forbidden() {
	local call=$1
	shift
	try "$PROBE" forbid "$call" "$RUNTIME" --root "$ROOT" "$@"
}

# told FIELD STEP WORDS
told() {
	[[ $rc != 0 && $err == *" failed: $1: $2"*": $3\" code=step field=$1" ]] || fail "exit code $rc: other words"
}

@test "create: SIGKILL in a step" {
	killed_at sethostname KILL create --bundle "$BUNDLE" "$ID"
	told hostname "set hostname to" "$KILLED"
	nothing_left
}

# Where init has Go's runtime (GO_INIT), that answers SIGSEGV with a dump of its own.
go_init() { [ -n "${GO_INIT-}" ]; }

@test "run: SIGSEGV in a step" {
	! go_init || skip "init has Go's runtime, which answers SIGSEGV itself"
	config '.linux.namespaces -= [{type: "pid"}]' # whose init would not die of it
	killed_at sethostname SEGV run --bundle "$BUNDLE" "$ID"
	told hostname "set hostname to" "container init was ended by signal 11 (SIGSEGV)"
	nothing_left
}

@test "create: SIGSYS in a step" {
	forbidden sethostname create --bundle "$BUNDLE" "$ID"
	told hostname "set hostname to" "$FILTERED"
	nothing_left
}

@test "exec: SIGKILL and SIGSEGV of the process that executes, in a step" {
	# A filter that does not let exec's init go on is loaded by the process alone.
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sendmsg"], action: "SCMP_ACT_ERRNO"}]}'
	up
	local how
	for how in "" --detach; do
		# shellcheck disable=SC2086
		killed_at seccomp KILL exec $how "$ID" true
		told linux.seccomp "load seccomp filter" "$KILLED"
	done
	go_init || {
		killed_at seccomp SEGV exec "$ID" true
		told linux.seccomp "load seccomp filter" "container init was ended by signal 11 (SIGSEGV)"
	}
	ok rt exec "$ID" true
	try rt exec "$ID" sh -c 'kill -KILL $$'
	same "exit code" "$rc" 137
	[ -z "$err" ] || fail "words: $err"
}

@test "exec: SIGKILL, SIGSEGV and SIGSYS in a step" {
	script 'exec sleep 1000'
	up
	killed_at setgroups KILL exec "$ID" true
	told process.user "become uid 0" "$KILLED"
	go_init || {
		killed_at setgroups SEGV exec "$ID" true
		told process.user "become uid 0" "container init was ended by signal 11 (SIGSEGV)"
	}
	forbidden setgroups exec "$ID" true
	told process.user "become uid 0" "$FILTERED"
	ok rt exec "$ID" true
}
