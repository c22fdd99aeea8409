#!/usr/bin/env bats
# bats file_tags=needs:criu
# checkpoint and restore, by CRIU: what comes back is what was dumped, and no more
# than config.json allows.
load ../suites/helpers
load guest

# A container that counts in memory, and shows how far it is in a volume.
COUNTER='i=0; while :; do i=$((i+1)); echo $i >/data/n; sleep 0.05; done'

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ln -s . "$BATS_TEST_TMPDIR/link"
	ROOT=$BATS_TEST_TMPDIR/link/root # engines have /var/run, which is a link
	IMAGE=$BATS_TEST_TMPDIR/image
	VOLUME=$BATS_TEST_TMPDIR/volume
	mkdir -p "$VOLUME"
	flags=$(host_flags)
}

counter() {
	script "$COUNTER"
	mkdir -p "$BUNDLE/rootfs/data"
	config --arg v "$VOLUME" '.mounts += [{destination: "/data", type: "bind", source: $v, options: ["rbind", "rw"]}]'
}

checkpoint() { rt checkpoint --image-path "$IMAGE" "$@"; }
restore() { rt restore --bundle "$BUNDLE" --image-path "$IMAGE" "$@"; }
back() { ok restore --detach "$@" "$ID"; }

# host_flags: CRIU left to itself resets the options of the host's cgroup2.
host_flags() { awk '$3 == "cgroup2" { print $4 }' /proc/mounts; }

# The file is empty for a moment each time.
seen() {
	until_true test -s "$VOLUME/n"
	local n=
	while [ -z "$n" ]; do n=$(cat "$VOLUME/n"); done
	echo "$n"
}
counts_beyond() { [ "$(cat "$VOLUME/n" 2>/dev/null)" -gt "$1" ]; }
# goes_on FROM: the counter is beyond FROM, and still counts.
goes_on() {
	until_true counts_beyond "$1"
	until_true counts_beyond "$(seen)"
}
counted() { until_true counts_beyond "${1:-3}"; }

# mount_of POINT: options of a mount of the container's.
mount_of() { POINT=$1 awk '$5 == ENVIRON["POINT"] { print $6 }' "/proc/$(pid_of)/mountinfo"; }

@test "a container comes back with all that it was, and goes like any other" {
	counter
	mkdir "$BATS_TEST_TMPDIR/fixed"
	config --arg f "$BATS_TEST_TMPDIR/fixed" '.root.readonly = true
		| .mounts += [{destination: "/fixed", type: "bind", source: $f, options: ["bind", "ro", "nosuid"]},
			{destination: "/run/a b", type: "bind", source: $f, options: ["bind", "ro", "rprivate"]}]
		| .linux.resources += {memory: {limit: 100000000}, pids: {limit: 20}}
		| .linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000"}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["reboot"], action: "SCMP_ACT_ERRNO"}]}
		| .annotations = {"test": "kept"}'
	mkdir -p "$BUNDLE/rootfs/fixed" "$BUNDLE/rootfs/run/a b"
	up
	counted
	ok rt update --memory 120m "$ID"
	ok checkpoint "$ID"
	same stdout "$out" ""
	no 1 "does not exist" rt state "$ID"
	[ -z "$(cgroups_left)" ] || fail "cgroup left"
	[ -s "$IMAGE/dump.log" ] || fail "no dump.log"
	local at
	at=$(seen)

	back --pid-file "$BATS_TEST_TMPDIR/pid"
	goes_on "$at"
	same status "$(status)" running
	same "pid file" "$(cat "$BATS_TEST_TMPDIR/pid")" "$(pid_of)"
	same annotation "$(rt state "$ID" | jq -r .annotations.test)" kept
	same bundle "$(rt state "$ID" | jq -r .bundle)" "$BUNDLE"
	local pid cgroup
	pid=$(pid_of)
	cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	same "cgroup by name" "$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")" "$cgroup"
	same limits "$(cat "$cgroup/memory.max" "$cgroup/pids.max" | xargs)" "125829120 20"
	for ns in cgroup ipc mnt net pid uts; do
		[ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ] || fail "the host's $ns namespace"
	done
	[[ $(mount_of /) == ro* ]] || fail "root: $(mount_of /)"
	[[ $(mount_of /fixed) == ro,nosuid* ]] || fail "/fixed: $(mount_of /fixed)"
	[[ $(mount_of '/run/a\040b') == ro* ]] || fail "/run/a b: $(mount_of '/run/a\040b')"
	[[ $(mount_of /data) == rw* ]] || fail "/data: $(mount_of /data)"
	[[ $(mount_of /proc/keys) == ro* ]] || fail "/proc/keys is not masked"
	same seccomp "$(sed -n 's/^Seccomp:\t//p' "/proc/$pid/status")" 2
	same "no new privileges" "$(sed -n 's/^NoNewPrivs:\t//p' "/proc/$pid/status")" 1

	ok rt exec "$ID" sh -c 'hostname; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; ! touch /data2 2>/dev/null; ! touch /fixed/x 2>/dev/null; ip addr show dev lo | grep -c 127.0.0.1'
	same "in the container" "$(xargs <<<"$out")" "house 1 9000 1"
	ok rt ps --format json "$ID"
	same "ps" "$(jq 'length > 1' <<<"$out")" true
	ok rt pause "$ID"
	same status "$(status)" paused
	ok rt resume "$ID"
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
	same "the host's cgroup2" "$(host_flags)" "$flags"
}

