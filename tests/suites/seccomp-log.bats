#!/usr/bin/env bats
# seccomp-log: --seccomp-log counts what the filter refuses, and the container sees no
# difference; seccomp record writes a profile under which the same workload runs, and
# no other.
load helpers

setup_log() {
	ours "these flags"
	LOG=$BATS_TEST_TMPDIR/log.json PROFILE=$BATS_TEST_TMPDIR/profile.json
}

# profile DEFAULT [ENTRY...]: the container's profile.
profile() {
	local action=$1
	shift
	config --arg a "$action" '.linux.seccomp = {defaultAction: $a, syscalls: ($ARGS.positional | map(fromjson))}' --args -- "$@"
}

# nr NAME: the number of a system call.
nr() { rt seccomp explain --bundle "$BUNDLE" --json "$1" | jq '.[0].number'; }

REFUSED='{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 76}'
PERSONALITY='{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_GE"}]}'

# attempts: a script that makes calls, with what comes of each.
attempts() {
	local p g
	p=$(nr personality) g=$(nr getpriority)
	echo "/probe syscall $g 0 0; /probe syscall $g 0 7; /probe syscall $p 9 5; /probe syscall $p 9 6; /probe syscall $p 8; /probe syscall $p 0; exit 7"
}

# listed: the log, a line for each entry.
listed() { jq -r '.calls[] | "\(.call) \(.arguments[0]) \(.errno) \(.count) \(.field) \(.conditions // [] | join(" "))"' "$1"; }

WANT='getpriority 0x0 ENOTUNIQ 2 linux.seccomp.syscalls[0] 
personality 0x9 EPERM 2 linux.seccomp.syscalls[1] arg0 >= 8
personality 0x8 EPERM 1 linux.seccomp.syscalls[1] arg0 >= 8'

@test "run: the same answers, each of them in the log" {
	local nnp uid plain
	setup_log
	profile SCMP_ACT_ALLOW "$REFUSED" "$PERSONALITY"
	script "$(attempts)"
	for nnp in true false; do
		for uid in 0 1000; do
			config --argjson n "$nnp" --argjson u "$uid" '.process.noNewPrivileges = $n | .process.user.uid = $u'
			no 7 "" run_bundle "$ID"
			plain=$out
			no 7 "" run_bundle --seccomp-log "$LOG" "$ID"
			same "what the container sees, noNewPrivileges $nnp, uid $uid" "$out" "$plain"
			same log "$(listed "$LOG")" "$WANT"
			same "id, unlisted" "$(jq -c '[.id, .unlisted]' "$LOG")" "[\"$ID\",0]"
			rm "$LOG"
		done
	done
	[[ $plain == *ENOTUNIQ*EPERM* ]] || fail "nothing was refused: $plain"
}

@test "exec: in the log, and nothing of the next exec's" {
	setup_log
	profile SCMP_ACT_ALLOW "$REFUSED" "$PERSONALITY"
	up
	no 7 "" rt exec --seccomp-log "$LOG" "$ID" sh -c "$(attempts)"
	same log "$(listed "$LOG")" "$WANT"
	ok rt exec "$ID" /probe syscall "$(nr getpriority)" 0 0
	same answer "$out" "$(nr getpriority) ENOTUNIQ"
	ok rt exec --seccomp-log - --report "$BATS_TEST_TMPDIR/report" "$ID" sh -c 'exec >&2; /probe syscall '"$(nr getpriority)"' 0 0'
	same count "$(jq '.calls[0].count' <<<"$out")" 1
	no 124 "" rt exec --timeout 0.5s --seccomp-log "$LOG" "$ID" sh -c "/probe syscall $(nr getpriority) 0 0; sleep 1000"
	same count "$(jq '.calls[0].count' "$LOG")" 1
}

@test "in a container of run --seccomp-log, exec loads the profile's own filter" {
	setup_log
	profile SCMP_ACT_ALLOW "$REFUSED"
	rt run --bundle "$BUNDLE" --seccomp-log "$LOG" "$ID" >/dev/null 2>&1 </dev/null 3>&- &
	wait_status running
	ok rt exec "$ID" /probe syscall "$(nr getpriority)" 0 0
	same answer "$out" "$(nr getpriority) ENOTUNIQ"
	ok rt kill "$ID" KILL
	wait $! || true
	same log "$(jq -c .calls "$LOG")" "[]"
}

