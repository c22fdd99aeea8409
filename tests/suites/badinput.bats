#!/usr/bin/env bats
# Bad input: one clear error that names the field, exit code 1, nothing left.
load helpers

# bad FIELD TEXT [CREATE FLAG...]: create refuses the bundle with an error that
# contains TEXT and, in the JSON log, names FIELD ("*": any). So does check, unless LATE is
# set: then init finds it out, in the container.
bad() {
	local field=$1 text=$2 log=$BATS_TEST_TMPDIR/log
	shift 2
	rm -f "$log"
	no 1 "$text" rt --log "$log" --log-format json create --bundle "$BUNDLE" "$@" "$ID"
	[ ! -e "$ROOT/$ID" ] || fail "state left behind"
	[ -z "$(cgroups_left)" ] || fail "cgroup left behind"
	is_ours || return 0
	one_error
	same "lines in the log" "$(wc -l <"$log")" 1
	[ "$field" = '*' ] || same field "$(jq -r '.field // ""' "$log")" "$field"
	[[ $(jq -r .msg "$log") == *"$text"* ]] || fail "log: $(<"$log")"
	jq -e '.code | strings' "$log" >/dev/null || fail "no code in the log: $(<"$log")"
	# The command check finds it too: it has no other rules. Flags are none of its concern.
	[ $# -eq 0 ] && [ -z "${LATE-}" ] || return 0
	try rt check --bundle "$BUNDLE" --json
	same "exit code of check" "$rc" 1
	[ "$field" = '*' ] || [ ! -s "$OUT" ] || same "errors of check at $field" "$(jq --arg f "$field" '[.[] | select(.severity == "error" and (.field // "") == $f)] | length' "$OUT")" 1
}

# whole TEXT: config.json is this.
whole() { printf '%s' "$1" >"$BUNDLE/config.json"; }

@test "no config.json" {
	rm "$BUNDLE/config.json"
	bad "" "config.json"
}

@test "no bundle" {
	no 1 "no such file or directory" rt create --bundle "$BATS_TEST_TMPDIR/nosuch" "$ID"
}

@test "config.json is empty" {
	whole ''
	bad "" ""
}

@test "config.json is cut off" {
	head -c 300 "$BUNDLE/config.json" >"$BUNDLE/new"
	mv "$BUNDLE/new" "$BUNDLE/config.json"
	bad '*' ""
}

@test "broken JSON is told with line and column" {
	whole $'{\n  "ociVersion": "1.2.0",\n  "root": {"path" "rootfs"}\n}\n'
	ours "1.1 tells neither"
	bad '*' "config.json:3:"
}

@test "text after the document" {
	echo '{}' >>"$BUNDLE/config.json"
	ours "1.1 does not look"
	bad "" "config.json:"
}

@test "args is a string" {
	config '.process.args = "sleep"'
	bad process.args "args"
}

@test "uid is text" {
	config '.process.user.uid = "root"'
	bad process.user.uid "uid"
}

@test "uid is negative" {
	config '.process.user.uid = -1'
	bad process.user.uid "uid"
}

@test "mounts is an object" {
	config '.mounts = {}'
	bad mounts "mounts"
}

@test "an option is a number" {
	config '.mounts[1].options[0] = 7'
	bad 'mounts[1].options[0]' "options"
}

@test "no process" {
	config 'del(.process)'
	bad process "process"
}

@test "no args" {
	config '.process.args = []'
	bad process.args "args must not be empty"
}

@test "no cwd" {
	config 'del(.process.cwd)'
	bad process.cwd "wd"
}

@test "relative cwd" {
	config '.process.cwd = "tmp"'
	bad process.cwd "wd must be an absolute path"
}

@test "NUL in the environment" {
	config '.process.env += ["A=b\u0000c"]'
	ours "1.1 cuts it off"
	bad 'process.env[1]' "null byte"
}

@test "environment entry without a name" {
	config '.process.env += ["=value"]'
	ours "1.1 passes it on"
	bad 'process.env[1]' "env"
}

@test "no root" {
	config 'del(.root)'
	bad root "root"
}

@test "root file system missing" {
	config '.root.path = "nosuch"'
	bad root.path "no such file or directory"
}

@test "root file system is a symlink" {
	ln -s rootfs "$BUNDLE/link"
	config '.root.path = "link"'
	bad root.path "invalid rootfs"
}

@test "root file system is a file" {
	touch "$BUNDLE/file"
	config '.root.path = "file"'
	bad root.path ""
}

@test "unknown namespace" {
	config '.linux.namespaces += [{"type": "foo"}]'
	bad 'linux.namespaces[6].type' "foo"
}

@test "duplicate namespace" {
	config '.linux.namespaces += [{"type": "pid"}]'
	bad 'linux.namespaces[6].type' "duplicate"
}

@test "namespace path missing" {
	config '.linux.namespaces |= map(if .type == "network" then .path = "/nosuch" else . end)'
	bad 'linux.namespaces[1].path' "/nosuch"
}

@test "namespace path of another kind" {
	config '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)'
	bad 'linux.namespaces[1].path' ""
}

@test "namespace path that is no namespace" {
	config '.linux.namespaces |= map(if .type == "network" then .path = "/etc/passwd" else . end)'
	bad 'linux.namespaces[1].path' ""
}

@test "hostname without a uts namespace" {
	config '.linux.namespaces |= map(select(.type != "uts"))'
	bad hostname "hostname"
}

@test "domainname without a uts namespace" {
	ours "1.1 has no domainname"
	config '.linux.namespaces |= map(select(.type != "uts")) | del(.hostname) | .domainname = "d"'
	bad domainname "domainname"
}

@test "id mappings without a user namespace" {
	ours "1.1 ignores them"
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	bad linux.uidMappings "user namespace"
}

@test "user namespace without mappings" {
	config '.linux.namespaces += [{"type": "user"}]'
	bad linux.uidMappings ""
}

@test "mount source missing" {
	config '.mounts += [{destination: "/mnt", type: "bind", source: "/nosuch", options: ["rbind"]}]'
	bad 'mounts[7].source' "no such file or directory"
}

@test "directory mounted on a file" {
	config '.mounts += [{destination: "/etc/passwd", type: "bind", source: "/tmp", options: ["rbind"]}]'
	LATE=1 bad 'mounts[7]' "not a directory"
}

@test "unknown file system" {
	config '.mounts += [{destination: "/mnt", type: "nosuchfs", source: "x"}]'
	bad 'mounts[7]' "no such device"
}

@test "unknown mount data" {
	config '.mounts += [{destination: "/mnt", type: "tmpfs", source: "x", options: ["nosuchoption=1"]}]'
	LATE=1 bad 'mounts[7]' "invalid argument"
}

@test "bind mount with file system data" {
	ours "1.1 ignores it"
	config '.mounts += [{destination: "/mnt", type: "bind", source: "/tmp", options: ["bind", "size=4k"]}]'
	bad 'mounts[7].options[1]' "size=4k"
}

@test "no mount destination" {
	ours "1.1 mounts on the root"
	config '.mounts += [{type: "tmpfs", source: "x"}]'
	bad 'mounts[7].destination' "destination"
}

@test "tmpfs on /proc" {
	config '.mounts += [{destination: "/proc", type: "tmpfs", source: "x"}]'
	bad 'mounts[7].type' "/proc"
}

@test "mount inside /proc" {
	config '.mounts += [{destination: "/proc/sys/x", type: "tmpfs", source: "x"}]'
	bad 'mounts[7].destination' "/proc"
}

@test "device node of another kind in the image" {
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 3}]'
	touch "$BUNDLE/rootfs/dev/x"
	ours "1.1 takes what is there"
	LATE=1 bad 'linux.devices[0]' "/dev/x"
}

