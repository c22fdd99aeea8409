#!/usr/bin/env bats
# A runtime may be killed at any instruction, and any call to the kernel may
# fail. strace does both, at the k-th call of a kind, for every k there is.
#
# Killed, `state` answers sanely, and `delete --force` returns 0 and leaves
# nothing. Failed, the command says one thing, returns 1 and has cleaned up by
# itself, or has succeeded because it could do without.
load helpers

suite_setup() {
	ours "peers leave things behind"
	# A tracer must be allowed, and strace new enough to tamper.
	TRACING=
	if ! command -v strace >/dev/null; then
		TRACING="strace is not installed"
	elif ! strace -f -qq -o /dev/null -e trace=mkdir,mkdirat -e inject=mkdir,mkdirat:error=EIO \
		busybox mkdir "$BATS_FILE_TMPDIR/probe" 2>&1 | grep -q 'put/output'; then
		TRACING="ptrace is not allowed here"
	fi
	export TRACING
}

setup() {
	chmod 0711 "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	ROOT=$BATS_TEST_TMPDIR/root
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
	TRACE=$BATS_TEST_TMPDIR/trace
	ID=t${BATS_RUN_TMPDIR##*-}-$BATS_TEST_NUMBER
	new_bundle "$BUNDLE"
	# Two levels that the runtime has to make, and to remove.
	config --arg path "/above-$ID/$ID" '.linux.cgroupsPath = $path | .process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}]
		| .linux.sysctl = {"net.ipv4.ip_forward": "0"} | .process.oomScoreAdj = 100
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	mkdir "$ROOT"
	before_mounts=$(mounts)
	before_orphans=$(orphans)
}

# On failure: the last point that was tried.
teardown() {
	[ "${BATS_TEST_COMPLETED:-}" = 1 ] || echo "at: ${POINT:-the start}" >&2
	delete_all
	nothing_left
}

# untouched: nothing_left, and no process holds anything of the container.
untouched() {
	local held
	nothing_left
	held=$(find /proc/[0-9]*/{fd,cwd,root} \( -lname "$ROOT/*" -o -lname "$BUNDLE*" \) 2>/dev/null) || true
	[ -z "$held" ] || fail "held open: $held"
}

# recovers: what the runtime promises after it was killed.
recovers() {
	try rt state "$ID"
	case $rc in
	0) [[ $(jq -r .status "$OUT") =~ ^(creating|created|running|paused|stopped)$ ]] || fail "state" ;;
	1) [[ $err == *"does not exist"* ]] && one_error || fail "state" ;;
	*) fail "state: exit code $rc" ;;
	esac
	try rt delete --force "$ID"
	[ "$rc" = 0 ] && [ -z "$out$err" ] || fail "delete --force: exit code $rc"
	untouched
}

@test "killed after any time: create and run" {
	local n=0 command delay end=$((SECONDS + 30))
	RANDOM=4711
	while [ $n -lt 60 ] && [ $SECONDS -lt $end ]; do
		n=$((n + 1))
		command=create
		[ $((n % 2)) = 0 ] || command=run
		delay=0.0$(printf %05d $((RANDOM * 100000 / 32768 / 10)))
		POINT="$command killed after $delay s"
		{ try timeout --foreground -s KILL "$delay" "$RUNTIME" --root "$ROOT" $command --bundle "$BUNDLE" "$ID"; } 2>/dev/null
		recovers
	done
	[ $n -ge 20 ]
}

# tampered CALL TAMPER NAME: the command with one of its calls, or of its
# init's, tampered with. strace stands aside, so that the exit code is the
# runtime's, and stays as long as anybody it watches.
tampered() {
	local call=$1 tamper=$2 name=$3 words then=()
	case $name in
	create | run) words=(--bundle "$BUNDLE") ;;
	delete) words=(--force) ;;
	update) words=(--resources "$BATS_TEST_TMPDIR/limits") ;;
	exec) words=(--pid-file "$BATS_TEST_TMPDIR/exec.pid") then=(true) ;;
	*) words=() ;;
	esac
	case $name in
	start | delete | pause | resume | update) ok create "$ID" ;;
	exec) up ;;
	esac
	[ "$name" != resume ] || ok rt pause "$ID"
	rm -f "$TRACE"
	# The shell reports each death of its children, on its own stderr.
	{
		try timeout --foreground -s KILL 20 strace -D -f -qq -o "$TRACE" -e signal=kill -e "trace=$call" \
			-e "inject=$call:$tamper" "$RUNTIME" --root "$ROOT" "$name" "${words[@]}" "$ID" "${then[@]}"
	} 2>/dev/null
	code=$rc
	# The container's own process lives on, alone.
	[ "$name" != exec ] || until_true alone || fail "processes $(<"/sys/fs/cgroup/above-$ID/$ID/cgroup.procs"), want one"
}

alone() { [ "$(wc -l <"/sys/fs/cgroup/above-$ID/$ID/cgroup.procs")" = 1 ] && [ "$(status)" = running ]; }

# kill_sweep NAME CALL...: die at every one of these calls.
kill_sweep() {
	local name=$1 call k points=0
	[ -z "$TRACING" ] || skip "$TRACING"
	shift
	for call in "$@"; do
		for ((k = 1; ; k++)); do
			POINT="$name killed at $call $k"
			tampered "$call" "signal=KILL:when=$k" "$name"
			recovers
			[ $code != 0 ] || break
			points=$((points + 1))
		done
		[ $k -gt 1 ] || fail "$name makes no $call"
	done
	echo "# $name: killed at $points points" >&3
}

# cleaned: the command failed as one that cleans up after itself, or
# succeeded. A fault that strace served twice, to init and to the parent's
# clean-up, may leave that to delete.
cleaned() {
	case $code in
	0) ;;
	1 | 255)
		one_error || fail "more than one error"
		[[ $err != *panic* && $err != *goroutine* ]] || fail "crash"
		if [ "$(grep -c INJECTED "$TRACE")" -gt 1 ] || [ $code = 255 ]; then ok rt delete --force "$ID"; fi
		untouched
		;;
	*) fail "exit code $code" ;;
	esac
}

