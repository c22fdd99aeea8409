#!/usr/bin/env bats
# What is done to a container that lives: its processes listed, paused and
# resumed.
load helpers

# busy: a container that writes to /tmp/ticks, without end.
busy() {
	script 'while :; do echo tick >>/tmp/ticks; sleep 0.02; done'
	up
	TICKS=/proc/$(pid_of)/root/tmp/ticks
	until_true test -s "$TICKS"
}

ticks() { stat -c %s "$TICKS"; }
more_ticks() { [ "$(ticks)" -gt "$1" ]; }

# cgroup_of: the container's cgroup as a path.
cgroup_of() { jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json"; }

@test "pause stops every process, resume lets them go on" {
	busy
	ok rt pause "$ID"
	same output "$out$err" ""
	same status "$(status)" paused
	grep -q 'frozen 1' "$(cgroup_of)/cgroup.events"
	local before
	before=$(ticks)
	sleep 0.2
	same ticks "$(ticks)" "$before"
	[ "$(pid_of)" -gt 0 ]
	ok rt list
	[[ $out == *" paused "* ]] || fail "list does not say paused"
	ok rt resume "$ID"
	same output "$out$err" ""
	same status "$(status)" running
	until_true more_ticks "$before"
}

@test "pause twice, resume twice" {
	up
	ok rt pause "$ID"
	no 1 "container not running" rt pause "$ID"
	one_error
	same status "$(status)" paused
	ok rt resume "$ID"
	no 1 "container not paused" rt resume "$ID"
	one_error
	same status "$(status)" running
}

@test "pause, kill, resume: the signal waits" {
	script 'trap "echo got >/tmp/got; exit 3" TERM; echo ready >/tmp/ready; while :; do sleep 0.1; done'
	up
	local root
	root=/proc/$(pid_of)/root
	until_true test -s "$root/tmp/ready"
	ok rt pause "$ID"
	ok rt kill "$ID" TERM
	same status "$(status)" paused
	[ ! -e "$root/tmp/got" ]
	ok rt resume "$ID"
	wait_status stopped
	[ -s "$BUNDLE/rootfs/tmp/got" ]
}

@test "KILL ends a paused container" {
	busy
	ok rt pause "$ID"
	ok rt kill "$ID" KILL
	wait_status stopped
	no 1 "container not paused" rt resume "$ID"
	ok rt delete "$ID"
}

@test "kill --all KILL ends a paused container without a pid namespace" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1000 & sleep 1001 & wait'
	up
	until_true sh -c "[ \$(wc -l <$(cgroup_of)/cgroup.procs) = 3 ]"
	ok rt pause "$ID"
	ok rt kill --all "$ID" KILL
	wait_status stopped
	until_true sh -c "! grep -q . $(cgroup_of)/cgroup.procs"
}

@test "delete --force removes a paused container, whatever its namespaces" {
	local filter
	for filter in . '.linux.namespaces |= map(select(.type != "pid"))'; do
		config "$filter"
		script 'sleep 1000 & wait'
		up
		ok rt pause "$ID"
		no 1 "cannot delete container $ID that is not stopped: paused" rt delete "$ID"
		ok rt delete --force "$ID"
		nothing_left
	done
}

@test "a created container may be paused, and started after it is resumed" {
	ok create "$ID"
	ok rt pause "$ID"
	same status "$(status)" paused
	no 1 "cannot start a container in the paused state" rt start "$ID"
	ok rt resume "$ID"
	same status "$(status)" created
	ok start "$ID"
	same status "$(status)" running
}

@test "pause reaches sub-cgroups" {
	busy
	local sub
	sub=$(cgroup_of)/sub
	mkdir "$sub"
	pid_of >"$sub/cgroup.procs"
	ok rt pause "$ID"
	local before
	before=$(ticks)
	sleep 0.2
	same ticks "$(ticks)" "$before"
	ok rt ps --format json "$ID"
	jq -e --argjson pid "$(pid_of)" 'index($pid)' "$OUT"
	ok rt resume "$ID"
	until_true more_ticks "$before"
}

@test "hooks may pause and resume their container" {
	ours "1.1 has no state for it yet"
	printf '#!/bin/sh\n%q --root %q pause %q && %q --root %q resume %q\n' "$RUNTIME" "$ROOT" "$ID" "$RUNTIME" "$ROOT" "$ID" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.poststart = [{path: $hook, timeout: 10}]'
	up
	same status "$(status)" running
}

@test "pause and resume without a container, or with too many" {
	local command
	for command in pause resume; do
		no 1 "does not exist" rt $command nobody
		no 1 "\"$command\" requires exactly 1 argument(s)" rt $command
		no 1 "\"$command\" requires exactly 1 argument(s)" rt $command a b
		no 1 "flag provided but not defined: -x" rt $command -x "$ID"
	done
}