@test "device node of another number in the image" {
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 3}]'
	mknod "$BUNDLE/rootfs/dev/x" c 1 5
	ours "1.1 takes what is there"
	LATE=1 bad 'linux.devices[0]' "/dev/x"
}

@test "device of unknown type" {
	config '.linux.devices = [{path: "/dev/x", type: "q", major: 1, minor: 3}]'
	bad 'linux.devices[0].type' "q"
}

@test "device rule of unknown type" {
	config '.linux.resources.devices += [{allow: true, type: "q", access: "r"}]'
	bad 'linux.resources.devices[1].type' "q"
}

@test "unknown capability is a warning, not an error" {
	config '.process.capabilities.bounding += ["CAP_NOSUCH"]'
	args grep CapBnd /proc/self/status
	ok run_bundle "$ID"
	[[ $out == CapBnd:* ]]
	# The specification demands that word; runc's is of another form.
	[[ $err == *CAP_NOSUCH* ]] || fail "not told: $err"
	args sleep 1000
	ok create "$ID"
	ok rt start "$ID"
	ok rt exec --cap CAP_OTHER "$ID" true
	is_ours && [[ $err == *level=warning*CAP_OTHER* ]] || ! is_ours || fail "not told: $err"
}

@test "keys: in another case they are known, unknown ones are told of" {
	ours "1.1 says nothing of unknown keys"
	config 'del(.root.readonly) | .root.readOnly = true'
	args touch /x
	no 1 "ead-only file system" run_bundle "$ID"
	config '.process.nosuch = {a: 1} | .linux.other = 1 | .root.readonly = false'
	args true
	ok rt --log-level warning run --bundle "$BUNDLE" "$ID"
	[[ $err == *level=warning*"unknown keys are ignored: process.nosuch, linux.other"* ]] || fail "not told"
	ok run_bundle "$ID"
	same stderr "$err" ""
	config '.proces = .process | del(.process)'
	no 1 "process property must not be empty" rt --log-level warning run --bundle "$BUNDLE" "$ID"
	[[ $err == *"unknown keys are ignored: linux.other, proces"* ]] || fail "the key is not named"
}

