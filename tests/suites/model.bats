#!/usr/bin/env bats
# model: what init is and holds at each of its system calls, seen from outside, is what
# libcontainer/initproc/model says: each task, descriptor and mapping. Of the bundles
# and processes that real engines made it is a sample here; MODEL=all, which
# make test-faults sets, takes all of them.
load helpers
load bundles

suite_setup() {
	host_facts
	(cd "$TESTS/.." && CGO_ENABLED=0 go build -o "$BATS_FILE_TMPDIR/faults" ./tests/faults)
}

# watch COMMAND...: is watched; a comma is between commands.
watch() {
	try timeout -k 5 60 "$BATS_FILE_TMPDIR/faults" -runtime "$RUNTIME" -watch "$ROOT" "$BUNDLE/config.json" "$@"
	[ "$rc" = 0 ] || fail "$NAME: $*"
	echo "# $NAME, $1: $(tail -n 1 "$OUT")" >&3
}

# started: the bundle's container is created and started, and run.
started() {
	args /bin/sleep 0
	watch create --bundle "$BUNDLE" "$ID" , start "$ID"
	wait_status stopped
	ok rt delete "$ID"
	watch run --bundle "$BUNDLE" "$ID"
}

# sample NAME...: the names, of which without MODEL=all only the given ones.
sample() {
	local file
	for file in "$BUNDLES"/*.json; do
		file=$(basename "$file" .json)
		[[ ${MODEL:-} != all && " $* " != *" $file "* ]] || echo "$file"
	done
}

@test "captured bundles" {
	ours "the model is of crun-go"
	for NAME in $(sample docker-run-v2 cri2-container podman-uidmap); do
		case $NAME in by-hand-* | process-* | resources-*) continue ;; esac
		BUNDLE=$BATS_TEST_TMPDIR/$NAME
		new_bundle "$BUNDLE"
		adapt "$NAME"
		started
	done
}

@test "captured processes" {
	ours "the model is of crun-go"
	local want=$BATS_TEST_TMPDIR/process.json
	up
	for NAME in $(sample process-docker-exec-user process-cri-exec-sync); do
		[[ $NAME == process-* ]] || continue
		jq --argjson ours "$(cat "$BATS_FILE_TMPDIR/caps.json")" '.terminal = false | .args = ["/bin/sleep", "0"]
			| .capabilities |= map_values(map(select(. as $c | $ours | index($c))))
			| if .rlimits then .rlimits |= map(select(.type == "RLIMIT_NOFILE")) else . end' "$BUNDLES/$NAME.json" >"$want"
		watch exec --process "$want" "$ID"
	done
}

# by_hand NAME FILTER: docker-run-v2, changed by jq, in the same way.
by_hand() {
	ours "the model is of crun-go"
	NAME=$1
	adapt docker-run-v2
	config 'del(.linux.sysctl)'
	config "${@:2}"
	started
}

# beside FILTER: another container is up, of whose namespaces the paths begin with $NS.
beside() {
	adapt docker-run-v2
	config "$1 | del(.linux.sysctl)"' | .linux.cgroupsPath += "-other"'
	args sleep 1000
	owners
	up "$ID-other"
	NS=/proc/$(pid_of "$ID-other")/ns
}

# JOIN has namespaces of these types joined.
JOIN='.linux.namespaces |= map(if .type as $t | $join | index($t) then .path = "\($ns)/\(.type)" else . end)'

@test "a pid namespace by path" {
	beside .
	by_hand joined --arg ns "$NS" --argjson join '["pid"]' "$JOIN"
}

@test "a pid namespace by path, with no_new_privs and a filter that waiting can't have" {
	beside .
	by_hand "joined, late filter" --arg ns "$NS" --argjson join '["pid"]' "$JOIN"' | .process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clone", "prctl"], action: "SCMP_ACT_ERRNO"}]}'
}

USERNS='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'

@test "pid, user and time namespaces by path" {
	beside "$USERNS"' | .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	by_hand joined --arg ns "$NS" --argjson join '["pid", "user", "time"]' "$USERNS"' | .linux.namespaces += [{type: "time"}] | '"$JOIN"' | del(.linux.uidMappings, .linux.gidMappings)'
}

@test "a user namespace by path and a time namespace with offsets" {
	beside "$USERNS"
	by_hand joined --arg ns "$NS" --argjson join '["user"]' "$USERNS | $JOIN"' | del(.linux.uidMappings, .linux.gidMappings)
		| .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
}

@test "a user namespace by path whose root may see init" {
	beside "$USERNS"
	by_hand joined --arg ns "$NS" --argjson join '["user"]' "$USERNS | $JOIN"' | del(.linux.uidMappings, .linux.gidMappings)
		| .linux.namespaces |= map(select(.type != "pid")) | .mounts |= map(select(.type != "proc")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
}

# taking: a process takes the master of the next terminal at $SOCKET.
taking() {
	SOCKET=$BATS_TEST_TMPDIR/console-$1
	"$PROBE" receive "$SOCKET" >/dev/null 2>&1 3>&- &
	until_true test -S "$SOCKET"
}

@test "a terminal, for an ordinary user" {
	ours "the model is of crun-go"
	NAME=terminal
	adapt docker-run-v2
	config '.process.terminal = true | .process.user = {uid: 1000, gid: 1001, additionalGids: [5, 3]}'
	args /bin/sleep 1000
	taking 1
	watch create --bundle "$BUNDLE" --console-socket "$SOCKET" "$ID" , start "$ID"
	taking 2
	watch exec --detach --tty --console-socket "$SOCKET" "$ID" /bin/sleep 0
}

@test "startContainer hooks, whose output is kept" {
	by_hand hooks --arg d "$BATS_TEST_TMPDIR" '.hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "echo x"]}]}
		| .annotations += {"run.oci.hooks.stdout": "\($d)/hooks.out", "run.oci.hooks.stderr": "\($d)/hooks.err"}'
	same "the output of hooks" "$(sort -u "$BATS_TEST_TMPDIR/hooks.out")" x
}

@test "more mounts than one message can bring" {
	by_hand mounts --arg d "$BATS_TEST_TMPDIR" '.mounts += [range(140) | {destination: "/m/\(.)", source: $d, type: "bind", options: ["bind"]}]'
}

@test "exec into a user namespace, by an ordinary user, with more groups and capabilities" {
	ours "the model is of crun-go"
	NAME="exec"
	beside "$USERNS"
	watch exec --user 1000:1001 --additional-gids 7 --additional-gids 5 --cap CAP_SYS_PTRACE "$ID-other" /bin/sleep 0
	watch exec --no-new-privs "$ID-other" /bin/sleep 0
}