@test "a service of systemd's, restored without one that waits" {
	counter
	ok env NOTIFY_SOCKET=/run/systemd/notify "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	ok rt start "$ID"
	counted
	ok checkpoint "$ID"
	local at
	at=$(seen)
	ok env NOTIFY_SOCKET=/run/systemd/notify "$RUNTIME" --root "$ROOT" restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" "$ID"
	goes_on "$at"
	[[ $(mount_of /run/notify) == ro* ]] || fail "/run/notify: $(mount_of /run/notify)"
}

@test "another id gets another cgroup; two containers of one image; the old one's is left alone" {
	counter
	config '.linux.cgroupsPath = "/t-first"'
	up
	counted
	ok checkpoint "$ID"
	local at
	at=$(seen)
	mkdir -p /sys/fs/cgroup/t-first
	for id in "$ID-2" "$ID-3"; do
		config --arg p "/$id" '.linux.cgroupsPath = $p'
		ok restore --detach "$id"
		same cgroup "$(cat "/proc/$(pid_of "$id")/cgroup")" "0::/$id"
		ok rt exec "$id" cat /proc/self/cgroup
		same "seen from inside" "$out" "0::/"
	done
	goes_on "$at"
	rmdir /sys/fs/cgroup/t-first || fail "somebody is in the old cgroup"
	no 1 "already exists" restore --detach "$ID-2"
}