@test "an ambient capability that cannot be raised is a warning" {
	ours "1.1 says nothing"
	config '.process.capabilities.ambient = ["CAP_CHOWN", "CAP_KILL"]'
	args true
	ok run_bundle "$ID"
	[[ $err == *level=warning*"CAP_CHOWN, CAP_KILL"*field=process.capabilities.ambient* ]] || fail "not told: $err"
}

@test "warnings of a command that fails are part of its one record" {
	ours "1.1 has a record for each"
	config '.process.capabilities.bounding += ["CAP_NOSUCH"]'
	args /no/such/program
	try rt --log "$BATS_TEST_TMPDIR/log" --log-format json create --bundle "$BUNDLE" "$ID"
	[ "$rc" = 1 ] || fail "exit code $rc"
	same records "$(jq -r '.level + " " + (.warnings | length | tostring) + " " + .warnings[0].field' "$BATS_TEST_TMPDIR/log")" \
		"error 1 process.capabilities.bounding[6]"
}

@test "unknown rlimit" {
	config '.process.rlimits = [{type: "RLIMIT_FOO", soft: 1, hard: 1}]'
	bad 'process.rlimits[0].type' "RLIMIT_FOO"
}

@test "soft rlimit above the hard one" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 50}]'
	bad 'process.rlimits[0].soft' ""
}

@test "duplicate rlimit" {
	ours "1.1 sets both"
	config '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
	bad 'process.rlimits[1].type' "RLIMIT_CORE"
}

@test "a limit that only cgroup v1 has" {
	ours "1.1 has cgroup v1, too"
	config '.linux.resources.cpu = {realtimePeriod: 1000000}'
	bad 'linux.resources.cpu.realtimePeriod' "1000000, but cgroup v2 has no such limit"
}

@test "sysctl of the host" {
	config '.linux.sysctl = {"vm.swappiness": "1"}'
	bad 'linux.sysctl.vm.swappiness' "vm.swappiness"
}

@test "sysctl that is the hostname" {
	config '.linux.sysctl = {"kernel.hostname": "x"}'
	bad 'linux.sysctl.kernel.hostname' "kernel.hostname"
}

@test "sysctl without its namespace" {
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))'
	bad 'linux.sysctl.net.ipv4.ip_forward' "net.ipv4.ip_forward"
}

