#!/usr/bin/env bats
# Limits of every controller, on machines where cgroup v2 has them.
load ../suites/helpers
load guest

limits() { config ".linux.resources += $1"; }

# The container's cgroup, while it is there.
group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }

# offered CONTROLLER...: by the guest's kernel.
offered() {
	local c
	for c; do grep -qw "$c" /sys/fs/cgroup/cgroup.controllers || fail "no $c"; done
}

@test "the guest has controllers" { offered cpu io memory pids; }

# bats test_tags=needs:cpuset, needs:hugetlb
@test "the guest has all controllers" { offered cpuset cpu io memory pids hugetlb; }

@test "unit tests of package cgroups" {
	cd "$BATS_TEST_TMPDIR"
	try "$TESTS/.build/cgroups.test" -test.v
	[ "$rc" = 0 ] || fail "$(grep -A 12 -- '--- FAIL' "$OUT")"
	[[ $out == *"--- PASS: TestSetInKernel"* ]] || fail "no test met the kernel: $(grep SKIP "$OUT")"
}

@test "every limit reads back" {
	limits '{memory: {limit: 67108864, reservation: 33554432, swap: 100663296},
		cpu: {shares: 512, quota: 20000, period: 50000, burst: 1000},
		pids: {limit: 77},
		blockIO: {throttleReadBpsDevice: [{major: '${DISK%:*}', minor: '${DISK#*:}', rate: 1048576}],
			throttleWriteIOPSDevice: [{major: '${DISK%:*}', minor: '${DISK#*:}', rate: 99}]},
		unified: {"memory.high": "50331648", "cgroup.max.descendants": "3"}}'
	inside sh -c 'cd /sys/fs/cgroup; for f in memory.max memory.low memory.swap.max memory.high cpu.weight cpu.max cpu.max.burst \
		pids.max cgroup.max.descendants io.max; do echo $f $(cat $f); done'
	same limits "$out" 'memory.max 67108864
memory.low 33554432
memory.swap.max 33554432
memory.high 50331648
cpu.weight 59
cpu.max 20000 50000
cpu.max.burst 1000
pids.max 77
cgroup.max.descendants 3
io.max '"$DISK"' rbps=1048576 wbps=max riops=max wiops=99'
}

# bats test_tags=needs:cpuset, needs:hugetlb
@test "limits of cpuset and hugetlb read back" {
	limits '{cpu: {cpus: "0", mems: "0"}, hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	inside sh -c 'cd /sys/fs/cgroup; cat cpuset.cpus cpuset.mems hugetlb.2MB.max; grep Cpus_allowed_list /proc/self/status'
	same limits "$out" $'0\n0\n4194304\nCpus_allowed_list:\t0'
}

@test "memory: over the limit means SIGKILL, and the cgroup counts it" {
	limits '{memory: {limit: 16777216, swap: 16777216}}'
	args dd if=/dev/zero of=/dev/shm/x bs=1M count=48
	try run_bundle --keep "$ID"
	same "exit code" "$rc" 137
	local group
	group=$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")
	[ "$(value oom_kill "$group/memory.events")" -gt 0 ] || fail "$(cat "$group/memory.events")"
	same status "$(status)" stopped
}

@test "memory: a limit too low for the runtime's own init is named" {
	limits '{memory: {limit: 16384, swap: 16384}}'
	no 1 "OOM-killed (memory limit too low?)" create "$ID"
	one_error
}

@test "memory: an init that is OOM-killed is told with the step that it was at" {
	ours "no steps"
	mkdir "$BUNDLE/rootfs/big"
	dd if=/dev/zero of="$BUNDLE/rootfs/big/file" bs=1M count=24 2>/dev/null
	config '.mounts += [{destination: "/big", type: "tmpfs", source: "big", options: ["tmpcopyup"]}]'
	limits '{memory: {limit: 8388608, swap: 8388608}}'
	no 1 'mounts[7]: mount tmpfs on "/big"' create "$ID"
	[[ $err == *"container init was OOM-killed (memory limit too low?)"* ]] || fail "other words"
	one_error
}

@test "pids: a fork too many is refused" {
	limits '{pids: {limit: 4}}'
	script '(sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 &) 2>/tmp/said; grep -c "an.t fork" /tmp/said; cat /sys/fs/cgroup/pids.events'
	try run_bundle "$ID"
	[[ $out == *"max "[1-9]* ]] || fail "nothing refused"
}

@test "pids: a limit in unified" {
	limits '{unified: {"pids.max": "9"}}'
	inside cat /sys/fs/cgroup/pids.max
	same limit "$out" 9
}

@test "cpu: over the quota means throttled" {
	limits '{cpu: {quota: 5000, period: 100000}}'
	script 'until grep -q "^nr_throttled [1-9]" /sys/fs/cgroup/cpu.stat; do :; done; cat /sys/fs/cgroup/cpu.stat'
	ok run_bundle "$ID"
	[ "$(value nr_throttled "$OUT")" -gt 0 ] || fail "$out"
}