# error_sweep NAME ERRNO CALL...: fail at every one of these calls.
error_sweep() {
	local name=$1 errno=$2 call k points=0 endured=0
	[ -z "$TRACING" ] || skip "$TRACING"
	shift 2
	for call in "$@"; do
		for ((k = 1; ; k++)); do
			POINT="$name with $errno at $call $k"
			tampered "$call" "error=$errno:when=$k" "$name"
			cleaned
			if [ $code = 0 ]; then
				ok rt delete --force "$ID"
				untouched
				grep -q INJECTED "$TRACE" || break
				endured=$((endured + 1))
			fi
			points=$((points + 1))
		done
		[ $k -gt 1 ] || fail "$name makes no $call"
	done
	echo "# $name: $errno at $points points, endured at $endured" >&3
}

# attach PID CALL TAMPER: the same for one process that runs already: init,
# whose calls would come after the parent's of the same name.
attach() {
	strace -o "$TRACE" -p "$1" -e signal=kill -e "trace=$2" -e "inject=$2:$3" >/dev/null 2>&1 </dev/null 3>&- &
	until grep -q '^TracerPid:.[1-9]' "/proc/$1/status"; do sleep 0.01; done
}

# init_sweep NAME TAMPER CALL...: init alone is tampered with, in create's
# second half (from a hook, while init waits for the message to continue) or when it
# is started.
init_sweep() {
	local name=$1 tamper=$2 call k points=0 hit
	[ -z "$TRACING" ] || skip "$TRACING"
	shift 2
	{
		printf '#!/bin/bash\n'
		declare -f attach
		printf 'TRACE=%q\nattach "$(jq .pid)" "$@"\n' "$TRACE"
	} >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	for call in "$@"; do
		for ((k = 1; ; k++)); do
			POINT="$name with init's $call $k: $tamper"
			rm -f "$TRACE"
			if [ "$name" = create ]; then
				config --arg hook "$BATS_TEST_TMPDIR/hook" --arg call "$call" --arg tamper "$tamper:when=$k" --arg path "PATH=$PATH" \
					'.hooks.createRuntime = [{path: $hook, args: ["hook", $call, $tamper], env: [$path], timeout: 20}]'
				try create "$ID"
			else
				ok create "$ID"
				attach "$(pid_of)" "$call" "$tamper:when=$k"
				try start "$ID"
			fi
			code=$rc
			[ "$name" != create ] || cleaned
			[ $code = 0 ] || one_error || fail "more than one error"
			# An init that dies before execve looks to start like one that began,
			# and strace writes of the death a moment later.
			for hit in 0 0 0 0 0 0 0 0 0 1; do
				! grep -qE 'INJECTED|killed by' "$TRACE" || break
				[ $code = 0 ] || break
				sleep 0.02
			done
			recovers
			[ $code != 0 ] || [ $hit = 0 ] || break
			points=$((points + 1))
		done
		[ $k -gt 1 ] || fail "init makes no $call"
	done
	echo "# init at $name, $tamper: $points points" >&3
}

@test "create killed at each call: its state" {
	kill_sweep create mkdirat renameat fchmod flock mknodat write
}
@test "create killed at each call: files" { kill_sweep create openat openat2 read; }
@test "create killed at each call: making init" { kill_sweep create clone3 socketpair fchdir chdir execveat; }
@test "create killed at each call: talking to init" { kill_sweep create sendmsg recvmsg; }
@test "create killed at each call: the cgroup" { kill_sweep create bpf faccessat; }
@test "create killed at each call: mounts" {
	kill_sweep create open_tree fsopen fsconfig fsmount move_mount mount_setattr pivot_root umount2 symlinkat
}
@test "create killed at each call: becoming the user" { kill_sweep create unshare setsid sethostname setgroups setresuid capset; }

# joined_pid: the container joins the pid namespace of $joined.
joined_pid() {
	local outer
	unshare --pid --fork --kill-child sleep 1000 >/dev/null 2>&1 3>&- &
	outer=$!
	until_true pgrep -P "$outer" >/dev/null
	joined=$(pgrep -P "$outer")
	config --arg p "/proc/$joined/ns/pid" '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
}
@test "create killed at each call: a joined pid namespace" {
	joined_pid
	kill_sweep create fsconfig clone close_range sendmsg recvmsg waitid pidfd_send_signal prctl
	kill -KILL "$joined"
}
@test "create failed at each call: a joined pid namespace" {
	joined_pid
	error_sweep create ENOMEM fsconfig clone close_range waitid pidfd_send_signal dup3
	kill -KILL "$joined"
}
@test "run killed at each call" {
	args true
	kill_sweep run mkdirat renameat clone3 sendmsg recvmsg wait4 unlinkat seccomp
}
@test "start killed at each call" { kill_sweep start openat read unlinkat; }
@test "exec killed at each call: joining" { kill_sweep exec setns clone3 execveat socketpair openat2 pidfd_open; }
@test "exec killed at each call: talking" { kill_sweep exec sendmsg recvmsg clone close_range waitid pidfd_send_signal; }
@test "exec killed at each call: becoming the user" { kill_sweep exec setsid setgroups setresuid capset prctl seccomp prlimit64 execve wait4; }
@test "exec fails with EIO at each call" {
	error_sweep exec EIO setns clone3 socketpair sendmsg recvmsg setsid setgroups setresuid capset seccomp close_range openat2 pidfd_open prlimit64
}
@test "delete killed at each call" { kill_sweep delete openat unlinkat pidfd_send_signal flock; }

