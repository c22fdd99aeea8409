#!/usr/bin/env bats
# events on a machine that has all controllers: what they count, and out of
# memory.
load ../suites/helpers
load guest

group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }
told() { jq -r .type "$BATS_TEST_TMPDIR/events" | grep -qx "$1"; }

# watch FLAG...: events in the background, which have begun when this returns.
watch() {
	"$RUNTIME" --root "$ROOT" events --interval 100ms "$@" "$ID" >"$BATS_TEST_TMPDIR/events" 2>"$BATS_TEST_TMPDIR/events.err" </dev/null 3>&- &
	watcher=$!
	until_true told stats
}

teardown() {
	[ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null || true
	delete_all
	nothing_left
}

@test "statistics of every controller agree with the kernel's" {
	config '.linux.resources += {memory: {limit: 67108864, swap: 134217728}, pids: {limit: 77}, cpu: {quota: 20000, period: 50000}}'
	script 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; head -c 1000000 /dev/zero >/dev/shm/x; sleep 1000 & : >/tmp/ready; wait'
	up
	until_true test -e "$BUNDLE/rootfs/tmp/ready"
	ok rt events --stats "$ID"
	of() { jq -c ".data.$1" "$OUT"; }
	dir=$(group)
	same limit "$(of memory.usage.limit)" 67108864
	same "memory and swap" "$(of memory.swap.limit)" 134217728
	same pids "$(of pids)" '{"current":2,"limit":77,"peak":'"$(cat "$dir/pids.peak")"'}'
	same "cgroup's keys" "$(jq '.data.memory.raw | length' "$OUT")" "$(wc -l <"$dir/memory.stat")"
	[ "$(of memory.usage.usage)" -gt 1000000 ] || fail "$out"
	[ "$(of memory.cache)" -ge 1000000 ] || fail "a tmpfs counts as cache: $(of memory)"
	[ "$(of memory.usage.max)" -ge "$(of memory.usage.usage)" ] || fail "$(of memory)"
	[ "$(of cpu.throttling.periods)" -gt 0 ] || fail "$(of cpu)"
	[ "$(of cpu.usage.total)" -ge "$(of cpu.usage.user)" ] || fail "$(of cpu)"
	same cpus "$(of 'cpuset.cpus | length')" "$([ ! -e "$dir/cpuset.cpus.effective" ] && echo 0 || nproc)"
	same events "$(of memory.event_count)" "{}"
}

# of_both FILTER: do both runtimes say the same of it?
of_both() {
	"$RUNTIME" --root "$ROOT" events --stats "$ID" >"$BATS_TEST_TMPDIR/ours" </dev/null 3>&-
	runc --root "$BATS_TEST_TMPDIR/runc" events --stats "$ID-r" >"$BATS_TEST_TMPDIR/theirs" </dev/null 3>&-
	diff <(jq -S ".data | $1" "$BATS_TEST_TMPDIR/ours") <(jq -S ".data | $1" "$BATS_TEST_TMPDIR/theirs")
}

@test "statistics agree with runc's of the same cgroup" {
	config --arg p "/x$ID" '.linux.cgroupsPath = $p'
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	config '.linux.resources += {memory: {limit: 67108864, swap: 134217728}, pids: {limit: 77}, cpu: {quota: 20000, period: 50000}}
		| .linux.resources.devices = [{allow: true, access: "rwm"}] | .mounts += [{destination: "/disk", type: "bind", source: $node, options: ["bind", "ro"]}]' --arg node "$NODE"
	script 'until grep -q "^nr_throttled [1-9]" /sys/fs/cgroup/cpu.stat; do :; done; head -c 1000000 /dev/zero >/dev/shm/x
		dd if=/disk of=/dev/null bs=64k count=8 skip=6000 iflag=direct 2>/dev/null; : >/tmp/ready; sleep 1000'
	up
	until_true test -e "$BUNDLE/rootfs/tmp/ready"
	mkdir "$BATS_TEST_TMPDIR/theirs.bundle"
	ln -s "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/theirs.bundle/rootfs"
	jq --arg root "$BUNDLE/rootfs" '.root.path = $root' <"$BATS_TEST_TMPDIR/config.json" >"$BATS_TEST_TMPDIR/theirs.bundle/config.json"
	runc --root "$BATS_TEST_TMPDIR/runc" run --detach --bundle "$BATS_TEST_TMPDIR/theirs.bundle" "$ID-r" </dev/null >/dev/null 2>&1 3>&-
	ok rt pause "$ID"
	# That version of runc leaves out discards, cpusets and huge pages. Some counters
	# of the kernel's come to rest a moment later.
	until_true of_both '(.cpu | del(.psi)), (.memory | .usage, .swap, .cache, .raw), (.pids | .current, .limit),
		(.blkio | .ioServiceBytesRecursive, .ioServicedRecursive | map(select(.op != "Discard")))'
	[ "$(jq '.data.cpu.throttling.throttledPeriods' "$BATS_TEST_TMPDIR/theirs")" -gt 0 ] || fail "nothing to compare"
	ok rt resume "$ID"
	runc --root "$BATS_TEST_TMPDIR/runc" delete --force "$ID-r" >/dev/null 2>&1 3>&- || true
}

@test "out of memory is told when it happens" {
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520}'
	script 'until [ -e /tmp/go ]; do sleep 0.2; done; sh -c "x=\$(head -c 100000000 /dev/zero | tr \\\\0 x)"; sleep 1000'
	up
	watch
	touch "$BUNDLE/rootfs/tmp/go"
	until_true told oom
	killed() { [ "$(jq 'select(.type == "memory") | .data.oom_kill // 0' "$BATS_TEST_TMPDIR/events" | tail -n 1)" -ge 1 ]; }
	until_true killed
	same complaints "$(cat "$BATS_TEST_TMPDIR/events.err")" ""
}

