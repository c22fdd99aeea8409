#!/usr/bin/env bats
# events: what a container uses, and what happens to it.
load helpers

# watch [FLAG...]: events of the container in the background, printed to
# $BATS_TEST_TMPDIR/events, complaints to events.err.
watch() {
	# Not by way of rt: that one has a time limit, and its own process.
	"$RUNTIME" --root "$ROOT" events "$@" "$ID" >"$BATS_TEST_TMPDIR/events" 2>"$BATS_TEST_TMPDIR/events.err" </dev/null 3>&- &
	watcher=$!
}

# types: the types of all events so far, one per line.
types() { jq -r .type "$BATS_TEST_TMPDIR/events"; }
told() { types | grep -qx "$1"; }

# finished: the watcher ended by itself, with exit code 0.
finished() {
	until_true eval "! kill -0 $watcher"
	wait "$watcher" || fail "events: exit code $?: $(cat "$BATS_TEST_TMPDIR/events.err")"
	watcher=
}

# A test that failed must not leave its watcher.
teardown() {
	[ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null || true
	delete_all
	nothing_left
}

cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }

@test "--stats prints one object with runc's keys" {
	up
	ok rt events --stats "$ID"
	same lines "$(wc -l <"$OUT")" 1
	same envelope "$(jq -c '[.type, .id]' <"$OUT")" "[\"stats\",\"$ID\"]"
	same keys "$(jq -c '.data | keys_unsorted[:8]' <"$OUT")" \
		'["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]'
	same processes "$(jq .data.pids.current <"$OUT")" 1
	same network "$(jq -c .data.network_interfaces <"$OUT")" null # loopback alone
	# The container has used some processor time, in nanoseconds.
	used=$(awk '$1 == "usage_usec" { print $2 }' "$(cgroup_of)/cpu.stat")
	[ "$(jq .data.cpu.usage.total <"$OUT")" -le $((used * 1000)) ] || fail "more time than the kernel counts"
	[ "$(jq .data.cpu.usage.total <"$OUT")" -gt 0 ] || fail "no time"
}

@test "--stats of created and paused containers" {
	ok create "$ID"
	ok rt events --stats "$ID"
	same type "$(jq -r .type <"$OUT")" stats
	ours "1.1 pauses by the freezer of cgroup v1 here"
	ok start "$ID"
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused
	ok rt events --stats "$ID"
	same type "$(jq -r .type <"$OUT")" stats
}

@test "network interfaces of the container's namespace" {
	ours "1.1 shows interfaces that it made itself"
	up
	pid=$(pid_of)
	inside_net() { nsenter --net="/proc/$pid/ns/net" "$@"; }
	inside_net ip link add eth7 type veth peer name eth8 || skip "no virtual interfaces in this kernel"
	inside_net ip addr add 192.0.2.1/24 dev eth7
	inside_net ip link set eth7 up
	inside_net ip link set eth8 up
	inside_net busybox arping -c 1 -w 1 -I eth7 192.0.2.2 >/dev/null || true # nobody answers
	ok rt events --stats "$ID"
	same names "$(jq -c '[.data.network_interfaces[].Name] | sort' <"$OUT")" '["eth7","eth8"]'
	jq --exit-status '.data.network_interfaces | INDEX(.Name) | .eth7.TxPackets > 0 and .eth8.RxBytes > 0' <"$OUT" || fail "nothing was counted"
	# The host's network is no business of a container without its own.
	ok rt delete --force "$ID"
	config '.linux.namespaces |= map(select(.type != "network"))
		| .mounts |= map(if .type == "sysfs" then {destination, type: "bind", source: "/sys", options: ["rbind", "ro"]} else . end)'
	up
	ok rt events --stats "$ID"
	same network "$(jq -c .data.network_interfaces <"$OUT")" null
}

@test "stopped, missing, and nonsense" {
	up
	ok rt kill "$ID" KILL
	wait_status stopped
	no 1 "container with id $ID is not running" rt events "$ID"
	no 1 "container with id $ID is not running" rt events --stats "$ID"
	no 1 "duration interval must be greater than 0" rt events --interval 0s "$ID"
	no 1 "does not exist" rt events --stats nobody
	no 1 "parse error" rt events --interval soon "$ID"
	ours "no such flag"
	no 1 "expected RESOURCE:some|full:STALL/WINDOW" rt events --pressure disk:some:1s/2s "$ID"
}

