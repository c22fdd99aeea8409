#!/usr/bin/env bats
# check: everything that is wrong with a bundle, at once, and with this host. That it
# finds whatever create refuses is in badinput.bats.
load helpers

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "it has no check"
	log=$BATS_TEST_TMPDIR/log
}

# found SEVERITY: the fields, or objects, of findings of that severity, a line each.
found() { jq -r --arg s "$1" '.[] | select(.severity == $s) | .field // .where' "$OUT"; }

check() { rt check --bundle "$BUNDLE" "$@"; }

# text FIELD: what is said of it. hint FIELD: what to do about it.
text() { jq -r --arg f "$1" '.[] | select(.field == $f) | .text' "$OUT"; }
hint() { jq -r --arg f "$1" '.[] | select(.field == $f) | .hint' "$OUT"; }

@test "a good bundle has no errors, and starts" {
	ok check
	ok check --strict
	args true
	ok run_bundle "$ID"
}

@test "all mistakes at once; each is one that create reports when the others are mended" {
	config '.process.cwd = "tmp" | .process.env += ["A"] | .process.user.uid = "root" | .mounts += [{destination: "/x", type: "bind", source: "/nosuch"}]
		| .linux.namespaces += [{type: "pid"}] | .process.rlimits = [{type: "RLIMIT_X", soft: 1, hard: 1}, {type: "RLIMIT_AS", soft: 2, hard: 1}]'
	try check --json
	same "exit code" "$rc" 1
	same "errors" "$(found error | tr '\n' ' ')" 'process.user.uid linux.namespaces[6].type process.cwd process.env['"$(jq '.process.env | length - 1' "$BUNDLE/config.json")"'] process.rlimits[0].type process.rlimits[1].soft mounts[7].source '
	same pointers "$(jq -r '.[] | select(.field == "process.rlimits[1].soft") | .where' "$OUT")" /process/rlimits/1/soft
	# Mended one by one in that order, the next is what create says.
	local said
	while read -r said; do
		no 1 "" rt --log "$log" --log-format json create --bundle "$BUNDLE" "$ID"
		same "create's next" "$(jq -r .field "$log")" "$said"
		rm "$log"
		case $said in
		process.user.uid) config '.process.user.uid = 0' ;;
		linux.namespaces*) config '.linux.namespaces |= .[:-1]' ;;
		process.cwd) config '.process.cwd = "/"' ;;
		process.env*) config '.process.env |= .[:-1]' ;;
		process.rlimits\[0*) config '.process.rlimits[0].type = "RLIMIT_CPU"' ;;
		process.rlimits*) config '.process.rlimits = []' ;;
		mounts*) config '.mounts |= .[:-1]' ;;
		esac
	done < <(found error)
	ok check
	args true
	ok run_bundle "$ID"
}

@test "nothing is made" {
	config '.mounts += [{destination: "/new/dir", type: "bind", source: "/tmp", options: ["bind"]}]'
	local before
	before=$(find "$BUNDLE" -printf '%p %m %T@\n' | sort)
	ok check
	same "the bundle" "$(find "$BUNDLE" -printf '%p %m %T@\n' | sort)" "$before"
	[ ! -e "$ROOT/check" ] && [ -z "$(cgroups_left)" ] || fail "something was made"
}

@test "warnings, and --strict" {
	config '.proces = {} | .mounts += [{destination: "tmp/x", type: "tmpfs"}]'
	ok check --json
	same warnings "$(found warning | tr '\n' ' ')" 'proces mounts[7].destination '
	try check --strict
	same "exit code of --strict" "$rc" 1
	[[ $out == *"warning: /proces: unknown key"* ]] || fail "$out"
}

