# helpers.bash: what every suite stands on. Loading it gives each test
#
#   $ROOT, $BUNDLE   a state root of its own and a bundle around busybox
#   $ID              a unique container id
#   $OUT, $ERR       files with what the last `try` printed
#
# and a teardown that deletes the test's containers and then insists that
# nothing is left: no process, mount, cgroup or state directory.
#
# RUNTIME names the binary. The suites are written for crun-go; run against
# another runtime they prove themselves, and skip where that one answers
# differently by its own choice (see ours).
# shellcheck shell=bash

: "${RUNTIME:=./crun-go}"
RUNTIME=$(realpath "$(command -v "$RUNTIME")")
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROBE=$TESTS/.build/probe
bats_require_minimum_version 1.5.0

# The suites start and stop other programs' idea of a host: only in a sandbox.
[ -n "${CRUN_GO_SANDBOX:-}" ] || {
	echo "run suites through: tests/env/sandbox bats tests/suites/FILE.bats" >&2
	exit 1
}

setup_file() {
	# Containers in user namespaces reach their root filesystem through here.
	chmod 0711 "$BATS_RUN_TMPDIR" "${BATS_FILE_TMPDIR%/*}" "$BATS_FILE_TMPDIR"
	# The binary, too, where everybody may run it: the tree can be below a
	# directory that only its owner enters.
	install -m 0755 "$RUNTIME" "$BATS_FILE_TMPDIR/"
	export RUNTIME=$BATS_FILE_TMPDIR/${RUNTIME##*/}
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	if declare -F suite_setup >/dev/null; then suite_setup; fi
}

teardown_file() {
	if declare -F suite_teardown >/dev/null; then suite_teardown; fi
}

setup() {
	chmod 0711 "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	ROOT=$BATS_TEST_TMPDIR/root
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
	# Cgroups are the host's: pids of a sandbox are no names for them.
	ID=t${BATS_RUN_TMPDIR##*-}-$BATS_TEST_NUMBER
	new_bundle "$BUNDLE"
	before_mounts=$(mounts)
	before_orphans=$(orphans)
}

teardown() {
	delete_all
	nothing_left
}

# ours skips the rest of a test when another runtime is under test, because
# that one differs here: the reason says how.
ours() {
	[ "$(basename "$RUNTIME")" = crun-go ] || skip "peer: $*"
}

is_ours() { [ "$(basename "$RUNTIME")" = crun-go ]; }

# make_rootfs DIR
make_rootfs() { PROBE=$PROBE "$TESTS/env/rootfs" "$1"; }

# COPIED_MOUNTS: if it is set, bundles have a hook for which the mount namespace is a copy
# of the host's, also where the kernel can make one of the root filesystem alone.
#
# new_bundle DIR [ARG...]: a bundle whose process is ARG..., a long sleep
# without any. Its root filesystem is a private copy: hard links, so cheap.
new_bundle() {
	local dir=$1
	shift
	[ $# -gt 0 ] || set -- sleep 1000
	mkdir -p "$dir"
	cp -al "$BATS_FILE_TMPDIR/rootfs" "$dir/rootfs"
	jq --null-input '$ARGS.positional as $args | {
		ociVersion: "1.2.0",
		process: {
			terminal: false, user: {uid: 0, gid: 0}, args: $args, cwd: "/",
			env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
			capabilities: (["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD", "CAP_DAC_OVERRIDE"]
				| {bounding: ., effective: ., permitted: .}),
			noNewPrivileges: true
		},
		root: {path: "rootfs"},
		hostname: "house",
		mounts: [
			{destination: "/proc", type: "proc", source: "proc"},
			{destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]},
			{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
			{destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
			{destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]},
			{destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]},
			{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "relatime", "ro"]}
		],
		linux: {
			resources: {devices: [{allow: false, access: "rwm"}]},
			namespaces: (["pid", "network", "ipc", "uts", "mount", "cgroup"] | map({type: .})),
			maskedPaths: ["/proc/acpi", "/proc/keys", "/proc/kcore", "/proc/timer_list", "/sys/firmware"],
			readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
		}
	} + if env.COPIED_MOUNTS then {hooks: {createContainer: [{path: "/bin/true"}]}} else {} end' --args -- "$@" >"$dir/config.json"
}

