#!/usr/bin/env bats
# checkpoint and restore where they end before CRIU begins: flags, states, images; and
# what a restore does around a stand-in for CRIU (tests/faults/criu.go), which restores a
# process that sleeps. What CRIU does is in tests/vm/checkpoint.bats.
load helpers

suite_setup() { CGO_ENABLED=0 go build -o "$BATS_FILE_TMPDIR/criu" "$TESTS/faults"; }

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "the texts are our own"
	IMAGE=$BATS_TEST_TMPDIR/image
	TOOLS=$BATS_TEST_TMPDIR/tools
	mkdir -p "$TOOLS"
	stand_in 'exit 1'
}

# stand_in SCRIPT: what is found as criu.
stand_in() {
	printf '#!/bin/sh\n%s\n' "$1" >"$TOOLS/criu"
	chmod +x "$TOOLS/criu"
}
with_criu() { PATH=$TOOLS:$PATH rt "$@"; }

# dumped: an image of a container that is no longer there.
dumped() {
	cp "$BATS_FILE_TMPDIR/criu" "$TOOLS/criu"
	up
	ok with_criu checkpoint --image-path "$IMAGE" "$ID"
}

@test "without criu" {
	up
	without() { env -i PATH=/nonexistent "$RUNTIME" --root "$ROOT" "$@"; }
	no 1 'exec: "criu": executable file not found in $PATH' without checkpoint "$ID"
	[[ $err == *"hint: checkpoint and restore are done by CRIU: install the package criu"* ]] || fail "no hint"
	no 1 'exec: "criu": executable file not found' without restore --bundle "$BUNDLE" other
	same status "$(status)" running
}

@test "containers that can't be dumped" {
	no 1 "does not exist" with_criu checkpoint none
	ok create "$ID"
	no 1 "container cannot be checkpointed in the created state" with_criu checkpoint --image-path "$IMAGE" "$ID"
	one_error
	ok rt start "$ID"
	ok rt update --device-add "c 7:9 r" "$ID"
	no 1 "devices were added to it; remove them before with update --device-remove" with_criu checkpoint --image-path "$IMAGE" "$ID"
	ok rt update --device-remove "c 7:9 r" "$ID"
	ok rt kill "$ID" KILL
	wait_status stopped
	no 1 "container cannot be checkpointed in the stopped state" with_criu checkpoint --image-path "$IMAGE" "$ID"
	[ ! -e "$IMAGE" ] || fail "an image was begun"
}

@test "checkpoint: flags that are wrong" {
	up
	wrong() {
		local want=$1
		shift
		no 1 "$want" with_criu checkpoint --image-path "$IMAGE" "$@" "$ID"
		[ ! -e "$IMAGE" ] || fail "$*: an image was begun"
	}
	wrong "invalid manage cgroups mode" --manage-cgroups-mode hard
	wrong "namespace pid is not supported" --empty-ns pid
	wrong "invalid network lock method" --network-lock none
	wrong "use --page-server ADDRESS:PORT" --page-server 4711
	wrong 'invalid port number "x"' --page-server localhost:x
	wrong 'invalid port number "0"' --page-server localhost:0
	wrong "--parent-path \"/tmp\" is absolute" --parent-path /tmp
	wrong "--status-fd 77: not open" --status-fd 77
	no 1 "requires exactly 1 argument" with_criu checkpoint
	same status "$(status)" running
}

@test "a criu that fails, or is none, or too old: the container goes on" {
	up
	no 1 "criu refused: it ended without an answer (exit status 1)" with_criu checkpoint --image-path "$IMAGE" "$ID"
	one_error
	stand_in 'kill -SEGV $$'
	no 1 "(signal: segmentation fault" with_criu checkpoint --image-path "$IMAGE" "$ID"
	# The answer to version: 3.11.
	stand_in 'head -c 1 <&3 >/dev/null; printf "\010\012\020\001\122\004\010\003\020\013" >&3'
	no 1 "$TOOLS/criu is version 3.11, expected 3.14 or later" with_criu checkpoint --image-path "$IMAGE" "$ID"
	same status "$(status)" running
}