@test "the program: missing, not executable, a script without interpreter, of another machine" {
	args nosuch
	try check --json
	same "errors" "$(found error)" 'process.args[0]'
	[[ $(text 'process.args[0]') == *'is in no directory of PATH'* ]] || fail "$out"
	args /nosuch
	try check --json
	[[ $(text 'process.args[0]') == *'has no "/nosuch"'* ]] || fail "$out"
	echo text >"$BUNDLE/rootfs/bin/file"
	args /bin/file
	try check --json
	[[ $(text 'process.args[0]') == *'not an executable file'* ]] || fail "$out"
	chmod 755 "$BUNDLE/rootfs/bin/file"
	try check --json
	[[ $(hint 'process.args[0]') == *'not a program'* ]] || fail "$out"
	printf '#!/nosuch/sh\n' >"$BUNDLE/rootfs/bin/file"
	try check --json
	[[ $(hint 'process.args[0]') == *'a script for "/nosuch/sh"'* ]] || fail "$out"
	printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0\1%0100d' 0 >"$BUNDLE/rootfs/bin/file"
	try check --json
	[[ $(hint 'process.args[0]') == *'is a program for riscv'* ]] || fail "$out"
	# What a mount may bring is not known.
	args /mnt/nosuch
	config '.mounts += [{destination: "/mnt", type: "bind", source: "/tmp", options: ["bind"]}]'
	ok check
	# Nor is a link of the image followed on the host.
	ln -s /etc/hostname "$BUNDLE/rootfs/bin/outside"
	rm -f "$BUNDLE/rootfs/etc/hostname"
	args /bin/outside
	config 'del(.mounts[7])'
	try check --json
	[[ $(text 'process.args[0]') == *'has no "/bin/outside"'* ]] || fail "$out"
}

@test "an empty root filesystem" {
	mkdir "$BUNDLE/empty"
	config '.root.path = "empty"'
	try check --json
	same "exit code" "$rc" 1
	[[ $(hint 'process.args[0]') == *"root filesystem is empty"* ]] || fail "$out"
	config '.root.path = "nosuch"'
	try check --json
	same errors "$(found error)" root.path
}

@test "hooks, filesystems, namespaces, limits that this host does not have" {
	config '.hooks = {createRuntime: [{path: "/nosuch"}], poststop: [{path: "/etc/passwd"}]}
		| .mounts += [{destination: "/mnt", type: "nosuchfs", source: "x"}, {destination: "/mnt", type: "bnid", source: "/tmp"}]
		| .linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)'
	try check --json
	same errors "$(found error | tr '\n' ' ')" 'linux.namespaces[1].path hooks.createRuntime[0] hooks.poststop[0] mounts[7] mounts[8] '
	same "hint for a misspelt type" "$(hint 'mounts[8]')" "did you mean bind?"
	same "hint for another type" "$(hint 'mounts[7]')" null
}

@test "the kernel is not asked to load the module of a filesystem" {
	command -v strace >/dev/null || skip "no strace"
	config '.mounts += [{destination: "/mnt", type: "nosuchfs", source: "x"}, {destination: "/mnt", type: "fuse.x", source: "x"}]'
	no 1 "" strace -f -o "$BATS_TEST_TMPDIR/trace" "$RUNTIME" --root "$ROOT" check --bundle "$BUNDLE"
	! grep -E 'fsopen.*(nosuchfs|fuse)' "$BATS_TEST_TMPDIR/trace" || fail "fsopen loads modules"
}

@test "a bundle with more mistakes than anybody reads takes no time" {
	config '.mounts += [range(0; 3000) | {destination: "/mnt", type: "bind", source: "/nosuch", options: ["bind"]}]'
	try timeout 20 "$RUNTIME" --root "$ROOT" check --json --bundle "$BUNDLE"
	same "exit code" "$rc" 1
	same "errors" "$(found error | wc -l)" 200
	config '.mounts = [] | .linux.namespaces += [range(0; 60000) | {type: "pid"}]'
	try timeout 20 "$RUNTIME" --root "$ROOT" check --json --bundle "$BUNDLE"
	same "exit code" "$rc" 1
}

