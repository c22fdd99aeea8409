#!/usr/bin/env bats
# process: identity and rights of the container's process, seen from inside.
load helpers

# view: run the probe as the container's process; $out is the view.
view() {
	args /probe view
	ok run_bundle "$ID"
}

# is FILTER WANT: one value of the view.
is() { same "$1" "$(jq -r "$1" "$OUT")" "$2"; }

@test "user, group and additional groups" {
	config '.process.user = {uid: 1000, gid: 1001, additionalGids: [2000, 5]}'
	view
	is .status.Uid "1000 1000 1000 1000"
	is .status.Gid "1001 1001 1001 1001"
	is .status.Groups "5 2000"
}

@test "no additional groups from the image" {
	config '.process.user = {uid: 1000, gid: 1000}'
	view
	is .status.Groups ""
}

@test "umask: 0022 by default" {
	view
	is .status.Umask 0022
	config '.process.user.umask = 63'
	view
	is .status.Umask 0077
}

@test "an id that is no number of a user is used as it is" {
	config '.process.user = {uid: 4242, gid: 4243}'
	view
	is .status.Uid "4242 4242 4242 4242"
}

@test "HOME comes from the image's passwd" {
	config '.process.user = {uid: 1000, gid: 1000}'
	view
	is '.env[] | select(startswith("HOME="))' HOME=/home/app
	config '.process.user = {uid: 4242, gid: 4242}'
	view
	is '.env[] | select(startswith("HOME="))' HOME=/
}

@test "HOME of the config wins, an empty one is unset" {
	config '.process.env += ["HOME=/elsewhere"]'
	view
	is '[.env[] | select(startswith("HOME="))] | join(" ")' HOME=/elsewhere
	ours "1.1 leaves an empty HOME"
	config '.process.env |= map(if startswith("HOME=") then "HOME=" else . end)'
	view
	is '[.env[] | select(startswith("HOME="))] | join(" ")' HOME=/root
}

@test "the environment is the config's, the last value of a name wins" {
	config '.process.env = ["A=1", "PATH=/bin", "B=", "A=2", "C=x=y z"]'
	RUNTIME_LEAK=1 view
	is '[.env[] | select(startswith("A="))] | join(" ")' A=2
	is '[.env[] | select(startswith("B="))] | join(" ")' B=
	is '[.env[] | select(startswith("C="))] | join(" ")' "C=x=y z"
	is '[.env[] | select(startswith("HOME=") | not)] | length' 4
}

@test "cwd" {
	config '.process.cwd = "/usr/bin"'
	view
	is .cwd /usr/bin
	is '[.env[] | select(startswith("PWD="))] | length' 0
}

@test "a missing cwd is made, for root, also below a read-only root" {
	config '.process.cwd = "/made/here" | .root.readonly = true | .process.user = {uid: 1000, gid: 1000}'
	view
	is .cwd /made/here
	same mode "$(stat -c '%a %u:%g' "$BUNDLE/rootfs/made/here")" "755 0:0"
}

@test "a cwd that its user may not enter" {
	mkdir -m 700 "$BUNDLE/rootfs/closed"
	config '.process.cwd = "/closed" | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
	args true
	# The directory is entered as root, as runc does, so that it works.
	ok run_bundle "$ID"
}

@test "capabilities: five sets" {
	config '.process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_NET_RAW"],
		permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
		effective: ["CAP_CHOWN", "CAP_KILL"],
		inheritable: ["CAP_KILL"],
		ambient: ["CAP_KILL"]
	} | .process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
	view
	# execve(2) by uid 1000: only the ambient set survives.
	is .status.CapBnd 00000000000020a1
	is .status.CapPrm 0000000000000020
	is .status.CapEff 0000000000000020
	is .status.CapInh 0000000000000020
	is .status.CapAmb 0000000000000020
	config '.process.user = {uid: 0, gid: 0} | .process.capabilities |= del(.ambient, .inheritable)'
	view
	# execve(2) by root: everything that is bounding.
	is .status.CapBnd 00000000000020a1
	is .status.CapPrm 00000000000020a1
	is .status.CapInh 0000000000000000
	is .status.CapAmb 0000000000000000
}

@test "no capabilities" {
	config '.process.capabilities = {}'
	view
	is '[.status | .CapBnd, .CapPrm, .CapEff, .CapInh, .CapAmb] | unique | join(" ")' 0000000000000000
}

