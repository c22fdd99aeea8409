#!/usr/bin/env bats
# Containers in containers: what a container needs that runs this runtime itself,
# and what it says where something is missing. And containers that make cgroups
# of their own.
load helpers
load nested

# life: of a container in the container.
life() {
	# Its streams are no pipes of the exec's: runc waits for their end.
	ok rt exec "$ID" sh -c '/crun-go --root /tmp/state create --bundle /b one </dev/null >/dev/null 2>&1'
	same status "$(inner_status one)" created
	ok in_it start one
	ok in_it exec one sh -c 'sed -n s/^0:://p /proc/self/cgroup; exit 0'
	same "cgroup, seen in its namespace" "$out" /
	no 7 "" in_it exec one sh -c 'exit 7'
	ok in_it exec --user 1000:1000 one id -u
	same user "$out" 1000
	ok in_it pause one
	same status "$(inner_status one)" paused
	ok in_it resume one
	ok in_it ps --format json one
	same processes "$(jq length <<<"$out")" 1
	ok in_it list --quiet
	same list "$out" one
	[ -d "/sys/fs/cgroup/$ID/one" ] || fail "the container's cgroup is not below that of the outer one"
	no 1 "not stopped: running" in_it delete one
	ok in_it delete --force one
	ok rt exec "$ID" ls /tmp/state
	same "state that is left" "$out" ""
	[ ! -e "/sys/fs/cgroup/$ID/one" ] || fail "a cgroup is left"
}

@test "in a privileged container: a whole life" {
	outer
	up
	life
}

@test "in a privileged container with a user namespace: a whole life" {
	outer ".linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | $USERNS"
	chown -R 100000:100000 "$BUNDLE/rootfs/b/config.json" "$BUNDLE/rootfs/tmp"
	up
	life
}

@test "a user namespace in a container's, a whole life" {
	outer ".linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | $USERNS"
	inner ".linux.uidMappings = [{containerID: 0, hostID: 1000, size: 2000}] | $USERNS"
	chown -R 101000:101000 "$BUNDLE/rootfs/b"
	chown 100000:100000 "$BUNDLE/rootfs/tmp"
	up
	life
}

@test "three levels, and the outermost takes all along" {
	outer
	# The second level is as privileged as the first; its bundle has the third.
	cp "$RUNTIME" "$BUNDLE/rootfs/b/rootfs/crun-go"
	cp "$BUNDLE/rootfs/b/config.json" "$BATS_TEST_TMPDIR/third.json"
	inner_bundle "$BUNDLE/rootfs/b/rootfs" "$BATS_TEST_TMPDIR/third.json"
	cp "$BUNDLE/config.json" "$BUNDLE/rootfs/b/config.json"
	up
	ok in_it run --detach --bundle /b two
	deep() { in_it exec two /crun-go --root /tmp/state "$@"; }
	ok deep run --detach --bundle /b three
	ok deep exec three cat /proc/self/comm
	same command "$out" cat
	[ -d "/sys/fs/cgroup/$ID/two/three" ] || fail "$(find "/sys/fs/cgroup/$ID" -type d)"
	ok deep pause three
	ok deep state three
	same status "$(jq -r .status <<<"$out")" paused
	ok rt delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/$ID" ] || fail "cgroups are left"
}

# peer RUNTIME: a whole life in a container of another runtime's.
peer() {
	outer
	ours "it is the peer itself"
	config '.ociVersion = "1.0.2"' # for old ones
	local crun_go=$RUNTIME RUNTIME=$1
	up
	life
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
	RUNTIME=$crun_go
}

@test "in a container of runc's" {
	[ -n "$(command -v runc)" ] || skip "runc is not installed"
	peer "$(command -v runc)"
}

@test "in a container of crun's" {
	[ -n "$(command -v crun)" ] || skip "crun is not installed"
	peer "$(command -v crun)"
}

@test "masked paths forbid a user namespace its own /proc: the hint says so" {
	outer "$MASKED"
	inner ".linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | $USERNS"
	up
	no 1 'mounts[0]: mount proc on "/proc"' in_it --log-format json run --bundle /b one
	[[ $err == *'docker: --security-opt systempaths=unconfined'* ]] || fail "no hint"
	# Without one the same kernel has nothing against it.
	inner 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings) | .process.args = ["true"]'
	ok in_it run --bundle /b one
}

@test "cgroups that are read-only: a hint, and rootless containers do without" {
	outer '(.mounts[] | select(.type == "cgroup") | .options) += ["ro"]'
	up
	no 1 'linux.cgroupsPath: create cgroup "/one": mkdir /sys/fs/cgroup/one: read-only file system' in_it --log-format json run --bundle /b one
	[[ $err == *--rootless=true* ]] || fail "no hint"
	ok in_it --rootless=true run --detach --bundle /b one
	ok in_it exec one true
	no 1 'the container has no cgroup of its own' in_it pause one
	ok in_it kill one KILL
	until_true in_it delete one
	inner '.linux.resources.pids = {limit: 5}'
	no 1 'read-only file system' in_it --rootless=true run --bundle /b one
}