@test "in the foreground: streams, exit code, signals" {
	script 'trap "echo got it; exit 7" TERM; while :; do sleep 0.05; done'
	# Its output is a pipe now, and will be another one.
	(rt run --bundle "$BUNDLE" "$ID" </dev/null 3>&- 2>&1 | cat >"$BATS_TEST_TMPDIR/before") &
	wait_status running
	until_true grep -qE '^SigCgt:.*[4-7c-f][0-9a-f]{3}$' "/proc/$(pid_of)/status" # SIGTERM is the fifteenth
	ok checkpoint "$ID"
	wait
	(rt restore --bundle "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null 3>&- || echo "code $?") 2>&1 | cat >"$BATS_TEST_TMPDIR/after" &
	wait_status running
	ok rt kill "$ID" TERM
	wait
	same output "$(cat "$BATS_TEST_TMPDIR/after")" $'got it\ncode 7'
	no 1 "does not exist" rt state "$ID"
}

@test "output to a file of the host" {
	script 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done'
	rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >"$VOLUME/n" 2>&1 3>&-
	last() { tail -n 1 "$VOLUME/n"; }
	more() { [ "$(last)" -gt "$1" ]; }
	until_true more 3
	ok checkpoint "$ID"
	local at
	at=$(last)
	rt restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >>"$VOLUME/n" 2>&1 3>&- || fail "restore"
	until_true more "$at"
	same "next after $at" "$(grep -A1 -x "$at" "$VOLUME/n" | tail -n 1)" $((at + 1))
}

@test "--leave-running, --pre-dump and a chain of parents" {
	counter
	up
	counted
	ok rt checkpoint --pre-dump --image-path "$BATS_TEST_TMPDIR/one" "$ID"
	same status "$(status)" running
	goes_on "$(seen)"
	ok rt checkpoint --pre-dump --image-path "$BATS_TEST_TMPDIR/two" --parent-path ../one "$ID"
	same status "$(status)" running
	no 1 "--parent-path" checkpoint --parent-path ../nowhere "$ID"
	ok checkpoint --parent-path ../two --leave-running --work-path "$BATS_TEST_TMPDIR/work" "$ID"
	[ -s "$BATS_TEST_TMPDIR/work/dump.log" ] || fail "no dump.log in the work directory"
	same status "$(status)" running
	local at
	at=$(seen)
	goes_on "$at"
	ok rt delete --force "$ID"
	echo 0 >"$VOLUME/n"
	back
	goes_on "$at"
	# From a paused container, as engines do it: it stays paused.
	ok rt pause "$ID"
	rm -rf "$IMAGE"
	ok checkpoint --leave-running "$ID"
	same status "$(status)" paused
	ok rt resume "$ID"
	goes_on "$(seen)"
}

@test "a terminal: to the console socket, and in the foreground" {
	config '.process.terminal = true'
	script 'while read -r line; do echo "<$line>"; done'
	"$PROBE" receive "$BATS_TEST_TMPDIR/sock" >"$BATS_TEST_TMPDIR/got" 2>&1 3>&- </dev/null &
	local receiver=$!
	until_true test -S "$BATS_TEST_TMPDIR/sock"
	ok create --console-socket "$BATS_TEST_TMPDIR/sock" "$ID"
	ok rt start "$ID"
	ok checkpoint "$ID"
	wait "$receiver" || true
	try "$PROBE" pty raw: 'type:again\r' 'see:<again>' 'type:\x04' -- "$RUNTIME" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGE" "$ID"
	[[ $out == *"<again>"* ]] || fail "no answer"
	rt delete --force "$ID"
	rm -f "$BATS_TEST_TMPDIR/sock"
	"$PROBE" receive "$BATS_TEST_TMPDIR/sock" >"$BATS_TEST_TMPDIR/got" 2>&1 3>&- </dev/null &
	receiver=$!
	until_true test -S "$BATS_TEST_TMPDIR/sock"
	back --console-socket "$BATS_TEST_TMPDIR/sock"
	same status "$(status)" running
	ok rt delete --force "$ID"
	wait "$receiver" || true
	no 1 "console socket" restore --detach "$ID"
}

@test "namespaces by path, hooks as at create, lsm profile refused by CRIU" {
	counter
	ip netns add "$ID"
	ip -n "$ID" link add dummy1 type dummy
	cat >"$BATS_TEST_TMPDIR/hook" <<-'HOOK'
		#!/bin/sh
		echo "$1 $(jq -r '"\(.status) \(.pid > 0)"')" >>"${0%/*}/hooks"
	HOOK
	chmod +x "$BATS_TEST_TMPDIR/hook"
	config --arg h "$BATS_TEST_TMPDIR/hook" --arg n "/run/netns/$ID" '
		def hook($k): {($k): [{path: $h, args: ["hook", $k]}]};
		.linux.namespaces |= map(if .type == "network" then .path = $n else . end)
		| .hooks = (hook("prestart") + hook("createRuntime") + hook("poststart") + hook("poststop"))'
	up
	counted
	ok checkpoint "$ID"
	same "hooks of the first life" "$(cat "$BATS_TEST_TMPDIR/hooks" | xargs)" \
		"prestart creating true createRuntime creating true poststart running true poststop stopped false"
	rm "$BATS_TEST_TMPDIR/hooks"
	local at
	at=$(seen)
	back
	goes_on "$at"
	same "network namespace" "$(stat -Lc %i "/proc/$(pid_of)/ns/net")" "$(stat -Lc %i "/run/netns/$ID")"
	ok rt delete --force "$ID"
	same "hooks of the second" "$(cat "$BATS_TEST_TMPDIR/hooks" | xargs)" \
		"prestart creating true createRuntime creating true poststop stopped false"

	# A hook that fails ends it.
	config '.hooks = {createRuntime: [{path: "/bin/false"}]}'
	no 1 "createRuntime" restore --detach "$ID"
	one_error
	no 1 "does not exist" rt state "$ID"
	ip netns del "$ID"
}

@test "a user namespace" {
	counter
	chown 100000:100000 "$VOLUME"
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	up
	counted
	ok checkpoint "$ID"
	local at
	at=$(seen)
	back
	goes_on "$at"
	same "uid map" "$(xargs <"/proc/$(pid_of)/uid_map")" "0 100000 65536"
	# The image is given to the container's root. What an image from elsewhere
	# calls its parent is not.
	ok rt delete --force "$ID"
	mkdir "$BATS_TEST_TMPDIR/precious"
	ln -s ../precious "$IMAGE/parent"
	no 1 "was not written by crun-go" restore --detach "$ID"
	same owner "$(stat -c %u "$BATS_TEST_TMPDIR/precious")" 0
}

@test "M2: in a user namespace the flags of sources stay locked" {
	counter
	chown 100000:100000 "$VOLUME"
	mkdir "$BATS_TEST_TMPDIR/strict" "$BUNDLE/rootfs/strict" # the container may not
	mount -t tmpfs -o nosuid,nodev,noexec strict "$BATS_TEST_TMPDIR/strict"
	mount -o remount,bind,ro "$BATS_TEST_TMPDIR/strict"
	config --arg s "$BATS_TEST_TMPDIR/strict" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .mounts += [{destination: "/strict", type: "bind", source: $s, options: ["rbind", "ro"]}]'
	up
	counted
	ok checkpoint "$ID"
	back
	ok rt exec --cap CAP_SYS_ADMIN "$ID" sh -c 'for o in rw suid dev exec; do mount -o remount,bind,$o /strict; done 2>/dev/null; true'
	local flags
	flags=$(mount_of /strict)
	ok rt delete --force "$ID"
	umount "$BATS_TEST_TMPDIR/strict"
	[[ $flags == ro,nosuid,nodev,noexec,* ]] || fail "flags are $flags"
}

@test "systemd's cgroup" {
	counter
	config --arg p "system.slice:crun-go:$ID" '.linux.cgroupsPath = $p | .linux.resources += {memory: {limit: 100000000}}'
	ok rt --systemd-cgroup run --detach --bundle "$BUNDLE" "$ID"
	counted
	ok checkpoint "$ID"
	local at
	at=$(seen)
	ok rt --systemd-cgroup restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" "$ID"
	goes_on "$at"
	same cgroup "$(cat "/proc/$(pid_of)/cgroup")" "0::/system.slice/crun-go-$ID.scope"
	same limit "$(systemctl show -P MemoryMax "crun-go-$ID.scope")" 100000000
	ok rt delete --force "$ID"
	same unit "$(systemctl list-units --all --plain --no-legend "*$ID*")" ""
}

@test "cgroup modes: one below the container's comes back; ignore keeps the namespace" {
	config '.mounts |= map(if .type == "cgroup" then .options = ["nosuid", "noexec", "nodev"] else . end)'
	counter
	up
	counted
	ok rt exec "$ID" sh -c 'mkdir /sys/fs/cgroup/below && echo 1 >/sys/fs/cgroup/below/cgroup.procs'
	ok checkpoint "$ID"
	back
	same cgroup "$(cat "/proc/$(pid_of)/cgroup")" "0::/$ID/below"
	ok rt delete --force "$ID"
	up
	for mode in ignore full; do
		rm -rf "$IMAGE"
		ok checkpoint --manage-cgroups-mode "$mode" "$ID"
		back --manage-cgroups-mode "$mode"
		[ "$(readlink "/proc/$(pid_of)/ns/cgroup")" != "$(readlink /proc/self/ns/cgroup)" ] || fail "$mode: the host's cgroup namespace"
		same cgroup "$(cat "/proc/$(pid_of)/cgroup")" "0::/$ID"
	done
	same "the host's cgroup2" "$(host_flags)" "$flags"
}

@test "CVE-2026-119101: symbolic links that make one mount pass for another" {
	counter
	mkdir -p "$BATS_TEST_TMPDIR/secret" "$BUNDLE/rootfs/real" "$BUNDLE/rootfs/other"
	ln -s real "$BUNDLE/rootfs/link"
	config --arg s "$BATS_TEST_TMPDIR/secret" --arg v "$VOLUME" '.mounts += [
		{destination: "/link/m", type: "bind", source: $s, options: ["bind", "ro"]},
		{destination: "/other/m", type: "bind", source: $v, options: ["bind", "rw"]}]'
	up
	counted
	# Both lead to the writable one now: a restore would mount the read-only
	# source there, with the flags of the other.
	ok rt exec "$ID" ln -sfn other /link
	no 1 "mounts[8]: the mount at \"/other/m\" is not ro" checkpoint "$ID"
	same status "$(status)" running
	# With the same flags the source distinguishes them.
	ok rt delete --force "$ID"
	config '.mounts[8].options = ["bind", "rw"]'
	ln -sfn real "$BUNDLE/rootfs/link"
	up
	ok rt exec "$ID" ln -sfn other /link
	no 1 "mounts[8]: the mount at \"/other/m\" is not of" checkpoint "$ID"
	# Of one source, one of them would be left over.
	ok rt delete --force "$ID"
	config '.mounts[8].source = .mounts[9].source'
	ln -sfn real "$BUNDLE/rootfs/link"
	up
	ok rt exec "$ID" ln -sfn other /link
	no 1 "leads to the mount of mounts[8]" checkpoint "$ID"
	# And a link that leads nowhere is an error, not another mount's place.
	ok rt exec "$ID" ln -sfn /nowhere /link
	no 1 "mounts[8]" checkpoint "$ID"
	ok rt exec "$ID" ln -sfn real /link
	ok checkpoint "$ID"
}

