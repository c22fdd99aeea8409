#!/usr/bin/env bats
# peerview: the same configuration, started by crun-go and by the runtimes that
# it stands in for, and what the probe sees inside compared field by field. What
# may differ, and why, is in peerview.tsv; anything else fails.
#
# Peers are the installed runc and a current crun, as bench/peers finds them.
load helpers
load bundles

suite_setup() {
	host_facts
	"$TESTS/bench/peers" >"$BATS_FILE_TMPDIR/peers" 2>"$BATS_FILE_TMPDIR/missing" || true
	# The list of differences knows this release; later ones of 1.1 show more
	# (the root private, modes of tmpfs).
	case $(runc --version 2>/dev/null) in
	"runc version 1.1.5"*) ;;
	*)
		sed -i '/^runc=/d' "$BATS_FILE_TMPDIR/peers"
		echo "runc is not 1.1.5" >>"$BATS_FILE_TMPDIR/missing"
		;;
	esac
	find /proc/self/ns/ -mindepth 1 -printf '%l\n' >"$BATS_FILE_TMPDIR/namespaces"
	# crun gives the host's /dev/null to the user of a container with a user
	# namespace (CVE-2026-88265): this one is the sandbox's own.
	mknod -m 666 "$BATS_FILE_TMPDIR/null" c 1 3
	mount --bind "$BATS_FILE_TMPDIR/null" /dev/null
}

suite_teardown() { umount /dev/null; }

