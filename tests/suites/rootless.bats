#!/usr/bin/env bats
# Containers of an ordinary user: one id, no helpers, no delegated cgroup.

load helpers
load nested

uid=65534

setup_rootless() {
	home=$BATS_TEST_TMPDIR/home
	mkdir -p "$home/run" "$home/bundle"
	chmod 755 "$BATS_TEST_TMPDIR" "$home" "$home/bundle"
	cp -a "$BUNDLE/rootfs" "$home/bundle/rootfs"
	install -m 0755 "$RUNTIME" "$home/crun-go"
	chown -R $uid:$uid "$home"
	as_user spec --rootless --bundle "$home/bundle"
	edit '.process.terminal = false'
}

# as_user ARGS: crun-go as a user without privileges, with an almost empty
# environment.
as_user() {
	(cd "$home" && setpriv --reuid $uid --regid $uid --clear-groups --inh-caps=-all \
		env -i XDG_RUNTIME_DIR="$home/run" PATH="$PATH" "$home/crun-go" "$@")
}

edit() {
	jq "$@" "$home/bundle/config.json" >"$home/c" && cat "$home/c" >"$home/bundle/config.json"
}

reachable() {
	setpriv --reuid $uid --regid $uid --clear-groups test -x "$BATS_TEST_TMPDIR" ||
		skip "the test's directory is out of an ordinary user's reach"
}

@test "rootless: run, output and exit code" {
	reachable
	setup_rootless
	edit '.process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map; cat /proc/1/comm; exit 7"]'
	run as_user run --bundle "$home/bundle" "$ID"
	[ "$status" = 7 ]
	[ "${lines[0]}" = 0 ]
	[[ ${lines[1]} =~ ^\ +0\ +$uid\ +1$ ]]
	[ -z "$(ls "$home/run/crun-go")" ]
}

@test "rootless: a filter is watched, and recorded" {
	reachable
	setup_rootless
	edit '.process.args = ["sh", "-c", "mkdir /tmp/x || cd /tmp; cat /proc/1/comm"]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 122}]}'
	ok as_user run --bundle "$home/bundle" --seccomp-log "$home/log" "$ID"
	same answer "$out" cat
	same log "$(jq -c '[.calls[] | [.call, .errno, .count]]' "$home/log")" '[["mkdir","EDQUOT",1]]'
	ok as_user seccomp record --bundle "$home/bundle" -o "$home/profile" "$ID"
	same answer "$out" cat
	same "the runtime's own calls" "$(jq -c '[.syscalls[0].names[] | select(. == "seccomp" or . == "mkdir" or . == "capset")]' "$home/profile")" "[]"
	edit --slurpfile p "$home/profile" '.linux.seccomp = $p[0]'
	ok as_user run --bundle "$home/bundle" "$ID"
	same answer "$out" cat
}

@test "rootless: check finds nothing wrong with it, and inspect nothing that differs" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"] | .linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces += [{type: "network"}] | .linux.namespaces |= unique'
	ok as_user check --strict --bundle "$home/bundle"
	ok as_user run --detach --bundle "$home/bundle" "$ID"
	try as_user inspect --drift "$ID"
	same "what differs" "$out$err" ""
	ok as_user inspect "$ID"
	ok as_user delete --force "$ID"
}

@test "rootless: what the container sees" {
	reachable
	setup_rootless
	edit '.process.args = ["sh", "-c", "cat /proc/self/gid_map /proc/self/setgroups; grep -E ^Cap /proc/self/status; hostname"]'
	ok as_user run --bundle "$home/bundle" "$ID"
	# gid map, setgroups, then the capabilities of spec: AUDIT_WRITE, KILL, NET_BIND_SERVICE.
	same view "$(tr -s ' \t\n' ' ' <"$OUT")" \
		" 0 $uid 1 deny CapInh: 0000000000000000 CapPrm: 0000000020000420 CapEff: 0000000020000420 CapBnd: 0000000020000420 CapAmb: 0000000000000000 crun-go "
}

@test "rootless: create, start, state, kill, delete" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"]'
	as_user create --bundle "$home/bundle" --pid-file "$home/pid" "$ID" </dev/null >/dev/null 2>&1
	[ "$(as_user state "$ID" | jq -r .status)" = created ]
	as_user start "$ID"
	[ "$(as_user state "$ID" | jq -r .status)" = running ]
	[[ $(as_user list -q) == "$ID" ]]
	[ "$(stat -c %a "$home/run/crun-go")" = 1700 ]
	[ "$(stat -c %u "/proc/$(cat "$home/pid")")" = $uid ]
	as_user kill "$ID" KILL
	for _ in $(seq 50); do
		[ "$(as_user state "$ID" | jq -r .status)" = stopped ] && break
		sleep 0.1
	done
	as_user delete "$ID"
	[ -z "$(ls "$home/run/crun-go")" ]
}