# busybox's ps has few of the options, so these ask for the real one.
needs_ps() { ps -eo pid,args >/dev/null 2>&1 || skip "no ps(1) of procps"; }

@test "ps: a table of the container's processes only" {
	needs_ps
	script 'sleep 1000 & wait'
	up
	until_true sh -c "[ \$(wc -l <$(cgroup_of)/cgroup.procs) = 2 ]"
	ok rt ps "$ID"
	same lines "$(wc -l <"$OUT")" 3
	sed -n 1p "$OUT" | grep -q '^UID  *PID  *PPID'
	grep -q "^root  *$(pid_of) .*sh -c sleep 1000" "$OUT"
	grep -q ' sleep 1000$' "$OUT"
	ok rt ps "$ID" -o pid,args -A
	same header "$(sed -n 1p "$OUT" | xargs)" "PID COMMAND"
	same lines "$(wc -l <"$OUT")" 3
	ours "1.1 gives ps one word, which it does not understand"
	ok rt ps "$ID" "-A -o pid,args" # go-runc
	same lines "$(wc -l <"$OUT")" 3
}

@test "ps --format json: an array of host pids, on one line" {
	script 'sleep 1000 & wait'
	up
	until_true sh -c "[ \$(wc -l <$(cgroup_of)/cgroup.procs) = 2 ]"
	ok rt ps --format json "$ID"
	same lines "$(wc -l <"$OUT")" 1
	same pids "$(jq -c sort "$OUT")" "$(sort -n "$(cgroup_of)/cgroup.procs" | jq -sc .)"
	ok env -i "$RUNTIME" --root "$ROOT" ps -f json "$ID"
	same length "$(jq length "$OUT")" 2
}

@test "ps of a stopped container" {
	needs_ps
	args true
	ok run_bundle --keep "$ID"
	ok rt ps "$ID"
	same lines "$(wc -l <"$OUT")" 1
	grep -q PID "$OUT"
	ok rt ps -f json "$ID"
	same pids "$out" null
}

@test "ps says what is wrong" {
	up
	no 1 "does not exist" rt ps nobody
	no 1 "\"ps\" requires a minimum of 1 argument(s)" rt ps
	no 1 "invalid format option" rt ps --format yaml "$ID"
	no 1 'exec: "ps": executable file not found in $PATH' env PATH=/nowhere "$RUNTIME" --root "$ROOT" ps "$ID"
	one_error
	needs_ps
	no 1 "couldn't find PID field in ps output" rt ps "$ID" -o comm
	ours "1.1 shows all of the help of ps"
	no 1 "ps --nonsense: exit status 1: " rt ps "$ID" --nonsense
	one_error
	[[ $err != *"before it"* ]] || fail "$err"
	no 1 "ps --usage: exit status 1: " rt ps "$ID" --usage
	[[ $err == *"options of crun-go stand before it"* ]] || fail "no hint: $err"
}

# held FILE: what the container's cgroup has in it.
held() { cat "$(cgroup_of)/$1"; }