@test "a call that is newer than the profile, and one without a name" {
	setup_log
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
	local call=$(nr openat2)
	profile SCMP_ACT_ERRNO '{"names": ["arch_prctl", "brk", "clone", "close", "dup2", "epoll_create1", "epoll_ctl", "eventfd2", "execve", "exit", "exit_group", "fcntl", "fstat", "futex", "getcwd", "getpid", "gettid", "getuid", "madvise", "mmap", "mprotect", "munmap", "nanosleep", "newfstatat", "open", "openat", "pipe2", "prctl", "pread64", "prlimit64", "read", "readlink", "readlinkat", "recvmsg", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield", "sendmsg", "set_tid_address", "sigaltstack", "stat", "tgkill", "uname", "wait4", "write", "writev", "capset"], "action": "SCMP_ACT_ALLOW"}'
	script "/probe syscall $call; /probe syscall 5000; /probe syscall $(nr getpriority)"
	ok run_bundle --seccomp-log "$LOG" "$ID"
	same log "$(jq -c '.calls[] | select(.number == '"$call"' or .number == 5000 or .call == "getpriority") | [.call, .errno, .newer, .field]' "$LOG")" '["openat2","ENOSYS",true,"linux.seccomp.defaultAction"]
[null,"ENOSYS",true,"linux.seccomp.defaultAction"]
["getpriority","EPERM",null,"linux.seccomp.defaultAction"]'
}

@test "in a pid namespace by path, and at a terminal" {
	setup_log
	config '.linux.cgroupsPath = "/x'"$ID"'-other"'
	up "$ID-other"
	profile SCMP_ACT_ALLOW "$REFUSED"
	config --arg p "/proc/$(pid_of "$ID-other")/ns/pid" '.process.noNewPrivileges = false | del(.linux.cgroupsPath)
		| .linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
	args /probe syscall "$(nr getpriority)" 0 0
	ok run_bundle --seccomp-log "$LOG" "$ID"
	same answer "$out" "$(nr getpriority) ENOTUNIQ"
	same count "$(jq '.calls[0].count' "$LOG")" 1
	config '.process.terminal = true'
	ok "$PROBE" pty -- "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" --seccomp-log "$LOG" "$ID"
	[[ $out == *ENOTUNIQ* ]] || fail "not answered"
	same count "$(jq '.calls[0].count' "$LOG")" 1
}

@test "a runtime that is killed leaves ENOSYS behind, not permission" {
	local call runtime
	setup_log
	call=$(nr getpriority)
	profile SCMP_ACT_ALLOW "$REFUSED"
	script "/probe syscall $call >/before; until [ -e /go ]; do sleep 0.02; done; /probe syscall $call >/after; sleep 1000"
	"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" --seccomp-log "$LOG" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	runtime=$!
	until_true grep -q . "$BUNDLE/rootfs/before"
	same before "$(<"$BUNDLE/rootfs/before")" "$call ENOTUNIQ"
	kill -KILL "$runtime"
	wait "$runtime" 2>/dev/null || true
	touch "$BUNDLE/rootfs/go"
	until_true grep -q . "$BUNDLE/rootfs/after"
	same after "$(<"$BUNDLE/rootfs/after")" "$call ENOSYS"
	[ ! -e "$LOG" ] || fail "a log was written"
}

@test "what is left when the listener is closed has no call of its own listener's" {
	local call answers
	setup_log
	call=$(nr getpriority)
	answers=$BUNDLE/rootfs/answers
	profile SCMP_ACT_ALLOW "$REFUSED"
	up
	try rt exec "$ID" /probe usurp "$call" 0 0
	same "without a log" "$out" "$call ENOTUNIQ"
	ok rt exec --seccomp-log "$LOG" "$ID" sh -c "/probe usurp $call 0 0 >/answers 2>&1 &"
	until_true grep -q . "$answers"
	! grep -q "$call 0" "$answers" || fail "the call was made: $(<"$answers")"
	grep -q "device or resource busy" "$answers" || fail "$(<"$answers")"
}

