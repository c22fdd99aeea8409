#!/usr/bin/env bats
# exec: further processes in a container: what they get, where they live, what
# is said when they can't be run.
load helpers

# view ARG...: exec the probe with these flags; $out is the view.
view() { ok rt exec "$@" "$ID" /probe view; }

# is FILTER WANT: one value of the view.
is() { same "$1" "$(jq -r "$1" "$OUT")" "$2"; }

# processfile FILTER: a process for --process: cwd and args, and what FILTER adds.
processfile() {
	jq -n '{cwd: "/", args: ["/probe", "view"], env: ["PATH=/bin"], user: {uid: 0, gid: 0}} | '"$1" >"$BATS_TEST_TMPDIR/process.json"
}

view_process() {
	processfile "$1"
	ok rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
}

# ns_same PID PID NAME...
ns_same() {
	local a=$1 b=$2 name
	shift 2
	for name in "$@"; do
		same "$name namespace" "$(readlink "/proc/$a/ns/$name")" "$(readlink "/proc/$b/ns/$name")"
	done
}

# detached ARG...: exec with these flags; $child is the pid.
detached() {
	ok rt exec --detach --pid-file "$BATS_TEST_TMPDIR/exec.pid" "$@"
	child=$(<"$BATS_TEST_TMPDIR/exec.pid")
}

@test "output, input and exit code" {
	up
	ok rt exec "$ID" echo hello
	same stdout "$out" hello
	same stderr "$err" ""
	same reads "$(echo input | rt exec "$ID" cat 3>&-)" input
	no 3 "" rt exec "$ID" sh -c 'exit 3'
	no 143 "" rt exec "$ID" sh -c 'kill -TERM $$'
	no 137 "" rt exec "$ID" sh -c 'kill -KILL $$'
}

@test "a created container" {
	ok create "$ID"
	ok rt exec "$ID" echo hi
	same stdout "$out" hi
	same status "$(status)" created
	ok start "$ID"
}

@test "it is in all namespaces of the container, and in its cgroup" {
	up
	detached "$ID" sleep 100
	ns_same "$child" "$(pid_of)" cgroup ipc mnt net pid uts user time pid_for_children
	same cgroup "$(cat "/proc/$child/cgroup")" "$(cat "/proc/$(pid_of)/cgroup")"
	same root "$(stat -Lc %d:%i "/proc/$child/root")" "$(stat -Lc %d:%i "/proc/$(pid_of)/root")"
}

@test "it is a session leader, and has no parent in the container" {
	up
	view
	is '.status | .NSpid == .NSsid and .NSpid == .NSpgid' true
	is .status.PPid 0
}

@test "nothing of the host's: descriptors, environment, signals, cwd" {
	up
	exec 7</etc/passwd
	SECRET=of-the-host view
	exec 7<&-
	is '[.env[] | select(startswith("SECRET") or startswith("GO"))] | length' 0
	is '.descriptors | keys | join(" ")' "0 1 2"
	is .cwd /
	same SigBlk "$(jq -r .status.SigBlk "$OUT")" 0000000000000000
	same SigIgn "$(jq -r .status.SigIgn "$OUT")" 0000000000000000
}

@test "all of the container's process but its arguments" {
	ours "1.1 has no umask"
	config '.process.user = {uid: 1000, gid: 1001, additionalGids: [2000], umask: 63} | .process.cwd = "/usr"
		| .process.env += ["A=1"] | .process.oomScoreAdj = 7
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 99, hard: 199}]'
	up
	view
	is .status.Uid "1000 1000 1000 1000"
	is .status.Gid "1001 1001 1001 1001"
	is .status.Groups 2000
	is .status.Umask 0077
	is .status.NoNewPrivs 1
	is .status.CapBnd 00000000080000e3
	is .cwd /usr
	is .oom_score_adj 7
	is '.env | contains(["A=1", "HOME=/home/app"])' true
	ok rt exec "$ID" cat /proc/self/limits
	grep -qE '^Max open files +99 +199 ' "$OUT"
}