# update_json TEXT: update the container with resources from standard input.
update_json() {
	printf %s "$1" >"$BATS_TEST_TMPDIR/resources"
	rc=0
	rt update --resources=- "$ID" <"$BATS_TEST_TMPDIR/resources" >"$OUT" 2>"$ERR" 3>&- || rc=$?
	out=$(<"$OUT") err=$(<"$ERR") err=${err//\\\"/\"}
}

has_hugetlb() {
	[ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] && grep -qw hugetlb /sys/fs/cgroup/cgroup.controllers ||
		skip "cgroup v2 has no hugetlb controller here, or no pages of 2 MB; make test-vm runs it"
}

# bats test_tags=guest, needs:hugetlb
@test "update: resources from a file, from standard input, and what the last one left" {
	ours "1.1 passes over hugepageLimits"
	has_hugetlb
	config '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}] | .linux.resources.unified = {"cgroup.max.depth": "9"}'
	up
	same limit "$(held hugetlb.2MB.max)" 4194304
	echo '{"hugepageLimits":[{"pageSize":"2MB","limit":8388608}]}' >"$BATS_TEST_TMPDIR/r.json"
	ok rt update -r "$BATS_TEST_TMPDIR/r.json" "$ID"
	same output "$out$err" ""
	same limit "$(held hugetlb.2MB.max) $(held hugetlb.2MB.rsvd.max)" "8388608 8388608"
	update_json '{"unified":{"cgroup.max.descendants":"7"},"devices":[{"allow":true,"access":"rwm"}]}'
	same "exit code" "$rc" 0
	same depth "$(held cgroup.max.depth) $(held cgroup.max.descendants)" "9 7"
	same saved "$(jq -cS . "$ROOT/$ID/limits.json")" \
		'{"hugepageLimits":[{"limit":8388608,"pageSize":"2MB"}],"unified":{"cgroup.max.depth":"9","cgroup.max.descendants":"7"}}'
	same status "$(status)" running
	ok rt update -r "$BATS_TEST_TMPDIR/r.json" --pids-limit x "$ID" # the other flags are ignored
}

# bats test_tags=guest, needs:hugetlb
@test "update: all or nothing" {
	ours "1.1 passes over hugepageLimits"
	has_hugetlb
	up
	update_json '{"hugepageLimits":[{"pageSize":"2MB","limit":8388608}]}'
	same "exit code" "$rc" 0
	update_json '{"hugepageLimits":[{"pageSize":"2MB","limit":2097152}],"unified":{"cgroup.max.depth":"deep"}}'
	same "exit code" "$rc" 1
	[[ $err == *"linux.resources.unified.cgroup.max.depth: write \"deep\" to \"$(cgroup_of)/cgroup.max.depth\": invalid argument"* ]] || fail "wrong error"
	one_error
	same limit "$(held hugetlb.2MB.max) $(held hugetlb.2MB.rsvd.max)" "8388608 8388608"
	same saved "$(jq -c . "$ROOT/$ID/limits.json")" '{"hugepageLimits":[{"pageSize":"2MB","limit":8388608}]}'
	update_json '{"hugepageLimits":[{"pageSize":"2MB","limit":2097152},{"pageSize":"3MB","limit":5}]}'
	same "exit code" "$rc" 1
	[[ $err == *'linux.resources.hugepageLimits[1].limit'* ]] || fail "wrong error"
	same limit "$(held hugetlb.2MB.max)" 8388608
}

@test "update: a controller that is not there is named, with what to do" {
	ours "1.1 says ENOENT"
	up
	local flag words controller
	for words in "--memory 64m memory" "--memory-reservation 64m memory" "--memory-swap 64m memory" "--cpu-share 512 cpu" \
		"--cpu-quota 5000 cpu" "--cpu-period 5000 cpu" "--cpu-burst 5000 cpu" "--cpu-idle 1 cpu" "--cpuset-cpus 0 cpuset" \
		"--cpuset-mems 0 cpuset" "--pids-limit 50 pids" "--blkio-weight 100 io"; do
		controller=${words##* }
		! grep -qw "$controller" "$(cgroup_of)/cgroup.controllers" || continue
		# shellcheck disable=SC2086 # words
		no 1 "$controller controller not available in" rt update ${words% *} "$ID"
		grep -q '^hint: ' "$ERR" || fail "no hint"
		one_error
		[ ! -e "$ROOT/$ID/limits.json" ] || fail "saved what was refused"
	done
	# No limit is what there is without the controller.
	ok rt update --memory -1 --memory-swap -1 --cpu-quota -1 --pids-limit -1 --cpu-idle 0 --cpu-burst 0 "$ID"
}

@test "update: what an engine sends when nothing changes" {
	up
	update_json '{"memory":{"limit":0,"reservation":0,"kernel":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0}}'
	same "exit code" "$rc" 0
	same output "$out$err" ""
	ok rt update "$ID"
}

@test "update: in which states" {
	ours "1.1 takes a stopped one where it has no controllers"
	no 1 "does not exist" rt update --pids-limit -1 "$ID"
	ok create "$ID"
	ok rt update --pids-limit -1 "$ID"
	ok start "$ID"
	ok rt pause "$ID"
	ok rt update --pids-limit -1 "$ID"
	same status "$(status)" paused
	ok rt kill "$ID" KILL
	wait_status stopped
	no 1 "container not running" rt update --pids-limit -1 "$ID"
	one_error
}

@test "update: values that are none" {
	ours "1.1 has other words"
	up
	local words
	for words in "memory 5x" "memory-swap -5" "memory-reservation g" "cpu-period -1" "cpu-quota x" "cpu-burst 1.5" "cpu-share x" \
		"cpu-idle x" "pids-limit x" "blkio-weight 70000"; do
		# shellcheck disable=SC2086 # words
		no 1 "invalid value for ${words% *}: " rt update --$words "$ID"
		one_error
	done
	no 1 "no class of service" rt update --l3-cache-schema L3:0=f "$ID"
	no 1 "no class of service" rt update --mem-bw-schema MB:0=5 "$ID"
	no 1 "blockIO.weight: weight 5 is not in 10 to 1000" rt update --blkio-weight 5 "$ID"
	no 1 "cpu.quota: -5 is neither a quota nor -1" rt update --cpu-quota -5 "$ID"
	no 1 "memory.swap: 5 is less than memory.limit 10" rt update --memory 10 --memory-swap 5 "$ID"
	no 1 "pids.limit: -7 is neither a limit nor -1" rt update --pids-limit -7 "$ID"
	no 1 "no such file or directory" rt update -r /nowhere "$ID"
	update_json '{"memory":{"limit":"5m"}}'
	same "exit code" "$rc" 1
	[[ $err == *"standard input:1:"*memory.limit* ]] || fail "does not point there"
	update_json ''
	same "exit code" "$rc" 1
	update_json '{"unified":{"cgroup.freeze":"1"}}'
	same "exit code" "$rc" 1
	[[ $err == *"acts on processes"* ]] || fail "wrong error"
	same status "$(status)" running
}

@test "update: two at once lose nothing" {
	ours "1.1 passes over hugepageLimits"
	up
	local n jobs=()
	for n in 1 2 3 4 5 6; do
		echo "{\"unified\":{\"cgroup.max.depth\":\"$n\",\"cgroup.max.descendants\":\"$n\"},\"hugepageLimits\":[]}" >"$BATS_TEST_TMPDIR/$n"
		rt update -r "$BATS_TEST_TMPDIR/$n" "$ID" </dev/null >/dev/null 2>&1 3>&- &
		jobs+=($!)
	done
	for n in "${jobs[@]}"; do wait "$n"; done
	same kernel "$(held cgroup.max.depth)" "$(held cgroup.max.descendants)"
	same saved "$(jq -r '.unified["cgroup.max.depth"]' "$ROOT/$ID/limits.json")" "$(held cgroup.max.depth)"
}

@test "hooks may update their container" {
	ours "1.1 has no state for it yet"
	printf '#!/bin/sh\n%q --root %q update --pids-limit -1 %q\n' "$RUNTIME" "$ROOT" "$ID" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.poststart = [{path: $hook, timeout: 10}]'
	up
	[ -e "$ROOT/$ID/limits.json" ]
}

@test "list --usage, --sort, --watch; ps --usage" {
	ours "it has none of these"
	local first=$ID-1 second=$ID-2
	script 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000 & exec sleep 1000'
	ok rt create --bundle "$BUNDLE" "$first"
	ok rt start "$first"
	sleep 1
	args sleep 1000
	ok rt create --bundle "$BUNDLE" "$second"
	ok rt list --usage
	same "header" "$(sed -n '1s/  */ /gp' "$OUT")" "ID PID STATUS AGE CPU MEMORY PIDS BUNDLE"
	same "rows" "$(awk 'NR > 1 { print $1, $3 }' "$OUT")" "$first running
$second created"
	[[ $(awk -v id="$first" '$1 == id { print $5 }' "$OUT") == *.*s ]] || fail "$out"
	ok rt list --sort age
	same "the youngest first" "$(awk 'NR > 1 { print $1 }' "$OUT")" "$second
$first"
	ok rt list --sort cpu
	same "the busiest first" "$(awk 'NR == 2 { print $1 }' "$OUT")" "$first"
	# The table that engines and scripts know is as ever.
	ok rt list
	same "header" "$(sed -n '1s/  */ /gp' "$OUT")" "ID PID STATUS BUNDLE CREATED OWNER"
	ok rt list --usage --format json
	jq -e 'length == 2 and all(has("cpuMilliseconds") and has("processes"))' "$OUT" >/dev/null || fail "$out"
	ok rt list --format json
	jq -e 'all(has("cpuMilliseconds") | not)' "$OUT" >/dev/null || fail "$out"
	until_true two_processes "$first"
	same "header" "$(sed -n '1s/  */ /gp' "$OUT")" "PID STATE THREADS CPU MEMORY COMMAND"
	grep -q "sleep$" "$OUT" || fail "$out"
	ok rt ps --usage --format json "$first"
	jq -e 'length == 2 and all(.threads == 1 and .memory > 0)' "$OUT" >/dev/null || fail "$out"
	try timeout 2 "$RUNTIME" --root "$ROOT" list --watch 300ms
	same "it goes on until it is ended" "$rc" 124
	[ "$(grep -c '^ID' "$OUT")" -ge 3 ] || fail "printed $(grep -c '^ID' "$OUT") times"
	! grep -q $'\x1b' "$OUT" || fail "an escape sequence in a file"
	no 1 'invalid --sort: "sise"' rt list --sort sise
	no 1 "expected a time of at least 100ms" rt list --watch 1ms
	no 1 "options of ps(1) with --usage" rt ps --usage "$first" -ef
}
two_processes() {
	ok rt ps --usage "$1"
	[ "$(grep -c sleep "$OUT")" = 2 ]
}