@test "rootless: a bind mount and the default devices" {
	reachable
	setup_rootless
	mkdir "$home/data" && echo hello >"$home/data/f" && chown -R $uid:$uid "$home/data"
	edit --arg d "$home/data" '.mounts += [{destination: "/data", source: $d, options: ["rbind", "ro"]}]
		| .process.args = ["sh", "-c", "cat /data/f; touch /data/g 2>&1; echo x >/dev/null && echo null"]'
	run as_user run --bundle "$home/bundle" "$ID"
	[ "$status" = 0 ]
	[ "${lines[0]}" = hello ]
	[[ ${lines[1]} == *"Read-only file system"* ]]
	[ "${lines[2]}" = null ]
}

@test "rootless: a terminal in the foreground, with and without one of the caller's" {
	reachable
	setup_rootless
	edit '.process.terminal = true | .process.args = ["sh", "-c", "tty; stty size; read -r line; echo got $line"]'
	install -m 0755 "$PROBE" "$home/probe"
	try env -i -C "$home" XDG_RUNTIME_DIR="$home/run" PATH="$PATH" "$home/probe" pty 'see:24 80' 'type:x\r' 'see:got x' -- \
		"$(command -v setpriv)" --reuid $uid --regid $uid --clear-groups --inh-caps=-all "$home/crun-go" run --bundle "$home/bundle" "$ID"
	same "exit code" "$rc" 0
	[[ $out == */dev/pts/0* ]] || fail "not its own terminal"
	echo y | as_user run --bundle "$home/bundle" "$ID" >"$OUT"
	grep -q 'got y' "$OUT"
}

@test "rootless: a limit without delegation is an error, and nothing is left" {
	reachable
	setup_rootless
	edit '.linux.resources.unified = {"memory.high": "100000000"} | .process.args = ["true"]'
	try as_user run --bundle "$home/bundle" "$ID"
	same "exit code" "$rc" 1
	one_error
	[[ $err == *linux.cgroupsPath* || $err == *linux.resources* ]] || fail "does not name the field"
	[ -z "$(ls "$home/run/crun-go")" ]
}

@test "rootless: a device added to and removed from a container that runs" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"]'
	ok as_user run --detach --bundle "$home/bundle" "$ID"
	ok as_user update --device-add /dev/zero:/dev/zeroes "$ID"
	as_user exec "$ID" head -c 2 /dev/zeroes >"$OUT"
	same "what is read" "$(od -An -tx1 <"$OUT")" " 00 00"
	no 1 'has no device filter, which could allow only "r"' as_user update --device-add /dev/full:/dev/more:r "$ID"
	no 1 'has no device filter, which a rule' as_user update --device-add "c 1:7" "$ID"
	ok as_user inspect --drift "$ID"
	ok as_user update --device-remove /dev/zeroes "$ID"
	! as_user exec "$ID" test -e /dev/zeroes || fail "the file is left"
	ok as_user delete --force "$ID"
}

@test "rootless: mounts added to and removed from a container that runs" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"] | .root.readonly = false'
	as_user create --bundle "$home/bundle" --pid-file "$home/pid" "$ID" </dev/null >/dev/null 2>&1
	as_user start "$ID"
	mkdir -m 0755 "$home/source"
	echo hello >"$home/source/file"
	chown -R $uid:$uid "$home/source"
	jq --null-input --arg s "$home/source" '[
		{destination: "/mnt/bind", source: $s, options: ["rbind", "ro"]},
		{destination: "/mnt/file", source: ($s + "/file"), options: ["bind"]},
		{destination: "/mnt/tmp", type: "tmpfs", source: "t"}]' >"$home/mounts.json"
	ok as_user mounts add "$ID" "$home/mounts.json"
	pid=$(<"$home/pid")
	same files "$(cat "/proc/$pid/root/mnt/bind/file" "/proc/$pid/root/mnt/file")" $'hello\nhello'
	[ "$(grep -c ' /mnt/' "/proc/$pid/mountinfo")" = 3 ] || fail "$(cat "/proc/$pid/mountinfo")"
	# A path of the host that is not there must not be looked for in the container.
	jq --null-input '[{destination: "/mnt/x", source: "/mnt/bind", options: ["bind"]}]' >"$home/inner.json"
	no 1 'mounts[0].source: open "/mnt/bind": no such file or directory' as_user mounts add "$ID" "$home/inner.json"
	ok as_user mounts remove "$ID" "$home/mounts.json"
	! grep ' /mnt/' "/proc/$pid/mountinfo" || fail "mounts are left"
	as_user delete --force "$ID"
}