@test "a container that is refused without end holds up nobody, and fills no memory" {
	local runtime before
	setup_log
	profile SCMP_ACT_ALLOW "$PERSONALITY"
	script 'for n in 1 2 3 4; do (i=8; while :; do /probe syscall '"$(nr personality)"' $i; i=$((i + 1)); done) & done >/dev/null; wait'
	"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" --seccomp-log "$LOG" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	runtime=$!
	wait_status running
	ok rt exec "$ID" true
	sleep 0.5
	ok rt pause "$ID"
	ok rt resume "$ID"
	kill -TERM "$runtime"  # which pid 1 of the container is deaf to
	ok rt kill "$ID" KILL
	until_true sh -c "! kill -0 $runtime"
	rc=0
	wait "$runtime" || rc=$?
	same "exit code" "$rc" 137
	[ "$(jq '.calls | length' "$LOG")" -ge 1 ] || fail "nothing in the log"
}

@test "a child that keeps making refused calls keeps the processor free" {
	local runtime ticks
	setup_log
	profile SCMP_ACT_ALLOW "$REFUSED"
	args /probe hammer "$(nr getpriority)"
	"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" --seccomp-log "$LOG" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	runtime=$!
	wait_status running
	sleep 2
	ticks=$(awk '{ print $14 + $15 }' "/proc/$runtime/stat")
	ok rt kill "$ID" KILL
	wait "$runtime" || true
	[ "$(jq '.calls[0].count' "$LOG")" -gt 1000 ] || fail "only $(jq -c '.calls[0].count' "$LOG") calls"
	[ "$(jq '.calls[0].count' "$LOG")" -lt 60000 ] || fail "$(jq -c '.calls[0].count' "$LOG") calls were answered: no limit"
	[ "$ticks" -lt 120 ] || fail "$ticks ticks"
}

@test "what KILL ends and TRAP signals is as ever" {
	setup_log
	profile SCMP_ACT_ALLOW "$REFUSED" '{"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"}' '{"names": ["rmdir"], "action": "SCMP_ACT_TRAP"}' '{"names": ["chroot"], "action": "SCMP_ACT_TRACE"}'
	args /probe syscall "$(nr chroot)"
	ok run_bundle --seccomp-log "$LOG" "$ID"
	same answer "$out" "$(nr chroot) ENOSYS"
	script "/probe syscall $(nr getpriority); exec /probe syscall $(nr mkdir) 0 0"
	no 159 "" run_bundle --seccomp-log "$LOG" "$ID"
	same log "$(jq -c '[.calls[] | .call]' "$LOG")" '["getpriority"]'
}

@test "what cannot be obeyed is refused before anything is made" {
	setup_log
	args true
	no 1 "linux.seccomp: --seccomp-log: the container has no seccomp filter" run_bundle --seccomp-log "$LOG" "$ID"
	one_error
	args sleep 1000
	up
	no 255 "linux.seccomp: --seccomp-log: the container has no seccomp filter" rt exec --seccomp-log "$LOG" "$ID" true
	ok rt delete --force "$ID"
	profile SCMP_ACT_ALLOW "$REFUSED"
	no 1 "--seccomp-log cannot be combined with --detach" run_bundle --detach --seccomp-log "$LOG" "$ID"
	no 1 "--seccomp-log cannot be combined with --detach" rt exec --detach --seccomp-log "$LOG" "$ID" true
	no 1 "--seccomp-log: open $BATS_TEST_TMPDIR/none/: no such file" run_bundle --seccomp-log "$BATS_TEST_TMPDIR/none/log" "$ID"
	ln -s /tmp/else "$BATS_TEST_TMPDIR/link"
	no 1 "expected a regular file or none, found a symbolic link" run_bundle --seccomp-log "$BATS_TEST_TMPDIR/link" "$ID"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	no 1 "expected a regular file or none, found a fifo" run_bundle --seccomp-log "$BATS_TEST_TMPDIR/fifo" "$ID"
	no 1 "/dev/fd/77" run_bundle --seccomp-log /dev/fd/77 "$ID"
	no 1 "" rt create --seccomp-log "$LOG" --bundle "$BUNDLE" "$ID"
	profile SCMP_ACT_ALLOW '{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}'
	config '.linux.seccomp.listenerPath = "/no/agent"'
	no 1 "--seccomp-log does not go with SCMP_ACT_NOTIFY" run_bundle --seccomp-log "$LOG" "$ID"
	profile SCMP_ACT_ALLOW '{"names": ["sendmsg", "close"], "action": "SCMP_ACT_ERRNO"}'
	no 1 "linux.seccomp: does not allow sendmsg, close: with --seccomp-log" run_bundle --seccomp-log "$LOG" "$ID"
	one_error
	[ ! -e "$LOG" ] || fail "a log was written"
}