@test "flags: env, cwd, user, groups, capabilities, no_new_privs" {
	ours "1.1 refuses two spellings of one flag"
	config '.process.noNewPrivileges = false | .process.env += ["A=1"] | .process.user = {uid: 5, gid: 6, additionalGids: [7]}'
	up
	view --env A=2 -e B=3 --cwd /usr/bin --user 0 -g 40 --additional-gids 41 -c CAP_NET_RAW --no-new-privs
	is '[.env[] | select(test("^[AB]="))] | join(" ")' "A=2 B=3"
	is .cwd /usr/bin
	is .status.Uid "0 0 0 0"
	is .status.Gid "6 6 6 6"
	is .status.Groups "7 40 41"
	is .status.CapBnd 00000000080020e3
	is .status.CapPrm 00000000080020e3
	is .status.CapInh 0000000000000000
	is .status.CapAmb 0000000000000000
	is .status.NoNewPrivs 1
	view -u 1000:1000
	is .status.Gid "1000 1000 1000 1000"
	is .status.CapEff 0000000000000000
	is .status.NoNewPrivs 0
}

@test "capabilities added to a user with inheritable ones become ambient as far as those go" {
	config '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}
		| .process.capabilities.inheritable = ["CAP_KILL"]'
	up
	view -c CAP_KILL -c CAP_NET_RAW
	is .status.CapInh 0000000000000020
	is .status.CapAmb 0000000000000020
}

@test "--user takes numbers only" {
	ours "1.1 finds out later"
	up
	local user
	for user in -1 99999999999 4294967295 1000: :5 root 0x10 '1 ' 1:2:3 +1; do
		no 255 "exec failed: --user: bad " rt exec "--user=$user" "$ID" true
		one_error
	done
	ok rt exec --user= "$ID" true
	no 1 "for flag -g" rt exec -g wheel "$ID" true
}

@test "--process: what it says, and of the container what it leaves out" {
	ours "1.1 has no umask"
	config '.process.user = {uid: 1000, gid: 1000, additionalGids: [5], umask: 63} | .process.env += ["A=1"]
		| .process.oomScoreAdj = 7 | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 99, hard: 199}]'
	up
	view_process .
	is .status.Uid "0 0 0 0"
	is .status.Groups ""
	is .status.NoNewPrivs 0
	is .status.CapBnd 00000000080000e3
	is .status.Umask 0077
	is .oom_score_adj 7
	is '.env | sort | join(" ")' "HOME=/root PATH=/bin"
	processfile '.args = ["cat", "/proc/self/limits"]'
	ok rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
	! grep -qE '^Max open files +99 ' "$OUT"
	view_process '.capabilities = {} | .user.umask = 1 | .noNewPrivileges = true | .oomScoreAdj = 9 | .env = []'
	is .status.CapBnd 0000000000000000
	is .status.Umask 0001
	is .status.NoNewPrivs 1
	is .oom_score_adj 7
	is '.env | join(" ")' HOME=/root
	view_process '.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], inheritable: ["CAP_KILL"]}'
	is .status.CapInh 0000000000000020
}

@test "--process ignores the flags that change a process, and a command" {
	up
	processfile .
	ok rt exec --process "$BATS_TEST_TMPDIR/process.json" -e A=1 -u 7 --cwd /usr "$ID" false
	is '[.env[] | select(startswith("A="))] | length' 0
	is .status.Uid "0 0 0 0"
	is .cwd /
}

@test "--process: mistakes" {
	ours "1.1 names no field"
	up
	processfile 'del(.cwd)'
	no 255 "exec failed: process.cwd: Cwd property must not be empty" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	one_error
	processfile '.cwd = "usr"'
	no 255 "cwd must be an absolute path" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	processfile 'del(.args)'
	no 255 "args must not be empty" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	echo '{"cwd": 5}' >"$BATS_TEST_TMPDIR/process.json"
	no 255 "cwd" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	no 255 "no such file or directory" rt exec -p /nonexistent "$ID"
}