@test "create fails with EIO at each call" {
	error_sweep create EIO mkdirat renameat fchmod flock mknodat write clone3 socketpair fchdir sendmsg recvmsg bpf
}
@test "create fails with EIO at each file" { error_sweep create EIO openat openat2; }
@test "create fails with ENOSPC at each call" {
	error_sweep create ENOSPC mkdirat mknodat symlinkat renameat write fsopen fsconfig fsmount open_tree move_mount
}
@test "create with EINTR at each call" {
	error_sweep create EINTR openat openat2 flock write recvmsg sendmsg fsmount
}
@test "init fails with EIO at each call" {
	error_sweep create EIO unshare setsid mount_setattr pivot_root umount2 sethostname setgroups setresuid setresgid capset
}
@test "init alone killed while it is created" { init_sweep create signal=KILL pivot_root seccomp write openat close chdir prctl capset; }
@test "init alone fails while it is created" { init_sweep create error=EIO seccomp write openat chdir capset fchdir; }
@test "init alone interrupted while it is created" { init_sweep create error=EINTR write openat; }
@test "init alone killed when it is started" { init_sweep start signal=KILL prctl write close execve; }
@test "init alone fails when it is started" { init_sweep start error=EIO prctl write execve; }

# all_or_none CALL...: `mounts add` with one of its calls, or of its visitor's,
# failing: afterwards there are all mounts or none.
all_or_none() {
	local call k before points=0
	[ -z "$TRACING" ] || skip "$TRACING"
	mkdir "$BATS_TEST_TMPDIR/source"
	jq --null-input --arg s "$BATS_TEST_TMPDIR/source" '[
		{destination: "/mnt/t", type: "tmpfs", source: "t", options: ["size=64k", "shared"]},
		{destination: "/mnt/t/below", source: $s, options: ["rbind", "rro"]}]' >"$BATS_TEST_TMPDIR/mounts.json"
	up
	before=$(cat "/proc/$(pid_of)/mountinfo")
	for call in "$@"; do
		for ((k = 1; ; k++)); do
			POINT="mounts add with EIO at $call $k"
			try timeout --foreground -s KILL 20 strace -D -f -qq -o "$TRACE" -e signal=kill -e "trace=$call" \
				-e "inject=$call:error=EIO:when=$k" "$RUNTIME" --root "$ROOT" mounts add "$ID" "$BATS_TEST_TMPDIR/mounts.json"
			if [ $rc != 0 ]; then
				one_error || fail "more than one error"
				same "exit code" $rc 1
				same mounts "$(cat "/proc/$(pid_of)/mountinfo")" "$before"
			else
				same mounts "$(grep -c ' /mnt/' "/proc/$(pid_of)/mountinfo")" 2
				ok rt mounts remove "$ID" "$BATS_TEST_TMPDIR/mounts.json"
				grep -q INJECTED "$TRACE" || break
			fi
			points=$((points + 1))
		done
		[ $k -gt 1 ] || fail "mounts add makes no $call"
	done
	echo "# mounts add: EIO at $points points" >&3
}

@test "mounts add fails with EIO at each call: all or none" {
	all_or_none openat openat2 clone3 socketpair sendmsg setns unshare mkdirat fsopen fsconfig fsmount open_tree move_mount mount_setattr recvmsg renameat
}

# wanted: two limits that every cgroup has, and what they are without.
wanted() { echo '{"unified":{"cgroup.max.depth":"7","cgroup.max.descendants":"8"}}' >"$BATS_TEST_TMPDIR/limits"; }
held() { echo "$(<"$1/cgroup.max.depth") $(<"$1/cgroup.max.descendants")"; }

@test "pause and resume killed at each call" {
	kill_sweep pause openat write
	kill_sweep resume openat write
}
@test "update killed at each call" {
	wanted
	kill_sweep update openat write renameat flock
}
@test "update fails with EIO at each call: all or nothing" {
	[ -z "$TRACING" ] || skip "$TRACING"
	wanted
	ok create "$ID"
	local call k dir points=0
	dir=$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")
	for call in openat openat2 read write renameat flock fstat newfstatat; do
		for ((k = 1; ; k++)); do
			POINT="update with EIO at $call $k"
			echo max >"$dir/cgroup.max.depth"
			echo max >"$dir/cgroup.max.descendants"
			rm -f "$ROOT/$ID/limits.json" "$TRACE"
			try timeout --foreground -s KILL 20 strace -D -f -qq -o "$TRACE" -e signal=kill -e "trace=$call" \
				-e "inject=$call:error=EIO:when=$k" "$RUNTIME" --root "$ROOT" update -r "$BATS_TEST_TMPDIR/limits" "$ID"
			case $rc in
			0)
				same limits "$(held "$dir")" "7 8"
				same saved "$(jq -c .unified "$ROOT/$ID/limits.json")" "$(jq -c .unified "$BATS_TEST_TMPDIR/limits")"
				grep -q INJECTED "$TRACE" || break
				;;
			1)
				one_error
				[[ $err == *"input/output error"* ]] || fail "says something else"
				same limits "$(held "$dir")" "max max"
				[ ! -e "$ROOT/$ID/limits.json" ] || fail "saved what was refused"
				;;
			*) fail "exit code $rc" ;;
			esac
			points=$((points + 1))
		done
	done
	[ $points -gt 10 ]
	echo "# update: EIO at $points points" >&3
}

# injected [-P PATH] SPEC COMMAND...: strace tampers with calls of the command, of
# a path only: SPEC is the call and what happens to it, "openat:error=EIO:when=2".
injected() {
	local only=()
	while [ "$1" = -P ]; do
		only+=("$1" "$2")
		shift 2
	done
	local spec=$1
	shift
	[ -z "$TRACING" ] || skip "$TRACING"
	# The shell reports each death of its children, on its own stderr.
	{
		try timeout --foreground -s KILL "${PATIENCE:-20}" strace -D -f -qq -o "$TRACE" -e signal=kill -e "trace=${spec%%:*}" \
			-e "inject=$spec" "${only[@]}" "$RUNTIME" --root "$ROOT" "$@"
	} 2>/dev/null
}