@test "rootless: flags of a source that are locked stay, unless they are to go" {
	reachable
	setup_rootless
	mkdir "$home/locked"
	mount -t tmpfs -o nosuid,nodev,noexec,noatime t "$home/locked"
	edit --arg s "$home/locked" '.mounts += [{destination: "/l", source: $s, options: ["bind", "ro"]}]
		| .process.args = ["grep", " /l ", "/proc/self/mountinfo"]'
	try as_user run --bundle "$home/bundle" "$ID"
	local first=$rc seen=$out
	edit '.mounts[-1].options = ["bind", "exec"]'
	try as_user run --bundle "$home/bundle" "$ID"
	umount "$home/locked"
	same "exit code" "$first" 0
	[[ $seen == *" ro,nosuid,nodev,noexec,noatime "* ]] || fail "other flags: $seen"
	same "exit code" "$rc" 1
	[[ $err == *"a flag to change is locked by the user namespace: mount_setattr: operation not permitted"* ]] || fail "does not say why"
	one_error
}

@test "rootless: ps by the pid namespace; pause and limits want a cgroup" {
	reachable
	setup_rootless
	edit '.process.args = ["sh", "-c", "sleep 1000 & wait"]'
	as_user create --bundle "$home/bundle" "$ID" </dev/null >/dev/null 2>&1
	as_user start "$ID"
	if [ "$(jq -r '.cgroup_paths[""] // "none"' "$home/run/crun-go/$ID/state.json")" != none ]; then
		as_user delete --force "$ID"
		skip "users have cgroups of their own here"
	fi
	two() { [ "$(as_user ps --format json "$ID" | jq length)" = 2 ]; }
	until_true two
	ok as_user ps "$ID"
	same lines "$(wc -l <"$OUT")" 3
	no 1 "the container has no cgroup of its own" as_user pause "$ID"
	one_error
	no 1 "container not paused" as_user resume "$ID"
	no 1 "the container has no cgroup of its own" as_user update --pids-limit 5 "$ID"
	ok as_user update "$ID"
	as_user delete --force "$ID"
}

@test "rootless: without a cgroup there are no statistics, but an end" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"]'
	as_user create --bundle "$home/bundle" --pid-file "$home/pid" "$ID" </dev/null >/dev/null 2>&1
	as_user start "$ID"
	[ "$(as_user state "$ID" | jq -r .status)" = running ]
	try as_user events --stats "$ID"
	if [ "$rc" = 0 ]; then skip "this user has a cgroup"; fi
	[[ $err == *"container has no cgroup of its own"* ]] || fail "want the reason"
	as_user events "$ID" >"$home/events" 2>"$home/events.err" </dev/null 3>&- &
	watcher=$!
	until_true test -s "$home/events.err"
	as_user kill "$ID" KILL
	wait "$watcher"
	same events "$(cat "$home/events")" "{\"type\":\"exit\",\"id\":\"$ID\"}"
	same warning "$(cat "$home/events.err")" "warning: container has no cgroup of its own: only its exit can be reported"
	as_user delete --force "$ID"
}

@test "rootless: exec" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"]'
	as_user create --bundle "$home/bundle" "$ID" </dev/null >/dev/null 2>&1
	try as_user exec "$ID" id -u
	same "in a created container" "$rc $out" "0 0"
	as_user start "$ID"
	try as_user exec "$ID" sh -c 'id -u; cat /proc/self/uid_map /proc/self/setgroups; exit 4'
	same view "$rc $(tr -s ' \n' ' ' <"$OUT")" "4 0 0 $uid 1 deny "
	ok as_user exec --detach --pid-file "$home/exec.pid" "$ID" sleep 100
	same uid "$(awk '$1 == "Uid:" {print $2}' "/proc/$(<"$home/exec.pid")/status")" $uid
	no 255 "exec failed: process.user.additionalGids[0]: 5 is not mapped" as_user exec -g 5 "$ID" true
	no 255 "executable file not found" as_user exec "$ID" nosuch
	as_user delete --force "$ID"
}