@test "out of memory is told also if it is the end" {
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520} | .linux.resources.unified = {"memory.oom.group": "1"}'
	script 'until [ -e /tmp/go ]; do sleep 0.2; done; x=$(head -c 100000000 /dev/zero | tr \\0 x)'
	up
	watch
	touch "$BUNDLE/rootfs/tmp/go"
	until_true told exit
	until_true eval "! kill -0 $watcher"
	wait "$watcher"
	same order "$(jq -r .type "$BATS_TEST_TMPDIR/events" | grep -v -e stats -e memory | uniq | tr '\n' ' ')" "oom exit "
	watcher=
}

@test "a fork that pids.max refused is told" {
	config '.linux.resources.pids = {limit: 4}'
	script 'until [ -e /tmp/go ]; do sleep 0.2; done; while :; do sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait; done 2>/dev/null'
	up
	watch
	touch "$BUNDLE/rootfs/tmp/go"
	until_true told pids
	[ "$(jq 'select(.type == "pids").data.max' "$BATS_TEST_TMPDIR/events" | head -n 1)" -ge 1 ] || fail "$(cat "$BATS_TEST_TMPDIR/events")"
}

@test "input and output by device" {
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]
		| .mounts += [{destination: "/disk", type: "bind", source: $node, options: ["bind", "ro"]}]' --arg node "$NODE"
	script 'dd if=/disk of=/dev/null bs=64k count=32 skip=5000 iflag=direct 2>/dev/null || dd if=/disk of=/dev/null bs=64k count=32 skip=50000 2>/dev/null; : >/tmp/ready; sleep 1000'
	up
	until_true test -e "$BUNDLE/rootfs/tmp/ready"
	ok rt events --stats "$ID"
	read="$(jq '[.data.blkio.ioServiceBytesRecursive[] | select(.op == "Read") | .value // 0] | add' "$OUT")"
	[ "$read" -ge 2097152 ] || fail "$(jq -c .data.blkio "$OUT")"
}