@test "no cgroup2 anywhere: an error that says so, and rootless containers do without" {
	outer 'del(.mounts[] | select(.type == "cgroup"))'
	up
	no 1 'run failed: no cgroup can be made: no cgroup2 file system is mounted' in_it run --bundle /b one
	[[ $err == *"hint: mount -t cgroup2 cgroup2 /sys/fs/cgroup; or, where cgroup v1"* && $err != *field=* ]] || fail "no hint, or a field"
	inner '.linux.cgroupsPath = "/one"'
	no 1 'linux.cgroupsPath: no cgroup can be made' in_it run --bundle /b one
	inner 'del(.linux.cgroupsPath) | .linux.resources.pids = {limit: 5}'
	no 1 'linux.resources: no cgroup can be made' in_it run --bundle /b one
	inner 'del(.linux.resources.pids)'
	no 1 'no cgroup2 file system is mounted' in_it --rootless=true --systemd-cgroup run --bundle /b one
	ok in_it --rootless=true plan --bundle /b
	[[ $out != *"create cgroup"* ]] || fail "the plan makes a cgroup"
	ok in_it --rootless=true run --detach --bundle /b one
	ok in_it exec one true
	ok in_it delete --force one
}

@test "an ordinary container: what is missing, one after the other" {
	cp "$RUNTIME" "$BUNDLE/rootfs/crun-go"
	inner_bundle "$BUNDLE/rootfs" "$BUNDLE/config.json"
	up
	no 1 'read-only file system' in_it run --bundle /b one
	no 1 'clone3: operation not permitted' in_it --log-format json --rootless=true run --bundle /b one
	[[ $err == *CAP_SYS_ADMIN* ]] || fail "no hint"
	# A user namespace is to be had, but not the /proc of one.
	inner ".linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}] | $USERNS"
	no 1 'mounts[0]: mount proc on "/proc"' in_it --rootless=true run --bundle /b one
	no 1 'mounts[0]: mount proc on "/proc"' rt exec --user 1000:1000 "$ID" /crun-go --root /tmp/users run --bundle /b one
}

@test "a seccomp filter that has no clone3, as Docker's: the hint says so" {
	outer '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
	up
	no 1 'the seccomp filter of an outer container, refuses clone3: function not implemented' in_it --log-format json run --bundle /b one
	[[ $err == *'seccomp=unconfined'* ]] || fail "no hint"
}

# own_cgroups: the container's processes are in a cgroup of its making, which has
# controllers: then none may be in the container's own.
own_cgroups() {
	config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
	script 'cd /sys/fs/cgroup && mkdir own && echo 1 >own/cgroup.procs && echo +hugetlb >cgroup.subtree_control && touch /tmp/ready; sleep 1000'
	up
	until_true test -e "$BUNDLE/rootfs/tmp/ready"
}

@test "a container with cgroups of its own: exec comes to where init is" {
	own_cgroups
	ok rt exec "$ID" sed -n 's/^0:://p' /proc/self/cgroup
	same cgroup "$out" /own
	ok rt exec --report "$BATS_TEST_TMPDIR/report" "$ID" sed -n 's/^0:://p' /proc/self/cgroup
	[[ $out == /exec-* ]] || fail "cgroup of an exec with an account: $out"
	ok rt exec --cgroup own "$ID" sed -n 's/^0:://p' /proc/self/cgroup
	same cgroup "$out" /own
	# Nothing is cloned into it while it is paused: what waits is moved, to the same place.
	ok rt pause "$ID"
	rt exec --ignore-paused "$ID" sed -n 's/^0:://p' /proc/self/cgroup >"$OUT" 2>"$ERR" </dev/null 3>&- &
	local waiting=$!
	until_true sh -c "[ \$(wc -l <'/sys/fs/cgroup/$ID/own/cgroup.procs') = 2 ]"
	ok rt resume "$ID"
	wait $waiting || fail "exec into a paused container"
	same cgroup "$(cat "$OUT")" /own
	ok rt ps --format json "$ID"
	same processes "$(jq length <<<"$out")" 1
	ok rt delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/$ID" ] || fail "cgroups are left"
}

@test "a container's cgroups, many levels deep, go with it" {
	config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
	script 'cd /sys/fs/cgroup; for n in $(seq 20); do mkdir a b && cd a; done; echo 1 >cgroup.procs; touch /tmp/ready; sleep 1000'
	up
	until_true test -e "$BUNDLE/rootfs/tmp/ready"
	ok rt pause "$ID"
	ok rt ps --format json "$ID"
	same processes "$(jq length <<<"$out")" 1
	ok rt delete --force "$ID"
	[ ! -e "/sys/fs/cgroup/$ID" ] || fail "cgroups are left"
}
