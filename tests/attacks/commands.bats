#!/usr/bin/env bats
# What a container and its image do to hooks, exec --timeout, kill and events.
load attacks

# telling_hook: hook and process write, to /out/told.*, what they are restricted by.
telling_hook() {
	mkdir -m 777 "$BATS_TEST_TMPDIR/shared"
	cat >"$BUNDLE/rootfs/bin/tell" <<-'END'
		#!/bin/busybox sh
		{
			grep -E '^(Uid|Gid|Groups|Umask|Cap...|NoNewPrivs|Seccomp):' /proc/self/status
			cat /proc/self/limits
			env | grep -v ^SHLVL= | sort
			mkdir /tmp/denied 2>/dev/null && echo mkdir
			pwd
		} >/out/told.$1
	END
	chmod 755 "$BUNDLE/rootfs/bin/tell"
	config --arg out "$BATS_TEST_TMPDIR/shared" '.mounts += [{destination: "/out", source: $out, options: ["bind"]}]
		| .hooks.startContainer = [{path: "/bin/tell", args: ["tell", "hook"]}]'
	args /bin/tell process
	echo me:x:1000:1000::/home/me:/bin/sh >>"$BUNDLE/rootfs/etc/passwd"
}

seccomp_without_mkdir='{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'

@test "M1: a startContainer hook is under what the process is under" {
	telling_hook
	config ".linux.seccomp = $seccomp_without_mkdir
		| .process.rlimits = [{type: \"RLIMIT_NOFILE\", soft: 77, hard: 99}, {type: \"RLIMIT_CORE\", soft: 0, hard: 0}]
		| .process.env += [\"MARK=here\"]"
	local nnp uid
	for nnp in true false; do
		for uid in 0 1000; do
			config ".process.noNewPrivileges = $nnp | .process.user.uid = $uid"
			chmod 777 "$BUNDLE/rootfs/tmp"
			ok rt run -b "$BUNDLE" "$ID"
			grep -q '^Seccomp:.*2$' "$BATS_TEST_TMPDIR/shared/told.hook" || fail "no filter: $(<"$BATS_TEST_TMPDIR/shared/told.hook")"
			grep -q '^HOME=.' "$BATS_TEST_TMPDIR/shared/told.hook" || fail "no HOME"
			grep -qx MARK=here "$BATS_TEST_TMPDIR/shared/told.hook" || fail "not the process's environment"
			grep -q '^Max open files *77 *99 ' "$BATS_TEST_TMPDIR/shared/told.hook" || fail "not the process's limits"
			if grep -qx mkdir "$BATS_TEST_TMPDIR/shared/told.hook"; then fail "the filter is not at work"; fi
			same "the hook is under" "$(<"$BATS_TEST_TMPDIR/shared/told.hook")" "$(<"$BATS_TEST_TMPDIR/shared/told.process")"
			rm "$BATS_TEST_TMPDIR"/shared/told.*
		done
	done
}

@test "M1: limits and filters that no runtime could live with" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", syscalls: [{action: "SCMP_ACT_ALLOW",
			names: ["execve", "exit_group", "brk", "arch_prctl", "set_tid_address", "mmap", "mprotect", "munmap", "write", "writev", "open", "openat", "close", "fstat",
				"readlink", "readlinkat", "ioctl", "rt_sigaction", "rt_sigprocmask", "getuid", "geteuid", "getpid", "getppid", "utimensat", "prctl",
				"set_robust_list", "rseq", "prlimit64", "getrandom", "uname", "stat", "newfstatat", "statx", "getcwd", "read", "fcntl", "dup2", "poll", "rt_sigreturn"]}]}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 5, hard: 5}, {type: "RLIMIT_NPROC", soft: 1, hard: 1},
			{type: "RLIMIT_DATA", soft: 4194304, hard: 4194304}, {type: "RLIMIT_AS", soft: 67108864, hard: 67108864}]
		| .hooks.startContainer = [{path: "/bin/touch", args: ["touch", "/tmp/before"]}]'
	args test -e /tmp/before
	ok rt run -b "$BUNDLE" "$ID"
}

@test "M1: a startContainer hook that cannot be executed" {
	config '.hooks.startContainer = [{path: "/bin/true"}, {path: "/no/such"}]'
	no 1 'error running startContainer hook #1: fork/exec /no/such: no such file or directory' rt run -b "$BUNDLE" "$ID"
	config '.hooks.startContainer = [{path: "/bin/true"}] | .process.rlimits = [] | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["execve"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}'
	no 1 'error running startContainer hook #0: fork/exec /bin/true: operation not permitted' rt run -b "$BUNDLE" "$ID"
}