@test "oom_score_adj out of range" {
	config '.process.oomScoreAdj = 5000'
	bad process.oomScoreAdj ""
}

@test "unknown seccomp action" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_BOGUS"}'
	bad linux.seccomp.defaultAction "SCMP_ACT_BOGUS"
}

@test "unknown seccomp architecture" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_BOGUS"]}'
	bad 'linux.seccomp.architectures[0]' "SCMP_ARCH_BOGUS"
}

@test "unknown seccomp operator" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["kill"], action: "SCMP_ACT_ERRNO",
		args: [{index: 0, value: 1, op: "SCMP_CMP_BOGUS"}]}]}'
	bad 'linux.seccomp.syscalls[0].args[0].op' "SCMP_CMP_BOGUS"
}

@test "seccomp argument index out of range" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["kill"], action: "SCMP_ACT_ERRNO",
		args: [{index: 6, value: 1, op: "SCMP_CMP_EQ"}]}]}'
	bad 'linux.seccomp.syscalls[0].args[0].index' ""
}

@test "unknown rootfs propagation" {
	config '.linux.rootfsPropagation = "bogus"'
	bad linux.rootfsPropagation "bogus"
}

@test "hook that is missing" {
	config '.hooks = {createRuntime: [{path: "/nosuch"}]}'
	bad 'hooks.createRuntime[0]' "no such file or directory"
}

@test "hook with a relative path" {
	ours "1.1 looks below its own directory"
	config '.hooks = {createRuntime: [{path: "bin/true"}]}'
	bad 'hooks.createRuntime[0].path' "absolute"
}

@test "missing executable" {
	args nosuch
	bad 'process.args[0]' 'exec: "nosuch": executable file not found in $PATH'
}

@test "SELinux label where SELinux is off" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "SELinux is on here"
	config '.process.selinuxLabel = "system_u:system_r:container_t:s0"'
	bad process.selinuxLabel ""
}

@test "AppArmor profile where AppArmor is off" {
	[ ! -e /sys/kernel/security/apparmor ] || skip "AppArmor is on here"
	ours "1.1 ignores it"
	config '.process.apparmorProfile = "docker-default"'
	bad process.apparmorProfile ""
}

@test "limit whose controller is not in cgroup v2" {
	! grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "cgroup v2 has the memory controller here"
	config '.linux.resources.memory = {limit: 33554432}'
	bad linux.resources.memory.limit "memory"
	is_ours || return 0
	jq -e '.hint | strings' "$BATS_TEST_TMPDIR/log" || fail "no hint"
}

@test "Intel RDT where the kernel has none" {
	[ ! -e /sys/fs/resctrl/schemata ] || skip "resctrl is mounted here"
	config '.linux.intelRdt = {l3CacheSchema: "L3:0=f"}'
	bad linux.intelRdt ""
}

@test "bad id" {
	no 1 "invalid container ID format" create "a/b"
	one_error
}

@test "existing id leaves the container alone" {
	up
	no 1 "container with given ID already exists" create "$ID"
	one_error
	same status "$(status)" running
}

@test "state root that cannot be made" {
	touch "$BATS_TEST_TMPDIR/file"
	no 1 "not a directory" "$RUNTIME" --root "$BATS_TEST_TMPDIR/file/root" create --bundle "$BUNDLE" "$ID"
	one_error
	[ -z "$(cgroups_left)" ] || fail "cgroup left behind"
}

@test "state root on a read-only file system" {
	mkdir "$BATS_TEST_TMPDIR/ro"
	mount -t tmpfs -o ro none "$BATS_TEST_TMPDIR/ro"
	try "$RUNTIME" --root "$BATS_TEST_TMPDIR/ro/root" create --bundle "$BUNDLE" "$ID"
	umount "$BATS_TEST_TMPDIR/ro"
	same "exit code" "$rc" 1
	[[ $err == *"read-only file system"* ]] || fail "says something else"
	one_error
}

@test "a run that fails is deleted, --keep or not" {
	args nosuch
	no 1 "executable file not found" run_bundle "$ID"
	[ ! -e "$ROOT/$ID" ] || fail "state left behind"
	ours "1.1 keeps it with --keep"
	no 1 "executable file not found" run_bundle --keep "$ID"
	[ ! -e "$ROOT/$ID" ] || fail "state left behind"
}