@test "files of cgroups whose controller there is not" {
	config '.linux.resources.unified = {"nosuch.max": "1", "cgroup.max.depth": "5", "other.max": "max"}'
	try check --json
	same errors "$(found error)" linux.resources.unified.nosuch.max
	no 1 "nosuch controller not available" rt create --bundle "$BUNDLE" "$ID"
}

@test "the root directory is no program" {
	args /
	try check --json
	same errors "$(found error)" 'process.args[0]'
}

@test "a root filesystem that nobody in the user namespace owns" {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}] | .linux.gidMappings = .linux.uidMappings'
	ok check --json
	same warnings "$(found warning)" root.path
	chown 100000:100000 "$BUNDLE/rootfs"
	ok check --json
	same warnings "$(found warning)" ""
}

@test "notes on what gives the container rights over the host" {
	config '.process.noNewPrivileges = false | .process.capabilities.bounding += ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]
		| del(.linux.namespaces[] | select(.type == "pid")) | del(.linux.seccomp)
		| .linux.resources.devices = [{allow: true, access: "rwm"}]
		| .mounts |= map(if .type == "sysfs" then .options = [] else . end)
		| .mounts += [{destination: "/host", type: "bind", source: "/", options: ["rbind"]}]'
	cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/bin/suid"
	chmod 4755 "$BUNDLE/rootfs/bin/suid"
	ok check --json
	local field
	for field in process.noNewPrivileges linux.namespaces linux.seccomp 'linux.resources.devices[0]' 'mounts[7].source'; do
		found note | grep -qxF "$field" || fail "no note on $field: $out"
	done
	found note | grep -q '^mounts\[[0-9]\]$' || fail "no note on sysfs: $out"
	ok check --strict
}

@test "this host, as root and as nobody" {
	try rt check --json
	jq -e 'any(.where == "kernel" and .severity == "ok")' "$OUT" >/dev/null || fail "$out"
	[[ $(jq -r 'map(.severity) | unique - ["error", "note", "ok", "warning"] | length' "$OUT") == 0 ]] || fail "$out"
	try "$TESTS/env/as-nobody" "$RUNTIME" --root /run/nosuch check --json
	jq -e 'any(.where == "/run/nosuch" and .severity == "error")' "$OUT" >/dev/null || fail "$out"
	same "exit code" "$rc" 1
}

@test "bad input" {
	no 1 "not found in" rt check --bundle "$BATS_TEST_TMPDIR"
	no 1 "no such file" rt check --bundle "$BATS_TEST_TMPDIR/nosuch"
	no 1 "" rt check surplus
	printf '{"root": ' >"$BUNDLE/config.json"
	try check --json
	same "exit code" "$rc" 1
	[[ $out == *"end of the input (line 1, column 10)"* ]] || fail "$out"
}