@test "statistics every interval, exit at the end" {
	ours "1.1 needs the memory controller"
	up
	watch --interval 50ms
	until_true eval '[ "$(types | grep -cx stats)" -ge 3 ]'
	ok rt kill "$ID" KILL
	finished
	same "last event" "$(tail -n 1 "$BATS_TEST_TMPDIR/events")" "{\"type\":\"exit\",\"id\":\"$ID\"}"
	same "exit events" "$(types | grep -cx exit)" 1
}

@test "what can't be watched is said once, and the rest goes on" {
	ours "1.1 fails without the memory controller"
	! grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has the memory controller here"
	up
	watch --interval 20ms
	until_true told stats
	ok rt kill "$ID" KILL
	finished
	same warnings "$(grep -c 'memory.events' "$BATS_TEST_TMPDIR/events.err")" 1
}

@test "no statistics come before the first interval has passed, but exit does" {
	ours "1.1 knows no exit"
	up
	watch --interval 1h
	until_true sh -c "ls -l /proc/$watcher/fd | grep -q pidfd" # it has found the container
	ok rt kill "$ID" KILL
	finished
	same events "$(types)" exit
}

@test "a container that is deleted meanwhile" {
	ours "1.1 knows no exit"
	up
	watch --interval 10ms
	until_true told stats
	ok rt delete --force "$ID"
	finished
	same "last event" "$(types | tail -n 1)" exit
}

@test "a reader that goes away ends it, between events too" {
	ours "1.1 ends by SIGPIPE, at the next event"
	up
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	"$RUNTIME" --root "$ROOT" events --interval 1h "$ID" >"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/events.err" </dev/null 3>&- &
	watcher=$!
	sleep 0.1 <"$BATS_TEST_TMPDIR/pipe"
	finished
	! grep -qi 'error\|panic' "$BATS_TEST_TMPDIR/events.err" || fail "$(cat "$BATS_TEST_TMPDIR/events.err")"
	# One that reads a line and leaves.
	rt events --interval 10ms "$ID" 2>/dev/null 3>&- | head -n 1 >"$OUT"
	same codes "${PIPESTATUS[*]}" "0 0"
	same type "$(jq -r .type <"$OUT")" stats
}

# bats test_tags=guest
@test "oom" {
	ours "1.1 polls"
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has no memory controller here; make test-vm runs it"
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520}'
	script 'until [ -e /tmp/go ]; do sleep 0.05; done; sh -c "x=\$(head -c 100000000 /dev/zero | tr \\\\0 x)"; sleep 1000'
	up
	watch --interval 50ms
	until_true told stats
	touch "$BUNDLE/rootfs/tmp/go"
	until_true told memory
	same "the record as runc writes it" "$(grep '^{"type":"oom"' "$BATS_TEST_TMPDIR/events" | sort -u)" "{\"type\":\"oom\",\"id\":\"$ID\"}"
	[ "$(jq 'select(.type == "memory").data.oom_kill' "$BATS_TEST_TMPDIR/events" | tail -n 1)" -ge 1 ] || fail "$(cat "$BATS_TEST_TMPDIR/events")"
}

# bats test_tags=guest
@test "a fork that pids.max refused" {
	ours "1.1 knows no such event"
	grep -qw pids /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has no pids controller here; make test-vm runs it"
	config '.linux.resources.pids = {limit: 4}'
	script 'until [ -e /tmp/go ]; do sleep 0.05; done; while :; do (sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait); done'
	up
	watch --interval 50ms
	until_true told stats
	touch "$BUNDLE/rootfs/tmp/go"
	until_true told pids
}

@test "pressure" {
	ours "1.1 has no such flag"
	[ -e "/proc/pressure/cpu" ] || skip "this kernel accounts for no pressure"
	# Two processes that compete for one processor.
	script 'while :; do :; done & while :; do :; done & while :; do :; done & while :; do :; done'
	up
	taskset -acp 0 "$(pid_of)" >/dev/null
	for pid in $(cat "$(cgroup_of)/cgroup.procs"); do taskset -acp 0 "$pid" >/dev/null || true; done
	watch --interval 1h --pressure cpu:some:50ms/2s --pressure=memory:full:1s/2s
	until_true told pressure
	same trigger "$(jq -r 'select(.type == "pressure").data.trigger' "$BATS_TEST_TMPDIR/events" | sort -u)" cpu:some:50ms/2s
}

@test "pressure that the kernel will not watch" {
	ours "1.1 has no such flag"
	[ -e "/proc/pressure/cpu" ] || skip "this kernel accounts for no pressure"
	up
	no 1 "hint: the window must be 500ms to 10s" rt events --pressure cpu:some:50ms/100s "$ID"
	[[ $err == *'write "some 50000 100000000" to'*cpu.pressure*"invalid argument"* ]] || fail "$err"
}