@test "restore: what is no image leaves nothing behind" {
	restore() { with_criu restore --bundle "$BUNDLE" --image-path "$IMAGE" --detach "$@" "$ID"; }
	no 1 "is not the image of a checkpoint" restore
	mkdir "$IMAGE"
	no 1 "is not the image of a checkpoint" restore
	[ ! -e "$ROOT" ] || fail "a state directory"
	echo '["","",""]' >"$IMAGE/descriptors.json"
	no 1 "is not the image of a checkpoint" restore
	echo '{"mounts": 1}' >"$IMAGE/external-mounts.json"
	no 1 "external-mounts.json" restore
	echo '{"mounts": [{"id": "mount-0", "kind": "bind", "target": "/etc", "point": "/etc"}]}' >"$IMAGE/external-mounts.json"
	stand_in 'head -c 1 <&3 >/dev/null; printf "\010\012\020\001\122\004\010\004\020\001" >&3; sleep 1'
	no 1 'the image has a bind mount at "/etc", and config.json has none there' restore
	one_error
	echo '{"mounts": []}' >"$IMAGE/external-mounts.json"
	no 1 "criu" restore --pid-file "$BATS_TEST_TMPDIR/pid"
	[ ! -e "$BATS_TEST_TMPDIR/pid" ] || fail "a pid file"
	up
	no 1 "container with given ID already exists" restore
	same status "$(status)" running
	no 1 "invalid container ID format" with_criu restore --bundle "$BUNDLE" --image-path "$IMAGE" ../x
	no 1 "invalid manage cgroups mode" restore --manage-cgroups-mode hard
	no 1 "flag needs an argument" with_criu restore --lsm-mount-context
	[[ $out == *"flag needs an argument: -lsm-mount-context"* ]] || fail "podman looks for that on standard output"
}

@test "restore takes the steps that plan --restore shows, and --trace has their times" {
	config --arg s "$BATS_TEST_TMPDIR" '.mounts += [{destination: "/data", type: "bind", source: $s, options: ["bind", "ro"]}]
		| .linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000"}
		| .hooks = {createRuntime: [{path: "/bin/true"}]}'
	dumped
	ok rt plan --bundle "$BUNDLE" --restore "$IMAGE" "$ID"
	[[ $out == *"host "*"stage mount-0, the bind mount on"*"have CRIU restore the processes"*"set sysctl net.ipv4.ip_forward"*"run 1 createRuntime hooks"* ]] || fail "$out"
	[[ $out != *kernel.msgmax* && $out != *"init   "* ]] || fail "$out"
	[ ! -e "$ROOT" ] || same state "$(ls -A "$ROOT")" ""
	ok rt plan --bundle "$BUNDLE" --restore "$IMAGE" --json "$ID"
	local steps
	steps=$(jq -c '.parent[] | [.field // "", .text]' "$OUT")
	ok with_criu restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" --trace "$BATS_TEST_TMPDIR/trace" "$ID"
	same status "$(status)" running
	same steps "$(jq -c '[.traceEvents[] | select(.ph == "X")][1:][] | [.args.field // "", .name]' "$BATS_TEST_TMPDIR/trace")" "$steps"
	same "in order" "$(jq '[.traceEvents[] | select(.ph == "X")] | [.[].ts] == ([.[].ts] | sort) and all(.[]; .dur >= 0) and ([.[].pid] | unique | length == 1)' "$BATS_TEST_TMPDIR/trace")" true
	[[ $(awk '$5 == "/data" { print $6 }' "/proc/$(pid_of)/mountinfo") == ro* ]] || fail "/data is not read-only"
	same sysctl "$(nsenter --net="/proc/$(pid_of)/ns/net" cat /proc/sys/net/ipv4/ip_forward)" 1
}