@test "usage errors are 1, failures are 255" {
	ours "1.1 uses other words"
	no 1 "requires a minimum of 1 argument(s)" rt exec
	no 1 "flag provided but not defined: -bogus" rt exec --bogus "$ID" true
	no 255 "exec failed: container does not exist" rt exec "$ID" true
	one_error
	up
	no 255 "process args cannot be empty" rt exec "$ID"
	no 255 'exec: "nosuch": executable file not found in $PATH' rt exec "$ID" nosuch
	one_error
	no 255 'exec: "/nosuch": stat /nosuch: no such file or directory' rt exec "$ID" /nosuch
	no 255 'exec: "/etc/passwd": permission denied' rt exec "$ID" /etc/passwd
	no 255 'exec: "/etc": is a directory' rt exec "$ID" /etc
	no 255 'chdir to cwd ("/nosuch")' rt exec --cwd /nosuch "$ID" true
	no 255 "cwd must be an absolute path" rt exec --cwd usr "$ID" true
	no 255 "missing '='" rt exec --env A "$ID" true
	echo garbage >"$BUNDLE/rootfs/garbage"
	chmod +x "$BUNDLE/rootfs/garbage"
	no 255 "exec /garbage: exec format error" rt exec "$ID" /garbage
	# Detached, the process is there and says it itself, as with runc.
	ok rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" /garbage
	until_true grep -q "exec /garbage: exec format error" "$ERR"
	[ -s "$BATS_TEST_TMPDIR/pid" ] || fail "no pid"
}

@test "flags end at the id" {
	up
	ok rt exec -- "$ID" echo -e --cwd
	same stdout "$out" "--cwd"
	no 255 'exec: "--": executable file not found' rt exec "$ID" -- echo
}

@test "stopped and paused containers" {
	up
	echo 1 >"/sys/fs/cgroup/$ID/cgroup.freeze"
	no 255 "exec failed: cannot exec in a paused container (use --ignore-paused to override)" rt exec "$ID" true
	one_error
	rt exec --ignore-paused "$ID" echo thawed >"$OUT" 2>&1 3>&- &
	local waiting=$!
	two() { [ "$(wc -l <"/sys/fs/cgroup/$ID/cgroup.procs")" = 2 ]; }
	until_true two
	[ ! -s "$OUT" ]
	echo 0 >"/sys/fs/cgroup/$ID/cgroup.freeze"
	wait $waiting
	same stdout "$(<"$OUT")" thawed
	ok rt kill "$ID" KILL
	wait_status stopped
	no 255 "exec failed: cannot exec in a stopped container" rt exec "$ID" true
}

@test "--detach and --pid-file" {
	ours "1.1 does not name the flag"
	up
	detached "$ID" sleep 100
	same program "$(tr '\0' ' ' <"/proc/$child/cmdline")" "sleep 100 "
	same digits "$(od -c "$BATS_TEST_TMPDIR/exec.pid" | grep -c '\\n')" 0
	rm "$BATS_TEST_TMPDIR/exec.pid"
	no 255 "nosuch" rt exec --detach --pid-file "$BATS_TEST_TMPDIR/exec.pid" "$ID" nosuch
	[ ! -e "$BATS_TEST_TMPDIR/exec.pid" ] || fail "a pid file without a process"
	no 255 "--pid-file" rt exec --detach --pid-file /nonexistent/pid "$ID" sleep 100
	same processes "$(wc -l <"/sys/fs/cgroup/$ID/cgroup.procs")" 2
}

@test "a detached process lives on, and belongs to the caller" {
	up
	detached "$ID" sleep 100
	until_true [ "$(awk '$1 == "PPid:" {print $2}' "/proc/$child/status")" = 1 ]
	kill -0 "$child"
}