@test "cgroups of a container's own, with limits, where it may write" {
	config '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	script 'cd /sys/fs/cgroup && mkdir self sub && echo 1 >self/cgroup.procs && echo $$ >self/cgroup.procs
		echo +memory +pids >cgroup.subtree_control && echo 99 >sub/pids.max && cat sub/pids.max && ls sub/memory.max'
	ok run_bundle "$ID"
	same answers "$out" $'99\nsub/memory.max'
}

# refused RESOURCES TEXT...: create says no, with all of these in its error.
refused() {
	local text resources=$1
	shift
	jq --argjson r "$resources" '.linux.resources += $r' <"$BUNDLE/config.json" >"$BUNDLE/config.good"
	mv "$BUNDLE/config.json" "$BUNDLE/config.kept"
	mv "$BUNDLE/config.good" "$BUNDLE/config.json"
	no 1 linux.resources create "$ID"
	mv "$BUNDLE/config.kept" "$BUNDLE/config.json"
	for text; do
		[[ $err == *"$text"* ]] || fail "$resources: the error lacks $text"
	done
}

@test "what the kernel refuses: field, value, file, reason and hint" {
	refused '{"cpu":{"quota":999}}' 'cpu.quota: write "999"' "quota must be at least 1000"
	refused '{"blockIO":{"throttleReadBpsDevice":[{"major":251,"minor":7,"rate":1048576}]}}' 'blockIO.throttleReadBpsDevice[0].rate' "a whole disk"
	refused '{"blockIO":{"weightDevice":[{"major":'${DISK%:*}',"minor":'${DISK#*:}',"weight":300}]}}' 'blockIO.weightDevice[0].weight' "BFQ scheduler"
	refused '{"unified":{"memory.max":"lots"}}' 'unified.memory.max: write "lots"' "a number of bytes, or max"
	refused '{"unified":{"memory.nope":"5"}}' "this kernel has no such file"
	refused '{"unified":{"dmem.max":"5"}}' "dmem controller not available" "the kernel does not offer it"
	refused '{"unified":{"io.max":"'$DISK' odd=1"}}' 'unified.io.max: write "'$DISK' odd=1"' "rbps, wbps"
	refused '{"unified":{"cgroup.subtree_control":"+memory"}}' "no-internal-process rule"
}

# bats test_tags=needs:cpuset, needs:misc
@test "what the kernel refuses of cpuset and misc" {
	refused '{"cpu":{"cpus":"77"}}' 'cpu.cpus: write "77" to "/sys/fs/cgroup/' /cpuset.cpus "that the parent cgroup has"
	refused '{"unified":{"misc.max":"sev 5"}}' 'unified.misc.max: write "sev 5"' misc.capacity
	refused '{"unified":{"cpuset.cpus.partition":"root"}}' "root invalid (cpuset.cpus and cpuset.cpus.exclusive are empty)"
	refused '{"unified":{"cpuset.cpus.partition":"odd"}}' "expected member, root or isolated"
}

# bats test_tags=needs:cpuset
@test "a cpuset partition has its CPUs for itself" {
	limits '{unified: {"cpuset.cpus": "1", "cpuset.cpus.partition": "isolated"}}'
	inside cat /sys/fs/cgroup/cpuset.cpus.partition /sys/fs/cgroup/cpuset.cpus.effective
	same partition "$out" $'isolated\n1'
}

@test "places where no container can be: the reason is in the error" {
	local top=/sys/fs/cgroup/x$ID
	mkdir "$top"
	config --arg p "/x$ID/t" '.linux.cgroupsPath = $p'
	echo 0 >"$top/cgroup.max.descendants"
	no 1 'cgroup.max.descendants of "/x'"$ID"'" allows 0 cgroups below it' create "$ID"
	echo max >"$top/cgroup.max.descendants"
	# The container has no limit of its own, the place has.
	echo +pids >/sys/fs/cgroup/cgroup.subtree_control
	echo 0 >"$top/pids.max"
	no 1 'no room for a process: see pids.max' create "$ID"
	echo 1 >"$top/pids.max"
	ok create "$ID"
	ok rt delete --force "$ID"
	rmdir "$top"
}

@test "no controllers below a cgroup with processes: the reason is in the error" {
	local path=/sys/fs/cgroup/x$ID
	mkdir "$path"
	sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	local stranger=$!
	echo $stranger >"$path/cgroup.procs"
	config --arg p "/x$ID/below" '.linux.cgroupsPath = $p'
	limits '{memory: {limit: 67108864}}'
	try create "$ID"
	kill $stranger
	same "exit code" "$rc" 1
	[[ $err == *"linux.resources.memory.limit"*"memory controller not available"*"has processes of its own"* ]] || fail "says something else"
	until_true rmdir "$path"
}

@test "the host's mount of cgroup2 keeps its options" {
	local before
	options() { awk '$3 == "cgroup2" { print $4 }' /proc/mounts; }
	before=$(options)
	[[ $before == *nsdelegate* ]] || fail "the guest mounts cgroup2 with $before"
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	inside sh -c 'cat /proc/self/cgroup; ls -d /sys/fs/cgroup/*.slice; grep " /sys/fs/cgroup " /proc/self/mounts'
	[[ $out == *"$ID"*system.slice*cgroup2* ]] || fail "$out"
	same options "$(options)" "$before"
}