@test "restore: a step that fails is named, and CRIU and all that was made is gone" {
	dumped
	restore() { with_criu restore --bundle "$BUNDLE" --image-path "$IMAGE" --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"; }
	config '.hooks = {createRuntime: [{path: "/bin/true"}, {path: "/bin/false"}]}'
	no 1 "hooks.createRuntime[1]" restore
	one_error
	config 'del(.hooks) | .linux.sysctl = {"net.ipv4.none": "1"}'
	no 1 "linux.sysctl.net.ipv4.none: set sysctl" restore
	config 'del(.linux.sysctl) | .mounts += [{destination: "/v", type: "bind", source: "/nonexistent", options: ["bind"]}]'
	no 1 'mounts[7].source: open "/nonexistent"' restore
	[ ! -e "$BATS_TEST_TMPDIR/pid" ] || fail "a pid file"
	no 1 "does not exist" rt state "$ID"
	[ -z "$(cgroups_left)" ] || fail "cgroup left"
}

@test "restore: a signal ends it, with the hook that runs, and undoes it" {
	dumped
	printf '#!/bin/sh\necho >"%s"\nexec sleep 100\n' "$BATS_TEST_TMPDIR/hooked" >"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg h "$BATS_TEST_TMPDIR/hook" '.hooks = {createRuntime: [{path: $h}]}'
	PATH=$TOOLS:$PATH "$RUNTIME" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGE" --detach "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- &
	local pid=$! rc=0
	until_true test -e "$BATS_TEST_TMPDIR/hooked"
	kill -TERM $pid
	wait $pid || rc=$?
	same "exit code" "$rc" 143
	no 1 "does not exist" rt state "$ID"
	[ -z "$(cgroups_left)" ] || fail "cgroup left"
}

@test "restore: the ids of what a bind mount takes from the root filesystem are mapped again" {
	mkdir "$BUNDLE/rootfs/from" "$BUNDLE/rootfs/to"
	config '.mounts += [{destination: "/to", type: "bind", source: "rootfs/from", options: ["bind"],
		uidMappings: [{containerID: 0, hostID: 7, size: 10}], gidMappings: [{containerID: 0, hostID: 7, size: 10}]}]'
	dumped
	ok with_criu restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" "$ID"
	same owner "$(stat -c %u "/proc/$(pid_of)/root/to")" 7
}

@test "criu may use the processors that the caller may" {
	stand_in "grep Cpus_allowed_list /proc/self/status >$BATS_TEST_TMPDIR/used; exit 1"
	local want
	want=$(grep Cpus_allowed_list /proc/self/status)
	up
	no 1 "criu refused" with_criu checkpoint --image-path "$IMAGE" "$ID"
	same "of a dump" "$(<"$BATS_TEST_TMPDIR/used")" "$want"
	rm "$BATS_TEST_TMPDIR/used"
	ok rt delete --force "$ID"
	mkdir -p "$IMAGE"
	echo '["","",""]' >"$IMAGE/descriptors.json"
	echo '{"mounts": []}' >"$IMAGE/external-mounts.json"
	no 1 criu with_criu restore --bundle "$BUNDLE" --image-path "$IMAGE" --detach "$ID"
	same "of a restore" "$(<"$BATS_TEST_TMPDIR/used")" "$want"
}

@test "what engines ask before: help and features" {
	ok rt checkpoint --help
	for flag in image-path work-path parent-path leave-running tcp-established tcp-skip-in-flight link-remap ext-unix-sk \
		shell-job lazy-pages status-fd page-server file-locks pre-dump manage-cgroups-mode empty-ns auto-dedup network-lock; do
		[[ $out == *"--$flag"* ]] || fail "checkpoint has no --$flag"
	done
	ok rt restore --help
	for flag in console-socket image-path work-path tcp-established ext-unix-sk shell-job file-locks manage-cgroups-mode bundle \
		detach pid-file no-subreaper no-pivot empty-ns auto-dedup lazy-pages lsm-profile lsm-mount-context tcp-close parent-path; do
		[[ $out == *"--$flag"* ]] || fail "restore has no --$flag"
	done
	ok rt features
	same annotation "$(jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]' "$OUT")" true
	same unsafe "$(jq '.potentiallyUnsafeConfigAnnotations | index("org.criu.config") != null' "$OUT")" true
}