@test "signals are passed on" {
	up
	rt exec "$ID" sh -c 'trap "echo got usr1; exit 9" USR1; echo ready; while :; do sleep 0.05; done' >"$OUT" 2>"$ERR" 3>&- &
	local watcher=$! runtime
	until_true grep -q ready "$OUT"
	# The job is timeout(1); the runtime is its child.
	runtime=$(pgrep -P "$(pgrep -P $watcher -x timeout || echo $watcher)")
	kill -USR1 "$runtime"
	rc=0
	wait $watcher || rc=$?
	same code "$rc" 9
	grep -q "got usr1" "$OUT"
}

@test "a descriptor to preserve beyond others that are not open" {
	ours "1.1 passes its own where there was none"
	up
	rc=0
	rt exec --preserve-fds 3 "$ID" sh -c 'ls /proc/self/fd; cat <&5' >"$OUT" 2>"$ERR" </dev/null 3>&- 4>&- 5<<<five || rc=$?
	# ls has one of its own: the directory.
	same output "$rc $(tr '\n' ' ' <"$OUT")" "0 0 1 2 3 5 five "
	rt delete --force "$ID"
	args sh -c 'ls /proc/self/fd; cat <&5'
	rc=0
	rt run --bundle "$BUNDLE" --preserve-fds 3 "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- 4>&- 5<<<five || rc=$?
	same output "$rc $(tr '\n' ' ' <"$OUT")" "0 0 1 2 3 5 five "
}

@test "descriptors to preserve" {
	up
	echo three >"$BATS_TEST_TMPDIR/three"
	echo four >"$BATS_TEST_TMPDIR/four"
	rc=0
	out=$(rt exec --preserve-fds 2 "$ID" sh -c 'cat <&3; cat <&4; ls /proc/self/fd' 3<"$BATS_TEST_TMPDIR/three" 4<"$BATS_TEST_TMPDIR/four")
	same read "$(echo $out)" "three four 0 1 2 3 4 5"
}

@test "a descriptor to preserve that is the last below the limit" {
	echo last >"$BATS_TEST_TMPDIR/last"
	up
	local n
	for n in 61 62 63; do
		out=$(ulimit -n 64 && eval "exec $n<\$BATS_TEST_TMPDIR/last" && rt exec --preserve-fds $((n - 2)) "$ID" sh -c "ls /proc/self/fd | sort -n | tail -n 1")
		same "descriptor of exec" "$out" $n
	done
	args sh -c 'ls /proc/self/fd | sort -n | tail -n 1 >/said'
	(ulimit -n 64 && exec 63<"$BATS_TEST_TMPDIR/last" && ok create --preserve-fds 61 "$ID-last")
	ok start "$ID-last"
	wait_status stopped "$ID-last"
	same "descriptor" "$(<"$BUNDLE/rootfs/said")" 63
	ok rt delete "$ID-last"
}

@test "a terminal through --console-socket" {
	up
	"$PROBE" receive "$BATS_TEST_TMPDIR/socket" >"$BATS_TEST_TMPDIR/seen" 2>&1 3>&- &
	local taker=$!
	until_true [ -S "$BATS_TEST_TMPDIR/socket" ]
	ok rt exec --detach --tty --console-socket "$BATS_TEST_TMPDIR/socket" "$ID" sh -c 'tty; test -t 0 && echo controlled </dev/tty && echo yes >/dev/tty'
	wait $taker || true
	grep -q /dev/pts/ "$BATS_TEST_TMPDIR/seen" || fail "$(<"$BATS_TEST_TMPDIR/seen")"
	grep -q yes "$BATS_TEST_TMPDIR/seen"
}

@test "a terminal in the foreground" {
	ours "1.1 needs a controlling terminal"
	up
	try "$PROBE" pty see:ready raw: size:50x132 'type:until stty size | grep 50.132; do sleep 0.1; done\r' 'see:50 132' 'type:exit 7\r' -- \
		"$RUNTIME" --root "$ROOT" exec --tty "$ID" sh -c 'echo ready; exec sh'
	[ "$rc" = 7 ] || fail "exit code $rc"
	ok rt exec --tty "$ID" tty
	grep -q /dev/pts/ "$OUT"
}

