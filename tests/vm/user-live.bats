#!/usr/bin/env bats
# An ordinary user, with cgroups of its own from systemd: pause, resume, ps and
# update.
load ../suites/helpers
load guest

eval "common_$(declare -f setup)"
setup() {
	common_setup
	# Below the cgroup that is the user's, whatever the session's is.
	config --argjson id "$UID" --arg path "/user.slice/user-$UID.slice/user@$UID.service/$ID" '.linux.cgroupsPath = $path
		| .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}] | .linux.gidMappings = .linux.uidMappings'
}

@test "pause, ps, kill and delete by an ordinary user" {
	script 'while :; do echo tick >>/tmp/ticks; sleep 0.1; done'
	up
	local ticks before
	ticks=/proc/$(pid_of)/root/tmp/ticks
	until_true test -s "$ticks"
	ok rt ps --format json "$ID"
	jq -e --argjson pid "$(pid_of)" 'index($pid)' "$OUT"
	ok rt pause "$ID"
	same status "$(status)" paused
	before=$(stat -c %s "$ticks")
	sleep 1
	same ticks "$(stat -c %s "$ticks")" "$before"
	ok rt resume "$ID"
	until_true sh -c "[ \$(stat -c %s $ticks) -gt $before ]"
	ok rt pause "$ID"
	ok rt delete --force "$ID"
}

@test "update by an ordinary user: a limit that it may not set says why" {
	up
	ok rt update "$ID"
	try rt update --pids-limit 50 "$ID"
	if [ "$rc" = 0 ]; then
		same limit "$(cat "$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")/pids.max")" 50
		return
	fi
	[[ $err == *"linux.resources.pids.limit: "*"pids controller not available in"* ]] || fail "says something else"
	grep -q '^hint: ' "$ERR" || fail "no hint"
	[ ! -e "$ROOT/$ID/limits.json" ] || fail "saved what was refused"
}

@test "delete --force by an ordinary user ends a hook that hangs" {
	printf '#!/bin/sh\necho hook >%q\nsleep 4711 &\nwait\n' "$BATS_TEST_TMPDIR/hung" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: $hook}]'
	rt create --bundle "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null 3>&- &
	local job=$!
	until_true test -e "$BATS_TEST_TMPDIR/hung"
	ok rt delete --force "$ID"
	wait $job && fail "create succeeded" || true
	until_true sh -c '! pgrep -f "sleep 471[1]"'
}