# ranges SUBUID SUBGID: what the user has been given, for this test.
ranges() {
	echo "$1" >"$BATS_TEST_TMPDIR/subuid"
	echo "$2" >"$BATS_TEST_TMPDIR/subgid"
	touch /etc/subuid /etc/subgid
	mount --bind "$BATS_TEST_TMPDIR/subuid" /etc/subuid
	mount --bind "$BATS_TEST_TMPDIR/subgid" /etc/subgid
}

no_ranges() { umount /etc/subuid /etc/subgid; }

@test "rootless: ranges of ids by newuidmap and newgidmap" {
	reachable
	command -v newuidmap newgidmap || skip "no newuidmap (package uidmap)"
	setup_rootless
	local name
	name=$(getent passwd $uid | cut -d: -f1)
	edit --argjson id $uid '.linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}, {containerID: 1, hostID: 300000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings | .process.user.additionalGids = [7]
		| .process.args = ["sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; id -G"]'
	ranges "$name:300000:1000" "$uid:300000:1000"
	try as_user run --bundle "$home/bundle" "$ID"
	local first=$rc seen
	seen=$(tr -s ' \n' ' ' <"$OUT")
	# Groups that are nobody else's need no helper, and cannot be changed.
	edit '.linux.gidMappings |= .[:1] | .process.user.additionalGids = []'
	try as_user run --bundle "$home/bundle" "$ID"
	local second=$rc mixed
	mixed=$(tr -s ' \n' ' ' <"$OUT")
	no_ranges
	same ranges "$first $seen" "0  0 $uid 1 1 300000 1000 0 $uid 1 1 300000 1000 allow 0 7 "
	same "groups of one" "$second $mixed" "0  0 $uid 1 1 300000 1000 0 $uid 1 deny 0 "
}

@test "rootless: ids that the user has not been given: who, which and where" {
	reachable
	command -v newuidmap newgidmap || skip "no newuidmap (package uidmap)"
	setup_rootless
	local name
	name=$(getent passwd $uid | cut -d: -f1)
	edit --argjson id $uid '.linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}, {containerID: 1, hostID: 300000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	ranges "$name:300000:999" ""
	try as_user run --bundle "$home/bundle" "$ID"
	local users=$rc$err
	ranges "$name:300000:1000" ""
	try as_user run --bundle "$home/bundle" "$ID"
	no_ranges
	no_ranges
	[[ $users == "1"*"linux.uidMappings[1]: user \"$name\" has not been given the ids 300000 to 300999 in /etc/subuid: newuidmap: "* ]] || fail "users: $users"
	[[ $users == *"hint: add a line $name:300000:1000 to /etc/subuid"* ]] || fail "no remedy: $users"
	[[ $rc$err == "1"*"linux.gidMappings[1]: user \"$name\" has not been given the ids 300000 to 300999 in /etc/subgid: newgidmap: "* ]] || fail "groups"
	one_error
	try "$(command -v setpriv)" --reuid $uid --regid $uid --clear-groups --inh-caps=-all \
		env -i -C "$home" XDG_RUNTIME_DIR="$home/run" PATH="$home" "$home/crun-go" run --bundle "$home/bundle" "$ID"
	[[ $rc$err == "1"*"linux.uidMappings[1]: user \"$name\" may map no id but $uid without newuidmap, which is not installed"* ]] || fail "no helper"
	grep -q '^hint: install newuidmap and newgidmap (package uidmap), or map one id: {"containerID": 0' "$ERR" || fail "no remedy"
	[ -z "$(ls "$home/run/crun-go")" ]
}