@test "--pidfd-socket gets the process's pidfd" {
	ours "1.1 has no --pidfd-socket"
	up
	"$PROBE" receive "$BATS_TEST_TMPDIR/pidfd" >"$BATS_TEST_TMPDIR/got" 3>&- &
	until_true test -S "$BATS_TEST_TMPDIR/pidfd"
	ok rt exec --pidfd-socket "$BATS_TEST_TMPDIR/pidfd" "$ID" true
	wait $!
	grep -q '^data "setns", 1 descriptor: anon_inode:\[pidfd\]' "$BATS_TEST_TMPDIR/got" || fail "$(<"$BATS_TEST_TMPDIR/got")"
	no 255 "--pidfd-socket: connect /nonexistent" rt exec --pidfd-socket /nonexistent "$ID" true
	same processes "$(wc -l <"/sys/fs/cgroup/$ID/cgroup.procs")" 1
}

@test "terminals: mistakes" {
	ours "1.1 says its own name"
	up
	no 255 "cannot allocate tty if crun-go will detach without setting console socket" rt exec --detach --tty "$ID" true
	no 255 "cannot use console socket if crun-go will not detach or allocate tty" rt exec --console-socket /x "$ID" true
	no 255 "--console-socket: connect /nonexistent" rt exec --detach --tty --console-socket /nonexistent "$ID" true
	one_error
}

@test "the container's seccomp profile, with and without no_new_privs" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 3}]}'
	up
	no 1 "No such process" rt exec "$ID" mkdir /x
	view
	is .status.Seccomp 2
	is .status.CapEff 00000000080000e3
	processfile '.noNewPrivileges = false | .capabilities = {}'
	ok rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	is .status.Seccomp 2
	is .status.CapPrm 0000000000000000
}

@test "scheduler, io priority, CPUs" {
	ours "1.1 has none of them"
	config '.process.execCPUAffinity = {initial: "0", final: "1"} | .process.scheduler = {policy: "SCHED_BATCH", nice: 3}
		| .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
	up
	view
	is .status.Cpus_allowed_list 1
	detached "$ID" sleep 100
	same policy "$(chrt -p "$child" | sed -n 's/.*policy: //p')" SCHED_BATCH
	same nice "$(awk '{print $19}' "/proc/$child/stat")" 3
	same priority "$(ionice -p "$child")" "best-effort: prio 6"
	view_process '.execCPUAffinity = {initial: "0"}'
	is .status.Cpus_allowed_list "$(awk '/Cpus_allowed_list/ {print $2}' "/proc/$(pid_of)/status")"
	processfile '.execCPUAffinity = {final: "0-"}'
	no 255 "process.execCPUAffinity.final: \"0-\": \"0-\" is neither a number nor a range" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
}

@test "a user namespace" {
	ours "1.1 uses other words"
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
	up
	view -u 1000:1000 -g 5
	is .status.Uid "1000 1000 1000 1000"
	is .status.Groups 5
	detached "$ID" sleep 100
	ns_same "$child" "$(pid_of)" cgroup ipc mnt net pid uts user time
	same uid "$(awk '$1 == "Uid:" {print $2}' "/proc/$child/status")" 100000
	no 255 "is not mapped in linux.uidMappings" rt exec -u 70000 "$ID" true
	no 255 'exec: "nosuch": executable file not found' rt exec "$ID" nosuch
}

@test "the host's pid namespace, and others" {
	ours "1.1 leaves a cgroup behind"
	config '.linux.namespaces |= map(select(.type != "pid" and .type != "network"))'
	up
	detached "$ID" sleep 100
	ns_same "$child" "$(pid_of)" cgroup ipc mnt net pid uts
	same pid "$(awk '$1 == "NSpid:" {print NF - 1}' "/proc/$child/status")" "$(awk '$1 == "NSpid:" {print NF - 1}' /proc/self/status)"
}