# config [--arg NAME VALUE...] FILTER: edit the bundle's config.json with jq.
config() {
	jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new"
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# args ARG...: what the container runs.
args() { config '.process.args = $ARGS.positional' --args -- "$@"; }

# script TEXT: the container runs this as a shell script.
script() { args sh -c "$1"; }

rt() { timeout --foreground -s KILL "${PATIENCE:-30}" "$RUNTIME" --root "$ROOT" "$@"; }

# try COMMAND...: run it to its end; $rc, $out and $err tell the rest ($err
# without the backslashes that log formats put before quotes). Output
# goes to files, never to a pipe: what a container inherits must not be able
# to hold up the test, and descriptor 3 is bats' own.
try() {
	rc=0
	"$@" >"$OUT" 2>"$ERR" </dev/null 3>&- || rc=$?
	out=$(<"$OUT")
	err=$(<"$ERR")
	err=${err//\\\"/\"}
}

# ok COMMAND...: try, and insist on success.
ok() {
	try "$@"
	[ "$rc" = 0 ] || fail "$*: exit code $rc"
}

# no RC TEXT COMMAND...: try, and insist on this exit code and on stderr
# containing TEXT.
no() {
	local want=$1 text=$2
	shift 2
	try "$@"
	[ "$rc" = "$want" ] || fail "$*: exit code $rc, want $want"
	[[ $err == *"$text"* ]] || fail "$*: stderr lacks: $text"
}

# one_error: the last try said one thing on stderr, on one line (a hint for
# people may precede it, on a line of its own).
one_error() {
	local said
	said=$(grep -cv '^hint: ' "$ERR")
	[ "$said" = 1 ] || fail "want one line on stderr"
}

# fail TEXT: end the test, showing what the last command printed.
fail() {
	echo "$*" >&2
	[ ! -s "$OUT" ] || head -n 12 "$OUT" | sed 's/^/stdout: /' >&2
	[ ! -s "$ERR" ] || head -n 12 "$ERR" | sed 's/^/stderr: /' >&2
	return 1
}

# same WHAT GOT WANT
same() {
	[ "$2" = "$3" ] || fail "$1 is '$2', want '$3'"
}

create() { rt create --bundle "$BUNDLE" "$@"; }
start() { rt start "$@"; }
run_bundle() { rt run --bundle "$BUNDLE" "$@"; }

# up [ID]: a running container.
up() {
	ok create "${1:-$ID}"
	ok start "${1:-$ID}"
}

# inside ARG...: run ARG... as the container's process in the foreground; $out
# is what it printed.
inside() {
	args "$@"
	ok run_bundle "$ID"
}

# TOP is a jq function: of a view's mounts at one target the one that shows, null
# without any. mountinfo's order says nothing about that, parents do.
TOP='def top($t): [.mounts[] | select(.target == $t)] | . as $all
	| first(.[] | select(.id as $id | $all | all(.parent != $id))) // null; '

status() { rt state "${1:-$ID}" 2>/dev/null | jq -r .status; }
pid_of() { rt state "${1:-$ID}" | jq .pid; }

# wait_status STATUS [ID]: until the container is in it, ten seconds at most.
wait_status() {
	local n
	for ((n = 0; n < 200; n++)); do
		[ "$(status "${2:-$ID}")" != "$1" ] || return 0
		sleep 0.05
	done
	fail "container is $(status "${2:-$ID}"), want $1"
}

# until_true COMMAND...: until it succeeds, ten seconds at most.
until_true() {
	local n
	for ((n = 0; n < 200; n++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	fail "never true: $*"
}

mounts() { awk '{ print $3, $4, $5 }' /proc/self/mountinfo | sort; }

# orphans: processes whose parent ended: in a sandbox they belong to pid 1.
orphans() {
	awk '$1 == "PPid:" && $2 == 1 { split(FILENAME, p, "/"); print p[3] }' /proc/[0-9]*/status 2>/dev/null | sort
}

# cgroups_left: cgroups that carry this test's id. The host's others come and go
# meanwhile, which find calls a failure.
cgroups_left() { find /sys/fs/cgroup -mindepth 1 -type d -name "*$ID*" 2>/dev/null || true; }

delete_all() {
	local id
	[ -d "$ROOT" ] || return 0
	for id in $(find "$ROOT" -mindepth 1 -maxdepth 1 -type d -printf '%f\n'); do
		rt delete --force "$id" </dev/null >"$BATS_TEST_TMPDIR/delete" 2>&1 3>&- || {
			cat "$BATS_TEST_TMPDIR/delete" >&2
			return 1
		}
	done
}

# nothing_left: the promise every command makes when it is done.
nothing_left() {
	local left n
	left=$(ls -A "$ROOT" 2>/dev/null) || true
	[ -z "$left" ] || fail "state left behind: $left"
	left=$(diff <(echo "$before_mounts") <(mounts)) || fail "mounts left behind: $left"
	# A process that was killed leaves its cgroup and its parent's child list a
	# moment after the signal.
	for ((n = 0; n < 40; n++)); do
		left=$(comm -13 <(echo "$before_orphans") <(orphans) | while read -r pid; do
			{ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null || true # gone
		done) cgroups=$(cgroups_left)
		[ -n "$left$cgroups" ] || return 0
		sleep 0.05
	done
	cgroups_left | sort -r | xargs -r rmdir 2>/dev/null || true
	fail "left behind: processes '$left' cgroups '$cgroups'"
}