@test "CVE-2026-115520: names that end CRIU's brackets" {
	counter
	mkdir -p "$BUNDLE/rootfs/x]:mount-0"
	ln -s 'x]:mount-0' "$BUNDLE/rootfs/link"
	config --arg v "$VOLUME" '.mounts += [{destination: "/link/m", type: "bind", source: $v, options: ["bind"]}]'
	up
	counted
	no 1 'contains "]:"' checkpoint "$ID"
	same status "$(status)" running
	[ -z "$(jq -r '.mounts[].id' "$IMAGE/external-mounts.json" 2>/dev/null | grep -v '^mount-[0-9]*$')" ] || fail "a name that says something"
}

@test "CVE-2026-119101: what changes between dump and restore" {
	counter
	mkdir -p "$BATS_TEST_TMPDIR/host/m" "$BATS_TEST_TMPDIR/ro" "$BUNDLE/rootfs/mnt/m"
	echo untouched >"$BATS_TEST_TMPDIR/host/m/file"
	config --arg s "$BATS_TEST_TMPDIR/ro" '.mounts += [{destination: "/mnt/m", type: "bind", source: $s, options: ["bind", "rw"]}]'
	up
	counted
	ok checkpoint "$ID"
	# The mount is to be read-only now, and the image has it writable.
	config '.mounts[8].options = ["bind", "ro"]'
	no 1 "mounts[8]: restored at \"/mnt/m\", the mount is not ro" restore --detach "$ID"
	one_error
	config '.mounts[8].options = ["bind", "rw"]'
	# A link in the root filesystem leads the mount point out of it.
	mv "$BUNDLE/rootfs/mnt" "$BUNDLE/rootfs/old"
	ln -s "$BATS_TEST_TMPDIR/host" "$BUNDLE/rootfs/mnt"
	try restore --detach "$ID"
	[ "$rc" = 1 ] || fail "restored over a link"
	no 1 "does not exist" rt state "$ID"
	same "the host's file" "$(cat "$BATS_TEST_TMPDIR/host/m/file")" untouched
	rm "$BUNDLE/rootfs/mnt"
	mv "$BUNDLE/rootfs/old" "$BUNDLE/rootfs/mnt"
	# A mount that config.json has no longer.
	config 'del(.mounts[8])'
	no 1 'the image has a bind mount at "/mnt/m"' restore --detach "$ID"
	[ -z "$(cgroups_left)" ] || fail "cgroup left"
	same "the host's cgroup2" "$(host_flags)" "$flags"
}