# What engines look for on standard error: a hint must have none of it.
MATCHED='permission denied|operation not permitted|no such (file|process)|not found in|open executable|does not exist|not running|already finished|invalid process|is a directory|not a directory|(needs|requires) an argument'

# hinted RC MESSAGE HINT COMMAND...: the message and, on a line of its own, what to do.
hinted() {
	local hint
	no "$1" "$2" "${@:4}"
	one_error
	hint=$(sed -n 's/^hint: //p' "$ERR")
	[[ $hint == *"$3"* ]] || fail "no hint with: $3"
	! grep -iE "$MATCHED" <<<"$hint" || fail "engines match that"
}

@test "what is refused in the kernel's or in engines' words has a hint" {
	ours "hints are crun-go's"
	local whole
	whole=$(<"$BUNDLE/config.json")
	config '.mounts += [{destination: "/x", type: "nosuchfs", source: "x"}]'
	hinted 1 'no such device' 'no filesystem "nosuchfs"' create "$ID"
	printf '%s' "$whole" >"$BUNDLE/config.json"
	config '.mounts += [{destination: "/x", type: "bind", source: "/tmp", options: ["bind", "bnd"]}]'
	hinted 1 '"bnd": bind mounts cannot have' 'the command features lists' create "$ID"
	printf '%s' "$whole" >"$BUNDLE/config.json"
	config --argjson hard $(($(ulimit -Hn) + 1)) '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: $hard}]'
	hinted 1 'RLIMIT_NOFILE' 'CAP_SYS_RESOURCE' setpriv --bounding-set=-sys_resource "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	printf '%s' "$whole" >"$BUNDLE/config.json"
	up
	hinted 255 'process args cannot be empty' 'follow the id' rt exec "$ID"
	no 1 "$ROOT/$ID: permission denied" setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$RUNTIME" --root "$ROOT" state "$ID"
}

@test "who mistakes a command line is told what was expected" {
	ours "hints are crun-go's"
	hinted 1 'invalid container ID format' 'but "a/b" has "/"' create a/b
	hinted 1 'invalid container ID format' 'but "my box" has " "' create "my box"
	hinted 1 'invalid container ID format' 'is neither "." nor ".."' create ..
	hinted 1 'flag provided but not defined: -9' "follows the id: kill ID 9" rt kill -9 "$ID"
	hinted 1 'flag provided but not defined: -it' 'say -t; -i is not needed' rt exec -it "$ID" sh
	hinted 1 'invalid value "5" for flag -interval: parse error' '5s is 5 seconds' rt events --interval 5 "$ID"
	hinted 1 'flag provided but not defined: -bundle' 'follow it, as in crun-go create --bundle' rt --bundle "$BUNDLE" create "$ID"
	hinted 1 'flag provided but not defined: -root' 'stands before the command' "$RUNTIME" list --root "$ROOT"
	hinted 1 'invalid log-format: yaml' 'text or json' rt --log-format yaml list
	hinted 1 'invalid log-level: loud' 'error, warning or debug' rt --log-level loud list
	hinted 1 'invalid rootless: maybe' 'auto, true or false' rt --rootless maybe create --bundle "$BUNDLE" "$ID"
	ok rt --rootless maybe features
	hinted 1 'invalid cgroup-manager: x' 'cgroupfs, systemd or disabled' rt --cgroup-manager x list
	up
	hinted 1 'that is not stopped: running' 'delete --force ID' rt delete "$ID"
	hinted 1 'unknown signal "FOO"' 'TERM or SIGTERM, or a number, such as 15' rt kill "$ID" FOO
	hinted 1 'container does not exist' 'kill ID KILL' rt kill KILL "$ID"
	hinted 1 'invalid format option' 'table or json, not "yaml"' rt list --format yaml
	hinted 1 'invalid format option' 'table or json, not "yaml"' rt ps --format yaml "$ID"
	same status "$(status)" running
	hinted 1 'rootless containers require user namespaces' 'the command spec --rootless writes' \
		setpriv --reuid=65534 --regid=65534 --clear-groups "$RUNTIME" --root "$BATS_TEST_TMPDIR/nobody" create --bundle "$BUNDLE" "$ID"
}