@test "what is in the way: the working directory, mount points, parameters" {
	local dir=$BATS_TEST_TMPDIR/dir
	mkdir "$dir"
	config --arg d "$dir" '.process.cwd = "/bin/sh" | .linux.sysctl = {"net.nosuch": "1", "net.ipv4.conf.eth7.forwarding": "1", "net.ipv4.ip_forward": "1"}
		| .mounts += [{destination: "/bin/sh/x", type: "tmpfs"}, {destination: "/bin/busybox", type: "bind", source: $d, options: ["bind"]},
			{destination: "/tmp", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
	try check --json
	same errors "$(found error | tr '\n' ' ')" 'linux.sysctl.net.nosuch process.cwd mounts[7].destination mounts[8].destination mounts[9].destination '
	no 1 "" rt create --bundle "$BUNDLE" "$ID"
	# What an earlier mount brings is not known, and a place that is missing is made.
	config --arg d "$dir" '.process.cwd = "/new" | .linux.sysctl = {} | .mounts = .mounts[:7] + [{destination: "/made/here", type: "tmpfs"},
		{destination: "/bin", type: "bind", source: $d, options: ["bind"]}, {destination: "/bin/sh", type: "tmpfs"}]'
	try check --json
	same errors "$(found error)" ""
}

@test "directories that the process's user cannot search" {
	config '.process.user = {uid: 1000, gid: 1000} | .process.cwd = "/closed/cwd" | .process.args = ["/closed/true"] | .process.capabilities = {} | .root.readonly = false'
	mkdir -p "$BUNDLE/rootfs/closed/cwd"
	cp --remove-destination "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/closed/true"
	chmod 0711 "$BUNDLE/rootfs/closed"
	ok check --json
	same errors "$(found error)" ""
	chmod 0750 "$BUNDLE/rootfs/closed"
	try check --json
	same errors "$(found error)" 'process.args[0]'
	same warnings "$(found warning)" process.cwd
	[[ $(text 'process.args[0]') == 'user 1000 cannot search "/closed", whose mode is 0750, on the way to "/closed/true"' ]] || fail "$(text 'process.args[0]')"
	no 1 "permission denied" rt run --bundle "$BUNDLE" "$ID"
	# It is open to the owner, to a group, and with the capability.
	config '.process.user.additionalGids = [0]'
	ok check
	ok rt run --bundle "$BUNDLE" "$ID"
	config '.process.user.additionalGids = [] | .process.user.uid = 0 | .process.capabilities = {}'
	ok check
	ok rt run --bundle "$BUNDLE" "$ID"
	config '.process.user.uid = 1000 | .process.capabilities = {bounding: ["CAP_DAC_OVERRIDE"], effective: ["CAP_DAC_OVERRIDE"], permitted: ["CAP_DAC_OVERRIDE"], inheritable: ["CAP_DAC_OVERRIDE"], ambient: ["CAP_DAC_OVERRIDE"]}'
	ok check
	ok rt run --bundle "$BUNDLE" "$ID"
}

@test "options that a filesystem does not have" {
	config '.mounts += [{destination: "/o", type: "tmpfs", source: "x", options: ["size=64k", "sise=64k"]}, {destination: "/p", type: "proc", source: "x", options: ["hidepid=many"]}]'
	local n
	n=$(jq '.mounts | length' "$BUNDLE/config.json")
	try check --json
	same errors "$(found error | tr '\n' ' ')" "mounts[$((n - 2))] mounts[$((n - 1))] "
	[[ $(text "mounts[$((n - 2))]") == *sise* && $(text "mounts[$((n - 1))]") == *hidepid* ]] || fail "not which"
	no 1 "mounts[$((n - 2))]" create "$ID"
	config '.mounts |= .[:-2]'
	ok check
}

@test "scripts for what is no program, an empty name, a PATH without end, and a search that ends" {
	args /loop
	printf '#!/loop\n' >"$BUNDLE/rootfs/loop"
	chmod 755 "$BUNDLE/rootfs/loop"
	no 1 "" check --json
	[[ $(hint 'process.args[0]') == "/loop is a script for itself"* ]] || fail "$out"
	printf '#!/fifo\n' >"$BUNDLE/rootfs/loop"
	mkfifo -m 755 "$BUNDLE/rootfs/fifo"
	no 1 "" check --json
	[[ $(hint 'process.args[0]') == '/loop is a script for "/fifo", which is a fifo' ]] || fail "$out"
	args ''
	no 1 "" check --json
	same text "$(text 'process.args[0]')" "it is empty, and names the program"
	config '.process.args = ["nosuch"] | .process.env = ["PATH=/bin:" + ("/x" * 5000)]'
	no 1 "" check --json
	[[ $(text 'process.args[0]') == *"/bin:/x/x"*"... (10005 bytes)"* ]] || fail "$out"
	same notes "$(found note)" ""
	config '.process.env = [range(300) | "x"]'
	no 1 "" check --json
	same notes "$(found note)" "config.json"
}