@test "M1: a startContainer hook that becomes somebody else is waited for no longer than it may take" {
	cp "$PROBE" "$BUNDLE/rootfs/bin/hang"
	chmod 4755 "$BUNDLE/rootfs/bin/hang"
	config '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {bounding: ["CAP_SETUID"]}
		| .hooks.startContainer = [{path: "/bin/hang", args: ["hang", "stay", "0"], timeout: 1}]'
	PATIENCE=20 no 1 "hook ran past specified timeout of 1.0s" rt run -b "$BUNDLE" "$ID"
}

@test "M1: a startContainer hook that may trace finds no procfs of init's" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "ls /proc/1/fd >/fds; for d in /proc/1/fd/*; do [ ! -e $d/version ] || echo $d; done >/found"]}]'
	up
	[ -s "$BUNDLE/rootfs/fds" ] || fail "the hook cannot look"
	same "found" "$(<"$BUNDLE/rootfs/found")" ""
}

# own_cgroup: the container manages its own cgroup, as those with systemd in them
# do.
own_cgroup() {
	config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
	up
}

@test "M5: exec --timeout ends a process that has left its cgroup" {
	own_cgroup
	local away='mkdir -p /sys/fs/cgroup/away; echo $$ >/sys/fs/cgroup/away/cgroup.procs'
	PATIENCE=20 no 137 "" rt exec --timeout 3s --kill-after 300ms --report "$BATS_TEST_TMPDIR/report" "$ID" \
		sh -c "trap '' TERM; $away; exec sleep 777"
	jq -e '.leftCgroup and .timedOut and .killed and .signal == 9' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
	PATIENCE=20 no 124 "" rt exec --timeout 3s --kill-after 10s --report "$BATS_TEST_TMPDIR/report" "$ID" sh -c "$away; exec sleep 777"
	jq -e '.leftCgroup and .timedOut and (.killed | not) and .signal == 15' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
	# The cgroup that was made for it may be gone by then.
	PATIENCE=20 no 137 "" rt exec --timeout 3s --kill-after 300ms "$ID" \
		sh -c "trap '' TERM; $away; rmdir /sys/fs/cgroup/exec-*; exec sleep 777"
	try rt ps "$ID" -o pid,args
	[[ $out != *777* ]] || fail "it lives"
	ok rt exec --report "$BATS_TEST_TMPDIR/report" "$ID" true
	jq -e '.leftCgroup | not' "$BATS_TEST_TMPDIR/report" || fail "$(<"$BATS_TEST_TMPDIR/report")"
}

@test "L3: kill --all finds a process in a cgroup whose name ends in (deleted)" {
	config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"] | .linux.namespaces -= [{type: "pid"}]'
	script 'mkdir "/sys/fs/cgroup/x (deleted)"; sleep 777 & echo $! >"/sys/fs/cgroup/x (deleted)/cgroup.procs"; echo ready >/tmp/ready; wait; sleep 1000'
	up
	until_true grep -q ready "$BUNDLE/rootfs/tmp/ready"
	ok rt kill --all "$ID" TERM
	until_true none_sleeps
}
none_sleeps() { ! pgrep -x -f 'sleep 777'; }

@test "L3: exec in a container whose processes are in a cgroup named (deleted)" {
	own_cgroup
	ok rt exec "$ID" sh -c 'mkdir "/sys/fs/cgroup/x (deleted)"; for p in $(cat /sys/fs/cgroup/cgroup.procs); do
		echo $p >"/sys/fs/cgroup/x (deleted)/cgroup.procs"; done 2>/dev/null; read -r c rest </sys/fs/cgroup/cgroup.controllers; echo +$c >/sys/fs/cgroup/cgroup.subtree_control'
	ok rt exec "$ID" cat /proc/self/cgroup
	grep -qFx "0::/x (deleted)" "$OUT" || fail "not beside init"
}

@test "L9: events counts every network device" {
	up
	local pid n
	pid=$(pid_of)
	for ((n = 0; n < 350; n++)); do echo "link add dev long-name-$n-a type veth peer long-name-$n-b"; done | nsenter -t "$pid" -n ip -batch -
	ok rt events --stats "$ID"
	same devices "$(jq '.data.network_interfaces | length' <<<"$out")" 700
}

@test "what is at /proc in a joined mount namespace gets no time offsets" {
	unshare --mount --propagation private sh -c 'mount -t tmpfs fake /proc && mkdir /proc/self && echo fake >/proc/self/timens_offsets && exec sleep 777' 3>&- &
	local other=$!
	until_true grep -q fake "/proc/$other/root/proc/self/timens_offsets"
	exec 8<"/proc/$other/root/proc/self/timens_offsets"
	config --arg ns "/proc/$other/ns/mnt" '(.linux.namespaces[] | select(.type == "mount")).path = $ns
		| .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	args cut -d. -f1 /proc/uptime
	try run_bundle "$ID"
	local fake
	fake=$(cat <&8)
	exec 8<&-
	kill "$other"
	same "the exit code" "$rc" 0
	same "what a name leads to" "$fake" fake
	[ "$out" -ge 1000000 ] || fail "uptime is $out"
}
