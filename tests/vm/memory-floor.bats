#!/usr/bin/env bats
# How little memory a container may have: what the runtime needs in its cgroup is
# a limit's floor.
load ../suites/helpers
load guest

suite_setup() { ours "their floors are theirs"; }

FLOOR=2252 # KiB: 2.2 MiB, what init needs wherever it is
LITTLE=768 # where it is not the container's

group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }

@test "Docker's default container: run, create and start, exec" {
	MOST=$LITTLE STEP=128 ok "$TESTS/bench/memory-floor" "crun-go=$RUNTIME"
	echo "$out" >&2
	[[ $out != *'>'* ]] || fail "more than $LITTLE KiB"
	KINDS=run MOST=$FLOOR STEP=$FLOOR ROUNDS=1 ok "$TESTS/bench/memory-floor" runc="$(command -v runc)"
	[[ $out == *">$FLOOR"* ]] || fail "runc needs less than that"
}

@test "little memory: init is moved into the cgroup, and its namespace has that as root" {
	local more
	config '.linux.resources.memory = {limit: 1048576, swap: 1048576} | .linux.resources.pids = {limit: 20}'
	for more in . '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings'; do
		config "$more"
		args sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max pids.max; sleep 1000'
		rt run --detach --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- || fail "run"
		until_true grep -q 20 "$OUT"
		same "what it sees" "$(<"$OUT")" $'0::/\n1048576\n20'
		[ "$(group)" = "/sys/fs/cgroup/$ID" ] || fail "in $(group)"
		ok rt exec "$ID" true
		ok rt delete --force "$ID"
	done
	config '.process.args = ["nothere"]'
	no 1 nothere run_bundle "$ID"
	same status "$(status)" ""
}

# The floor does not depend on whether init or the limit is first.
@test "without a limit, a created container has used no more" {
	up
	[ "$(<"$(group)/memory.peak")" -le $((FLOOR * 1024)) ] || fail "$(cat "$(group)/memory."{peak,stat})"
}

# bats test_tags=needs:thp
@test "the runtime itself: no huge pages" {
	grep -q '\[always\]' /sys/kernel/mm/transparent_hugepage/enabled || skip "nobody hands them out unasked"
	rt run --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
	local shell=$!
	wait_status running
	local huge
	huge=$(sed -n 's/^AnonHugePages: *//p' "/proc/$(pgrep -P $shell)/smaps_rollup")
	ok rt kill "$ID" KILL
	wait $shell || true
	same "huge pages" "$huge" "0 kB"
}

@test "exec where no memory is left: it works, and nobody is killed" {
	script 'dd if=/dev/zero of=/dev/shm/x bs=1M count=8 2>/dev/null; echo full >/tmp/full; exec sleep 1000'
	ok create "$ID"
	local group
	group=$(group)
	ok start "$ID"
	until_true grep -q full "$BUNDLE/rootfs/tmp/full"
	echo $(($(<"$group/memory.current") + 512 * 1024)) >"$group/memory.max"
	ok rt exec "$ID" cat /proc/self/cgroup
	same cgroup "$out" "0::/"
	ok rt exec --timeout 100s --report "$BATS_TEST_TMPDIR/report" "$ID" true
	same status "$(status)" running
	same kills "$(value oom_kill "$group/memory.events")" 0
	# Nothing is left, as memory.high has it: whom it holds up is not us.
	echo max >"$group/memory.max"
	echo 1M >"$group/memory.high"
	ok rt exec "$ID" true
}

@test "exec where others have filled the cgroup above" {
	local above=/sys/fs/cgroup/above$ID
	config --arg p "/above$ID/$ID" '.linux.cgroupsPath = $p'
	up
	echo $(($(<"$above/memory.current") + 512 * 1024)) >"$above/memory.max"
	ok rt exec "$ID" true
	same kills "$(value oom_kill "$above/memory.events")" 0
	ok rt delete --force "$ID"
}

# Where the controllers are handed down, no process may be in the container's own
# cgroup, not even one that is moved.
@test "exec without memory, in a container with sub-cgroups" {
	config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
	script 'mkdir /sys/fs/cgroup/sub; echo $$ >/sys/fs/cgroup/sub/cgroup.procs; echo +memory >/sys/fs/cgroup/cgroup.subtree_control; exec sleep 1000'
	up
	until_true grep -q memory "/sys/fs/cgroup/$ID/cgroup.subtree_control"
	echo $(($(<"/sys/fs/cgroup/$ID/memory.current") + 512 * 1024)) >"/sys/fs/cgroup/$ID/memory.max"
	ok rt exec "$ID" cat /proc/self/cgroup
	same cgroup "$out" 0::/sub
}
