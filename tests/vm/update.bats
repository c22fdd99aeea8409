#!/usr/bin/env bats
# update and pause against a kernel with all controllers: what the container's
# cgroup holds afterwards.
load ../suites/helpers
load guest

limits() { config ".linux.resources += $1"; }

# holds FILE=VALUE...: the container's cgroup does.
holds() {
	local want dir
	dir=$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")
	for want in "$@"; do
		same "${want%%=*}" "$(cat "$dir/${want%%=*}")" "${want#*=}"
	done
}

update() { ok rt update "$@" "$ID"; }

@test "update: each flag reaches its file, and leaves the others" {
	limits '{memory: {limit: 67108864}, pids: {limit: 50}}'
	up
	holds memory.max=67108864 pids.max=50
	update --memory 128m
	holds memory.max=134217728 memory.swap.max=max pids.max=50
	update --memory-reservation 32m
	holds memory.low=33554432 memory.max=134217728
	update --memory-swap 192m
	holds memory.max=134217728 memory.swap.max=67108864
	update --memory 160m # the sum stays
	holds memory.max=167772160 memory.swap.max=33554432
	no 1 "memory.swap: 201326592 is less than memory.limit 268435456" rt update --memory 256m "$ID"
	holds memory.max=167772160 memory.swap.max=33554432
	update --memory -1
	holds memory.max=max memory.swap.max=max
	update --cpu-share 512
	holds cpu.weight=59
	update --cpu-quota 50000
	holds "cpu.max=50000 100000"
	update --cpu-period 20000
	holds "cpu.max=50000 20000"
	update --cpu-quota 10000
	holds "cpu.max=10000 20000"
	update --cpu-burst 5000
	holds cpu.max.burst=5000
	no 1 'cpu.quota: write "4000"' rt update --cpu-quota 4000 "$ID" # below the burst
	holds "cpu.max=10000 20000" cpu.max.burst=5000
	update --cpu-quota 4000 --cpu-burst 2000
	holds "cpu.max=4000 20000" cpu.max.burst=2000
	update --cpu-quota -1 --cpu-burst 0
	holds "cpu.max=max 20000" cpu.max.burst=0
	update --pids-limit 60
	holds pids.max=60
	update --pids-limit 0 # no value
	holds pids.max=60
	update --pids-limit -1
	holds pids.max=max cpu.weight=59
	update --cpu-rt-period 1000000 --cpu-rt-runtime 5000 --kernel-memory 1m --kernel-memory-tcp 1m
	same status "$(status)" running
}

# bats test_tags=needs:cpuset
@test "update: cpuset" {
	limits '{pids: {limit: 50}}'
	up
	update --cpuset-cpus 0 --cpuset-mems 0
	holds cpuset.cpus=0 cpuset.mems=0 pids.max=50
	update --pids-limit 60
	holds cpuset.cpus=0 cpuset.mems=0 pids.max=60
	no 1 'linux.resources.cpu.cpus: write "77"' rt update --pids-limit 70 --cpuset-cpus 77 "$ID"
	holds cpuset.cpus=0 cpuset.mems=0 pids.max=60
}

# asked INPUT ARG...: update as an engine calls it, with its log; $said has what that
# and the engine's pipes got.
asked() {
	local input=$1
	rm -f "$LOG"
	rc=0
	rt --log "$LOG" --log-format json update "${@:2}" "$ID" >"$OUT" 2>"$ERR" <"$input" 3>&- || rc=$?
	said=$(cat "$OUT" "$ERR" "$LOG" 2>/dev/null) || true
}

# The calls are those of golden/calls.tsv, whose limits are none: there may be no
# controllers. Here they arrive.
@test "update: engines' calls change what they say, print nothing and log nothing" {
	limits '{memory: {limit: 67108864}, cpu: {shares: 512, quota: 50000}, pids: {limit: 50}}'
	up
	LOG=$BATS_TEST_TMPDIR/log
	local r=$BATS_TEST_TMPDIR/r said flags
	local before=(memory.max=67108864 memory.low=0 cpu.weight=59 "cpu.max=50000 100000" pids.max=50)
	holds "${before[@]}"
	# Docker's "no change" is made of zeros.
	echo '{"memory":{"limit":0,"reservation":0,"kernel":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0}}' >"$r"
	asked "$r" --resources -
	same "zeros: exit code" "$rc" 0
	same "zeros: said" "$said" ""
	holds "${before[@]}"
	# On standard input (docker and CRI-O; containerd), and in a file (podman).
	local memory=100663296
	for flags in "--resources -" "--resources=-" "--resources=$r" "-r $r"; do
		memory=$((memory + 4194304))
		echo "{\"memory\":{\"limit\":$memory,\"swap\":$((2 * memory))},\"cpu\":{\"shares\":1024,\"quota\":20000,\"period\":50000},\"pids\":{\"limit\":60}}" >"$r"
		# shellcheck disable=SC2086 # words
		asked "$r" $flags
		same "$flags: exit code" "$rc" 0
		same "$flags: said" "$said" ""
		holds memory.max=$memory memory.swap.max=$memory cpu.weight=100 "cpu.max=20000 50000" pids.max=60
	done
	# By flags, as people do.
	asked /dev/null --memory 64m --memory-swap 128m --memory-reservation 32m --cpu-share 512 --cpu-quota 30000 --cpu-period 60000 --pids-limit 70
	same "flags: exit code" "$rc" 0
	same "flags: said" "$said" ""
	before=(memory.max=67108864 memory.swap.max=67108864 memory.low=33554432 cpu.weight=59 "cpu.max=30000 60000" pids.max=70)
	holds "${before[@]}"
	# A refusal is one line on standard error, and that in one object of the log.
	echo '{"pids":{"limit":80},"cpu":{"quota":999}}' >"$r"
	asked "$r" --resources -
	same "refused: exit code" "$rc" 1
	same "refused: stdout" "$(cat "$OUT")" ""
	one_error
	same "refused: log" "$(jq -c '[.level, .msg]' "$LOG")" "$(jq -Rc '["error", .]' "$ERR")"
	[[ $(<"$ERR") == 'linux.resources.cpu.quota: write "999"'* ]] || fail "another refusal"
	holds "${before[@]}"
	same status "$(status)" running
}