@test "mount points that are gone are made again, also in a volume" {
	counter
	mkdir "$BATS_TEST_TMPDIR/nested"
	echo text >"$BATS_TEST_TMPDIR/file"
	config --arg d "$BATS_TEST_TMPDIR/nested" --arg f "$BATS_TEST_TMPDIR/file" '.mounts += [
		{destination: "/data/some/dir", type: "bind", source: $d, options: ["bind"]},
		{destination: "/data/file", type: "bind", source: $f, options: ["bind", "ro"]}]'
	up
	counted
	ok checkpoint "$ID"
	local at
	at=$(seen)
	rm -r "$VOLUME/some" "$VOLUME/file" "$BUNDLE/rootfs/data"
	back
	goes_on "$at"
	[ -d "$VOLUME/some/dir" ] && [ -f "$VOLUME/file" ] || fail "not made"
	[ -n "$(mount_of /data/some/dir)" ] || fail "not mounted"
	same file "$(mount_of /data/file | cut -d, -f1)" ro
}

@test "a runtime that is killed: the dumped container goes on, the restored one can be deleted" {
	counter
	up
	counted
	for delay in 0.2 0.6 1.2 2.0; do
		rm -rf "$IMAGE"
		timeout -s KILL "$delay" "$RUNTIME" --root "$ROOT" checkpoint --leave-running --image-path "$IMAGE" "$ID" </dev/null >/dev/null 2>&1 3>&- || true
		thawed() { same status "$(status)" running; }
		until_true thawed
		goes_on "$(seen)"
		until_true sh -c '! pgrep -x criu'
	done
	rm -rf "$IMAGE"
	ok checkpoint "$ID"
	for delay in 0.1 0.3 0.6 1.0 1.6; do
		timeout -s KILL "$delay" "$RUNTIME" --root "$ROOT" restore --detach --bundle "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >/dev/null 2>&1 3>&- || true
		ok rt delete --force "$ID"
		[ -z "$(cgroups_left)" ] || fail "cgroup left after $delay"
	done
	until_true sh -c '! pgrep -x criu'
	back
	goes_on "$(seen)"
}

