#!/usr/bin/env bats
# What limits do to processes under them, also when they change meanwhile.
load ../suites/helpers
load guest

limits() { config ".linux.resources += $1"; }
group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$@")/cgroup")"; }

# phases COMMAND...: the container carries out one command after the other, each
# once it is asked to, and writes their exit codes.
phases() {
	local n=0 command text=''
	for command; do
		n=$((n + 1))
		text+="until [ -e /tmp/go$n ]; do sleep 0.1; done; $command; echo \$? >/tmp/c; mv /tmp/c /tmp/code$n"$'\n'
	done
	script "$text sleep 1000"
}

# phase N CODE...: ask for command N; it ends with one of the codes.
phase() {
	local n=$1 i code
	: >"$BUNDLE/rootfs/tmp/go$n"
	for ((i = 0; i < 1000; i++)); do
		[ ! -e "$BUNDLE/rootfs/tmp/code$n" ] || break
		sleep 0.1
	done
	code=$(<"$BUNDLE/rootfs/tmp/code$n")
	shift
	[[ " $* " == *" $code "* ]] || fail "command $n: exit code $code, want $*"
}

update() { ok rt update "$@" "$ID"; }

@test "hard limits above the caller's, as engines' services give them" {
	local n
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 900000, hard: 1000000}, {type: "RLIMIT_CORE", soft: 4096, hard: 8192}]
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo $(ulimit -Sn) $(ulimit -Hn) >" + $out]}]' --arg out "$BATS_TEST_TMPDIR/hook"
	# While init starts, Go sets limits of its own: more than once, to meet that.
	for n in 1 2 3 4 5 6 7 8; do
		config '.process.args = ["sh", "-c", "echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -Sc) $(ulimit -Hc)"]'
		ok bash -c 'ulimit -Sn 1000; ulimit -Hn 2000; ulimit -c 0; exec "$@"' - "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
		same "limits, $n" "$out" "900000 1000000 8 16"
		same "hook's, $n" "$(<"$BATS_TEST_TMPDIR/hook")" "1000 2000"
	done
	script 'sleep 1000'
	ok bash -c 'ulimit -Hn 2000; ulimit -c 0; exec "$@"' - "$RUNTIME" --root "$ROOT" run --detach --bundle "$BUNDLE" "$ID"
	ok bash -c 'ulimit -Hn 2000; ulimit -c 0; exec "$@"' - "$RUNTIME" --root "$ROOT" exec "$ID" sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
	same "exec's limits" "$out" "900000 1000000"
}

@test "memory and swap: enough, too little, enough again; and memory.high" {
	local fill='dd if=/dev/zero of=/dev/shm/x bs=1M count=24 2>/dev/null' swap=$BATS_TEST_TMPDIR/swap
	dd if=/dev/zero of="$swap" bs=1M count=48 2>/dev/null
	chmod 600 "$swap"
	mkswap "$swap" >/dev/null
	swapon "$swap"
	limits '{memory: {limit: 16777216, swap: 67108864}}'
	phases "$fill" "rm /dev/shm/x; $fill" "rm -f /dev/shm/x; $fill" "rm /dev/shm/x; $fill"
	up
	local dir
	dir=$(group)
	phase 1 0
	[ "$(cat "$dir/memory.swap.current")" -gt 4000000 ] || fail "nothing swapped"
	# What is there already does not fit.
	no 1 "linux.resources.memory.swap: 16777216 is less than the" rt update -r <(echo '{"memory":{"limit":16777216,"swap":16777216,"checkBeforeUpdate":true}}') "$ID"
	update --memory-swap 16777216
	phase 2 137
	[ "$(value oom_kill "$dir/memory.events")" = 1 ] || fail "$(cat "$dir/memory.events")"
	same status "$(status)" running
	update --memory 67108864 --memory-swap 67108864
	phase 3 0
	same kills "$(value oom_kill "$dir/memory.events")" 1
	update -r <(echo '{"memory":{"swap":-1},"unified":{"memory.high":"16777216"}}')
	phase 4 0
	[ "$(value high "$dir/memory.events")" -gt 0 ] || fail "$(cat "$dir/memory.events")"
	swapoff "$swap" || true
	ok rt delete --force "$ID"
	swapoff -a
}

