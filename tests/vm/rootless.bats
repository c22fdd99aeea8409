#!/usr/bin/env bats
# An ordinary user's containers, by where the user calls from: a login session,
# which is outside of the user's systemd; what root has delegated by hand; and a
# scope that the user's systemd has delegated.
load ../suites/helpers
load guest

uid=1000
home=/user.slice/user-$uid.slice/user@$uid.service

eval "common_$(declare -f setup)"
setup() {
	common_setup
	mkdir "$ROOT"
	config --argjson id $uid '.linux.namespaces += [{type: "user"}] | .linux.resources = {}
		| .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}] | .linux.gidMappings = .linux.uidMappings'
	chown -R $uid:$uid "$ROOT" "$BUNDLE"
	user_says
}

# rt is the user's runtime, called from the place that user_says.
user_says() { from=("$@"); }
rt() { timeout --foreground -s KILL "$PATIENCE" "${from[@]}" setpriv --reuid $uid --regid $uid --init-groups \
	env XDG_RUNTIME_DIR=/run/user/$uid "$RUNTIME" --root "$ROOT" "$@"; }

session=(systemd-run --scope --quiet --slice "user-$uid.slice")
# in_cgroup DIR: run the command from there.
in_cgroup() { user_says bash -c 'echo $$ >"/sys/fs/cgroup$0/cgroup.procs" && exec "$@"' "$1"; }
cgroup_of() { sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup"; }

@test "from a login session: no cgroup, and what needs none works" {
	user_says "${session[@]}"
	config '.linux.resources = {memory: {limit: -1}, pids: {limit: -1}}'
	up
	[[ $(cgroup_of) == */run-*.scope ]] || fail "in $(cgroup_of)"
	ok rt exec "$ID" id -u
	ok rt ps --format json "$ID"
	jq -e --argjson pid "$(pid_of)" 'index($pid)' "$OUT"
	no 1 "linux.cgroupsPath: the container has no cgroup of its own" rt pause "$ID"
	grep -q '^hint: .*--systemd-cgroup' "$ERR" || fail "no remedy"
	no 1 "container has no cgroup of its own" rt update --pids-limit 5 "$ID"
	no 1 "container has no cgroup of its own" rt events --stats "$ID"
	ok rt delete --force "$ID"
}

@test "from a login session: what asks for a cgroup names its field and the remedy" {
	user_says "${session[@]}"
	local field
	for field in memory.limit pids.limit cpu.shares; do
		config --arg f "$field" '.linux.resources = {} | setpath(["linux", "resources"] + ($f | split(".")); 70000000)'
		no 1 "linux.resources.${field%.[ls][ih]*}" create "$ID"
		[[ $err == *"create cgroup "*"mkdir "*"permission denied"* ]] || fail "does not say why"
		grep -q '^hint: .*--systemd-cgroup.*systemd-run --user --scope -p Delegate=yes' "$ERR" || fail "no remedy"
		one_error
	done
	config '.linux.resources = {} | .linux.cgroupsPath = "/x"'
	no 1 "linux.cgroupsPath: create cgroup \"/x\": mkdir /sys/fs/cgroup/x: permission denied" create "$ID"
	config --arg p "$home/$ID" '.linux.cgroupsPath = $p'
	no 1 'linux.cgroupsPath: from cgroup "/user.slice/user-1000.slice/run-' create "$ID"
	[[ $err == *"the user cannot move processes into \"$home/$ID\": clone3: permission denied"* ]] || fail "does not say why"
	grep -q "^hint: start from inside of the user's systemd: systemd-run --user --scope" "$ERR" || fail "no remedy"
}

@test "from a login session: the user's systemd makes the cgroup" {
	user_says "${session[@]}"
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 100}}'
	ok rt --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	ok rt start "$ID"
	same cgroup "$(cgroup_of)" "$home/user.slice/crun-go-$ID.scope"
	ok rt exec "$ID" cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /proc/self/cgroup
	same limits "$out" $'67108864\n100\n0::/'
	ok rt exec --timeout 60s "$ID" cat /proc/self/cgroup
	[[ $out == 0::/exec-* ]] || fail "no cgroup of its own"
	ok rt update --pids-limit 50 "$ID"
	same updated "$(cat "/sys/fs/cgroup$(cgroup_of)/pids.max")" 50
	ok rt pause "$ID"
	same status "$(status)" paused
	ok rt resume "$ID"
	ok rt events --stats "$ID"
	jq -e '.data.memory.usage.limit == 67108864 and .data.pids.limit == 50' "$OUT"
	ok rt delete --force "$ID"
}

@test "two users with containers of one name" {
	local other=4711 theirs=$BATS_TEST_TMPDIR/theirs where
	user_says "${session[@]}"
	up
	where=$(pid_of)
	mkdir "$theirs" "$BATS_TEST_TMPDIR/other"
	chown $other "$theirs" "$BATS_TEST_TMPDIR/other"
	them() { setpriv --reuid $other --regid $other --clear-groups env XDG_RUNTIME_DIR="$theirs" "$RUNTIME" "$@"; }
	cp -a "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/other/rootfs"
	jq --argjson id $other '.linux.uidMappings[0].hostID = $id | .linux.gidMappings = .linux.uidMappings' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/other/config.json"
	ok them run --detach --bundle "$BATS_TEST_TMPDIR/other" "$ID"
	same mode "$(stat -c %a "$theirs/crun-go")" 1700
	same owner "$(stat -c %u "/proc/$(them state "$ID" | jq .pid)")" $other
	ok them exec "$ID" id -u
	# One another's state is out of reach, and so are the processes.
	try them --root "$ROOT" kill "$ID" KILL
	[ "$rc" = 1 ] || fail "has killed another user's container"
	try them --root "$ROOT" exec "$ID" true
	[ "$rc" = 255 ] || fail "is in another user's container"
	# Nor does one find its state in the other's directory.
	try setpriv --reuid $other --regid $other --clear-groups env XDG_RUNTIME_DIR=/run/user/$uid "$RUNTIME" run --bundle "$BATS_TEST_TMPDIR/other" x
	[[ $rc$err == 1"hint: the path in \$XDG_RUNTIME_DIR must be writable by the user"*"permission denied"* ]] || fail "says something else"
	ok them delete --force "$ID"
	same "the other's" "$(status) $(pid_of)" "running $where"
	ok rt delete --force "$ID"
}