@test "lazy pages: status-fd tells when they can be fetched" {
	counter
	up
	counted
	mkfifo "$BATS_TEST_TMPDIR/ready"
	rt checkpoint --lazy-pages --page-server 127.0.0.1:27000 --status-fd 5 --image-path "$IMAGE" "$ID" \
		5<>"$BATS_TEST_TMPDIR/ready" </dev/null >"$BATS_TEST_TMPDIR/dumped" 2>&1 3>&- &
	local dump=$!
	same "ready" "$(timeout 60 head -c 1 "$BATS_TEST_TMPDIR/ready" | od -An -tx1 | xargs)" 00
	criu lazy-pages --page-server --address 127.0.0.1 --port 27000 --images-dir "$IMAGE" --work-dir "$BATS_TEST_TMPDIR" </dev/null >"$BATS_TEST_TMPDIR/lazy" 2>&1 3>&- &
	local at
	at=$(seen)
	until_true test -S "$BATS_TEST_TMPDIR/lazy-pages.socket"
	ok rt restore --detach --lazy-pages --bundle "$BUNDLE" --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR" "$ID-2"
	goes_on "$at"
	wait "$dump" || fail "$(cat "$BATS_TEST_TMPDIR/dumped")"
	wait
}

@test "errors say what CRIU says, and leave all as it was" {
	counter
	up
	counted
	# A mount that is not recorded any more.
	mkdir -p "$BATS_TEST_TMPDIR/extra"
	jq --null-input --arg s "$BATS_TEST_TMPDIR/extra" '[{destination: "/extra", type: "bind", source: $s, options: ["bind"]}]' >"$BATS_TEST_TMPDIR/mounts.json"
	ok rt mounts add "$ID" "$BATS_TEST_TMPDIR/mounts.json"
	no 1 "criu dump: mnt: " checkpoint "$ID"
	[[ $err == *"/extra"*"(log: $IMAGE/dump.log)"* ]] || fail "the error lacks CRIU's reason"
	one_error
	same status "$(status)" running
	goes_on "$(seen)"
	ok rt mounts remove "$ID" "$BATS_TEST_TMPDIR/mounts.json"
	ok checkpoint "$ID"
	rm "$IMAGE/core-1.img"
	no 1 "criu restore: " restore --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	[[ $err == *"(log: $IMAGE/restore.log)"* ]] || fail "the error lacks CRIU's reason"
	one_error
	[ ! -e "$BATS_TEST_TMPDIR/pid" ] || fail "a pid file"
	no 1 "does not exist" rt state "$ID"
	[ -z "$(cgroups_left)" ] || fail "cgroup left"
}
