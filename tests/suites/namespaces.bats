#!/usr/bin/env bats
# Namespaces: made, shared with the host, joined by path; id mappings.
load helpers

view() {
	args /probe view
	ok run_bundle "$ID"
}

# userns: a user namespace with ids 0..999 at 100000, and a root that they own.
userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:200000 "$BUNDLE/rootfs"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BUNDLE"
}

# helper ARG...: a process with namespaces of its own, made by unshare ARG...;
# $helper is the pid of that unshare, which with --fork has the process as its
# child.
helper() {
	unshare "$@" sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	helper=$!
	until_true sh -c "[ \"\$(cat /proc/$helper/comm)\" = sleep ] || pgrep -P $helper -x sleep"
}

path_of() { config --arg t "$1" --arg p "$2" '.linux.namespaces |= map(if .type == $t then .path = $p else . end)'; }

@test "every namespace of the config is new, no other" {
	view
	local n
	for n in cgroup ipc mnt net pid uts; do
		[ "$(jq -r ".namespaces.$n" "$OUT")" != "$(readlink /proc/self/ns/$n)" ] || fail "$n is the host's"
	done
	for n in user time; do
		same "$n" "$(jq -r ".namespaces.$n" "$OUT")" "$(readlink /proc/self/ns/$n)"
	done
}

@test "namespaces left out are the caller's" {
	config '.linux.namespaces = [{type: "mount"}] | del(.hostname)'
	view
	local n
	for n in cgroup ipc net pid uts user; do
		same "$n" "$(jq -r ".namespaces.$n" "$OUT")" "$(readlink /proc/self/ns/$n)"
	done
}

@test "a new network namespace has lo up" {
	inside ip -o link show lo
	[[ $out == *"<LOOPBACK,UP"* ]] || fail "lo is down"
}

@test "the cgroup namespace is rooted in the container's cgroup" {
	inside grep ^0: /proc/self/cgroup
	same cgroup "$out" "0::/"
}

@test "join network, uts and ipc by path" {
	helper --net --uts --ipc
	path_of network "/proc/$helper/ns/net"
	path_of uts "/proc/$helper/ns/uts"
	path_of ipc "/proc/$helper/ns/ipc"
	config 'del(.hostname)'
	view
	same net "$(jq -r .namespaces.net "$OUT")" "$(readlink "/proc/$helper/ns/net")"
	same uts "$(jq -r .namespaces.uts "$OUT")" "$(readlink "/proc/$helper/ns/uts")"
	same ipc "$(jq -r .namespaces.ipc "$OUT")" "$(readlink "/proc/$helper/ns/ipc")"
	kill "$helper"
}

@test "join a pid namespace by path" {
	helper --pid --fork --mount-proc
	local inner
	inner=$(pgrep -P "$helper")
	path_of pid "/proc/$inner/ns/pid"
	view
	same pid "$(jq -r .namespaces.pid "$OUT")" "$(readlink "/proc/$inner/ns/pid")"
	[ "$(jq .pid "$OUT")" -gt 1 ] || fail "pid is $(jq .pid "$OUT")"
	# And as a container that lives on.
	args sleep 1000
	up
	same parent "$(awk '$1 == "PPid:" { print $2 }' "/proc/$(pid_of)/status")" 1
	ok rt kill "$ID" KILL
	wait_status stopped
	kill "$inner"
}

@test "join the container of another one, as a pod does" {
	up
	local pause
	pause=$(pid_of)
	path_of network "/proc/$pause/ns/net"
	path_of ipc "/proc/$pause/ns/ipc"
	path_of uts "/proc/$pause/ns/uts"
	path_of pid "/proc/$pause/ns/pid"
	config 'del(.hostname)'
	args /probe view
	ok run_bundle "$ID-member"
	same net "$(jq -r .namespaces.net "$OUT")" "$(readlink "/proc/$pause/ns/net")"
	same pid "$(jq -r .namespaces.pid "$OUT")" "$(readlink "/proc/$pause/ns/pid")"
}

# shared_pid: the next container joins the pid namespace of one that is up.
shared_pid() {
	up
	path_of pid "/proc/$(pid_of)/ns/pid"
	MEMBER=$ID-member
	BUNDLE_FILES=$BUNDLE/rootfs
}

# own_pid: of the process that MEMBER is, as it sees itself.
own_pid() { awk '$1 == "NSpid:" { print $NF }' "/proc/$(pid_of "$MEMBER")/status"; }