# gone PID: the process ends, or is a zombie.
gone() { until [ ! -e "/proc/$1" ] || grep -q '^State:.[ZX]' "/proc/$1/status"; do sleep 0.01; done; }

@test "F1: delete --force keeps what it could not read about" {
	local errno pid
	up
	pid=$(pid_of)
	for errno in EMFILE ENFILE EIO EACCES ENOMEM; do
		injected -P state.json "openat:error=$errno" delete --force "$ID"
		grep -q INJECTED "$TRACE"
		[ $rc = 1 ] || fail "$errno: exit code $rc"
		one_error
		[[ $err == *state.json* ]] || fail "$errno: names no file"
		same "$errno: status" "$(status)" running
	done
	try bash -c 'ulimit -n 5; exec "$@"' - "$RUNTIME" --root "$ROOT" delete --force "$ID"
	[ $rc != 0 ]
	same status "$(status)" running
	ok rt delete --force "$ID"
	gone "$pid"
	untouched
}

@test "F1: delete --force ends what a broken state file still names" {
	local keep pid state
	state=$ROOT/$ID/state.json
	# The whole, cut off behind each key that matters, and one byte wrong.
	for keep in cgroup_paths namespace_paths config x; do
		up
		pid=$(pid_of)
		case $keep in
		x) sed -i 's/"created":"/"created":/' "$state" ;;
		*) sed -i "s/,\"$keep\":.*//" "$state" ;;
		esac
		no 1 "state.json" rt state "$ID"
		no 1 "state.json" rt delete "$ID"
		ok rt delete --force "$ID"
		gone "$pid"
		[ ! -d "/sys/fs/cgroup/above-$ID/$ID" ] || fail "$keep: its cgroup is left"
		[ ! -d "/sys/fs/cgroup/above-$ID" ] || rmdir "/sys/fs/cgroup/above-$ID"
		untouched
	done
	# Another's: who that is stays.
	up
	pid=$(pid_of)
	sed -i 's/"id":"[^"]*"/"id":"another"/' "$state"
	ok rt delete --force "$ID"
	[ "$(grep -c . "/proc/$pid/cgroup")" -gt 0 ]
	kill -KILL "$pid"
	gone "$pid"
	until rmdir "/sys/fs/cgroup/above-$ID/$ID" "/sys/fs/cgroup/above-$ID" 2>/dev/null; do sleep 0.01; done
}

@test "F3: a start killed at any call leaves a container that can be started, or runs" {
	local call k
	for call in openat read unlinkat pidfd_open ppoll; do
		for ((k = 1; ; k++)); do
			POINT="start killed at $call $k"
			args sh -c 'echo ran >/ran; sleep 1000'
			ok create "$ID"
			injected "$call:signal=KILL:when=$k" start "$ID"
			code=$rc
			# What init did decides, which may still be on its way.
			PATIENCE=10 try start "$ID"
			case $rc in
			0) ;;
			1) [[ $err == *"already running"* ]] || fail "second start" ;;
			*) fail "second start: exit code $rc" ;;
			esac
			until [ -e "$BUNDLE/rootfs/ran" ]; do sleep 0.01; done
			wait_status running
			no 1 "already running" start "$ID"
			ok rt delete --force "$ID"
			rm "$BUNDLE/rootfs/ran"
			untouched
			[ $code != 0 ] || break
		done
	done
}

@test "F10: a foreground run that cannot lock its container says so" {
	local errno
	args true
	for errno in ENOLCK EIO ENOMEM; do
		injected "flock:error=$errno:when=3" run --bundle "$BUNDLE" "$ID"
		grep -q INJECTED "$TRACE" || fail "$errno: flock is called less often"
		[ $rc = 1 ] || fail "$errno: exit code $rc"
		one_error
		same status "$(status)" stopped
		ok rt delete "$ID"
		untouched
	done
}

