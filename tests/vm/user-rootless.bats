#!/usr/bin/env bats
# An ordinary user in a session of systemd's: ranges of ids, the user namespace
# that podman makes, and a cgroup without being asked where.
load ../suites/helpers
load guest

home=/user.slice/user-$UID.slice/user@$UID.service
cgroup_of() { sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup"; }
ranged() {
	config --argjson id "$UID" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}, {containerID: 1, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
}
unshared() { timeout --foreground -s KILL "$PATIENCE" podman unshare "$RUNTIME" --root "$ROOT" "$@"; }

@test "spec --rootless runs as it is" {
	rm "$BUNDLE/config.json"
	ok rt spec --rootless --bundle "$BUNDLE"
	echo 'id -u; touch /x || echo read-only; echo /sys/fs/cgroup/cgroup.*s; exit 5' >"$BATS_TEST_TMPDIR/in"
	rc=0
	rt run --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/in" >"$OUT" 2>"$ERR" 3>&- || rc=$?
	same "exit code" $rc 5
	grep -q read-only "$OUT" || fail "the root is not read-only"
	grep -q /sys/fs/cgroup/cgroup.controllers "$OUT" || fail "no cgroup to be seen"
}

@test "a range of ids: all calls, with limits" {
	ranged
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 100}} | .process.user.additionalGids = [7]
		| .process.capabilities |= map_values(. + ["CAP_SETUID", "CAP_SETGID"])'
	script 'mkdir /tmp/mine; chown 5:6 /tmp/mine; id -G; exec sleep 1000'
	up
	# Beside the caller's own, in what is the user's.
	same cgroup "$(cgroup_of)" "$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")/$ID"
	until_true test -d "$BUNDLE/rootfs/tmp/mine"
	until_true [ "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/mine")" = 100004:100005 ]
	ok rt exec --user 5:6 --additional-gids 8 "$ID" sh -c 'id -u; id -G; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'
	same exec "$out" $'5\n6 7 8\n67108864\n100'
	ok rt update --memory 50331648 "$ID"
	same updated "$(cat "/sys/fs/cgroup$(cgroup_of)/memory.max")" 50331648
	ok rt pause "$ID"
	ok rt resume "$ID"
	ok rt events --stats "$ID"
	jq -e '.data.memory.usage.limit == 50331648' "$OUT"
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
}

@test "ids that the user has not been given" {
	ranged
	config '.linux.gidMappings[1].hostID = 200000'
	no 1 'linux.gidMappings[1]: user "tester" has not been given the ids 200000 to 265535 in /etc/subgid: newgidmap: ' create "$ID"
	grep -q '^hint: add a line tester:200000:65536 to /etc/subgid' "$ERR" || fail "no remedy"
}

@test "in the user namespace of podman unshare: made there, used from there and from outside" {
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 100}}'
	ok unshared create --bundle "$BUNDLE" "$ID"
	ok unshared start "$ID"
	ok unshared exec "$ID" sh -c 'id -u; cat /proc/self/uid_map /sys/fs/cgroup/memory.max'
	same exec "$(tr -s ' \n' ' ' <"$OUT")" "0 0 $UID 1 1 100000 65536 67108864 "
	ok rt exec --user 5 "$ID" sh -c 'id -u; cat /sys/fs/cgroup/pids.max'
	same "exec from outside" "$out" $'5\n100'
	ok unshared pause "$ID"
	ok rt resume "$ID"
	ok unshared update --pids-limit 50 "$ID"
	same updated "$(cat "/sys/fs/cgroup$(cgroup_of)/pids.max")" 50
	ok unshared ps "$ID"
	ok rt delete --force "$ID"
}

@test "in the user namespace of podman unshare: systemd's cgroup, and a nested user namespace" {
	chmod 0711 "$BUNDLE"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings | .linux.resources = {memory: {limit: 67108864}}'
	ok unshared --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	ok unshared start "$ID"
	same cgroup "$(cgroup_of)" "$home/user.slice/crun-go-$ID.scope"
	ok unshared exec --user 5:6 "$ID" sh -c 'id -u; cat /proc/self/uid_map /sys/fs/cgroup/memory.max'
	same exec "$(tr -s ' \n' ' ' <"$OUT")" "5 0 1 1000 67108864 "
	ok unshared update --memory 50331648 "$ID"
	same updated "$(cat "/sys/fs/cgroup$(cgroup_of)/memory.max")" 50331648
	ok unshared delete --force "$ID"
	config '.linux.uidMappings[0].size = 100000'
	no 1 "linux.uidMappings[0]: the ids 1 to 100000 are not all in the user namespace that the runtime is in" unshared create --bundle "$BUNDLE" "$ID"
	grep -q '^hint: map ids that /proc/self/uid_map has in its first column' "$ERR" || fail "no remedy"
}

@test "from podman's user namespace into a container that was made beside it" {
	ranged
	up
	no 255 "the container's namespaces: open ns/" unshared exec "$ID" true
	grep -q '^hint: call from the user namespace that the container was made from' "$ERR" || fail "no remedy"
	ok rt delete --force "$ID"
}