@test "in a joined pid namespace everybody knows the process that stays" {
	ours "others join first"
	shared_pid
	config --arg out "$BATS_TEST_TMPDIR" '.hooks = {
		startContainer: [{path: "/bin/sh", args: ["sh", "-c", "cat >/hook-inside"]}],
		poststart: [{path: "/bin/sh", args: ["sh", "-c", "cat >\($out)/hook"]}]}
		| .annotations["run.oci.hooks.stdout"] = "\($out)/log"
		| .process.scheduler = {policy: "SCHED_FIFO", priority: 7, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
	args sleep 1000
	ok create --pid-file "$BATS_TEST_TMPDIR/pid" "$MEMBER"
	local pid own
	pid=$(pid_of "$MEMBER") own=$(own_pid)
	same "pid file" "$(cat "$BATS_TEST_TMPDIR/pid")" "$pid"
	same policy "$(awk '{ print $41 }' "/proc/$pid/stat")" 1
	ok rt exec "$ID" test -d "/proc/$own"
	ok rt kill "$MEMBER" KILL
	wait_status stopped "$MEMBER"
	ok rt delete "$MEMBER"
	config 'del(.process.scheduler)'
	ok run_bundle --detach "$MEMBER"
	pid=$(pid_of "$MEMBER") own=$(own_pid)
	same "startContainer hook" "$(jq .pid "$BUNDLE_FILES/hook-inside")" "$own"
	same "poststart hook" "$(jq .pid "$BATS_TEST_TMPDIR/hook")" "$pid"
	same "its /proc" "$(rt exec "$MEMBER" readlink "/proc/$own/exe")" /bin/sleep
	ok rt delete --force "$MEMBER"
}

@test "in a joined pid namespace a process has its terminal and its sockets" {
	ours "others join first"
	shared_pid
	script 'echo $LISTEN_FDS $((LISTEN_PID - $$)); cat <&3'
	ok sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --root "$1" run --bundle "$2" "$3" 3<"$2/config.json" 4<&-' "$RUNTIME" "$ROOT" "$BUNDLE" "$MEMBER"
	same sockets "$(head -n 1 <<<"$out")" "1 0"
	same "what is passed on" "$(tail -n +2 <<<"$out" | jq -c .process.args)" "$(jq -c .process.args "$BUNDLE/config.json")"
	config '.process.terminal = true'
	script 'exec </dev/tty && echo controlled'
	ok run_bundle "$MEMBER"
	same terminal "${out%$'\r'}" controlled
}

@test "the runtime's own mount namespace is none to join" {
	ours "1.1 makes the container's root the host's"
	path_of mount /proc/self/ns/mnt
	# In one that would be no loss.
	try unshare --mount "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	same "exit code" $rc 1
	[[ $err == *"is the runtime's own mount namespace"* ]] || fail "want the reason"
}

@test "join a user namespace by path, with new ones of its own" {
	userns
	up
	local other
	other=$(pid_of)
	path_of user "/proc/$other/ns/user"
	args /probe view
	ok run_bundle "$ID-member"
	same user "$(jq -r .namespaces.user "$OUT")" "$(readlink "/proc/$other/ns/user")"
	[ "$(jq -r .namespaces.net "$OUT")" != "$(readlink "/proc/$other/ns/net")" ] || fail "shares the network"
	same map "$(jq -r '.uid_map[0]' "$OUT")" "0 100000 65536"
}

@test "user namespace: mappings, identity, ownership" {
	userns
	view
	[ "$(jq -r .namespaces.user "$OUT")" != "$(readlink /proc/self/ns/user)" ]
	same uid_map "$(jq -r '.uid_map | join(";")' "$OUT")" "0 100000 65536"
	same gid_map "$(jq -r '.gid_map | join(";")' "$OUT")" "0 200000 65536"
	same uid "$(jq -r .status.Uid "$OUT")" "0 0 0 0"
	same null "$(jq -r '.devices["/dev/null"]' "$OUT" | cut -d' ' -f1,2)" "c 1:3"
	args sleep 1000
	up
	same "uid outside" "$(awk '$1 == "Uid:" { print $2 }' "/proc/$(pid_of)/status")" 100000
}

@test "user namespace: a container without a procfs" {
	userns
	config '.mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	args sleep 1000
	ok create "$ID"
	same status "$(status)" created
	ok start "$ID"
	same status "$(status)" running
}

@test "user namespace: root in it may set its host name and mount, not the host's" {
	userns
	config '.process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_CHOWN"]) | .process.noNewPrivileges = false'
	script 'hostname inside && hostname; mount -t tmpfs t /tmp && echo mounted; chown 1:1 /tmp && echo chowned
		echo 1 2>/dev/null >/proc/sys/vm/drop_caches || echo refused'
	ok run_bundle "$ID"
	same output "$(tr '\n' ' ' <"$OUT")" "inside mounted chowned refused "
	same "host's name" "$(hostname)" "$(cat /proc/sys/kernel/hostname)"
}