@test "in a scope that was delegated: limits, and exec from a login session" {
	# What the scope runs keeps out of the way of controllers.
	setpriv --reuid $uid --regid $uid --init-groups env XDG_RUNTIME_DIR=/run/user/$uid systemd-run --user --scope --quiet -p Delegate=yes \
		sh -c 'g=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup); mkdir $g/leaf; echo $$ >$g/leaf/cgroup.procs; exec sleep 1000' \
		</dev/null >/dev/null 2>&1 3>&- &
	local keeper=$! scope
	in_leaf() { scope=$(sed -n 's/^0:://p' "/proc/$keeper/cgroup"); [[ $scope == */leaf ]]; }
	until_true in_leaf
	in_leaf
	in_cgroup "$scope"
	scope=${scope%/leaf}
	config '.linux.resources = {memory: {limit: 67108864}, cpu: {quota: 20000}, pids: {limit: 100}}'
	up
	same cgroup "$(cgroup_of)" "$scope/$ID"
	same limits "$(cd "/sys/fs/cgroup$scope/$ID" && cat memory.max cpu.max pids.max | tr '\n' ' ')" "67108864 20000 100000 100 "
	user_says "${session[@]}"
	ok rt exec "$ID" cat /proc/self/cgroup
	same "cgroup of exec" "$out" 0::/
	ok rt update --memory 50331648 "$ID"
	same updated "$(cat "/sys/fs/cgroup$scope/$ID/memory.max")" 50331648
	ok rt delete --force "$ID"
	# A path there can be asked for from anywhere.
	config --arg p "$scope/$ID" '.linux.cgroupsPath = $p'
	up
	same "cgroup asked for" "$(cgroup_of)" "$scope/$ID"
	ok rt delete --force "$ID"
	kill $keeper
}

@test "in a cgroup that root has delegated by hand" {
	local hand=/sys/fs/cgroup/hand-$ID
	mkdir "$hand"
	chown $uid "$hand"
	in_cgroup "/hand-$ID"
	up # not all of it is delegated: as if nothing was
	same cgroup "$(cgroup_of)" "/hand-$ID"
	ok rt delete --force "$ID"
	chown $uid "$hand"/cgroup.{procs,threads,subtree_control}
	up
	same cgroup "$(cgroup_of)" "/hand-$ID/$ID"
	ok rt exec "$ID" cat /proc/self/cgroup
	ok rt pause "$ID"
	ok rt resume "$ID"
	user_says "${session[@]}"
	no 255 "the user cannot move processes into \"/hand-$ID/$ID\"" rt exec "$ID" true
	grep -q "^hint: start from a process in \"/hand-$ID\", or have cgroup.procs of \"/\" given" "$ERR" || fail "no remedy"
	ok rt delete --force "$ID"
	# Limits: the user's shell goes out of the way.
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 100}}'
	mkdir "$hand/shell"
	chown -R $uid "$hand/shell"
	in_cgroup "/hand-$ID/shell"
	up
	same limits "$(cd "$hand/$ID" && cat memory.max pids.max | tr '\n' ' ')" "67108864 100 "
	ok rt delete --force "$ID"
	rmdir "$hand/shell" "$hand"
}

@test "what the administrator does not allow: namespaces, keys, privileges for helpers" {
	user_says "${session[@]}"
	local limit
	limit=$(sysctl -n user.max_user_namespaces)
	sysctl -q user.max_user_namespaces=0
	try create "$ID"
	sysctl -q user.max_user_namespaces="$limit"
	[[ $rc$err == 1*"hint: "*user.max_user_namespaces*"clone3: no space left on device"* ]] || fail "without namespaces"
	sysctl -q kernel.unprivileged_userns_clone=0
	try create "$ID"
	sysctl -q kernel.unprivileged_userns_clone=1
	[[ $rc$err == 1*"hint: "*kernel.unprivileged_userns_clone*"clone3: operation not permitted"* ]] || fail "not allowed to make namespaces"
	limit=$(sysctl -n kernel.keys.maxkeys)
	sysctl -q kernel.keys.maxkeys=1
	try create "$ID"
	local keys=$rc$err
	ok rt create --no-new-keyring --bundle "$BUNDLE" "$ID"
	sysctl -q kernel.keys.maxkeys="$limit"
	[[ $keys == 1*"hint: "*kernel.keys.maxkeys*--no-new-keyring*"disk quota exceeded"* ]] || fail "without keys: $keys"
	ok rt delete --force "$ID"
	config '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 10}]'
	user_says "${session[@]}" setpriv --no-new-privs
	no 1 "linux.uidMappings: newuidmap: " create "$ID"
	grep -q '^hint: no_new_privs is set: newuidmap gets no privileges' "$ERR" || fail "no remedy"
}
