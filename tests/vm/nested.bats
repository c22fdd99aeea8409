#!/usr/bin/env bats
# Containers in containers, with limits: cgroups below cgroups, as deep as one
# likes, in containers of any runtime and of systemd's.
load ../suites/helpers
load ../suites/nested
load guest

# evacuate: the outer container makes room, as engines in containers do: no
# process is left in its own cgroup, which may then hand controllers down.
evacuate() {
	script 'cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo "+memory +pids +cpu" >cgroup.subtree_control && touch /tmp/ready; sleep 1000'
}
ready() {
	up
	until_true test -e "$BUNDLE/rootfs/tmp/ready"
}

LIMITED='.linux.resources = {memory: {limit: 33554432}, pids: {limit: 22}, cpu: {quota: 50000, period: 100000}}'
SHOW='cd /sys/fs/cgroup; echo $(cat memory.max pids.max cpu.max)'
LIMITS='33554432 22 50000 100000'

# limits: of a container in the container, from start to end.
limits() {
	inner "$LIMITED"
	ok rt exec "$ID" sh -c '/crun-go --root /tmp/state run --detach --bundle /b one </dev/null >/dev/null 2>&1'
	ok in_it exec one sh -c "$SHOW"
	same limits "$out" "$LIMITS"
	ok in_it update --memory 64M --pids-limit 33 one
	same "limits on the host" "$(cat "/sys/fs/cgroup/$ID/one/memory.max" "/sys/fs/cgroup/$ID/one/pids.max" | tr '\n' ' ')" '67108864 33 '
	ok in_it events --stats one
	same "limit in the statistics" "$(jq -r .data.pids.limit "$OUT")" 33
	no 137 "" in_it exec one dd if=/dev/zero of=/dev/shm/x bs=1M count=90
	ok in_it delete --force one
	ok rt delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/$ID" ] || fail "cgroups are left"
}

@test "limits, where the outer container has made room; why not, where it has not" {
	outer
	up
	inner "$LIMITED"
	no 1 'has processes of its own, so it cannot enable controllers for its children' in_it --log-format json run --bundle /b one
	[[ $err == *'no-internal-process rule of cgroup v2'* ]] || fail "no hint"
	ok rt delete --force "$ID"
	evacuate
	ready
	limits
}

@test "limits in a container with a user namespace" {
	outer ".linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | $USERNS"
	chown -R 100000:100000 "$BUNDLE/rootfs/b/config.json" "$BUNDLE/rootfs/tmp"
	evacuate
	ready
	limits
}

@test "limits in containers of runc's and crun's" {
	outer ".linux.cgroupsPath = \"/$ID\""
	evacuate
	local crun_go=$RUNTIME RUNTIME peer
	for peer in runc crun; do
		RUNTIME=$(command -v $peer)
		rm -f "$BUNDLE/rootfs/tmp/ready"
		ready
		limits
	done
	RUNTIME=$crun_go
}

@test "delegate-cgroup makes the room: three levels, each with limits" {
	local annotation='.annotations["run.oci.delegate-cgroup"] = "own"'
	outer "$annotation"
	cp "$RUNTIME" "$BUNDLE/rootfs/b/rootfs/crun-go"
	jq "$LIMITED" "$BUNDLE/rootfs/b/config.json" >"$BATS_TEST_TMPDIR/third.json"
	inner_bundle "$BUNDLE/rootfs/b/rootfs" "$BATS_TEST_TMPDIR/third.json"
	jq "$annotation | .linux.resources = {memory: {limit: 268435456}, pids: {limit: 222}}" "$BUNDLE/config.json" >"$BUNDLE/rootfs/b/config.json"
	up
	ok rt exec "$ID" sed -n s/^0:://p /proc/self/cgroup
	same "cgroup of exec" "$out" /own
	ok in_it run --detach --bundle /b two
	ok in_it exec two /crun-go --root /tmp/state run --detach --bundle /b three
	ok in_it exec two /crun-go --root /tmp/state exec three sh -c "$SHOW"
	same limits "$out" "$LIMITS"
	same "limits of the second" "$(cat "/sys/fs/cgroup/$ID/two/memory.max" "/sys/fs/cgroup/$ID/two/three/memory.max" | tr '\n' ' ')" '268435456 33554432 '
	ok in_it exec two /crun-go --root /tmp/state delete --force three
	ok rt delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/$ID" ] || fail "cgroups are left"
}