@test "user namespace: another user, additional groups, masks" {
	userns
	config '.process.user = {uid: 1000, gid: 1000, additionalGids: [2000]}'
	view
	same uid "$(jq -r .status.Uid "$OUT")" "1000 1000 1000 1000"
	same groups "$(jq -r .status.Groups "$OUT")" "2000"
	inside sh -c 'wc -c </proc/keys; (echo 1 >/proc/sys/kernel/shm_rmid_forced) 2>/dev/null || echo ro'
	same masks "$out" $'0\nro'
}

@test "user namespace: several mappings and an unmapped id" {
	userns
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}, {containerID: 10, hostID: 300000, size: 20}]'
	view
	same uid_map "$(jq -r '.uid_map | join(";")' "$OUT")" "0 100000 10;10 300000 20"
	config '.process.user.uid = 30'
	args true
	no 1 "" run_bundle "$ID"
}

@test "user namespace: bind source that only root may reach" {
	userns
	mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
	echo secret >"$BATS_TEST_TMPDIR/closed/file"
	config --arg s "$BATS_TEST_TMPDIR/closed/file" '.mounts += [{destination: "/f", source: $s, options: ["bind", "ro"]}]'
	ours "1.1 cannot reach it"
	inside cat /f
	same content "$out" secret
}

@test "time namespace with offsets" {
	ours "1.1 has none"
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 0}, monotonic: {secs: 2000000, nanosecs: 5}}'
	view
	[ "$(jq -r .namespaces.time "$OUT")" != "$(readlink /proc/self/ns/time)" ]
	same offsets "$(jq -r '.time_offsets | join(";")' "$OUT")" "monotonic 2000000 5;boottime 1000000 0"
	inside cut -d. -f1 /proc/uptime
	[ "$out" -ge 1000000 ] || fail "uptime is $out"
}

@test "time namespace inside a user namespace" {
	ours "1.1 has none"
	userns
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	inside cut -d. -f1 /proc/uptime
	[ "$out" -ge 1000000 ] || fail "uptime is $out"
}

@test "time namespace in a user namespace by path" {
	ours "1.1 has none"
	userns
	up "$ID-other"
	config --arg p "/proc/$(pid_of "$ID-other")/ns/user" 'del(.linux.uidMappings, .linux.gidMappings)
		| .linux.namespaces |= map(if .type == "user" then .path = $p else . end)
		| .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	inside cut -d. -f1 /proc/uptime
	[ "$out" -ge 1000000 ] || fail "uptime is $out"
	config '.linux.timeOffsets.boottime.secs = -1000000000'
	no 1 "linux.timeOffsets.boottime: -1000000000 seconds: " run_bundle "$ID"
	config 'del(.linux.timeOffsets)'
	inside readlink /proc/self/ns/time
	[ "$out" != "$(readlink /proc/self/ns/time)" ] || fail "it is in the host's"
}

@test "no step of a container with few namespaces touches the host" {
	local before
	before=$(hostname; cat /proc/sys/kernel/shm_rmid_forced; umask; ls -l /dev | md5sum)
	config '.linux.namespaces = [{type: "mount"}, {type: "pid"}] | del(.hostname)'
	inside true
	same host "$(hostname; cat /proc/sys/kernel/shm_rmid_forced; umask; ls -l /dev | md5sum)" "$before"
}

@test "what belongs to a namespace is not set in the caller's own, joined by path" {
	local name field
	for name in network:net ipc:ipc uts:uts; do
		config --arg t "${name%:*}" --arg p "/proc/self/ns/${name#*:}" '(.linux.namespaces[] | select(.type == $t)).path = $p'
	done
	no 1 'linux.sysctl.net.ipv4.ip_forward: not in a separate kernel namespace: "/proc/self/ns/net" is the runtime' run_with '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | del(.hostname)'
	no 1 "linux.sysctl.kernel.msgmax: not in a separate" run_with '.linux.sysctl = {"kernel.msgmax": "1000"} | del(.hostname)'
	no 1 "linux.sysctl.kernel/domainname: not in a separate" run_with '.linux.sysctl = {"kernel/domainname": "mine"} | del(.hostname)'
	no 1 "hostname: not in a separate" run_with '.hostname = "mine"'
	no 1 "domainname: not in a separate" run_with 'del(.hostname) | .domainname = "mine"'
	[ "$(hostname)" != mine ] || fail "the caller's name is changed"
	args true
	ok run_with 'del(.hostname) | del(.linux.sysctl)'
}

# run_with FILTER: run with a config.json that is changed for this once.
run_with() {
	local rc=0
	cp "$BUNDLE/config.json" "$BUNDLE/kept"
	config "$1"
	run_bundle "$ID" || rc=$?
	mv "$BUNDLE/kept" "$BUNDLE/config.json"
	return "$rc"
}