@test "pids: a limit that grows lets in who was refused" {
	limits '{pids: {limit: 4}}'
	# The shell itself ends if it can't fork.
	local many='(sleep 60 & sleep 60 & sleep 60 & sleep 60 & sleep 60 &) 2>/tmp/said; ! grep -q fork /tmp/said'
	phases "$many" "killall sleep; $many"
	up
	phase 1 1
	local dir
	dir=$(group)
	[ "$(value max "$dir/pids.events")" -gt 0 ] || fail "nothing counted"
	update --pids-limit 20
	phase 2 0
}

# bats test_tags=needs:cpuset
@test "cpu: weight, idle, quota, burst and cpuset, while it runs" {
	limits '{cpu: {cpus: "0", shares: 2}}'
	script 'while :; do :; done'
	up
	BUNDLE=$BATS_TEST_TMPDIR/other
	new_bundle "$BUNDLE"
	limits '{cpu: {cpus: "0", shares: 262144}}'
	script 'while :; do :; done'
	ok rt run --detach --bundle "$BUNDLE" "$ID-b"
	local a b before
	a=$(group) b=$(group "$ID-b")
	used() { value usage_usec "$1/cpu.stat"; }
	# less GROUP BEFORE OTHER BEFORE N: it has used less than an Nth of what the other has.
	less() { [ $((($(used "$1") - $2) * $5)) -lt $(($(used "$3") - $4)) ]; }
	same weights "$(cat "$a/cpu.weight" "$b/cpu.weight" | tr '\n' ' ')" "1 10000 "
	before="$(used "$a") $(used "$b")"
	until_true eval '[ $(($(used "$b") - ${before#* })) -gt 2000000 ]'
	less "$a" "${before% *}" "$b" "${before#* }" 4 || fail "equal shares for 1 and 10000"
	# The other way round: idle is less than any weight.
	ok rt update --cpu-idle 1 "$ID-b"
	before="$(used "$a") $(used "$b")"
	until_true eval '[ $(($(used "$a") - ${before% *})) -gt 1000000 ]'
	less "$b" "${before#* }" "$a" "${before% *}" 2 || fail "idle, but it takes as much"
	# A CPU of its own, and a quota.
	ok rt update --cpuset-cpus 1 "$ID-b"
	same cpus "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(pid_of "$ID-b")/status")" 1
	same throttled "$(value nr_throttled "$b/cpu.stat")" 0
	ok rt update --cpu-quota 5000 "$ID-b"
	until_true eval '[ "$(value nr_throttled "$b/cpu.stat")" -gt 2 ]'
	ok rt update --cpu-quota -1 "$ID-b"
	before=$(value nr_throttled "$b/cpu.stat")
	until_true eval '[ "$(value nr_throttled "$b/cpu.stat")" = "$before" ]'
	ok rt delete --force "$ID-b"
}

# bats test_tags=needs:cpuset
@test "cpuset: what a hook has left and what exec starts follow theirs as it grows" {
	# The runtime's own beginning keeps to one processor for a moment.
	local narrow=/sys/fs/cgroup/narrow left
	mkdir "$narrow"
	echo 0 >"$narrow/cpuset.cpus"
	config --arg pid "$BATS_TEST_TMPDIR/left" '.hooks.createRuntime = [{path: "/bin/sh",
		args: ["sh", "-c", "sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >\($pid)"]}]'
	limits '{cpu: {cpus: "0"}}'
	within() { bash -c 'echo $$ >'"$narrow"'/cgroup.procs && exec "$@"' - "$RUNTIME" --root "$ROOT" "$@"; }
	ok within run --detach --bundle "$BUNDLE" "$ID"
	ok within exec --detach --pid-file "$BATS_TEST_TMPDIR/exec" "$ID" sleep 1000
	left=$(<"$BATS_TEST_TMPDIR/left")
	echo 0-1 >"$narrow/cpuset.cpus"
	update --cpuset-cpus 0-1
	allowed() { sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$1/status"; }
	same processors "$(allowed "$left") $(allowed "$(pid_of)") $(allowed "$(<"$BATS_TEST_TMPDIR/exec")")" "0-1 0-1 0-1"
	kill "$left"
	ok rt delete --force "$ID"
	until_true rmdir "$narrow"
}

@test "cpu: burst is for who has saved" {
	limits '{cpu: {quota: 20000, period: 100000, burst: 20000}}'
	script 'while :; do sleep 1; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done'
	up
	local dir
	dir=$(group)
	until_true eval '[ "$(value nr_bursts "$dir/cpu.stat")" -gt 0 ]'
}