@test "F10: a foreground run removes a container that has ended, or says so" {
	local call k errno
	args true
	for call in pidfd_open:ENOMEM pidfd_open:ENODEV newfstatat:EACCES newfstatat:EIO; do
		errno=${call#*:}
		for ((k = 1; ; k++)); do
			POINT="$call $k"
			injected "${call%:*}:error=$errno:when=$k" run --bundle "$BUNDLE" "$ID"
			grep -q INJECTED "$TRACE" || {
				same "exit code" $rc 0
				untouched
				break
			}
			[ $rc != 0 ] || [ ! -e "$ROOT/$ID" ] || fail "exit code 0, and it is left"
			[ $rc = 0 ] || one_error
			[[ ! -e $ROOT/$ID ]] || [[ $err == *"has ended, and is not removed"* ]] || fail "left"
			ok rt delete --force "$ID"
			untouched
		done
	done
}

@test "F11: run -d takes its pid file back if a poststart hook fails" {
	config '.hooks.poststart = [{path: "/bin/false"}]'
	no 1 poststart rt run -d --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
	untouched
}

@test "F5: exec and delete do not take a cgroup filesystem that they can't open for a cgroup that is gone" {
	local own=/sys/fs/cgroup/above-$ID/$ID
	up
	injected -P /sys/fs/cgroup openat:error=ENOENT exec "$ID" touch /ran
	grep -q INJECTED "$TRACE"
	[ $rc = 255 ] && [[ $err == *"/sys/fs/cgroup: no such file or directory"* ]] || fail "exec: exit code $rc"
	[ ! -e "$BUNDLE/rootfs/ran" ]
	injected -P /sys/fs/cgroup openat:error=ENOENT delete --force "$ID"
	[ $rc = 1 ] && [ -d "$own" ] && [ -d "$ROOT/$ID" ] || fail "delete: exit code $rc"
	ok rt delete --force "$ID"
	untouched
}

@test "F5: a cgroup that was made anew is not the container's" {
	local own=/sys/fs/cgroup/above-$ID/$ID other=/sys/fs/cgroup/above-$ID/other stranger
	up
	mkdir "$other"
	pid_of >"$other/cgroup.procs"
	rmdir "$own"
	mkdir "$own"
	sleep 1000 3>&- &
	stranger=$!
	echo $stranger >"$own/cgroup.procs"
	no 255 "is gone, with its limits" rt exec "$ID" true
	no 1 "is gone, with its limits" rt pause "$ID"
	ok rt delete --force "$ID"
	kill -0 $stranger || fail "somebody else's process was killed"
	kill -KILL $stranger
	wait $stranger || true
	[ -d "$own" ] || fail "somebody else's cgroup was removed"
	rmdir "$own" "$other" "${own%/*}"
}

@test "F15: HOME is not made up when /etc/passwd can't be read" {
	local call
	mkdir -p "$BUNDLE/rootfs/etc"
	echo 'root:x:0:0::/root:' >"$BUNDLE/rootfs/etc/passwd"
	config '.process.env |= map(select(startswith("HOME=") | not))'
	args sh -c 'echo $HOME'
	ok run_bundle "$ID"
	same HOME "$out" /root
	for call in openat2:error=EIO openat2:error=ENFILE statx:error=EIO; do
		POINT=$call
		injected -P "$BUNDLE/rootfs/etc/passwd" -P /etc/passwd "$call" run --bundle "$BUNDLE" "$ID"
		grep -q INJECTED "$TRACE" || fail "not called"
		[ $rc = 1 ] && one_error && [[ $err == *"process.env: HOME "* ]] || fail "exit code $rc"
		untouched
	done
	# Who may not read it has no entry there.
	chmod 0600 "$BUNDLE/rootfs/etc/passwd"
	config '.process.user = {uid: 1000, gid: 1000}'
	ok run_bundle "$ID"
	same HOME "$out" /
}

@test "what may not be looked for is not taken for absent: masked and read-only paths" {
	local k
	config '.linux.maskedPaths = ["/dir/masked"] | .linux.readonlyPaths = ["/dir/ro"]'
	mkdir -p "$BUNDLE/rootfs/dir/masked" "$BUNDLE/rootfs/dir/ro"
	touch "$BUNDLE/rootfs/dir/masked/secret"
	for k in maskedPaths readonlyPaths; do
		injected -P "/dir/$([ $k = maskedPaths ] && echo masked || echo ro)" openat2:error=EACCES run --bundle "$BUNDLE" "$ID"
		grep -q INJECTED "$TRACE"
		[ $rc = 1 ] && one_error && [[ $err == *"linux.$k[0]"*"permission denied"* ]] || fail "exit code $rc"
		untouched
	done
}

@test "F15: list says what it cannot read" {
	local at
	up
	for at in "$ROOT/$ID" state.json "/proc/$(pid_of)/stat"; do
		POINT=$at
		injected -P "$at" openat:error=EIO list -q
		grep -q INJECTED "$TRACE"
		[ $rc = 0 ] && [ -z "$out" ] && [[ $err == *"load container $ID: "*"input/output error"* ]] || fail "exit code $rc"
	done
	injected -P "$ROOT" openat:error=EIO list -q
	[ $rc = 1 ] && one_error && [[ $err == *"$ROOT: input/output error"* ]] || fail "exit code $rc"
}

@test "F15: an error is no answer: start, pause, resume, delete" {
	local status
	ok create "$ID"
	injected -P exec.fifo newfstatat:error=EIO start "$ID"
	[ $rc = 1 ] && [[ $err == *"input/output error"* ]] || fail "start: exit code $rc"
	ok start "$ID"
	ok rt pause "$ID"
	status=/sys/fs/cgroup/above-$ID/$ID/cgroup.freeze
	injected -P "$status" openat:error=EMFILE resume "$ID"
	[ $rc = 1 ] && [[ $err == *"too many open files"* ]] || fail "resume: exit code $rc"
	injected ppoll:error=ENOMEM delete --force "$ID"
	grep -q INJECTED "$TRACE"
	[ $rc = 1 ] && [[ $err == *"cannot allocate memory"* ]] || fail "delete: exit code $rc"
	ok rt delete --force "$ID"
	untouched
}

@test "state while create works says creating" {
	local hold=$BATS_TEST_TMPDIR/hold seen n
	config --arg hold "$hold" '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "exec cat \"$0\" >/dev/null", $hold]}]'
	for n in 1 2 3; do
		mkfifo "$hold"
		create "$ID" >/dev/null 2>&1 3>&- &
		exec 5>"$hold"
		same "in a hook" "$(status)" creating
		exec 5>&-
		while jobs %% >/dev/null 2>&1 && kill -0 $! 2>/dev/null; do
			seen=$(status)
			[[ $seen =~ ^(creating|created|)$ ]] || fail "while create works: $seen"
		done
		wait $!
		same "at the end" "$(status)" created
		ok rt delete "$ID"
		rm "$hold"
	done
	# No hooks, and an id that is taken early.
	config 'del(.hooks)'
	for n in {1..20}; do
		create "$ID" >/dev/null 2>&1 3>&- &
		while kill -0 $! 2>/dev/null; do
			seen=$(status)
			[[ $seen =~ ^(creating|created|)$ ]] || fail "while create works: $seen"
		done
		wait $!
		ok rt delete "$ID"
	done
	# Who made it is dead: nothing will become of it.
	mkfifo "$hold"
	exec 5<>"$hold"
	config --arg hold "$hold" '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "exec cat \"$0\" >/dev/null", $hold]}]'
	"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >/dev/null 2>&1 3>&- 5>&- &
	wait_status creating
	kill -KILL $!
	wait_status stopped
	exec 5>&-
	ok rt delete --force "$ID"
}

# interrupts NAME CALL...: SIGTERM comes at every one of these calls of the command
# itself. It is undone and the exit code says so, or the container gets the signal.
interrupts() {
	local name=$1 call k words then=() points=0 pidfile=$BATS_TEST_TMPDIR/pid
	[ -z "$TRACING" ] || skip "$TRACING"
	shift
	case $name in
	exec) words=(exec --pid-file "$pidfile") then=(sh -c 'trap "exit 7" TERM; n=0; while [ $n -lt 50 ]; do sleep 0.02; n=$((n+1)); done') ;;
	detached) words=(run --detach --bundle "$BUNDLE" --pid-file "$pidfile") ;;
	*) words=("$name" --bundle "$BUNDLE" --pid-file "$pidfile") ;;
	esac
	for call in "$@"; do
		for ((k = 1; ; k++)); do
			POINT="$name with SIGTERM at $call $k"
			[ "$name" != exec ] || [ -e "$ROOT/$ID" ] || up
			rm -f "$pidfile"
			{
				try timeout --foreground -s KILL 20 strace -D -o "$TRACE" -e signal=SIGTERM -e "trace=$call" \
					-e "inject=$call:signal=TERM:when=$k" "$RUNTIME" --root "$ROOT" "${words[@]}" "$ID" "${then[@]}"
			} 2>/dev/null
			grep -q -- '--- SIGTERM' "$TRACE" || break
			points=$((points + 1))
			case $rc in
			143)
				# Before there is anything the default meaning of the signal will do.
				[ -z "$err" ] || one_error
				[ ! -e "$pidfile" ] || fail "the pid file is left"
				;;
			7) [[ $name =~ ^(run|exec)$ ]] ;;
			# A first process that has no handler yet does not get it.
			0) [ "$name" = run ] || { [[ $name =~ ^(create|detached)$ ]] && [[ $(status) =~ ^(created|running)$ ]]; } || fail "exit code 0" ;;
			*) fail "exit code $rc" ;;
			esac
			if [ "$name" = exec ]; then
				until_true alone || fail "processes $(<"/sys/fs/cgroup/above-$ID/$ID/cgroup.procs"), want one"
			else
				[ $rc != 0 ] || ok rt delete --force "$ID"
				untouched
			fi
		done
		[ $k -gt 1 ] || fail "$name makes no $call"
		[ "$name" = exec ] || ok rt delete --force "$ID"
	done
	echo "# $name: SIGTERM at $points points" >&3
}