# The runtime does as runc does, and warns if warnings are asked for, which engines don't.
@test "systemd's cgroupsPath without --systemd-cgroup: a directory, and a warning" {
	ours "1.1 says nothing"
	config --arg path "system.slice:crun-go:$ID" '.linux.cgroupsPath = $path'
	ok create "$ID"
	same "what is said" "$out$err" ""
	[ -d "$(cgroups_left | grep "/system.slice:crun-go:$ID\$")" ] || fail "the cgroup is not there"
	ok rt delete --force "$ID"
	ok rt --log-level warning create --bundle "$BUNDLE" "$ID"
	[[ $err == *level=warning*"\"system.slice:crun-go:$ID\" is taken for the name of a directory"*--systemd-cgroup* ]] || fail "no warning"
	one_error
}

# hint TEXT: the error that bad has seen advises it.
hint() {
	is_ours || return 0
	[[ $(jq -r .hint "$BATS_TEST_TMPDIR/log") == *"$1"* ]] || fail "no hint $1: $(<"$BATS_TEST_TMPDIR/log")"
}

@test "an option in place of a mount's type" {
	ours "1.1 has no hints"
	config '.mounts += [{destination: "/mnt", type: "rbind", source: "/tmp"}]'
	bad '*' "no such device"
	hint '"rbind" is an option, not a type'
	config '.mounts[-1].type = "nosuchfs"'
	bad '*' "no such device"
	hint 'this kernel has no filesystem "nosuchfs"'
}

@test "capabilities as a list, as before version 1.0" {
	ours "1.1 has Go's words"
	config '.process.capabilities = ["CAP_KILL"]'
	bad process.capabilities 'since version 1.0 there is one for each set, {"bounding": [...]'
}

@test "a clock that would be out of its range" {
	ours "1.1 has no time namespaces"
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 5}, boottime: {secs: -100000000}}'
	LATE=1 bad linux.timeOffsets.boottime "-100000000 seconds: make time namespace: numerical result out of range: expected -"
	config '.linux.timeOffsets.boottime.secs = 5000000000'
	LATE=1 bad linux.timeOffsets.boottime "5000000000 seconds"
}

@test "more open files than the kernel lets anybody have" {
	ours "1.1 gives no reason"
	config --argjson n "$(($(cat /proc/sys/fs/nr_open) + 1))" '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: $n}]'
	bad process.rlimits "error setting rlimit RLIMIT_NOFILE"
	hint "the sysctl fs.nr_open allows"
}

@test "a regular file where a device belongs" {
	ours "1.1 takes it"
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	mkdir -p "$BUNDLE/rootfs/dev"
	rm -f "$BUNDLE/rootfs/dev/null"
	: >"$BUNDLE/rootfs/dev/null"
	LATE=1 bad '*' '"/dev/null" is there already: not the expected device: file type is regular file'
	hint "remove it from the root filesystem, or mount a tmpfs on /dev"
}

# "no such file or directory" is exit code 127 for engines.
@test "a terminal without a devpts" {
	ours "1.1 says no such file or directory"
	config '.process.terminal = true | .mounts |= map(select(.type != "devpts"))'
	bad process.terminal "no devpts is mounted at /dev/pts" --console-socket "$BATS_TEST_TMPDIR/none"
	[[ $err != *"no such file"* ]] || fail "words of execve: $err"
	hint '"type": "devpts"'
}

@test "a range of groups that the user namespace does not map" {
	ours "1.1 gives no reason"
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| .linux.sysctl = {"net.ipv4.ping_group_range": "0 2147483647"}'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BUNDLE"
	LATE=1 bad linux.sysctl.net.ipv4.ping_group_range 'to "0 2147483647"'
	hint "both of which linux.gidMappings must map"
	config '.linux.sysctl["net.ipv4.ping_group_range"] = "0 65535"'
	ok create "$ID"
}