@test "ambient without inheritable is left out, and told of" {
	ours "1.1 has other words"
	config '.process.capabilities.ambient = ["CAP_KILL"] | .process.user = {uid: 1000, gid: 1000}'
	view
	is .status.CapAmb 0000000000000000
	[[ $err == *level=warning*CAP_KILL*field=process.capabilities.ambient* ]] || fail "not told"
}

@test "no_new_privs" {
	view
	is .status.NoNewPrivs 1
	config '.process.noNewPrivileges = false'
	view
	is .status.NoNewPrivs 0
}

@test "rlimits" {
	config '.process.rlimits = [
		{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
		{type: "RLIMIT_NPROC", soft: 50, hard: 60}, {type: "RLIMIT_AS", soft: 104857600, hard: 209715200},
		{type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}, {type: "RLIMIT_MEMLOCK", soft: 4096, hard: 8192}]'
	inside cat /proc/self/limits
	grep -qE '^Max open files +100 +200 ' "$OUT"
	grep -qE '^Max core file size +0 +0 ' "$OUT"
	grep -qE '^Max processes +50 +60 ' "$OUT"
	grep -qE '^Max address space +104857600 +209715200 ' "$OUT"
	grep -qE '^Max stack size +1048576 +2097152 ' "$OUT"
	grep -qE '^Max locked memory +4096 +8192 ' "$OUT"
}

@test "rlimits too low for the runtime itself" {
	ours "1.1 runs out of descriptors"
	config '.process.rlimits = [{type: "RLIMIT_AS", soft: 4194304, hard: 4194304}, {type: "RLIMIT_NOFILE", soft: 3, hard: 3},
		{type: "RLIMIT_NPROC", soft: 1, hard: 1}, {type: "RLIMIT_DATA", soft: 1048576, hard: 1048576}]'
	inside true
}

@test "without rlimits the caller's stay, soft NOFILE too" {
	ours "1.1 passes on what Go raised"
	args cat /proc/self/limits
	ulimit -Sn 321
	ok run_bundle "$ID"
	grep -qE '^Max open files +321 ' "$OUT"
}

@test "oom_score_adj" {
	config '.process.oomScoreAdj = 100'
	view
	is .oom_score_adj 100
	config 'del(.process.oomScoreAdj)'
	view
	is .oom_score_adj "$(cat /proc/self/oom_score_adj)"
}

@test "hostname and domainname" {
	config '.hostname = "n"'
	view
	is .hostname n
	ours "1.1 has no domainname"
	config '.domainname = "d.example"'
	view
	is .domainname d.example
}

@test "sysctl" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1", "net.ipv4.ping_group_range": "0 100", "fs.mqueue.msg_max": "20"}'
	inside sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ping_group_range /proc/sys/fs/mqueue/msg_max'
	same values "$(tr -s '\n\t' '  ' <"$OUT")" "1 1 0 100 20 "
}

@test "personality" {
	ours "1.1 ignores it"
	config '.linux.personality = {domain: "LINUX32"}'
	view
	is .personality 8
	[ "$(uname -m)" != x86_64 ] || is .machine i686
	config '.linux.personality = {domain: "LINUX"}'
	view
	is .personality 0
}

@test "the process leads a session and a group of its own" {
	view
	is '[.pid, .session, .process_group] | unique | length' 1
	is .pid 1
}

@test "session keyring" {
	view
	is .session_keyring "_ses.$ID"
	args /probe view
	ok run_bundle --no-new-keyring "$ID"
	[ "$(jq -r .session_keyring "$OUT")" != "_ses.$ID" ] || fail "has a keyring of its own"
}

@test "args are given as they are, found in the container's PATH" {
	mkdir "$BUNDLE/rootfs/opt"
	ln "$BUNDLE/rootfs/probe" "$BUNDLE/rootfs/opt/findme"
	config '.process.env = ["PATH=/nosuch:/opt"]'
	args findme view
	ok run_bundle "$ID"
	is '.args | join(" ")' "findme view"
}

@test "masked and read-only paths" {
	config '.linux.maskedPaths = ["/proc/keys", "/proc/nosuch", "/sys/kernel", "/etc/passwd"] | .linux.readonlyPaths = ["/proc/sys", "/etc", "/nosuch"]'
	script 'wc -c </proc/keys; wc -c </etc/passwd; ls /sys/kernel | wc -l
		touch /sys/kernel/x 2>/dev/null || echo ro; touch /etc/x 2>/dev/null || echo ro; (echo 0 >/proc/sys/kernel/shm_rmid_forced) 2>/dev/null || echo ro'
	ok run_bundle "$ID"
	same values "$(tr '\n' ' ' <"$OUT")" "0 0 0 ro ro ro "
}