@test "update: idle and weight exclude each other" {
	limits '{cpu: {shares: 512}}'
	up
	update --cpu-idle 1
	holds cpu.idle=1
	update --cpu-share 2048 # waits
	holds cpu.idle=1
	update --cpu-idle 0
	holds cpu.idle=0 cpu.weight=174
	no 1 'unified.cpu.max' rt update -r <(echo '{"cpu":{"idle":1},"unified":{"cpu.max":"x"}}') "$ID"
	holds cpu.idle=0 cpu.weight=174
}

# bats test_tags=needs:cpuset, needs:hugetlb
@test "update: what is refused changes nothing" {
	limits '{memory: {limit: 67108864, swap: 67108864}, cpu: {shares: 512, quota: 50000}, pids: {limit: 50}}'
	up
	local all=(memory.max=67108864 memory.swap.max=0 memory.low=0 cpu.weight=59 "cpu.max=50000 100000" cpu.max.burst=0
		cpuset.cpus.effective=0-1 pids.max=50 io.max= hugetlb.2MB.max=max)
	holds "${all[@]}"
	local r=$BATS_TEST_TMPDIR/r.json
	jq --null-input '{memory: {limit: 134217728, swap: 268435456, reservation: 4096}, cpu: {shares: 1024, quota: 60000, period: 50000, burst: 1000, cpus: "0"},
		blockIO: {throttleReadBpsDevice: [{major: 254, minor: 0, rate: 1048576}]}, hugepageLimits: [{pageSize: "2MB", limit: 4194304}],
		pids: {limit: 70}}' >"$r.good"
	jq '.pids.limit = -5' <"$r.good" >"$r"
	no 1 "linux.resources.pids.limit" rt update -r "$r" "$ID"
	one_error
	holds "${all[@]}"
	jq '.cpu.cpus = "77"' <"$r.good" >"$r"
	no 1 'linux.resources.cpu.cpus: write "77"' rt update -r "$r" "$ID"
	one_error
	holds "${all[@]}"
	jq '.blockIO.throttleWriteBpsDevice = [{major: 251, minor: 7, rate: 1}]' <"$r.good" >"$r"
	no 1 'linux.resources.blockIO.throttleWriteBpsDevice[0].rate' rt update -r "$r" "$ID"
	holds "${all[@]}"
	# The class of service comes after the limits.
	no 1 "no class of service" rt update --memory 128m --memory-swap -1 --pids-limit 70 --l3-cache-schema L3:0=f "$ID"
	holds "${all[@]}"
	[ ! -e "$ROOT/$ID/limits.json" ] || fail "saved what was refused"
	ok rt update -r "$r.good" "$ID"
	holds memory.max=134217728 memory.swap.max=134217728 memory.low=4096 cpu.weight=100 "cpu.max=60000 50000" cpu.max.burst=1000 \
		cpuset.cpus=0 pids.max=70 "io.max=254:0 rbps=1048576 wbps=max riops=max wiops=max" hugetlb.2MB.max=4194304
	# One key of a line that was there.
	jq --null-input '{blockIO: {throttleReadBpsDevice: [{major: 254, minor: 0, rate: 5000}]}, pids: {limit: -5}}' >"$r"
	no 1 "pids.limit" rt update -r "$r" "$ID"
	holds "io.max=254:0 rbps=1048576 wbps=max riops=max wiops=max"
}

@test "update: checkBeforeUpdate refuses what is less than what is used" {
	script 'dd if=/dev/zero of=/dev/shm/x bs=1M count=24 2>/dev/null; echo ready >/tmp/ready; sleep 1000'
	up
	until_true test -s "/proc/$(pid_of)/root/tmp/ready"
	echo '{"memory":{"limit":8388608,"checkBeforeUpdate":true}}' >"$BATS_TEST_TMPDIR/r.json"
	no 1 "linux.resources.memory.limit: 8388608 is less than the" rt update -r "$BATS_TEST_TMPDIR/r.json" "$ID"
	holds memory.max=max
	same status "$(status)" running
	update --memory 64m
	same status "$(status)" running
}

@test "pause: what is paused uses no time" {
	script 'while :; do :; done'
	up
	ok rt pause "$ID"
	local dir before
	dir=$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")
	before=$(value usage_usec "$dir/cpu.stat")
	sleep 1
	same "time used" "$(value usage_usec "$dir/cpu.stat")" "$before"
	update --pids-limit 9
	holds pids.max=9
	ok rt resume "$ID"
	until_true sh -c "[ \$(sed -n 's/^usage_usec //p' $dir/cpu.stat) -gt $before ]"
}
