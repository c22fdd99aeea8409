#!/usr/bin/env bats
# How the kernel treats the container's process: processors, scheduling policy,
# memory policy, execution domain.
load helpers

# scheduled JSON: run under process.scheduler; $out is "policy nice rt_priority"
# of proc_pid_stat(5).
scheduled() {
	config --argjson s "$1" '.process.scheduler = $s'
	args sed 's/.*) //' /proc/self/stat
	try run_bundle "$ID"
	[ "$rc" = 0 ] || return 0
	out=$(cut -d' ' -f39,17,38 <<<"$out")
}

@test "the launcher's affinity does not leak" {
	ours "1.1 leaves it"
	local all
	all=$(taskset -p $$ | sed 's/.*: //')
	[ "$(nproc)" -gt 1 ] || skip "this machine has one processor"
	args sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status
	ok taskset 1 timeout 30 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	same processors "$out" "$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)"
	[ "$out" != 0 ] || fail "still one of $all"
}

@test "scheduler: every policy" {
	ours "1.1 does not know them"
	local own
	own=$(nice)
	scheduled '{"policy": "SCHED_OTHER", "nice": 3}'
	same OTHER "$out" "3 0 0"
	scheduled '{"policy": "SCHED_BATCH", "nice": 19}'
	same BATCH "$out" "19 0 3"
	scheduled '{"policy": "SCHED_IDLE"}'
	same IDLE "$out" "$own 0 5"
	# Where the kernel schedules by groups, real time is for the root group only.
	scheduled '{"policy": "SCHED_FIFO", "priority": 7}'
	[[ $rc = 1 && $err == *"process.scheduler: set scheduling policy SCHED_FIFO"*"operation not permitted"* ]] || same FIFO "$out" "$own 7 1"
	scheduled '{"policy": "SCHED_RR", "priority": 99, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	[[ $rc = 1 && $err == *"operation not permitted"* ]] || same RR "$out" "$own 99 2"
	scheduled '{"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 20000000, "period": 20000000, "flags": ["SCHED_FLAG_RECLAIM"]}'
	[[ $rc = 1 && $err == *"operation not permitted"* ]] || same DEADLINE "$out" "$own 0 6"
	scheduled '{"policy": "SCHED_ISO"}'
	same "exit code" "$rc" 1
	[[ $err == *"process.scheduler: set scheduling policy SCHED_ISO: sched_setattr: invalid argument"* ]] || fail "ISO"
}

@test "scheduler: what is no policy" {
	ours "1.1 does not know it"
	local s said
	while IFS='|' read -r s said; do
		config --argjson s "$s" '.process.scheduler = $s'
		no 1 "process.scheduler$said" create "$ID"
	done <<-'END'
		{}|.policy: unknown scheduling policy ""
		{"policy": "SCHED_IDLE", "nice": -21}|.nice: -21 is out of range
		{"policy": "SCHED_RR", "priority": 100}|.priority: 100 is out of range
		{"policy": "SCHED_IDLE", "priority": 1}|.priority: 1, expected
		{"policy": "SCHED_IDLE", "runtime": 1}|: runtime, deadline and period are for SCHED_DEADLINE
		{"policy": "SCHED_DEADLINE", "runtime": 30, "deadline": 20}|: runtime 30 exceeds deadline 20, or that
		{"policy": "SCHED_DEADLINE"}|.runtime: 0
		{"policy": "SCHED_IDLE", "flags": ["SCHED_FLAG_NONE"]}|.flags[0]: unknown scheduling flag
	END
}

@test "io priority: classes" {
	ours "1.1 does not know them"
	local class want
	while read -r class want; do
		config --arg c "$class" '.process.ioPriority = {class: $c, priority: 5}'
		inside ionice
		same "$class" "$out" "$want"
	done <<-END
		IOPRIO_CLASS_BE best-effort: prio 5
		IOPRIO_CLASS_RT realtime: prio 5
		IOPRIO_CLASS_IDLE idle
	END
	config '.process.ioPriority = {class: "IOPRIO_CLASS_NONE", priority: 5}'
	no 1 'process.ioPriority.class: unknown class "IOPRIO_CLASS_NONE"' create "$ID"
	config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: -1}'
	no 1 'process.ioPriority.priority: -1 is out of range' create "$ID"
}

@test "memory policy: modes and flags" {
	ours "1.1 does not know it"
	[ -d /sys/devices/system/node/node0 ] || skip "this kernel knows no memory nodes"
	local mode nodes flags want
	while read -r mode nodes flags want; do
		config --arg m "$mode" --arg n "${nodes#-}" --arg f "${flags#-}" '.linux.memoryPolicy = {mode: $m, nodes: $n, flags: ($f | if . == "" then [] else split(",") end)}'
		inside sed -n '1s/^[^ ]* \([^ ]*\).*/\1/p' /proc/self/numa_maps
		same "$mode $nodes $flags" "$out" "$want"
	done <<-END
		MPOL_DEFAULT - - default
		MPOL_LOCAL - - local
		MPOL_BIND 0 - bind:0
		MPOL_BIND 0 MPOL_F_STATIC_NODES bind=static:0
		MPOL_BIND 0 MPOL_F_NUMA_BALANCING bind=balancing:0
		MPOL_INTERLEAVE 0 MPOL_F_RELATIVE_NODES interleave=relative:0
		MPOL_PREFERRED 0 - prefer:0
		MPOL_PREFERRED - - local
	END
}

@test "memory policy: mistakes" {
	ours "1.1 does not know it"
	config '.linux.memoryPolicy = {mode: "MPOL_BEND"}'
	no 1 'linux.memoryPolicy.mode: unknown mode "MPOL_BEND", expected one of MPOL_DEFAULT, ' create "$ID"
	config '.linux.memoryPolicy = {mode: "MPOL_DEFAULT", nodes: "0"}'
	no 1 'linux.memoryPolicy.nodes: "0", but MPOL_DEFAULT goes without nodes' create "$ID"
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0;1"}'
	no 1 'linux.memoryPolicy.nodes: "0;1": "0;1" is neither a number nor a range, expected a list such as 0-3,7' create "$ID"
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}'
	no 1 'linux.memoryPolicy.flags: MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other' create "$ID"
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "1000", flags: []}'
	no 1 'linux.memoryPolicy: set memory policy MPOL_BIND (0x2) node 1000: set_mempolicy: ' create "$ID"
}

@test "features tell the memory policies" {
	ours "1.1 has none"
	ok rt features
	jq -e '.linux.memoryPolicy | (.modes | length) == 7 and (.flags | length) == 3' "$OUT" >/dev/null || fail "features"
}
