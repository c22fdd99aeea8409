#!/usr/bin/env bats
# The systemd driver for an ordinary user: units of the user's own systemd.
load ../suites/helpers
load guest

sd() { rt --systemd-cgroup "$@"; }
show() { systemctl --user show "${@/#/-p}" "$unit"; }
group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }
units_left() { systemctl --user list-units --all --plain --no-legend "*$ID*"; }
home=/sys/fs/cgroup/user.slice/user-$UID.slice/user@$UID.service

eval "common_$(declare -f setup)"
setup() {
	common_setup
	unit=crun-go-$ID.scope
	config --argjson id "$UID" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $id, size: 1}] | .linux.gidMappings = .linux.uidMappings'
}

teardown() {
	delete_all
	nothing_left
	[ -z "$(units_left)" ] || fail "units left behind: $(units_left)"
}

@test "a scope of user.slice, with limits, from create to delete" {
	config '.linux.resources += {memory: {limit: 67108864, swap: 67108864}, cpu: {quota: 20000}, pids: {limit: 50}}'
	ok sd create --bundle "$BUNDLE" "$ID"
	same cgroup "$(group)" "$home/user.slice/$unit"
	same limits "$(cd "$(group)" && cat memory.max memory.swap.max cpu.max pids.max | tr '\n' ' ')" "67108864 0 20000 100000 50 "
	same properties "$(show MemoryMax TasksMax Delegate | sort | tr '\n' ' ')" "Delegate=yes MemoryMax=67108864 TasksMax=50 "
	# systemd writes all that it knows of when a property changes.
	echo 12288 >"$(group)/memory.min"
	systemctl --user set-property --runtime "$unit" IOAccounting=yes
	until_true grep -qx 0 "$(group)/memory.min"
	same "after a change" "$(cd "$(group)" && cat memory.max memory.swap.max cpu.max pids.max | tr '\n' ' ')" "67108864 0 20000 100000 50 "
	ok rt start "$ID"
	ok rt update --memory 50331648 --memory-swap 50331648 "$ID"
	same "after update" "$(show MemoryMax) $(cat "$(group)/memory.max")" "MemoryMax=50331648 50331648"
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
}

# bats test_tags=needs:cpuset
@test "processors are delegated, too" {
	config '.linux.resources.cpu = {cpus: "0"}'
	ok sd create --bundle "$BUNDLE" "$ID"
	same "processors" "$(cat "$(group)/cpuset.cpus") $(show AllowedCPUs)" "0 AllowedCPUs=0"
}

@test "run, and what the container may do with its cgroup" {
	config '.linux.cgroupsPath = "user.slice:p:" + $id | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)' --arg id "$ID"
	args sh -c 'cat /proc/self/cgroup; mkdir /sys/fs/cgroup/below && echo $$ >/sys/fs/cgroup/below/cgroup.procs && cat /proc/self/cgroup'
	ok sd run --bundle "$BUNDLE" "$ID"
	same cgroups "$out" $'0::/\n0::/below'
}

@test "deleted with next to no environment" {
	ok sd create --bundle "$BUNDLE" "$ID"
	ok env -i "$RUNTIME" --root "$ROOT" delete --force "$ID"
}

@test "through the session's bus" {
	mkdir "$BATS_TEST_TMPDIR/x"
	ok env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/x" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$UID/bus" \
		"$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID"
	same cgroup "$(group)" "$home/user.slice/$unit"
}

@test "no systemd of the user's: the error says where, and what to do" {
	no 1 "linux.cgroupsPath: no systemd to talk to (/nowhere/systemd/private: not there; /nowhere/bus: not there)" \
		env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR=/nowhere "$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID"
}

@test "the runtime killed at any moment: delete --force cleans up, the unit too" {
	local delay
	for delay in 0.2 0.3 0.4 0.5; do
		timeout --foreground -s KILL "$delay" "$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null 3>&- || true
		ok rt delete --force "$ID"
		nothing_left
		[ -z "$(units_left)" ] || fail "after $delay s: $(units_left)"
	done
}