@test "io: bytes and operations for each second" {
	limits "{blockIO: {throttleReadBpsDevice: [{major: ${DISK%:*}, minor: ${DISK#*:}, rate: 65536}]},
		devices: [{allow: true, access: \"rwm\"}]}"
	config '.mounts += [{destination: "/disk", type: "bind", source: $node, options: ["bind", "ro"]}]' --arg node "$NODE"
	local read='dd if=/disk of=/dev/null bs=64k count=128 iflag=direct 2>/dev/null'
	phases "$read skip=1000" "$read skip=2000"
	up
	: >"$BUNDLE/rootfs/tmp/go1"
	# As much, without a limit, is done first.
	dd if="$NODE" of=/dev/null bs=64k count=128 skip=3000 iflag=direct 2>/dev/null
	[ ! -e "$BUNDLE/rootfs/tmp/code1" ] || fail "8 MiB at 64 KiB/s were faster than without a limit"
	same limit "$(cat "$(group)/io.max")" "$DISK rbps=65536 wbps=max riops=max wiops=max"
	# The rest is read at once: a limit of zero is none.
	update -r <(echo "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":${DISK%:*},\"minor\":${DISK#*:},\"rate\":0}]}}")
	phase 1 0
	same limit "$(cat "$(group)/io.max")" ""
	update -r <(echo "{\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":${DISK%:*},\"minor\":${DISK#*:},\"rate\":2}]}}")
	: >"$BUNDLE/rootfs/tmp/go2"
	dd if="$NODE" of=/dev/null bs=64k count=128 skip=4000 iflag=direct 2>/dev/null
	[ ! -e "$BUNDLE/rootfs/tmp/code2" ] || fail "128 reads at 2/s were faster than without a limit"
}

# bats test_tags=needs:hugetlb
@test "huge pages: use and reservation, refused and counted" {
	sysctl -q vm.nr_hugepages=8
	limits '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	config '.mounts += [{destination: "/huge", type: "hugetlbfs", source: "none", options: ["pagesize=2M"]}]'
	phases 'fallocate -l 4M /huge/a' 'fallocate -l 2M /huge/b' 'fallocate -l 2M /huge/b'
	up
	local dir
	dir=$(group)
	same limits "$(cat "$dir/hugetlb.2MB.max" "$dir/hugetlb.2MB.rsvd.max" | tr '\n' ' ')" "4194304 4194304 "
	phase 1 0
	phase 2 1
	ok rt events --stats "$ID"
	same statistics "$(jq -c '.data.hugetlb["2MB"]' "$OUT")" '{"usage":4194304,"failcnt":1}'
	update -r <(echo '{"hugepageLimits":[{"pageSize":"2MB","limit":6291456}]}')
	phase 3 0
	same usage "$(cat "$dir/hugetlb.2MB.current")" 6291456
	ok rt delete --force "$ID"
	sysctl -q vm.nr_hugepages=0
	config '.linux.resources.hugepageLimits[0].pageSize = "64KB"'
	no 1 'linux.resources.hugepageLimits[0].limit' create "$ID"
	[[ $err == "hint: "*"/sys/kernel/mm/hugepages"*"this kernel has no such file"* ]] || fail "says something else"
}

# bats test_tags=needs:rdma
@test "rdma: an adapter's handles and objects" {
	modprobe rdma_rxe
	rdma link add rxe0 type rxe netdev dummy0
	limits '{rdma: {rxe0: {hcaHandles: 3, hcaObjects: 2000}}}'
	up
	same limits "$(cat "$(group)/rdma.max")" "rxe0 hca_handle=3 hca_object=2000 "
	ok rt events --stats "$ID"
	same statistics "$(jq -c .data.rdma "$OUT")" '{"rxe0":{"hca_handle_max":3,"hca_object_max":2000}}'
	update -r <(echo '{"rdma":{"rxe0":{"hcaHandles":4}}}')
	same limits "$(cat "$(group)/rdma.max")" "rxe0 hca_handle=4 hca_object=2000 "
	no 1 'linux.resources.rdma["mlx4_0"]' rt update -r <(echo '{"rdma":{"mlx4_0":{"hcaHandles":4}}}') "$ID"
	ok rt delete --force "$ID"
	rdma link delete rxe0
}