@test "below a listener of somebody else's" {
	setup_log
	args true
	profile SCMP_ACT_ALLOW "$REFUSED"
	no 1 "linux.seccomp: load seccomp filter" "$PROBE" forbid listener "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" --seccomp-log "$LOG" "$ID"
	[[ $err == *"device or resource busy"* ]] || fail "no reason"
	ok "$PROBE" forbid listener "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
}

# record [FLAG...]: record a run of the container. $recorded is how the workload ended, and $said what it printed.
record() {
	try rt seccomp record --bundle "$BUNDLE" --output "$PROFILE" "$@" "$ID"
	recorded=$rc said=$out
	[ -e "$PROFILE" ] || fail "no profile"
}

# under_recorded: the container's profile is the recorded one.
under_recorded() { config --slurpfile p "$PROFILE" '.linux.seccomp = $p[0]'; }

@test "record: what ran runs under the profile, and nothing else" {
	local nnp uid
	setup_log
	WORK='mkdir /tmp/d && echo text >/tmp/d/f && ls /tmp/d && cat /tmp/d/f | tr a-z A-Z && (sleep 0.01; kill -TERM $$) & wait; rm -r /tmp/d; trap "echo trapped" USR1; kill -USR1 $$; id -u'
	for uid in 0 1000; do
		for nnp in true false; do
			config --argjson n "$nnp" --argjson u "$uid" 'del(.linux.seccomp) | .process.noNewPrivileges = $n | .process.user.uid = $u'
			script "$WORK"
			record
			under_recorded
			ok run_bundle "$ID"
			same "with noNewPrivileges $nnp, uid $uid" "$out ($recorded)" "$said ($rc)"
			ok run_bundle --seccomp-log "$LOG" "$ID"
			same refused "$(jq -c '[.calls[] | .call]' "$LOG")" "[]"
			script '/probe syscall '"$(nr personality)"'; /probe syscall '"$(nr mount)"
			try run_bundle "$ID"
			[[ $out != *" 0"* ]] || fail "allowed: $out"
			args sleep 1000
			up
			try rt exec "$ID" id -u
			ok rt delete --force "$ID"
		done
	done
}

@test "record: in a user namespace, with the hooks of startContainer" {
	setup_log
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 100}]
		| .hooks = {startContainer: [{path: "/bin/mkdir", args: ["mkdir", "-p", "/dev/shm/hook"]}]}'
	args ls /dev/shm
	record
	same printed "$said" hook
	under_recorded
	ok run_bundle --seccomp-log "$LOG" "$ID"
	same printed "$out" hook
	same refused "$(jq -c '[.calls[] | .call]' "$LOG")" "[]"
	up
	wait_status stopped
}

@test "record: programs that start threads, wait for timers, and use sockets" {
	local program
	setup_log
	for program in 'nc -l -p 8080 -e cat & sleep 0.2; echo through | nc 127.0.0.1 8080' '/probe view >/dev/null; echo seen' 'timeout 0.2 sleep 100; echo $?' \
		'dd if=/dev/zero of=/tmp/z bs=4k count=4 2>/dev/null; sync; wc -c </tmp/z; chmod 600 /tmp/z; ln -s z /tmp/y; readlink /tmp/y; rm /tmp/z /tmp/y'; do
		config 'del(.linux.seccomp)'
		script "$program"
		record
		under_recorded
		try run_bundle "$ID"
		same "$program" "$out $rc" "$said $recorded"
	done
}