@test "F2: a signal at any call of run" {
	args sh -c 'trap "exit 7" TERM; n=0; while [ $n -lt 50 ]; do sleep 0.02; n=$((n+1)); done'
	interrupts run mkdirat clone3 sendmsg recvmsg close
}
@test "F2: a signal at any call of create, and of run -d" {
	interrupts create mkdirat renameat clone3 sendmsg recvmsg bpf
	interrupts detached clone3 sendmsg recvmsg renameat
}
@test "F2: a signal at any call of exec" { interrupts exec clone3 setsockopt recvmsg sendmsg ppoll renameat; }

# hooked COMMAND...: the command is in a hook that does not end. SIGTERM ends both.
hooked() {
	local runtime
	rm -f "$BATS_TEST_TMPDIR/hook-pid"
	"$RUNTIME" --root "$ROOT" "$@" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	runtime=$!
	until [ -s "$BATS_TEST_TMPDIR/hook-pid" ]; do sleep 0.01; done
	kill -TERM $runtime
	rc=0
	wait $runtime || rc=$?
	err=$(<"$ERR")
	same "exit code" $rc 143
	one_error
	[[ $err == *"interrupted by SIGTERM"* ]] || fail "does not say why"
	gone "$(<"$BATS_TEST_TMPDIR/hook-pid")"
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
	untouched
}

@test "F2: a signal ends a running hook, and undoes what is made" {
	local kind hook
	hook=$(jq --null-input --arg f "$BATS_TEST_TMPDIR/hook-pid" \
		'[{path: "/bin/sh", args: ["sh", "-c", "echo $$ >\"$0.new\"; mv \"$0.new\" \"$0\"; exec sleep 1000", $f]}]')
	for kind in prestart createRuntime; do
		config --arg kind $kind --argjson hook "$hook" '.hooks = {($kind): $hook, poststop: [{path: "/bin/true"}]}'
		hooked create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
		hooked run --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	done
	config --argjson hook "$hook" '.hooks = {poststart: $hook}'
	hooked run --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	hooked run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	ok create "$ID"
	hooked start "$ID"
	# In the container's namespaces, where init runs it: init is killed.
	rm "$BATS_TEST_TMPDIR/hook-pid"
	config --argjson hook "$hook" '.hooks = {createContainer: $hook}'
	"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	until [ -s "$BATS_TEST_TMPDIR/hook-pid" ]; do sleep 0.01; done
	kill -TERM $!
	rc=0
	wait $! || rc=$?
	same "exit code" $rc 143
	untouched
}

@test "F2: signals that the caller ignores end nothing, and go to the container" {
	args sh -c 'trap "exit 7" HUP; echo up >/up; while :; do sleep 0.02; done'
	(
		trap '' HUP
		exec "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&-
	) &
	until [ -e "$BUNDLE/rootfs/up" ]; do sleep 0.01; done
	kill -HUP $!
	rc=0
	wait $! || rc=$?
	same "exit code" $rc 7
	untouched
}

@test "F4: exec with EINTR at each wait" {
	local call k
	up
	for call in ppoll recvmsg read wait4 waitid flock sendmsg dup3; do
		for ((k = 1; k < 8; k++)); do
			POINT="exec with EINTR at $call $k"
			injected "$call:error=EINTR:when=$k" exec "$ID" sh -c 'exit 7'
			[ $rc = 7 ] || fail "exit code $rc"
		done
	done
}