@test "rootless: filesystems that show a namespace of somebody else's say what to do" {
	reachable
	setup_rootless
	local type ns
	for type in proc:pid mqueue:ipc; do
		ns=${type#*:} type=${type%:*}
		as_user spec --rootless --bundle "$home/bundle" --file "$type.json"
		jq --arg ns "$ns" '.process.terminal = false | .linux.namespaces |= map(select(.type != $ns))' "$home/bundle/$type.json" >"$home/bundle/config.json"
		no 1 ": mount $type on " as_user run --bundle "$home/bundle" "$ID"
		grep -qF "hint: in a user namespace, $type requires a $ns namespace of the container's own: add {\"type\": \"$ns\"}" "$ERR" || fail "no remedy"
	done
	edit '.linux.namespaces += [{type: "ipc"}] | .mounts |= map(if .type == "devpts" then .options += ["gid=5"] else . end)'
	no 1 "mounts[2].options: gid=5: 5 is not mapped in linux.gidMappings" as_user run --bundle "$home/bundle" "$ID"
}

@test "rootless: where state is kept without XDG_RUNTIME_DIR" {
	reachable
	setup_rootless
	edit '.process.args = ["sleep", "1000"]'
	bare() { (cd "$home" && setpriv --reuid $uid --regid $uid --clear-groups --inh-caps=-all env -i PATH="$PATH" "$@" "$home/crun-go" "${ask[@]}"); }
	ask=(create --bundle "$home/bundle" "$ID")
	no 1 "mkdir /run/crun-go" bare XDG_RUNTIME_DIR=
	grep -q "^hint: set XDG_RUNTIME_DIR to a directory of the user's own, or give --root" "$ERR" || fail "no remedy"
	no 1 "permission denied" bare XDG_RUNTIME_DIR=/root
	grep -q '^hint: the path in $XDG_RUNTIME_DIR must be writable by the user' "$ERR" || fail "no remedy"
	# Its usual value is used where it is the user's.
	mkdir -p /run/user
	mount -t tmpfs run /run/user
	install -d -m 0700 -o $uid -g $uid /run/user/$uid
	bare >/dev/null 2>&1 </dev/null 3>&-
	ask=(start "$ID")
	ok bare XDG_RUNTIME_DIR=
	ask=(state "$ID")
	ok bare XDG_RUNTIME_DIR=/run/user/$uid
	same mode "$(stat -c %a /run/user/$uid/crun-go)" 1700
	ask=(delete --force "$ID")
	ok bare
	umount /run/user
}

@test "rootless: without a cgroup and a pid namespace, kill and delete reach all processes" {
	reachable
	setup_rootless
	mkdir "$home/seen"
	chown $uid:$uid "$home/seen"
	edit --arg seen "$home/seen" '.linux.namespaces |= map(select(.type != "pid"))
		| .mounts |= map(if .type == "proc" then {destination: "/proc", type: "none", source: "/proc", options: ["rbind"]} else . end)
		| .mounts += [{destination: "/seen", source: $seen, options: ["bind"]}]
		| .process.args = ["sh", "-c", "trap : TERM; (trap \"echo >/seen/term\" TERM; echo >/seen/up; while :; do sleep 0.1; done) & while :; do wait; done"]'
	local n
	for n in kill delete; do
		rm -f "$home"/seen/*
		as_user create --bundle "$home/bundle" "$ID" </dev/null >/dev/null 2>&1 3>&-
		if [ "$(jq -r '.cgroup_paths[""] // "none"' "$home/run/crun-go/$ID/state.json")" != none ]; then
			as_user delete --force "$ID"
			skip "users have cgroups of their own here"
		fi
		as_user start "$ID"
		until_true test -e "$home/seen/up"
		three() { [ "$(as_user ps --format json "$ID" | jq length)" -ge 2 ]; }
		until_true three
		as_user kill --all "$ID" TERM
		until_true test -e "$home/seen/term"
		[ $n != kill ] || as_user kill "$ID" KILL
		as_user delete --force "$ID"
		[ -z "$(pgrep -u $uid -f 'seen/term')" ] || fail "after $n: $(pgrep -au $uid -f 'seen/term')"
	done
}

@test "rootless: a container in the container, and one with a user namespace of its own" {
	reachable
	cp "$RUNTIME" "$BUNDLE/rootfs/crun-go"
	inner_bundle "$BUNDLE/rootfs" "$BUNDLE/config.json"
	setup_rootless
	edit --argjson all "$(jq -n "$ALL")" '.process.capabilities |= map_values($all) | .process.args = ["sleep", "1000"]
		| .process.noNewPrivileges = false | .root.readonly = false | del(.linux.maskedPaths, .linux.readonlyPaths)'
	ok as_user run --detach --bundle "$home/bundle" "$ID"
	user_in_it() { as_user exec "$ID" /crun-go --root /tmp/state "$@"; }
	ok user_in_it run --detach --bundle /b one
	ok user_in_it exec one id -u
	same user "$out" 0
	no 1 'the container has no cgroup of its own' user_in_it pause one
	ok user_in_it delete --force one
	jq '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 5, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings
		| .process.user = {uid: 5, gid: 5} | .process.args = ["id", "-u"] | .process.capabilities = {}' "$home/bundle/rootfs/b/config.json" >"$home/c"
	cat "$home/c" >"$home/bundle/rootfs/b/config.json"
	ok user_in_it run --bundle /b two
	same "user, two namespaces deep" "$out" 5
	ok as_user delete --force "$ID"
}
