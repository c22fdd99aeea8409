#!/usr/bin/env bats
# What is done to a container that lives: its processes listed, paused and
# resumed.
load helpers

# busy: a container that writes to /tmp/ticks, without end.
busy() {
	script 'while :; do echo tick >>/tmp/ticks; sleep 0.02; done'
	up
	TICKS=/proc/$(pid_of)/root/tmp/ticks
	until_true test -s "$TICKS"
}

ticks() { stat -c %s "$TICKS"; }
more_ticks() { [ "$(ticks)" -gt "$1" ]; }

# cgroup_of: the container's cgroup as a path.
cgroup_of() { jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json"; }

@test "pause stops every process, resume lets them go on" {
	busy
	ok rt pause "$ID"
	same output "$out$err" ""
	same status "$(status)" paused
	grep -q 'frozen 1' "$(cgroup_of)/cgroup.events"
	local before
	before=$(ticks)
	sleep 0.2
	same ticks "$(ticks)" "$before"
	[ "$(pid_of)" -gt 0 ]
	ok rt list
	[[ $out == *" paused "* ]] || fail "list does not say paused"
	ok rt resume "$ID"
	same output "$out$err" ""
	same status "$(status)" running
	until_true more_ticks "$before"
}

@test "pause twice, resume twice" {
	up
	ok rt pause "$ID"
	no 1 "container not running" rt pause "$ID"
	one_error
	same status "$(status)" paused
	ok rt resume "$ID"
	no 1 "container not paused" rt resume "$ID"
	one_error
	same status "$(status)" running
}

@test "pause, kill, resume: the signal waits" {
	script 'trap "echo got >/tmp/got; exit 3" TERM; echo ready >/tmp/ready; while :; do sleep 0.1; done'
	up
	local root
	root=/proc/$(pid_of)/root
	until_true test -s "$root/tmp/ready"
	ok rt pause "$ID"
	ok rt kill "$ID" TERM
	same status "$(status)" paused
	[ ! -e "$root/tmp/got" ]
	ok rt resume "$ID"
	wait_status stopped
	[ -s "$BUNDLE/rootfs/tmp/got" ]
}

@test "KILL ends a paused container" {
	busy
	ok rt pause "$ID"
	ok rt kill "$ID" KILL
	wait_status stopped
	no 1 "container not paused" rt resume "$ID"
	ok rt delete "$ID"
}

@test "kill --all KILL ends a paused container without a pid namespace" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1000 & sleep 1001 & wait'
	up
	until_true sh -c "[ \$(wc -l <$(cgroup_of)/cgroup.procs) = 3 ]"
	ok rt pause "$ID"
	ok rt kill --all "$ID" KILL
	wait_status stopped
	until_true sh -c "! grep -q . $(cgroup_of)/cgroup.procs"
}

@test "delete --force removes a paused container, whatever its namespaces" {
	local filter
	for filter in . '.linux.namespaces |= map(select(.type != "pid"))'; do
		config "$filter"
		script 'sleep 1000 & wait'
		up
		ok rt pause "$ID"
		no 1 "cannot delete container $ID that is not stopped: paused" rt delete "$ID"
		ok rt delete --force "$ID"
		nothing_left
	done
}

@test "a created container may be paused, and started after it is resumed" {
	ok create "$ID"
	ok rt pause "$ID"
	same status "$(status)" paused
	no 1 "cannot start a container in the paused state" rt start "$ID"
	ok rt resume "$ID"
	same status "$(status)" created
	ok start "$ID"
	same status "$(status)" running
}

@test "pause reaches sub-cgroups" {
	busy
	local sub
	sub=$(cgroup_of)/sub
	mkdir "$sub"
	pid_of >"$sub/cgroup.procs"
	ok rt pause "$ID"
	local before
	before=$(ticks)
	sleep 0.2
	same ticks "$(ticks)" "$before"
	ok rt ps --format json "$ID"
	jq -e --argjson pid "$(pid_of)" 'index($pid)' "$OUT"
	ok rt resume "$ID"
	until_true more_ticks "$before"
}

@test "hooks may pause and resume their container" {
	ours "1.1 has no state for it yet"
	printf '#!/bin/sh\n%q --root %q pause %q && %q --root %q resume %q\n' "$RUNTIME" "$ROOT" "$ID" "$RUNTIME" "$ROOT" "$ID" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.poststart = [{path: $hook, timeout: 10}]'
	up
	same status "$(status)" running
}

@test "pause and resume without a container, or with too many" {
	local command
	for command in pause resume; do
		no 1 "does not exist" rt $command nobody
		no 1 "\"$command\" requires exactly 1 argument(s)" rt $command
		no 1 "\"$command\" requires exactly 1 argument(s)" rt $command a b
		no 1 "flag provided but not defined: -x" rt $command -x "$ID"
	done
}

# busybox's ps has few of the options, so these ask for the real one.
needs_ps() { ps -eo pid,args >/dev/null 2>&1 || skip "no ps(1) of procps"; }

@test "ps: a table of the container's processes only" {
	needs_ps
	script 'sleep 1000 & wait'
	up
	until_true sh -c "[ \$(wc -l <$(cgroup_of)/cgroup.procs) = 2 ]"
	ok rt ps "$ID"
	same lines "$(wc -l <"$OUT")" 3
	sed -n 1p "$OUT" | grep -q '^UID  *PID  *PPID'
	grep -q "^root  *$(pid_of) .*sh -c sleep 1000" "$OUT"
	grep -q ' sleep 1000$' "$OUT"
	ok rt ps "$ID" -o pid,args -A
	same header "$(sed -n 1p "$OUT" | xargs)" "PID COMMAND"
	same lines "$(wc -l <"$OUT")" 3
	ok rt ps "$ID" "-A -o pid,args" # go-runc
	same lines "$(wc -l <"$OUT")" 3
}

@test "ps --format json: an array of host pids, on one line" {
	script 'sleep 1000 & wait'
	up
	until_true sh -c "[ \$(wc -l <$(cgroup_of)/cgroup.procs) = 2 ]"
	ok rt ps --format json "$ID"
	same lines "$(wc -l <"$OUT")" 1
	same pids "$(jq -c sort "$OUT")" "$(sort -n "$(cgroup_of)/cgroup.procs" | jq -sc .)"
	ok env -i "$RUNTIME" --root "$ROOT" ps -f json "$ID"
	same length "$(jq length "$OUT")" 2
}

@test "ps of a stopped container" {
	needs_ps
	args true
	ok run_bundle --keep "$ID"
	ok rt ps "$ID"
	same lines "$(wc -l <"$OUT")" 1
	grep -q PID "$OUT"
	ok rt ps -f json "$ID"
	same pids "$out" null
}

@test "ps says what is wrong" {
	up
	no 1 "does not exist" rt ps nobody
	no 1 "\"ps\" requires a minimum of 1 argument(s)" rt ps
	no 1 "invalid format option" rt ps --format yaml "$ID"
	no 1 'exec: "ps": executable file not found in $PATH' env PATH=/nowhere "$RUNTIME" --root "$ROOT" ps "$ID"
	one_error
	needs_ps
	no 1 "couldn't find PID field in ps output" rt ps "$ID" -o comm
	no 1 "ps --nonsense: exit status 1: " rt ps "$ID" --nonsense
}