@test "F4: create and list with EINTR at each call that waits" {
	local call k
	command -v python3 >/dev/null || skip "needs python3"
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(100)
while True: s.accept()[0].recv(100)' "$BATS_TEST_TMPDIR/sock" 3>&- &
	local listener=$!
	until [ -S "$BATS_TEST_TMPDIR/sock" ]; do sleep 0.01; done
	for call in connect sendmsg sendto recvmsg ppoll openat2 statfs fstatfs getrandom wait4; do
		for k in 1 2 3; do
			POINT="create with EINTR at $call $k"
			injected "$call:error=EINTR:when=$k" create --bundle "$BUNDLE" --pidfd-socket "$BATS_TEST_TMPDIR/sock" "$ID"
			[ $rc = 0 ] || fail "exit code $rc"
			injected "$call:error=EINTR:when=$k" list -q
			same "list" "$rc $out" "0 $ID"
			ok rt delete --force "$ID"
		done
	done
	kill $listener
}

@test "F9: what init reports is not taken for a time-out" {
	up
	injected setresuid:error=EAGAIN exec "$ID" true
	[ $rc = 255 ]
	[[ $err == *setresuid* && $err == *"temporarily unavailable"* ]] || fail "exec"
	injected recvmsg:error=EAGAIN:when=1 exec "$ID" true
	[ $rc = 255 ]
	[[ $err == *recvmsg* && $err == *"temporarily unavailable"* ]] || fail "exec"
}

