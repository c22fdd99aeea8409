#!/usr/bin/env bats
# --trace: when each step of a start began and ended.
load helpers

suite_setup() { ours "only crun-go has --trace"; }

# timed FILTER: the number of steps that FILTER selects, of which each has ended after it
# began, and not before the one above it in its half.
timed() {
	jq -se '[.[] | select(.begin <= 0 or .end < .begin)] == []
		and ([group_by(.where)[] | . as $half | range(1; length) | select($half[.].begin < $half[. - 1].end)] == [])' \
		"$BATS_TEST_TMPDIR/trace" >/dev/null || fail "times: $(<"$BATS_TEST_TMPDIR/trace")"
	jq -s "[.[] | select($1)] | length" "$BATS_TEST_TMPDIR/trace"
}

@test "run: init's steps after ready, too" {
	args true
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "sleep 0.05"]}]'
	ok rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same hooks "$(timed '.field == "hooks.startContainer" and .end - .begin >= 50000000')" 1
	same execute "$(timed '.field == "process.args"')" 1
}

@test "run: nobody asks for the time under the filter" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clock_gettime", "clock_gettime64"], action: "SCMP_ACT_KILL_PROCESS"}]}'
	args ls /
	ok rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same filter "$(timed '.field == "linux.seccomp"')" 1
	same execute "$(timed '.field == "process.args"')" 0
}

@test "create: up to ready" {
	ok rt create --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same root "$(timed '.step == "pivot root"')" 1
	same start "$(timed '.where == "init" and .step == "wait for start"')" 0
	ok rt start "$ID"
}