@test "no descriptor, environment or argument of the runtime is left" {
	view
	is '.descriptors | keys | join(" ")' "0 1 2"
	is '.env | length' 2
	is '.args | join(" ")' "/probe view"
	same ignored "$(jq -r .signals.ignored "$OUT")" 0000000000000000
	is .signals.blocked 0000000000000000
	is .attributes.pdeathsig 0
	is .attributes.dumpable 1
}

@test "huge pages are as the caller has them, in hooks and container" {
	local own
	own=$(grep THP_enabled /proc/self/status) || skip "the kernel has none"
	config --arg file "$BATS_TEST_TMPDIR/hooks" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["prctl"], action: "SCMP_ACT_ERRNO"}]}
		| .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "grep THP_enabled /proc/self/status >\($file)"]}]
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "grep THP_enabled /proc/self/status >/tmp/hook"], env: ["PATH=/bin"]}]'
	script 'grep THP_enabled /proc/self/status >/tmp/program; sleep 1000'
	up
	until_true grep -q THP "$BUNDLE/rootfs/tmp/program"
	for file in "$BATS_TEST_TMPDIR/hooks" "$BUNDLE"/rootfs/tmp/{hook,program}; do same "${file##*/}" "$(<"$file")" "$own"; done
	ok rt exec "$ID" grep THP_enabled /proc/self/status
	same exec "$out" "$own"
	ok rt delete --force "$ID"
	for less in 'del(.hooks)' 'del(.linux.seccomp)'; do
		config "$less"
		inside grep THP_enabled /proc/self/status
		same "with $less" "$out" "$own"
	done
}

@test "scheduling: nice value and io priority" {
	ours "1.1 has neither"
	config '.process.scheduler = {policy: "SCHED_BATCH", nice: 5} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
	inside sh -c 'sed "s/.*) //" /proc/self/stat | cut -d" " -f17,39; ionice'
	same values "$(tr '\n' ' ' <"$OUT")" "5 3 best-effort: prio 6 "
}

@test "standard streams belong to the user" {
	config '.process.user = {uid: 1000, gid: 1000}'
	script 'echo again >/proc/self/fd/1 && echo again >/proc/self/fd/2'
	# Pipes that root made: opening them again needs their ownership.
	run_bundle "$ID" </dev/null 2> >(cat >"$ERR") 3>&- | cat >"$OUT"
	same stdout "$(<"$OUT")" again
}

@test "standard streams: files change hands only if the runtime leaves, devices never" {
	ours "1.1 gives devices away, too"
	mknod "$BATS_TEST_TMPDIR/zero" c 1 5
	config '.process.user = {uid: 1000, gid: 1000}'
	script 'echo hi'
	ok run_bundle "$ID"
	same "owner in the foreground" "$(stat -c %u:%g "$OUT")" 0:0
	ok run_bundle --detach "$ID"
	same "owner after run --detach" "$(stat -c %u:%g "$OUT")" 1000:0
	rt delete --force "$ID"
	rt create --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/zero" >>"$OUT" 2>"$BATS_TEST_TMPDIR/zero" 3>&-
	same "owner of a device" "$(stat -c %u:%g "$BATS_TEST_TMPDIR/zero")" 0:0
}

@test "the caller's timer slack" {
	# What init's own threads have, and the runtime's, is for them.
	echo 77777 >/proc/self/timerslack_ns
	view
	is .attributes.timerslack 77777
	args sleep 1000
	ok rt run --detach --bundle "$BUNDLE" "$ID"
	ok rt exec "$ID" /probe view
	is .attributes.timerslack 77777
}

@test "what waits for start sleeps" {
	ok rt create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	local before after
	switches() { awk '/^voluntary/ { n += $2 } END { print n }' "/proc/$(<"$BATS_TEST_TMPDIR/pid")"/task/*/status; }
	# Go's runtime left to itself makes it two hundred a second. What it has to do
	# before it rests is over in a moment.
	for _ in 1 2 3 4 5; do
		before=$(switches)
		sleep 2
		after=$(switches)
		[ "$before" != "$after" ] || return 0
	done
	fail "woken $((after - before)) times in two seconds"
}
