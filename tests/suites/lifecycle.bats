#!/usr/bin/env bats
# The commands of a container's life, as engines call them: output, texts and
# exit codes.
load helpers

@test "create makes a container that waits" {
	ok create --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	same output "$out$err" ""
	same status "$(status)" created
	[ -p "$ROOT/$ID/exec.fifo" ]
	local pid
	pid=$(<"$BATS_TEST_TMPDIR/pid")
	same "pid file" "$pid" "$(pid_of)"
	same "pid file's size" "$(stat -c %s "$BATS_TEST_TMPDIR/pid")" ${#pid}
	[ -d "/proc/$pid" ]
	# The command is not there yet, the runtime's init is.
	! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q '^sleep' || fail "runs before start"
	ok start "$ID"
	until_true grep -q '^sleep' "/proc/$pid/cmdline"
	same "pid after start" "$(pid_of)" "$pid"
}

@test "create belongs to its caller: the container is reparented, nothing else stays" {
	ok create "$ID"
	same "parent of init" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$(pid_of)/status")" 1
	same "processes left" "$(comm -13 <(echo "$before_orphans") <(orphans) | wc -l)" 1
}

@test "create closes the caller's pipe when it returns and start takes it from there" {
	args true
	# cat ends only when the last writer of the pipe is gone.
	(create "$ID" 3>&-) </dev/null 2>&1 | timeout 10 cat >/dev/null &
	local reader=$!
	wait_status created
	ok start "$ID"
	wait "$reader"
}

@test "state directory modes" {
	ok create "$ID"
	same root "$(stat -c %a "$ROOT")" 700
	same directory "$(stat -c %a "$ROOT/$ID")" 711
	same state.json "$(stat -c %a "$ROOT/$ID/state.json")" 600
	# Only the caller starts it; runc's init opens it as the container's user.
	local mode=622
	! is_ours || mode=600
	same exec.fifo "$(stat -c %F:%a "$ROOT/$ID/exec.fifo")" fifo:$mode
}

@test "state.json keeps the keys that others read" {
	config '.annotations = {"com.example.key": "value"}'
	up
	local json=$ROOT/$ID/state.json
	same id "$(jq -r .id "$json")" "$ID"
	same pid "$(jq .init_process_pid "$json")" "$(pid_of)"
	# The start time is field 22; the command's name may hold spaces.
	same start "$(jq .init_process_start "$json")" "$(sed 's/.*) //' "/proc/$(pid_of)/stat" | cut -d' ' -f20)"
	[ -d "$(jq -r '.cgroup_paths[""] // (.cgroup_paths | to_entries[0].value)' "$json")" ]
	same mount "$(readlink "$(jq -r .namespace_paths.NEWNS "$json")")" "$(readlink "/proc/$(pid_of)/ns/mnt")"
	jq -e '.config.labels | index("com.example.key=value")' "$json"
	jq -e --arg bundle "bundle=$BUNDLE" '.config.labels | index($bundle)' "$json"
}

# What state and list print of one container is contract.bats'.
@test "list: ids in order, columns as wide as the longest entry" {
	up worker-longer-name
	ok rt kill worker-longer-name KILL
	wait_status stopped worker-longer-name
	up web
	ok rt list
	# Columns start where the header says, three blanks after the longest.
	same header "$(sed -n 1p "$OUT" | cut -c1-25)" "ID                   PID "
	same stopped "$(sed -n 3p "$OUT" | cut -c1-24)" "worker-longer-name   0  "
	same rows "$(awk '{ print $1, $3 }' "$OUT")" $'ID STATUS\nweb running\nworker-longer-name stopped'
	ok rt list --format json
	same containers "$(jq -c 'map([.id, .status, .pid > 0])' "$OUT")" '[["web","running",true],["worker-longer-name","stopped",false]]'
	ok rt list -q
	same list "$out" $'web\nworker-longer-name'
}

@test "list of nothing" {
	mkdir -m 700 "$ROOT"
	ok rt list -q
	same list "$out" ""
	ok rt list -f json
	same list "$out" null
	no 1 "invalid format" rt list -f yaml
}

@test "list of a root that is not there" {
	ours "1.1 lists nothing"
	no 1 "no such file or directory" rt list
}

@test "list goes on after an entry it cannot read" {
	up
	mkdir "$ROOT/half"
	echo broken >"$ROOT/half/state.json"
	touch "$ROOT/file"
	ok rt list -q
	rm "$ROOT/file"
	same list "$out" "$ID"
	[[ $err == *half* ]] || fail "does not name the bad one"
}

@test "run: exit codes" {
	local code
	for code in 0 1 7 255; do
		args sh -c "exit $code"
		try run_bundle "$ID"
		same "exit code" "$rc" "$code"
		no 1 "does not exist" rt state "$ID"
	done
	args sh -c 'kill -KILL $$; sleep 5'
	config '.linux.namespaces |= map(select(.type != "pid"))'
	try run_bundle "$ID"
	same "exit code" "$rc" 137
}

@test "run passes the standard streams" {
	args sh -c 'cat; echo err >&2'
	echo in | rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" 3>&-
	same stdout "$(<"$OUT")" in
	same stderr "$(<"$ERR")" err
}

@test "run --detach returns at once and leaves a running container" {
	ok run_bundle --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	same output "$out$err" ""
	same status "$(status)" running
	same "pid file" "$(<"$BATS_TEST_TMPDIR/pid")" "$(pid_of)"
	same "parent of init" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$(pid_of)/status")" 1
}

@test "run --keep leaves a stopped container" {
	args true
	ok run_bundle --keep "$ID"
	same status "$(status)" stopped
	ok rt delete "$ID"
}

@test "run forwards signals and reports the end by signal" {
	script 'trap "echo got usr1" USR1; trap "echo got term; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
	rt run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	local job=$! runtime
	until_true grep -q ready "$OUT"
	# The job is timeout(1); the runtime is its child.
	runtime=$(pgrep -P "$(pgrep -P $job -x timeout || echo $job)" || true)
	kill -USR1 "$runtime"
	until_true grep -q 'got usr1' "$OUT"
	kill -TERM "$runtime"
	rc=0
	wait $job || rc=$?
	same "exit code" "$rc" 3
	grep -q 'got term' "$OUT"
}

@test "run ends what the container leaves behind" {
	ours "1.1 cannot remove the cgroup"
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1000 & exit 4'
	try run_bundle "$ID"
	same "exit code" "$rc" 4
}

@test "a missing executable is told before start" {
	args nosuchcommand
	no 1 'exec: "nosuchcommand": executable file not found in $PATH' create "$ID"
	args /nosuch
	no 1 'exec: "/nosuch": stat /nosuch: no such file or directory' create "$ID"
	args /etc/passwd
	no 1 'exec: "/etc/passwd": permission denied' create "$ID"
	ours "1.1 says permission denied"
	args /etc
	no 1 'exec: "/etc": is a directory' create "$ID"
	config '.process.env = []'
	args sleep 1
	no 1 'exec: "sleep": executable file not found in $PATH' create "$ID"
}

@test "an executable that cannot be executed is the container's failure" {
	printf '#!/nosuch\n' >"$BUNDLE/rootfs/script"
	chmod 755 "$BUNDLE/rootfs/script"
	args /script
	ok create "$ID"
	try start "$ID"
	wait_status stopped
	[[ $(cat "$OUT" "$ERR") == *"no such file or directory"* ]] || grep -q 'no such file' "$BATS_TEST_TMPDIR"/*
}

@test "start after init died: stopped, not a hang" {
	ok create "$ID"
	kill -KILL "$(pid_of)"
	wait_status stopped
	no 1 "cannot start a container that has stopped" start "$ID"
}

@test "kill reaches the process and waits for nobody" {
	script 'trap "echo got >/tmp/got" HUP; while :; do sleep 0.1; done'
	up
	sleep 0.3
	ok rt kill "$ID" HUP
	until_true test -s "/proc/$(pid_of)/root/tmp/got"
	ok rt kill "$ID" 9
	wait_status stopped
}

@test "kill --all without a pid namespace ends every process" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1000 & sleep 1001 & wait'
	up
	local cgroup
	cgroup=$(cgroup_of)
	until_true sh -c "[ \$(wc -l <$cgroup/cgroup.procs) = 3 ]"
	ok rt kill --all "$ID" KILL
	wait_status stopped
	until_true sh -c "! grep -q . $cgroup/cgroup.procs"
}

@test "KILL without a pid namespace ends the children too, --all or not" {
	ours "1.1 does so with --all only"
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1000 & wait'
	up
	local cgroup
	cgroup=$(cgroup_of)
	until_true sh -c "[ \$(wc -l <$cgroup/cgroup.procs) = 2 ]"
	ok rt kill "$ID" KILL
	wait_status stopped
	until_true sh -c "! grep -q . $cgroup/cgroup.procs"
}

# cgroup_of: the container's cgroup as a path.
cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }

# hang KIND: the container's hook of this kind never ends.
hang() {
	printf '#!/bin/sh\necho hook >%q\nsleep 4711 &\nwait\n' "$BATS_TEST_TMPDIR/hung" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	rm -f "$BATS_TEST_TMPDIR/hung"
	config --arg kind "$1" --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks = {($kind): [{path: $hook}]}'
}

@test "delete --force does not wait for a hook that hangs, and ends it" {
	ours "1.1 takes no lock"
	local kind command job
	for kind in prestart createRuntime poststart; do
		for command in create run; do
			[ "$kind $command" != "poststart create" ] || continue
			hang $kind
			rt $command --bundle "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null 3>&- &
			job=$!
			until_true test -e "$BATS_TEST_TMPDIR/hung"
			ok rt delete --force "$ID"
			same output "$out$err" ""
			wait $job && fail "$command succeeded" || true
			until_true sh -c '! pgrep -f "sleep 471[1]"'
			nothing_left
		done
	done
	hang poststart
	ok create "$ID"
	start "$ID" >/dev/null 2>&1 </dev/null 3>&- &
	job=$!
	until_true test -e "$BATS_TEST_TMPDIR/hung"
	ok rt delete --force "$ID"
	wait $job && fail "start succeeded" || true
	until_true sh -c '! pgrep -f "sleep 471[1]"'
}

@test "delete --force does not wait for another one's poststop hook" {
	ours "1.1 takes no lock"
	hang poststop
	ok create "$ID"
	rt delete "$ID" >/dev/null 2>&1 </dev/null 3>&- &
	local job=$!
	until_true test -e "$BATS_TEST_TMPDIR/hung"
	ok rt delete --force "$ID"
	pgrep -f 'sleep 4711' >/dev/null || fail "it was killed"
	kill -KILL $(pgrep -f 'sleep 4711')
	wait $job
}

@test "delete --force by the container's own hook is refused" {
	ours "1.1 takes no lock"
	printf '#!/bin/sh\n%q --root %q delete --force %q 2>%q\n' "$RUNTIME" "$ROOT" "$ID" "$BATS_TEST_TMPDIR/said" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: $hook, timeout: 20}]'
	try create "$ID"
	same "exit code" "$rc" 1
	grep -q "from its own hook" "$BATS_TEST_TMPDIR/said" || fail "$(<"$BATS_TEST_TMPDIR/said")"
}

@test "kill and delete by regular expression" {
	ours "runc has no such flag"
	local id
	for id in web-1 web-2 db; do up $id; done
	ok rt kill --regex '^web-[0-9]$' KILL
	wait_status stopped web-1
	wait_status stopped web-2
	same status "$(status db)" running
	ok rt delete --regex '1$|^d'
	[[ $err == *"container db: cannot delete container db that is not stopped: running"* ]] || fail "does not say what is left"
	ok rt list -q
	same list "$out" $'db\nweb-2'
	ok rt delete --force --regex .
	ok rt list -q
	same list "$out" ""
	no 1 'invalid regular expression "("' rt kill --regex '(' KILL
	no 1 'invalid regular expression "a{2,1}"' rt delete --force --regex 'a{2,1}'
}

@test "delete --force removes a half-made container" {
	mkdir -p "$ROOT/$ID"
	ok rt delete --force "$ID"
	[ ! -e "$ROOT/$ID" ]
}

@test "delete --force removes a container whose state is unreadable" {
	ours "1.1 keeps it"
	up
	local pid
	pid=$(pid_of)
	echo broken >"$ROOT/$ID/state.json"
	no 1 "state.json" rt state "$ID"
	no 1 "state.json" rt delete "$ID"
	ok rt --log-level warning delete --force "$ID"
	[[ $err == *level=warning*"cgroup, and processes in it, may be left"* ]] || fail "does not say what is left: $err"
	[ ! -e "$ROOT/$ID" ]
	# It named nothing.
	kill -KILL "$pid"
	until rmdir $(cgroups_left) 2>/dev/null; do sleep 0.01; done
}

@test "container ids" {
	local id
	for id in 'a/b' '..' '.' 'a b' 'a$' 'ä'; do
		no 1 "invalid container ID format" create "$id"
	done
	no 1 "" create ""
	ID=A_z+9.-$$
	ok create "$ID"
}

@test "--version" {
	try rt --version
	same "exit code" "$rc" 0
	same "lines with the word" "$(grep -c version "$OUT")" 1
	sed -n 1p "$OUT" | grep -qE '^[a-z-]+ version [0-9]+\.[0-9]+'
	grep -qE '^spec: 1\.[0-9]' "$OUT"
	! is_ours || sed -n 1p "$OUT" | grep -q '^crun-go version '
	same state "$(ls -A "$ROOT" 2>/dev/null)" ""
}

@test "help of the program and of each command" {
	local command
	ok rt --help
	ok rt
	for command in create start state kill delete run list spec features; do
		ok rt $command --help
		[[ $out == *$command* ]] || fail "$command --help says nothing of it"
	done
}

@test "wrong usage" {
	no 1 '"state" requires exactly 1 argument' rt state
	no 1 '"state" requires exactly 1 argument' rt state a b
	no 1 '"create" requires exactly 1 argument' rt create
	no 1 '"kill" requires a minimum of 1 argument' rt kill
	no 1 'flag provided but not defined' rt create --nosuch "$ID"
	no 1 'flag provided but not defined' rt --nosuch list
	no 3 "No help topic for 'nosuch'" rt nosuch
	no 1 'log-format' rt --log-format yaml list
	ours "1.1 takes the host's root for a state root"
	no 1 '--root argument should not be set to /' "$RUNTIME" --root / list
}

@test "flags: one dash or two, blank or equals sign" {
	ok rt create -bundle "$BUNDLE" -pid-file="$BATS_TEST_TMPDIR/pid" "$ID"
	ok rt delete -force "$ID"
	ok rt create --bundle="$BUNDLE" --no-new-keyring --no-pivot=false "$ID"
	ok rt delete -f "$ID"
	mkdir -m 700 -p "$ROOT"
	ok rt list -format=json
}

@test "relative --bundle, --root and --pid-file are the caller's" {
	cd "$BATS_TEST_TMPDIR"
	ok "$RUNTIME" --root root create --bundle bundle --pid-file pid "$ID"
	same "pid file" "$(<pid)" "$(pid_of)"
	same bundle "$(rt state "$ID" | jq -r .bundle)" "$BUNDLE"
}

@test "the bundle is the working directory by default" {
	cd "$BUNDLE"
	ok rt create "$ID"
}

@test "a pid file that cannot be written leaves nothing behind" {
	no 1 "no such file or directory" create --pid-file "$BATS_TEST_TMPDIR/no/pid" "$ID"
	no 1 "does not exist" rt state "$ID"
}

@test "an almost empty environment" {
	ok env -i "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	ok env -i XDG_RUNTIME_DIR= "$RUNTIME" --root "$ROOT" start "$ID"
	ok env -i XDG_RUNTIME_DIR= "$RUNTIME" --root "$ROOT" state "$ID"
	ok env -i XDG_RUNTIME_DIR= "$RUNTIME" --root "$ROOT" kill "$ID" 9
	wait_status stopped
	ok env -i XDG_RUNTIME_DIR= "$RUNTIME" --root "$ROOT" delete "$ID"
}

@test "--log: bare message on stderr, formatted line in the file, appended" {
	local log=$BATS_TEST_TMPDIR/log
	args nosuchcommand
	echo before >"$log"
	no 1 "executable file not found" rt --log "$log" create --bundle "$BUNDLE" "$ID"
	[[ $err != *level=* ]] || fail "formatted line on stderr"
	same "first line" "$(sed -n 1p "$log")" before
	grep -qE '^time="20[0-9-]+T[0-9:]+Z" level=error msg=".*exec: \\"nosuchcommand\\": executable file not found in \$PATH"' "$log" || fail "log: $(<"$log")"
}

@test "--log-format json: one object" {
	local log=$BATS_TEST_TMPDIR/log
	args nosuchcommand
	no 1 "executable file not found" rt --log "$log" --log-format json create --bundle "$BUNDLE" "$ID"
	same level "$(tail -n 1 "$log" | jq -r .level)" error
	tail -n 1 "$log" | jq -e '.time | fromdate'
	tail -n 1 "$log" | jq -e '.msg | contains("exec: \"nosuchcommand\": executable file not found in $PATH")'
	ours "1.1 warns besides"
	same lines "$(wc -l <"$log")" 1
	same field "$(jq -r .field "$log")" 'process.args[0]'
	jq -e '.code | strings' "$log"
	# An errno, where the kernel gave one.
	rm "$log"
	args /etc/passwd
	no 1 "permission denied" rt --log "$log" --log-format json create --bundle "$BUNDLE" "$ID"
	same errno "$(jq -r .errno "$log")" EACCES
}

@test "--log-format json without --log: the line is on stderr" {
	no 1 '"level":"error"' rt --log-format json state "$ID"
	jq -e '.msg | contains("does not exist")' "$ERR"
}

@test "a successful create logs nothing" {
	local log=$BATS_TEST_TMPDIR/log
	ours "1.1 has warnings"
	ok rt --log "$log" --log-format json create --bundle "$BUNDLE" "$ID"
	ok rt --log "$log" --log-format json start "$ID"
	same log "$(cat "$log" 2>/dev/null)" ""
}

@test "spec writes the default config.json, byte for byte" {
	mkdir "$BATS_TEST_TMPDIR/new"
	cd "$BATS_TEST_TMPDIR/new"
	ok rt spec
	same mode "$(stat -c %a config.json)" 644
	no 1 "File config.json exists. Remove it first" rt spec
	mkdir b
	ok rt spec -b b
	cmp config.json b/config.json
	ours "1.1 has other defaults"
	cmp config.json "$TESTS/../libcontainer/cli/spec.json"
}

@test "spec makes a bundle that runs" {
	rm "$BUNDLE/config.json"
	ok rt spec --bundle "$BUNDLE"
	config '.process.terminal = false | .process.args = ["echo", "hi"] | del(.process.rlimits)
		| del(.mounts[].options[]? | select(. == "gid=5"))'
	ok run_bundle "$ID"
	same output "$out" hi
}

@test "spec --rootless maps the caller and takes no network" {
	rm "$BUNDLE/config.json"
	ok rt spec --rootless --bundle "$BUNDLE"
	jq -e '.linux | .uidMappings[0].containerID == 0 and (.namespaces | map(.type) | (index("user") and (index("network") | not)))
		and (has("resources") | not)' "$BUNDLE/config.json"
	jq -e '.mounts[] | select(.destination == "/sys") | .type == "none" and (.options | index("rbind"))' "$BUNDLE/config.json"
}

@test "features: a document for engines, without root or state" {
	ours "1.1 has other features"
	ok setpriv --reuid=65534 --regid=65534 --clear-groups env -i "$RUNTIME" features
	same keys "$(jq -c '[.ociVersionMin, (.hooks | length)]' "$OUT")" '["1.0.0",6]'
	jq -e '.linux | (.namespaces | index("user")) and .mountExtensions.idmap.enabled and .seccomp.enabled
		and (.seccomp.archs | index("SCMP_ARCH_X86_64")) and (.seccomp.actions | index("SCMP_ACT_KILL_PROCESS"))
		and .cgroup.v2 and (.cgroup.v1 | not)' "$OUT"
	jq -e '(.mountOptions | index("rro")) and (.mountOptions == (.mountOptions | sort))' "$OUT"
	jq -e '.annotations and .potentiallyUnsafeConfigAnnotations' "$OUT"
	# The same for everybody, wherever the state is; and no state is made.
	local first=$out
	ok rt features
	same "with --root, as root" "$out" "$first"
	[ ! -e "$ROOT" ] || fail "it made $ROOT"
	ok env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR" "$RUNTIME" features
	same "with XDG_RUNTIME_DIR" "$out" "$first"
	same "state below XDG_RUNTIME_DIR" "$(find "$BATS_TEST_TMPDIR" -name crun-go)" ""
}

@test "plan prints the steps, for people and machines, and makes nothing" {
	ours "no such command"
	ok rt plan --bundle "$BUNDLE"
	[[ $out == *'mounts[0]'* && $out == *'process.args'* ]] || fail "steps do not name their fields"
	ok rt plan --bundle "$BUNDLE" --json
	jq -e . "$OUT"
	[ ! -e "$ROOT" ] || same state "$(ls -A "$ROOT")" ""
}

@test "--preserve-fds passes what was open, and nothing where nothing was" {
	args ls /proc/self/fd
	rc=0
	rt run --bundle "$BUNDLE" --preserve-fds 2 "$ID" >"$OUT" 2>"$ERR" </dev/null 3</dev/null 4</dev/null || rc=$?
	same "exit code" "$rc" 0
	# ls has one descriptor more than it was given: the directory.
	same descriptors "$(tr '\n' ' ' <"$OUT")" "0 1 2 3 4 5 "
	ours "1.1 passes its own descriptor where 3 is not open"
	ok run_bundle --preserve-fds 1 "$ID"
	same descriptors "$(tr '\n' ' ' <"$OUT")" "0 1 2 3 "
	no 1 "preserve-fds" run_bundle --preserve-fds=-1 "$ID"
}

@test "only descriptors 0, 1 and 2 reach the container" {
	args ls /proc/self/fd
	exec 7</dev/null 9</etc
	ok run_bundle "$ID"
	exec 7<&- 9<&-
	same descriptors "$(tr '\n' ' ' <"$OUT")" "0 1 2 3 "
}

@test "terminal: the console socket gets the master" {
	config '.process.terminal = true | .process.consoleSize = {height: 40, width: 100}'
	script 'tty; stty size; ls -l /dev/console; exit 5'
	"$PROBE" receive "$BATS_TEST_TMPDIR/console" >"$BATS_TEST_TMPDIR/term" 3>&- &
	until_true test -S "$BATS_TEST_TMPDIR/console"
	ok create --console-socket "$BATS_TEST_TMPDIR/console" "$ID"
	ok start "$ID"
	wait $!
	# The name of the pty as runc gives it; 1.1 says /dev/ptmx.
	same message "$(sed -n 1p "$BATS_TEST_TMPDIR/term")" "data \"$(is_ours && echo /dev/pts/ptmx || echo /dev/ptmx)\", 1 descriptor: /dev/pts/ptmx"
	grep -q /dev/pts/0 "$BATS_TEST_TMPDIR/term"
	grep -q '40 100' "$BATS_TEST_TMPDIR/term"
}

@test "terminal and console socket go together" {
	config '.process.terminal = true'
	no 1 "cannot allocate tty if" create "$ID"
	config '.process.terminal = false'
	no 1 "cannot use console socket if" create --console-socket "$BATS_TEST_TMPDIR/console" "$ID"
}

@test "--pidfd-socket gets init's pidfd" {
	ours "1.1 has no --pidfd-socket"
	"$PROBE" receive "$BATS_TEST_TMPDIR/pidfd" >"$BATS_TEST_TMPDIR/got" 3>&- &
	until_true test -S "$BATS_TEST_TMPDIR/pidfd"
	ok create --pidfd-socket "$BATS_TEST_TMPDIR/pidfd" "$ID"
	wait $!
	grep -q '^data "standard", 1 descriptor: anon_inode:\[pidfd\]' "$BATS_TEST_TMPDIR/got" || fail "$(<"$BATS_TEST_TMPDIR/got")"
}

@test "a signal ends at once the wait for a socket whose queue is full" {
	ours "1.1 has no --pidfd-socket"
	local socket=$BATS_TEST_TMPDIR/pidfd engine runtime began
	"$PROBE" receive "$socket" >/dev/null 3>&- &
	engine=$!
	until_true test -S "$socket"
	kill -STOP $engine
	ok create --pidfd-socket "$socket" "$ID-1"
	ok create --pidfd-socket "$socket" "$ID-2"
	"$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" --pidfd-socket "$socket" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	runtime=$!
	until_true socket_of $runtime
	sleep 0.3
	began=${EPOCHREALTIME/./}
	kill -TERM $runtime
	rc=0
	wait $runtime || rc=$?
	kill -KILL $engine
	same "exit code" $rc 143
	grep -q "interrupted by SIGTERM" "$ERR" || fail "does not say why: $(<"$ERR")"
	[ $((${EPOCHREALTIME/./} - began)) -lt 3000000 ] || fail "it took longer"
	no 1 "does not exist" rt state "$ID"
	ok rt delete --force "$ID-1"
	ok rt delete --force "$ID-2"
}
# socket_of PID: it waits in connect(2).
socket_of() { grep -q unix "/proc/$1/wchan"; }

@test "a start that is killed when it has told init has started the container" {
	ours "with 1.1 init waits for the next"
	local pid start
	ok create "$ID"
	pid=$(pid_of)
	kill -STOP "$pid"
	"$RUNTIME" --root "$ROOT" start "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	start=$!
	until_true pipe_of "$start" exec.fifo
	sleep 0.2
	kill -KILL "$start"
	wait "$start" || true
	same "status while init is stopped" "$(status)" created
	kill -CONT "$pid"
	wait_status running
	no 1 "cannot start an already running container" start "$ID"
	ok rt delete --force "$ID"
}
# pipe_of PID NAME: the process has a file with that name open.
pipe_of() { readlink "/proc/$1/fd/"* | grep -q "/$2\$"; }

@test "start ends though somebody who traces init keeps its end of the fifo" {
	ours "1.1 waits for nobody"
	local pid fd held start
	mkdir "$BUNDLE/rootfs/share"
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "until [ -e /share/go ]; do sleep 0.05; done"]}]'
	ok create "$ID"
	pid=$(pid_of)
	rt start "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	start=$!
	held=
	until [ -n "$held" ]; do
		for fd in /proc/"$pid"/fd/*; do
			[[ $(readlink "$fd") != *answer.fifo* ]] || held=$fd
		done
	done
	exec 9>"$held"
	touch "$BUNDLE/rootfs/share/go"
	wait $start || fail "start: exit code $?"
	exec 9>&-
	same status "$(status)" running
	ok rt delete --force "$ID"
}
