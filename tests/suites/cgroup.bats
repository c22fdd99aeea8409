#!/usr/bin/env bats
# cgroup v2: where the container lives, what it may open, how it ends.
load helpers

cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }

@test "cgroupsPath is the place, init is born there" {
	config --arg p "/x$ID/deep/er" '.linux.cgroupsPath = $p'
	ok create "$ID"
	same cgroup "$(cgroup_of)" "/sys/fs/cgroup/x$ID/deep/er"
	same processes "$(cat "$(cgroup_of)/cgroup.procs")" "$(pid_of)"
	ok rt delete --force "$ID"
	[ ! -d "/sys/fs/cgroup/x$ID/deep/er" ] || fail "cgroup left behind"
	rmdir "/sys/fs/cgroup/x$ID/deep" "/sys/fs/cgroup/x$ID" 2>/dev/null || true
}

@test "parents that were made go with the last container below, others stay" {
	ours "1.1 leaves them"
	local n
	mkdir "/sys/fs/cgroup/x$ID"
	for n in 1 2 3; do
		config --arg p "/x$ID/deep/er/$n" '.linux.cgroupsPath = $p'
		ok create "$ID-$n"
	done
	ok rt delete --force "$ID-1" # which made them
	[ -d "/sys/fs/cgroup/x$ID/deep/er/2" ] || fail "the others' cgroup is gone"
	ok rt delete --force "$ID-3"
	ok rt delete --force "$ID-2"
	[ ! -d "/sys/fs/cgroup/x$ID/deep" ] || fail "parents left behind"
	rmdir "/sys/fs/cgroup/x$ID" || fail "a parent that was there is gone"
}

@test "parents that were made, with creates and deletes at a time" {
	ours "1.1 leaves them"
	local n
	for n in 1 2 3 4; do
		cp -a "$BUNDLE" "$BUNDLE-$n"
		jq --arg p "/x$ID/deep/$n" '.linux.cgroupsPath = $p' <"$BUNDLE/config.json" >"$BUNDLE-$n/config.json"
		for _ in 1 2 3 4 5 6; do
			rt create --bundle "$BUNDLE-$n" "$ID-$n" && rt delete --force "$ID-$n" || echo "$n: exit code $?"
		done </dev/null >"$BATS_TEST_TMPDIR/said-$n" 2>&1 3>&- &
	done
	wait
	[ -z "$(cat "$BATS_TEST_TMPDIR"/said-*)" ] || fail "$(cat "$BATS_TEST_TMPDIR"/said-*)"
	[ ! -d "/sys/fs/cgroup/x$ID" ] || fail "parents left behind"
}

@test "without cgroupsPath it ends in the id" {
	ok create "$ID"
	[[ $(cgroup_of) == */"$ID" ]] || fail "$(cgroup_of)"
}

@test "device rules: deny all but the defaults" {
	config '.process.capabilities |= map_values(. + ["CAP_MKNOD"]) | .process.noNewPrivileges = false'
	script 'for d in null zero full random urandom; do head -c 0 /dev/$d && echo yes; done
		mknod /tmp/kmsg c 1 11 && { cat /tmp/kmsg >/dev/null 2>&1 || echo no; }
		mknod /tmp/mem c 1 1 && { head -c 1 /tmp/mem >/dev/null 2>&1 || echo no; }'
	ok run_bundle "$ID"
	same answers "$(tr '\n' ' ' <"$OUT")" "yes yes yes yes yes no no "
}

@test "device rules: the last matching one wins, access by letter" {
	ours "1.1 refuses rules that cgroup v1 could not hold"
	config '.linux.resources.devices = [
		{allow: false, access: "rwm"},
		{allow: true, type: "c", major: 1, minor: 11, access: "r"},
		{allow: true, type: "c", major: 7, access: "rwm"},
		{allow: false, type: "c", major: 7, minor: 3, access: "w"},
		{allow: true, type: "b", access: "m"}]
		| .process.noNewPrivileges = false | .process.capabilities |= map_values(. + ["CAP_SYSLOG", "CAP_SYS_ADMIN"])'
	script 'cd /tmp; mknod r c 1 11; mknod any c 7 9; mknod w c 7 3; mknod b b 250 1
		try() { ( "$@" ) 2>&1 | grep -q "not permitted" && echo -n "no " || echo -n "yes "; }
		try sh -c ": <r"; try sh -c ": >>r"; try sh -c ": <>any"; try sh -c ": <w"; try sh -c ": >>w"; try sh -c ": <b"'
	ok run_bundle "$ID"
	same answers "$out" "yes no yes yes no no "
}

@test "allow everything" {
	config '.linux.resources.devices = [{allow: true, access: "rwm"}] | .process.noNewPrivileges = false'
	script 'cd /tmp; mknod k c 1 5 && head -c 1 k | od -An -tx1; mknod f c 7 7; (: <f) 2>&1 | grep -c "not permitted"'
	try run_bundle "$ID"
	same answers "$(tr -d ' \n' <"$OUT")" 000
}