@test "a time namespace" {
	ours "1.1 has no time namespaces"
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 0}}'
	up
	ok rt exec "$ID" cat /proc/uptime
	[ "${out%%.*}" -gt 1000000 ] || fail "uptime $out"
	detached "$ID" sleep 100
	ns_same "$child" "$(pid_of)" time pid
}

@test "joined namespaces" {
	up
	local first=$ID
	ID=$ID-b
	config --arg pid "$(rt state "$first" | jq -r .pid)" '.linux.namespaces |= map(if .type == "network" then .path = "/proc/\($pid)/ns/net"
		elif .type == "ipc" then .path = "/proc/\($pid)/ns/ipc" elif .type == "pid" then .path = "/proc/\($pid)/ns/pid" else . end)
		| del(.hostname)'
	up
	detached "$ID" sleep 100
	ns_same "$child" "$(pid_of)" cgroup ipc mnt net pid uts
	ns_same "$child" "$(pid_of "$first")" ipc net pid
}

@test "a user namespace that does not own the pid namespace" {
	ours "1.1 can't join it"
	up
	local first=$ID
	ID=$ID-b
	config --arg pid "$(pid_of "$first")" '.linux.namespaces = [{type: "mount"}, {type: "user"}, {type: "pid", path: "/proc/\($pid)/ns/pid"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]
		| .mounts |= [{destination: "/proc", type: "bind", source: "/proc", options: ["rbind"]}] + map(select(.type == "tmpfs"))
		| .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.hostname)'
	up
	detached "$ID" sleep 100
	ns_same "$child" "$(pid_of)" mnt pid user
}

# bats test_tags=guest
@test "few processes allowed: born outside, moved in; none left: refused" {
	grep -qw pids /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has no pids controller here; make test-vm runs it"
	config '.linux.resources.pids.limit = 2'
	up
	detached "$ID" sleep 100
	same cgroup "$(cat "/proc/$child/cgroup")" "$(cat "/proc/$(pid_of)/cgroup")"
	no 255 "pids.max" rt exec "$ID" true
}