@test "record: create, start and exec work under the profile" {
	local nnp
	setup_log
	for nnp in true false; do
		config --argjson n "$nnp" 'del(.linux.seccomp) | .process.noNewPrivileges = $n'
		args sleep 0.1
		record
		under_recorded
		args sleep 1000
		up
		ok rt exec "$ID" true
		ok rt exec --seccomp-log "$LOG" "$ID" true
		same filter "$(awk '/^Seccomp:/ { print $2 }' "/proc/$(pid_of)/status")" 2
		ok rt delete --force "$ID"
	done
}

@test "record: what the profile in force refuses stays refused, and unrecorded" {
	setup_log
	profile SCMP_ACT_ALLOW "$REFUSED" "$PERSONALITY" '{"names": ["chroot"], "action": "SCMP_ACT_TRACE"}' '{"names": ["rmdir"], "action": "SCMP_ACT_KILL_PROCESS"}'
	script "$(attempts | sed 's/exit 7//') /probe syscall $(nr chroot); /probe syscall $(nr rmdir)"
	record
	[[ $said == *ENOTUNIQ*EPERM*EPERM*EPERM*" 0"*ENOSYS* ]] || fail "answers: $said"
	same killed "$recorded" 159
	same "by arguments" "$(jq -c '[.syscalls[] | select(.names == ["personality"])]' "$PROFILE")" \
		'[{"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":0,"op":"SCMP_CMP_EQ"}]}]'
	same refused "$(jq -c '[.syscalls[] | select(.action == "SCMP_ACT_ALLOW") | .names[] | select(. == "chroot" or . == "rmdir" or . == "getpriority")]' "$PROFILE")" "[]"
	same "the same errno" "$(jq -c '[.syscalls[] | select(.action == "SCMP_ACT_ERRNO") | [.names[], .errnoRet]]' "$PROFILE")" '[["getpriority",76]]'
	under_recorded
	script "/probe syscall $(nr personality) 4; /probe syscall $(nr personality) 0; /probe syscall $(nr getpriority)"
	ok run_bundle "$ID"
	[[ $out == *EPERM*" 0"*ENOTUNIQ ]] || fail "answers"
}

@test "record: the profile goes to a stream, too, and bad command lines are refused" {
	setup_log
	args true
	ok rt seccomp record --bundle "$BUNDLE" -o - "$ID"
	same action "$(jq -r .defaultAction <<<"$out")" SCMP_ACT_ERRNO
	no 1 "seccomp record needs --output" rt seccomp record --bundle "$BUNDLE" "$ID"
	no 1 "seccomp record takes one container id, not 0" rt seccomp record --bundle "$BUNDLE" -o "$PROFILE"
	no 1 "seccomp record takes one container id, not 2" rt seccomp record --bundle "$BUNDLE" -o "$PROFILE" a b
	no 1 "--json does not go with seccomp record" rt seccomp record --json --bundle "$BUNDLE" -o "$PROFILE" "$ID"
	no 1 "--output does not go with seccomp explain" rt seccomp explain -o "$PROFILE" --bundle "$BUNDLE"
	no 1 "--keep does not go with seccomp explain" rt seccomp explain --keep --bundle "$BUNDLE"
	no 1 "unknown command seccomp recrd" rt seccomp recrd --bundle "$BUNDLE" -o "$PROFILE" "$ID"
	no 1 "seccomp record failed: --output: open /no/dir/: no such file" rt seccomp record --bundle "$BUNDLE" -o /no/dir/x "$ID"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/agent", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
	no 1 "seccomp record does not go with SCMP_ACT_NOTIFY" rt seccomp record --bundle "$BUNDLE" -o "$PROFILE" "$ID"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["recvmsg"], action: "SCMP_ACT_ERRNO"}]}'
	no 1 "linux.seccomp: does not allow recvmsg: with seccomp record" rt seccomp record --bundle "$BUNDLE" -o "$PROFILE" "$ID"
	[ ! -e "$PROFILE" ] || fail "a profile was written"
}