@test "zero means unset: Docker's resources where v2 has no such controller" {
	ours "1.1 takes some for requests"
	config '.linux.resources += {memory: {limit: 0, reservation: 0, swap: 0}, cpu: {shares: 0, quota: 0, period: 0, cpus: "", mems: ""}, blockIO: {weight: 0}}'
	inside true
}

# bats test_tags=guest
@test "pids limit, as low as one" {
	grep -qw pids /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has no pids controller here; make test-vm runs it"
	config '.linux.resources.pids = {limit: 1}'
	local more
	for more in . '(.linux.namespaces[] | select(.type == "ipc")).path = "/proc/self/ns/ipc"'; do
		config "$more"
		inside sh -c 'read -r max </sys/fs/cgroup/pids.max && echo $max; exec true'
		same limit "$out" 1
	done
}

# bats test_tags=guest
@test "memory and cpu limits" {
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has no memory controller here; make test-vm runs it"
	config '.linux.resources += {memory: {limit: 33554432, reservation: 16777216}, cpu: {shares: 512, quota: 20000, period: 100000}}'
	inside sh -c 'cd /sys/fs/cgroup; cat memory.max memory.low cpu.max'
	same limits "$out" $'33554432\n16777216\n20000 100000'
}

# bats test_tags=guest, needs:hugetlb
@test "hugetlb limit and unified values" {
	[ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] && grep -qw hugetlb /sys/fs/cgroup/cgroup.controllers ||
		skip "cgroup v2 has no hugetlb controller here, or no pages of 2 MB; make test-vm runs it"
	config '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
	inside cat /sys/fs/cgroup/hugetlb.2MB.max
	same limit "$out" 4194304
	config 'del(.linux.resources.hugepageLimits) | .linux.resources.unified = {"hugetlb.2MB.max": "8388608"}'
	inside cat /sys/fs/cgroup/hugetlb.2MB.max
	same limit "$out" 8388608
}

@test "delete --force ends every process of the cgroup, and cgroups below it" {
	ours "1.1 leaves the cgroups"
	config '.linux.namespaces |= map(select(.type != "pid")) | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	script 'mkdir /sys/fs/cgroup/sub; sleep 1000 & echo $! >/sys/fs/cgroup/sub/cgroup.procs; echo ready; wait'
	up
	until_true grep -q . "$(cgroup_of)/sub/cgroup.procs"
	ok rt delete --force "$ID"
}

@test "delete --force of a container whose init runs on" {
	up
	local pid
	pid=$(pid_of)
	ok rt delete --force "$ID"
	until_true test ! -d "/proc/$pid"
}

@test "a cgroup with a stranger in it is refused, and the stranger lives" {
	ours "1.1 takes it"
	local path=/sys/fs/cgroup/x$ID
	mkdir "$path"
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	local stranger=$!
	echo $stranger >"$path/cgroup.procs"
	config --arg p "/x$ID" '.linux.cgroupsPath = $p'
	try create "$ID"
	local alive=dead
	kill -0 $stranger && alive=alive
	kill $stranger
	same "exit code" "$rc" 1
	[[ $err == *"not empty"* ]] || fail "says something else"
	same stranger "$alive" alive
	until_true rmdir "$path"
}

@test "a frozen cgroup is refused, no hang" {
	ours "1.1 hangs"
	local path=/sys/fs/cgroup/x$ID
	mkdir "$path"
	echo 1 >"$path/cgroup.freeze"
	config --arg p "/x$ID" '.linux.cgroupsPath = $p'
	try create "$ID"
	same "exit code" "$rc" 1
	[[ $err == *frozen* ]] || fail "says something else"
	rmdir "$path" 2>/dev/null || true
}

@test "an empty cgroup that was left over is used and removed" {
	mkdir "/sys/fs/cgroup/x$ID"
	config --arg p "/x$ID" '.linux.cgroupsPath = $p'
	inside true
	[ ! -d "/sys/fs/cgroup/x$ID" ] || fail "left behind"
}

@test "the runtime killed at any moment: delete --force cleans up" {
	ours "1.1 leaves things behind"
	local delay
	for delay in 0.002 0.004 0.006 0.008 0.01 0.015 0.02 0.03; do
		timeout --foreground -s KILL "$delay" "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null 3>&- || true
		ok rt delete --force "$ID"
		nothing_left
	done
}