@test "a container with sub-cgroups and controllers" {
	config '.process.args = ["sh", "-c", "mkdir /sys/fs/cgroup/sub; echo $$ >/sys/fs/cgroup/sub/cgroup.procs; for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo +$c; done >/sys/fs/cgroup/cgroup.subtree_control; echo done; exec sleep 1000"]
		| (.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
	up
	until_true grep -q sub "/proc/$(pid_of)/cgroup"
	enabled() { [ "$(cat "/sys/fs/cgroup/$ID/cgroup.subtree_control")" = "$(cat "/sys/fs/cgroup/$ID/cgroup.controllers")" ]; }
	until_true enabled
	detached "$ID" sleep 100
	same cgroup "$(grep ^0 "/proc/$child/cgroup")" "0::/$ID/sub"
	if [ -s "/sys/fs/cgroup/$ID/cgroup.subtree_control" ]; then no 255 "sub-cgroups" rt exec --cgroup / "$ID" true; fi
}

@test "--cgroup: below the container's, and there already" {
	ours "1.1 uses other words"
	up
	mkdir "/sys/fs/cgroup/$ID/mine"
	detached --cgroup mine "$ID" sleep 100
	same cgroup "$(grep ^0 "/proc/$child/cgroup")" "0::/$ID/mine"
	detached --cgroup / "$ID" sleep 100
	same cgroup "$(grep ^0 "/proc/$child/cgroup")" "0::/$ID"
	no 255 "--cgroup: " rt exec --cgroup nosuch "$ID" true
	no 255 '".." is not allowed' rt exec --cgroup mine/../.. "$ID" true
}

@test "the keyring is the container's" {
	grep -q . /proc/keys 2>/dev/null || skip "no keyrings"
	config '.linux.maskedPaths = []'
	up
	ok rt exec "$ID" cat /proc/keys
	grep -q "keyring *_ses.$ID" "$OUT"
}

@test "many at once" {
	up
	local n pids=()
	for n in $(seq 12); do
		rt exec "$ID" sh -c "exit $n" 3>&- &
		pids+=($!)
	done
	for n in $(seq 12); do
		rc=0
		wait "${pids[n - 1]}" || rc=$?
		same "exit code" $rc "$n"
	done
	same processes "$(wc -l <"/sys/fs/cgroup/$ID/cgroup.procs")" 1
}

# no_exec_cgroup: what --timeout and --report make is gone.
no_exec_cgroup() { [ -z "$(find "/sys/fs/cgroup/$ID" -mindepth 1 -type d)" ] || fail "cgroup left behind"; }

@test "--timeout ends the process and all that came of it" {
	ours "only crun-go has it"
	up
	ok rt exec --timeout 100s "$ID" true
	no 3 "" rt exec --timeout 100s "$ID" sh -c 'exit 3'
	no_exec_cgroup
	no 124 "" rt exec --timeout 100ms "$ID" sh -c 'sleep 1000 & setsid sleep 1000 & sleep 1000'
	same processes "$(cat "/sys/fs/cgroup/$ID/cgroup.procs" | wc -l)" 1
	no_exec_cgroup
	same status "$(status)" running
	# One that does not listen.
	no 137 "" rt exec --timeout 200ms --kill-after 100ms "$ID" sh -c 'trap "" TERM; (trap "" TERM; sleep 1000) & while :; do sleep 1; done'
	until_true [ "$(wc -l <"/sys/fs/cgroup/$ID/cgroup.procs")" = 1 ]
	no_exec_cgroup
}

@test "--report tells what the process has used" {
	ours "only crun-go has it"
	up
	ok rt exec --report "$BATS_TEST_TMPDIR/report" "$ID" sh -c 'n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done'
	jq -e --arg id "$ID" '.id == $id and .exitCode == 0 and .timedOut == false and .killed == false and .left == 0
		and .wall > 0 and .cpu.usage > 1000 and .cpu.user > 0' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
	no 137 "" rt exec --report "$BATS_TEST_TMPDIR/report" "$ID" sh -c 'kill -9 $$'
	jq -e '.signal == 9 and (has("exitCode") | not)' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
	no 124 "" rt exec --timeout 100ms --report "$BATS_TEST_TMPDIR/report" "$ID" sleep 1000
	jq -e '.timedOut and .signal == 15 and .wall >= 100000' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
	# What it leaves behind goes on, as the container's.
	ok rt exec --report "$BATS_TEST_TMPDIR/report" "$ID" sh -c 'sleep 1000 >/dev/null 2>&1 &'
	jq -e '.left == 1' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
}

@test "--timeout and --report: mistakes" {
	ours "only crun-go has it"
	up
	no 1 "--timeout cannot be combined with --detach" rt exec --detach --timeout 1s "$ID" true
	no 1 "--report cannot be combined with --detach" rt exec --detach --report x "$ID" true
	no 1 "--kill-after needs --timeout" rt exec --kill-after 1s "$ID" true
	no 1 "must not be negative" rt exec --timeout=-1s "$ID" true
	no 1 "invalid value" rt exec --timeout 5 "$ID" true
	no 255 "--report: " rt exec --report /nonexistent/report "$ID" true
	no 255 "executable file not found" rt exec --timeout 5s --report "$BATS_TEST_TMPDIR/report" "$ID" nosuch
	[ ! -e "$BATS_TEST_TMPDIR/report" ]
	no_exec_cgroup
}

@test "a clone that takes long: the process goes on without the runtime's other threads" {
	command -v strace >/dev/null || skip "needs strace"
	ours "it is about Go's scheduler"
	up
	local try
	# strace itself sometimes loses a process that it delays.
	for try in 1 2 3 4 5 6; do
		try timeout -k 1 10 strace -f -qq -o /dev/null -e trace=clone -e inject=clone:delay_enter=50000 "$RUNTIME" --root "$ROOT" exec "$ID" true
		[[ $err == *dispatch_event* ]] || break
	done
	[[ $err != *dispatch_event* ]] || skip "strace lost a process that it delayed, $try times"
	same "exit code" "$rc" 0
}