# look RUNTIME VIEW: the container's view, by create and start, the way engines
# go. The output file is the same for all: it is part of the view. The input is a
# /dev/null that is not the host's, which crun gives to the container's user.
look() {
	local root=$BATS_TEST_TMPDIR/root-${1##*/} null=$BATS_TEST_TMPDIR/null n rc=0
	rm -f "$null" && mknod -m 666 "$null" c 1 3
	chown 0:0 /dev/null # after another peer
	: >"$OUT"
	timeout -s KILL 30 "$1" --root "$root" create --bundle "$BUNDLE" "$ID" <"$null" >"$OUT" 2>"$ERR" 3>&- &&
		timeout -s KILL 30 "$1" --root "$root" start "$ID" </dev/null 2>>"$ERR" 3>&- || rc=$?
	for ((n = 0; n < 200 && rc == 0; n++)); do
		[ "$("$1" --root "$root" state "$ID" 2>/dev/null | jq -r .status)" != stopped ] || break
		sleep 0.02
	done
	"$1" --root "$root" delete --force "$ID" </dev/null >/dev/null 2>&1 3>&- || true
	[ "$rc" = 0 ] || fail "${1##*/} does not start it"
	cp "$OUT" "$2"
}

# look_exec RUNTIME VIEW [FLAG...]: the view of a process that exec brings in.
look_exec() {
	local peer=$1 view=$2 root=$BATS_TEST_TMPDIR/root-${1##*/} null=$BATS_TEST_TMPDIR/null rc=0
	shift 2
	rm -f "$null" && mknod -m 666 "$null" c 1 3
	chown 0:0 /dev/null # after another peer
	: >"$OUT"
	timeout -s KILL 30 "$peer" --root "$root" run --detach --bundle "$BUNDLE" "$ID" <"$null" >/dev/null 2>"$ERR" 3>&- &&
		timeout -s KILL 30 "$peer" --root "$root" exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$@" "$ID" /probe view <"$null" >"$OUT" 2>>"$ERR" 3>&- || rc=$?
	[ "$rc" != 0 ] || until_true grep -q '^}' "$OUT" # to its end; jq 1.6 takes an empty file for an answer
	"$peer" --root "$root" delete --force "$ID" </dev/null >/dev/null 2>&1 3>&- || true
	[ "$rc" = 0 ] || fail "${peer##*/} does not start it"
	cp "$OUT" "$view"
}

# alike: compare the views of the bundle, with the parameters of its sysctls.
alike() {
	# shellcheck disable=SC2046 # names of parameters
	args /probe view $(jq -r '.linux.sysctl // {} | keys[]' "$BUNDLE/config.json")
	compare look
}

# alike_exec [FLAG...]: the same of a second process.
alike_exec() {
	args sleep 1000
	compare look_exec "$@"
}

# compare LOOK [ARGUMENT...]: what LOOK sees with crun-go and with each peer.
compare() {
	local name path compared= differs= how=$1
	shift
	ours "the list of differences is that of crun-go"
	"$how" "$RUNTIME" "$BATS_TEST_TMPDIR/ours" "$@"
	while IFS== read -r name path; do
		"$how" "$path" "$BATS_TEST_TMPDIR/$name" "$@"
		jq -n -r --slurpfile ours "$BATS_TEST_TMPDIR/ours" --slurpfile theirs "$BATS_TEST_TMPDIR/$name" \
			--rawfile host "$BATS_FILE_TMPDIR/namespaces" --rawfile list "$TESTS/suites/peerview.tsv" --arg peer "$name" --arg test "$BATS_TEST_DESCRIPTION" \
			-f "$TESTS/suites/peerview.jq" >"$BATS_TEST_TMPDIR/differences"
		[ ! -s "$BATS_TEST_TMPDIR/differences" ] || {
			echo "field	crun-go	$name" >&2
			cat "$BATS_TEST_TMPDIR/differences" >&2
			differs=1
		}
		compared+=" $name"
	done <"$BATS_FILE_TMPDIR/peers"
	[ -z "$differs" ] || return 1
	[ -n "$compared" ] || skip "no peer: $(tr '\n' ' ' <"$BATS_FILE_TMPDIR/missing")"
}

# engine NAME: the captured bundle of an engine.
engine() {
	adapt "$1"
	alike
}

# with FILTER: the default bundle, changed.
with() {
	config "$1"
	alike
}

USERNS='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'

@test "every captured bundle is looked at" {
	local file
	for file in "$BUNDLES"/*.json; do
		file=$(basename "$file" .json)
		case $file in process-* | resources-* | by-hand-*) continue ;; esac
		grep -qE "\bengine $file(; })?\$" "$BATS_TEST_FILENAME" || fail "no test for $file"
	done
}

@test "the default bundle" { alike; }
@test "user, groups, umask" {
	with '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 2000], umask: 7}'
}
@test "a user of the image" {
	with '.process.user = {uid: 1000, gid: 1000}'
}
@test "environment: HOME given, empty, twice the same name" {
	with '.process.env += ["HOME=/x", "A=1", "B=2", "A=3"]'
}
@test "cwd, one that is missing" { with '.process.cwd = "/made/here"'; }
@test "cwd of a user" {
	with '.process.cwd = "/home" | .process.user = {uid: 1000, gid: 1000}'
}
@test "capabilities of root" {
	with '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_NET_RAW"], effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN", "CAP_NET_RAW"], inheritable: [], ambient: []}'
}
@test "capabilities of a user, ambient" {
	with '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = (["CAP_CHOWN", "CAP_NET_RAW"] | {bounding: ., effective: ., permitted: ., inheritable: ., ambient: .})'
}
@test "no capabilities at all" { with 'del(.process.capabilities)'; }
@test "new privileges allowed" { with '.process.noNewPrivileges = false'; }
@test "rlimits" {
	with '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1024, hard: 2048}, {type: "RLIMIT_CORE", soft: 0, hard: 1000}, {type: "RLIMIT_NPROC", soft: 500, hard: 600},
		{type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}, {type: "RLIMIT_MEMLOCK", soft: 4096, hard: 8192}, {type: "RLIMIT_CPU", soft: 100, hard: 200},
		{type: "RLIMIT_FSIZE", soft: 1048576, hard: 1048576}, {type: "RLIMIT_SIGPENDING", soft: 10, hard: 20}, {type: "RLIMIT_MSGQUEUE", soft: 1000, hard: 2000},
		{type: "RLIMIT_LOCKS", soft: 10, hard: 20}, {type: "RLIMIT_RSS", soft: 1048576, hard: 1048576}, {type: "RLIMIT_RTTIME", soft: 1000000, hard: 2000000}]'
}
@test "oom score" { with '.process.oomScoreAdj = 321'; }
@test "hostname" { with '.hostname = "other"'; }
@test "sysctls" {
	with '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net.ipv4.ping_group_range": "0 100", "kernel.shm_rmid_forced": "1", "kernel.msgmax": "16384", "fs.mqueue.msg_max": "20"}'
}
@test "the root read-only" { with '.root.readonly = true'; }
@test "paths masked and read-only, files and directories" {
	with '.linux.maskedPaths = ["/proc/keys", "/sys/kernel", "/etc/passwd", "/var", "/nosuch"] | .linux.readonlyPaths = ["/proc/sys", "/etc", "/tmp", "/nosuch"]'
}
@test "no masks" { with 'del(.linux.maskedPaths, .linux.readonlyPaths)'; }
@test "few namespaces" {
	with '.linux.namespaces = ([{type: "mount"}, {type: "pid"}]) | del(.hostname)'
}
@test "no pid namespace" { with '.linux.namespaces |= map(select(.type != "pid"))'; }
@test "a user namespace" {
	config "$USERNS"
	owners
	alike
}
@test "a user namespace, a user, a mapping in pieces" {
	config "$USERNS"' | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1}, {containerID: 1, hostID: 200000, size: 2000}] | .process.user = {uid: 1000, gid: 1000, additionalGids: [7]}'
	owners
	alike
}
@test "devices" {
	with '.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0}, {path: "/dev/mine", type: "b", major: 7, minor: 0, fileMode: 416, uid: 5, gid: 6},
		{path: "/dev/pipe", type: "p", fileMode: 384}, {path: "/dev/sub/dir/zero", type: "c", major: 1, minor: 5}]'
}
@test "binds: kinds, flags, propagation" {
	mkdir -p "$BUNDLE/source"
	touch "$BUNDLE/source/file"
	config --arg d "$BUNDLE/source" '.mounts += [
		{destination: "/b/plain", source: $d, type: "bind", options: ["bind"]}, {destination: "/b/r", source: $d, type: "none", options: ["rbind", "ro"]},
		{destination: "/b/flags", source: $d, options: ["bind", "ro", "nosuid", "nodev", "noexec"]}, {destination: "/b/file", source: "\($d)/file", options: ["bind", "ro"]},
		{destination: "/b/private", source: $d, options: ["bind", "private"]}, {destination: "/b/rslave", source: $d, options: ["rbind", "rslave"]},
		{destination: "/b/shared", source: $d, options: ["bind", "shared"]}, {destination: "/b/rshared", source: $d, options: ["rbind", "rshared"]},
		{destination: "/b/noatime", source: $d, options: ["bind", "noatime", "nodiratime"]}, {destination: "/b/strict", source: $d, options: ["bind", "strictatime"]}]'
	alike
}
@test "filesystems: flags and data" {
	with '.mounts += [{destination: "/t/plain", type: "tmpfs", source: "tmpfs"}, {destination: "/t/ro", type: "tmpfs", source: "x", options: ["ro", "size=1m", "mode=700"]},
		{destination: "/t/all", type: "tmpfs", source: "y", options: ["nosuid", "nodev", "noexec", "noatime", "nodiratime", "size=4k", "nr_inodes=9"]},
		{destination: "/t/sync", type: "tmpfs", source: "s", options: ["sync", "dirsync"]}, {destination: "/t/strict", type: "tmpfs", source: "s", options: ["strictatime"]},
		{destination: "/t/uid", type: "tmpfs", source: "z", options: ["uid=5", "gid=6", "mode=1777"]}]'
}
@test "rootfsPropagation slave" { with '.linux.rootfsPropagation = "rslave"'; }
@test "rootfsPropagation private" { with '.linux.rootfsPropagation = "private"'; }
@test "rootfsPropagation shared" { with '.linux.rootfsPropagation = "rshared"'; }
@test "a writable cgroup" { with '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'; }
@test "cgroup limits: hugetlb, of all controllers the only one everywhere" {
	with '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}] | .linux.resources.unified = {"hugetlb.1GB.max": "1073741824"}'
}
@test "seccomp" {
	with '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
}

@test "exec" { alike_exec; }
@test "exec: a user" {
	config '.process.user = {uid: 1000, gid: 1000, additionalGids: [5]}'
	alike_exec
}
@test "exec: flags" {
	alike_exec --user 7:8 --env A=b --cwd /tmp
}
@test "exec: attributes of the container's process" {
	config '.process.oomScoreAdj = 321 | .process.user.umask = 7 | .process.noNewPrivileges = false
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
	alike_exec
}
@test "exec: a user namespace" {
	config "$USERNS"
	owners
	alike_exec
}
@test "exec: seccomp" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
	alike_exec
}

@test "buildah-isolation-rootless" { engine buildah-isolation-rootless; }
@test "buildah-run" { engine buildah-run; }
@test "buildah-userns" { engine buildah-userns; }
@test "cri-container" { engine cri-container; }
@test "cri-sandbox" { engine cri-sandbox; }
@test "cri2-container-privileged" { engine cri2-container-privileged; }
@test "cri2-container" { engine cri2-container; }
@test "cri2-sandbox-host-privileged" { engine cri2-sandbox-host-privileged; }
@test "cri2-shared-pid" { engine cri2-shared-pid; }
@test "ctr-privileged" { engine ctr-privileged; }
@test "ctr-run" { engine ctr-run; }
@test "ctr2-opts" { engine ctr2-opts; }
@test "ctr2-run" { engine ctr2-run; }
@test "docker-blkio" { engine docker-blkio; }
@test "docker-cap-add-drop" { engine docker-cap-add-drop; }
@test "docker-cgroupns-private-v1" { engine docker-cgroupns-private-v1; }
@test "docker-device" { engine docker-device; }
@test "docker-ipc-container" { engine docker-ipc-container; }
@test "docker-limits" { engine docker-limits; }
@test "docker-net-container" { engine docker-net-container; }
@test "docker-pid-host" { engine docker-pid-host; }
@test "docker-privileged" { engine docker-privileged; }
@test "docker-readonly-tmpfs" { engine docker-readonly-tmpfs; }
@test "docker-run-v2" { engine docker-run-v2; }
@test "docker-run" { engine docker-run; }
@test "docker-seccomp-custom" { engine docker-seccomp-custom; }
@test "docker-sysctl" { engine docker-sysctl; }
@test "docker-ulimit" { engine docker-ulimit; }
@test "docker-user" { engine docker-user; }
@test "docker-userns-remap" { engine docker-userns-remap; }
@test "docker-vol-rshared" { engine docker-vol-rshared; }
@test "docker-volumes" { engine docker-volumes; }
@test "podman-hooks" { engine podman-hooks; }
@test "podman-idmap-mount" { engine podman-idmap-mount; }
@test "podman-listen-fds" { engine podman-listen-fds; }
@test "podman-mask-unmask" { engine podman-mask-unmask; }
@test "podman-personality" { engine podman-personality; }
@test "podman-pod-member" { engine podman-pod-member; }
@test "podman-preserve-fds" { engine podman-preserve-fds; }
@test "podman-privileged" { engine podman-privileged; }
@test "podman-run" { engine podman-run; }
@test "podman-uidmap" { engine podman-uidmap; }
@test "rootless-podman-keep-id" { engine rootless-podman-keep-id; }
@test "rootless-podman-kube" { engine rootless-podman-kube; }
@test "rootless-podman-privileged" { engine rootless-podman-privileged; }
@test "rootless-podman-run" { engine rootless-podman-run; }