@test "what only cgroup v1 had: no limit is none, limits of the kernel's memory are warned of" {
	ours "1.1 refuses some of it"
	config '.linux.resources += {
		memory: {kernel: 1048576, kernelTCP: 1048576, swappiness: 0, disableOOMKiller: false, useHierarchy: true},
		cpu: {realtimeRuntime: -1, realtimePeriod: 0}, blockIO: {leafWeight: 0},
		network: {classID: 0, priorities: [{name: "lo", priority: 0}]}}'
	args sleep 1000
	ok rt --log "$BATS_TEST_TMPDIR/log" --log-level warning create --bundle "$BUNDLE" "$ID"
	grep -q 'field=linux.resources.memory.kernel$' "$BATS_TEST_TMPDIR/log" || fail "log: $(<"$BATS_TEST_TMPDIR/log")"
	grep -q 'field=linux.resources.memory.kernelTCP$' "$BATS_TEST_TMPDIR/log" || fail "log: $(<"$BATS_TEST_TMPDIR/log")"
	echo '{"memory": {"swappiness": 10}}' >"$BATS_TEST_TMPDIR/update"
	no 1 'linux.resources.memory.swappiness: 10, but cgroup v2 has no such limit' rt update --resources "$BATS_TEST_TMPDIR/update" "$ID"
	echo '{"memory": {"swappiness": 0, "kernel": 5}}' >"$BATS_TEST_TMPDIR/update"
	ok rt update --resources "$BATS_TEST_TMPDIR/update" "$ID"
}

@test "cgroups disabled: the container stays where its caller is" {
	config '.linux.cgroupsPath = "/" + $id | .linux.resources = {memory: {limit: 5000}, pids: {limit: 1}}' --arg id "$ID"
	ok rt --cgroup-manager disabled create --bundle "$BUNDLE" "$ID"
	ok rt start "$ID"
	same cgroup "$(grep ^0:: "/proc/$(pid_of)/cgroup")" "$(grep ^0:: /proc/self/cgroup)"
	[ -z "$(cgroups_left)" ] || fail "made $(cgroups_left)"
	ours "crun says it in other words, runc knows no such flag"
	no 1 "the container has no cgroup of its own" rt pause "$ID"
	ok rt exec "$ID" true
	ok rt delete --force "$ID"
}

@test "a cgroup that is gone while the container lives: nothing is done to another one" {
	ours "1.1 acts on none, and says nothing"
	local own other kind
	for kind in own joined; do
		[ "$kind" = own ] || config '.linux.namespaces |= map(select(.type != "pid"))'
		up
		own=/sys/fs/cgroup$(sed -n "s/^0:://p" "/proc/$(pid_of)/cgroup")
		other=${own%/*}/$ID-other
		mkdir "$other"
		echo "$(pid_of)" >"$other/cgroup.procs"
		rmdir "$own"
		gone() {
			no "$1" "linux.cgroupsPath: the container's cgroup \"$own\" is gone, with its limits and its device filter, and init is in \"${other#/sys/fs/cgroup}\"" rt "${@:2}"
			one_error
		}
		gone 255 exec "$ID" true
		gone 255 exec --cgroup / "$ID" true
		gone 1 pause "$ID"
		gone 1 update --pids-limit -1 "$ID"
		gone 1 ps "$ID"
		gone 1 events --stats "$ID"
		gone 1 events "$ID"
		same frozen "$(<"$other/cgroup.freeze")" 0
		same status "$(status)" running
		ok rt delete --force "$ID"
		# Its last process is gone, and the cgroup is not ours to remove.
		rmdir "$other"
	done
}

@test "below a threaded cgroup: what has no limits runs, and is managed" {
	ours "1.1 runs it, and has no way to end it"
	local top=/sys/fs/cgroup/$ID-threaded child
	mkdir "$top"
	echo threaded >"$top/cgroup.type"
	config --arg path "/$ID-threaded/below/$ID" '.linux.cgroupsPath = $path | .linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1000 & sleep 1001 & echo $! >/child; wait'
	up
	same type "$(<"$top/below/$ID/cgroup.type")" threaded
	until_true test -s "$BUNDLE/rootfs/child"
	child=$(<"$BUNDLE/rootfs/child")
	ok rt exec "$ID" true
	ok rt exec --timeout 5s "$ID" true
	same processes "$(rt ps --format json "$ID" | jq length)" 3
	ok rt pause "$ID"
	same status "$(status)" paused
	no 255 "paused" rt exec "$ID" true
	ok rt resume "$ID"
	ok rt kill --all "$ID" KILL
	until_true gone "$child"
	ok rt delete --force "$ID"
	[ ! -e "$top/below" ] || fail "left: $(find "$top" -type d)"
	# With an empty one that is there, and is like it already.
	mkdir "$top/below" && echo threaded >"$top/below/cgroup.type"
	mkdir "$top/below/$ID"
	ok create "$ID"
	ok rt delete --force "$ID"
	rmdir "$top/below"
	config '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 2097152}]'
	no 1 "part of a threaded subtree, which has cpu, cpuset, perf_event and pids only" create "$ID"
	one_error
	[[ $err == *linux.resources.hugepageLimits* && $err == *"hint: choose a place outside"* ]] || fail "field or hint"
	find "$top" -depth -type d -exec rmdir {} +
}

# gone PID: the process ends, or is a zombie.
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status"; }