@test "F7: of two creates with one cgroupsPath at most one wins" {
	local n pid other=$ID-b won
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/other.json"
	for ((n = 0; n < 60; n++)); do
		won=()
		create "$ID" >"$OUT" 2>"$ERR" 3>&- &
		pid=$!
		create --config "$BATS_TEST_TMPDIR/other.json" "$other" >"$OUT.b" 2>"$ERR.b" 3>&- || grep -q 'is not empty' "$ERR.b"
		wait $pid || grep -q 'is not empty' "$ERR"
		for pid in "$ID" "$other"; do
			[ ! -e "$ROOT/$pid" ] || won+=("$pid")
		done
		[ ${#won[@]} -le 1 ] || fail "round $n: both"
		for pid in "${won[@]}"; do
			same "round $n: status" "$(status "$pid")" created
			ok rt delete "$pid"
		done
		# The second has not made the one above.
		[ ! -d "/sys/fs/cgroup/above-$ID/$ID" ] || rmdir "/sys/fs/cgroup/above-$ID/$ID"
		[ ! -d "/sys/fs/cgroup/above-$ID" ] || rmdir "/sys/fs/cgroup/above-$ID"
	done
}

@test "F7: the one that comes second goes, and leaves the first alone" {
	local other pid
	# create is held where the cgroup was found empty, and init is not cloned.
	mkdir "/sys/fs/cgroup/above-$ID"
	[ -z "$TRACING" ] || skip "$TRACING"
	sleep 1000 3>&- &
	other=$!
	# The first clone3 only asks whether there is one.
	timeout -s KILL 30 strace -f -qq -o "$TRACE" -e signal=none -e trace=clone3 -e inject=clone3:delay_enter=2s:when=2 \
		"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	pid=$!
	until [ -d "/sys/fs/cgroup/above-$ID/$ID" ]; do sleep 0.01; done
	sleep 0.5
	echo $other >"/sys/fs/cgroup/above-$ID/$ID/cgroup.procs"
	rc=0
	wait $pid || rc=$?
	same "exit code" $rc 1
	grep -q 'is not empty' "$ERR" || fail "says something else"
	kill -0 $other
	[ ! -e "$ROOT/$ID" ]
	kill -KILL $other
	wait $other || true
	rmdir "/sys/fs/cgroup/above-$ID/$ID" "/sys/fs/cgroup/above-$ID"
}

@test "F15: a broken connection to init ends, and so does a signal that can't be sent" {
	local call k
	for call in recvmsg:error=ECONNRESET sendmsg:error=EPIPE pidfd_send_signal:error=EPERM; do
		for k in 1 2 3; do
			POINT="$call $k"
			injected "$call:when=$k" create --bundle "$BUNDLE" "$ID"
			[ $rc -lt 2 ] || fail "exit code $rc"
			[ $rc != 0 ] || ok rt delete --force "$ID"
			untouched
		done
	done
}

@test "F15: an exec that is overtaken by a delete says that the container has stopped" {
	local call k
	[ -z "$TRACING" ] || skip "$TRACING"
	for call in openat openat2 clone3; do
		for k in 1 2 3 4 5 6 8 10; do
			POINT="delete before exec's $call $k"
			up
			rm -f "$TRACE"
			timeout --foreground -s KILL 20 strace -qq -o "$TRACE" -e signal=none -e trace=$call -e inject=$call:delay_enter=300ms:when=$k \
				"$RUNTIME" --root "$ROOT" exec "$ID" true >"$OUT" 2>"$ERR" </dev/null 3>&- &
			until [ "$(grep -c . "$TRACE" 2>/dev/null)" -ge $((k - 1)) ] 2>/dev/null && [ -e "$TRACE" ]; do
				kill -0 $! 2>/dev/null || break
				sleep 0.005
			done
			sleep 0.1
			ok rt delete --force "$ID"
			rc=0
			wait $! || rc=$?
			err=$(<"$ERR")
			[ $rc = 0 ] || [ $rc -ge 128 ] || fail "exit code $rc"
			[[ $err != *"no such file"* && $err != *"no such process"* ]] || fail "taken for a program that is missing"
		done
	done
}

@test "F15: exec without the capabilities to join says which" {
	command -v setpriv >/dev/null || skip "needs setpriv"
	up
	try setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$RUNTIME" --root "$ROOT" exec "$ID" true
	[ $rc = 255 ] && one_error && [[ $err == *"operation not permitted"* && $err == *"hint: "*CAP_SYS_ADMIN* ]] || fail "exit code $rc"
	ok rt delete --force "$ID"
}

@test "F15: a filesystem that nobody lets the runtime make is not laid to namespaces" {
	local k refused=0
	for k in 2 3 4 5; do
		injected fsopen:error=EPERM:when=$k run --detach --bundle "$BUNDLE" "$ID"
		[ $rc != 0 ] || { ok rt delete --force "$ID"; continue; }
		refused=$((refused + 1))
		[[ $err == *"fsopen: operation not permitted"* && $err == *"hint: "*CAP_SYS_ADMIN* && $err != *linux.namespaces* ]] || fail "fsopen $k"
	done
	[ $refused -gt 1 ]
}

NEEDED="clone3 openat2 pidfd_open open_tree move_mount fsopen fsconfig fsmount mount_setattr"

# refusing CALL ERRNO COMMAND...: as under a filter that answers the call so each time.
refusing() {
	local call=$1 errno=$2
	shift 2
	injected "$call:error=$errno" "$@"
	grep -q INJECTED "$TRACE" || fail "$call is not called"
}

@test "F8: a call that a sandbox refuses is named, and nothing is made" {
	local call errno text command
	for call in $NEEDED; do
		for errno in ENOSYS EPERM; do
			text="function not implemented"
			[ $errno = ENOSYS ] || text="operation not permitted"
			for command in create run; do
				POINT="$command, $call: $errno"
				refusing "$call" $errno $command --bundle "$BUNDLE" "$ID"
				same code "$rc" 1
				[[ $err == *"what confines the runtime, such as the seccomp filter of an outer container, refuses $call: $text"* ]] || fail "$err"
				[[ $err == *seccomp=unconfined* && $err != *cgroupsPath* ]] || fail "hint: $err"
				untouched
				[ ! -d "/sys/fs/cgroup/above-$ID" ]
			done
		done
	done
}

@test "F8: an older kernel is told which is needed" {
	setarch "$(uname -m)" --uname-2.6 true || skip "setarch can't"
	printf '#!/bin/sh\nexec setarch "$(uname -m)" --uname-2.6 %q "$@"\n' "$RUNTIME" >"$BATS_TEST_TMPDIR/old"
	chmod 755 "$BATS_TEST_TMPDIR/old"
	local RUNTIME=$BATS_TEST_TMPDIR/old
	refusing mount_setattr ENOSYS run --bundle "$BUNDLE" "$ID"
	same code "$rc" 1
	[[ $err == *"Linux 5.12 or newer is needed: 2.6."*" does not have mount_setattr"* ]] || fail "$err"
	[[ $err == *"crun-go needs clone3 (5.7), openat2 (5.6)"* ]] || fail "hint: $err"
	untouched
}

@test "F8: a container that is there: the call that is refused is named" {
	local errno
	up
	for errno in ENOSYS EPERM; do
		refusing clone3 $errno exec "$ID" true
		[ $rc != 0 ] && [[ $err == *"outer container, refuses clone3: "* ]] || fail "exec: $err"
		refusing pidfd_open $errno kill "$ID" TERM
		[ $rc = 1 ] && [[ $err == *"outer container, refuses pidfd_open: "* ]] || fail "kill: $err"
	done
	ok rt delete --force "$ID"
}

@test "F8: clone3 that a security module refuses is not laid to the cgroup" {
	refusing clone3 EACCES run --bundle "$BUNDLE" "$ID"
	same code "$rc" 1
	[[ $err == *"clone3: permission denied"* && $err == *"security module such as AppArmor"* && $err != *cgroupsPath* ]] || fail "$err"
	untouched
	up
	refusing clone3 EACCES exec "$ID" true
	[ "$rc" != 0 ] && [[ $err == *"clone3: permission denied"* && $err != *cgroupsPath* ]] || fail "$err"
	ok rt delete --force "$ID"
}

@test "F8: close_range refused: descriptors are closed one by one" {
	local errno
	for errno in ENOSYS EPERM EINVAL; do
		exec 70</dev/null 90</
		refusing close_range $errno run --detach --bundle "$BUNDLE" "$ID"
		exec 70<&- 90<&-
		same "run, $errno" "$rc $err" "0 "
		same descriptors "$(ls "/proc/$(pid_of)/fd" | tr '\n' ' ')" "0 1 2 "
		refusing close_range $errno exec "$ID" true
		same "exec, $errno" "$rc $err" "0 "
		ok rt delete --force "$ID"
	done
}

@test "F8: pidfd_send_signal refused: signals arrive" {
	local errno pid
	for errno in ENOSYS EPERM; do
		up
		pid=$(pid_of)
		refusing pidfd_send_signal $errno exec "$ID" true
		same "exec, $errno" "$rc $err" "0 "
		refusing pidfd_send_signal $errno kill "$ID" KILL
		same "kill, $errno" "$rc $err" "0 "
		gone "$pid"
		wait_status stopped
		ok rt delete "$ID"
	done
}

@test "a sysctl where a procfs that is mounted nowhere is denied: by way of /proc, if that is what it seems" {
	local file=sys/net/ipv4/ip_forward
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | del(.linux.readonlyPaths)'
	args cat /proc/sys/net/ipv4/ip_forward
	injected -P "$file" openat2:error=EACCES:when=1 run --bundle "$BUNDLE" "$ID"
	same "exit code and value" "$rc $out" "0 1"
	injected -P "$file" openat2:error=EACCES run --bundle "$BUNDLE" "$ID"
	same "exit code, denied everywhere" "$rc" 1
	[[ $err == *"hint: what confines the runtime, such as an outer container's AppArmor profile"*"linux.sysctl.net.ipv4.ip_forward: set sysctl"*"permission denied"* ]] || fail "no cause"
	# As in a container whose engine has masked what is below /proc.
	mount --bind /proc/sys/net /proc/sys/net
	injected -P "$file" openat2:error=EPERM:when=1 run --bundle "$BUNDLE" "$ID"
	umount /proc/sys/net
	same "exit code, mounted over" "$rc" 1
	[[ $err == *"operation not permitted (and by way of the mounted /proc: something is mounted over it)"* ]] || fail "no cause"
	same "the caller's own" "$(cat /proc/sys/net/ipv4/ip_forward)" 0
}
