#!/usr/bin/env bats
# systemd as a container's init: it boots to "running", makes cgroups of its own
# with limits, is entered where its own init is, and ends as it does itself.
load ../suites/helpers
load ../suites/nested
load guest

# Its root filesystem is the guest's own, below what it writes itself. Units that
# only this guest has are masked.
suite_setup() {
	LOWER=$BATS_FILE_TMPDIR/lower
	mkdir -p "$LOWER"
	mount --bind -o X-mount.idmap=0:100000:65536 / "$LOWER"
}
suite_teardown() { umount "$BATS_FILE_TMPDIR/lower"; }

eval "common_$(declare -f setup)"
setup() {
	common_setup
	SYSTEM=$BATS_TEST_TMPDIR/system
	options=()
}

teardown() {
	podman rm --force --time 0 "$ID" >/dev/null 2>&1 3>&- || true
	delete_all
	! mountpoint -q "$SYSTEM" || umount "$SYSTEM"
	nothing_left
}

# system LOWER OWNER: a bundle that boots it. OWNER is the host's id of its root.
system() {
	local upper=$BATS_TEST_TMPDIR/upper unit
	mkdir -p "$SYSTEM" "$upper" "$BATS_TEST_TMPDIR/work"
	chown "$2:$2" "$upper"
	mount -t overlay -o "lowerdir=$1,upperdir=$upper,workdir=$BATS_TEST_TMPDIR/work" overlay "$SYSTEM"
	for unit in vm-agent vm-settle vm-steady netavark-dhcp-proxy apparmor; do
		ln -sf /dev/null "$SYSTEM/etc/systemd/system/$unit.service"
	done
	: >"$SYSTEM/etc/machine-id"
	rm -f "$SYSTEM"/var/lib/systemd/linger/*
	config --arg root "$SYSTEM" '.root.path = $root | .process.args = ["/sbin/init"] | .process.env += ["container=crun-go"]
		| .process.noNewPrivileges = false
		| .process.capabilities |= map_values(. + ["CAP_FOWNER", "CAP_FSETID", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_SYS_CHROOT", "CAP_AUDIT_WRITE"])
		| (.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]
		| .mounts += (["/run", "/run/lock", "/tmp", "/var/log/journal"] | map({destination: ., type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755"]}))'
}

in_userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}

# eventually COMMAND...: an emulated machine boots and ends slowly.
eventually() {
	local n
	for ((n = 0; n < 1000; n++)); do
		! "$@" >/dev/null 2>&1 </dev/null 3>&- || return 0
		sleep 0.1
	done
	fail "never true: $*"
}

in_it() { rt exec "$ID" "$@"; }

boot() {
	ok rt "${options[@]}" run --detach --bundle "$BUNDLE" "$ID"
	eventually in_it test -S /run/systemd/private
	try in_it systemctl is-system-running --wait
	same system "$out" running || fail "$(rt exec "$ID" systemctl --failed --no-pager)"
	# Its init is in init.scope, below the container's cgroup.
	GROUP=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")
	GROUP=${GROUP%/init.scope}
}

# limits_inside: a cgroup with a limit, made by the container's systemd.
limits_inside() {
	ok in_it systemd-run --quiet --expand-environment=no --scope -p MemoryMax=20M -p TasksMax=33 \
		sh -c 'cat /proc/self/cgroup; cd "/sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)"; cat memory.max pids.max'
	[[ $out == 0::/system.slice/run-*.scope$'\n'20971520$'\n'33 ]] || fail "limits of a scope inside"
}

gone() { [ "$(status)" = stopped ]; }
ended() {
	eventually gone
	ok rt delete "$ID"
	[ ! -e "$GROUP" ] || fail "cgroups are left"
}

# owned: of the container's cgroup the user has what may be delegated, and
# nothing else.
owned() {
	local file owner
	same "owner of the cgroup" "$(stat -c %u "$GROUP")" "$1"
	for file in "$GROUP"/*; do
		owner=0
		grep -qxF "${file##*/}" /sys/kernel/cgroup/delegate && owner=$1
		[ -d "$file" ] || same "owner of $file" "$(stat -c %u "$file")" "$owner"
	done
}

@test "it boots, in a cgroup namespace of its own; every command copes with its cgroups" {
	system / 0
	boot
	limits_inside
	ok in_it cat /proc/self/cgroup
	same "cgroup of exec" "$out" 0::/init.scope
	ok rt exec --report "$BATS_TEST_TMPDIR/report" "$ID" cat /proc/self/cgroup
	[[ $out == 0::/exec-* ]] || fail "an exec with an account has a cgroup of its own"
	ok in_it systemctl is-system-running
	# ps and stats are of all its cgroups.
	ok rt ps --format json "$ID"
	same processes "$(jq length <<<"$out")" "$(cat "$GROUP"/cgroup.procs "$GROUP"/*/cgroup.procs "$GROUP"/*/*/cgroup.procs | wc -l)"
	ok rt events --stats "$ID"
	[ "$(jq .data.pids.current <<<"$out")" -gt 3 ] || fail "stats"
	ok rt update --memory 512M --pids-limit 300 "$ID"
	same limits "$(cat "$GROUP/memory.max" "$GROUP/pids.max" | tr '\n' ' ')" '536870912 300 '
	# A process that is not cloned in there, because nothing runs, comes to the same place.
	ok rt pause "$ID"
	same status "$(status)" paused
	rt exec --ignore-paused "$ID" cat /proc/self/cgroup >"$OUT" 2>"$ERR" </dev/null 3>&- &
	local waiting=$!
	eventually grep -qx frozen\ 1 "$GROUP/cgroup.events"
	ok rt resume "$ID"
	wait $waiting || fail "exec into a paused container"
	same "cgroup of exec" "$(cat "$OUT")" 0::/init.scope
	ok rt kill "$ID" RTMIN+3
	ended
}

@test "it boots in a user namespace, which has the cgroup; poweroff ends it" {
	system "$BATS_FILE_TMPDIR/lower" 100000
	in_userns
	boot
	owned 100000
	limits_inside
	ok in_it systemctl poweroff
	ended
}

@test "with the systemd driver, in a user namespace" {
	system "$BATS_FILE_TMPDIR/lower" 100000
	in_userns
	options=(--systemd-cgroup)
	boot
	owned 100000
	limits_inside
	systemctl daemon-reload
	limits_inside
	ok in_it cat /proc/self/cgroup
	same "cgroup of exec" "$out" 0::/init.scope
	ok rt delete --force "$ID"
	[ ! -e "$GROUP" ] || fail "cgroups are left"
	[ -z "$(systemctl list-units --all --plain --no-legend "*$ID*")" ] || fail "units are left"
}

@test "with the systemd driver, without a user namespace; and so again in there" {
	local all
	jq '.linux.resources.memory = {limit: 33554432}' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/inner.json"
	system / 0
	cp "$RUNTIME" "$SYSTEM/usr/local/bin/crun-go"
	mkdir "$SYSTEM/b"
	cp "$BATS_TEST_TMPDIR/inner.json" "$SYSTEM/b/config.json"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$SYSTEM/b/rootfs"
	all=$(jq -n "$ALL")
	config --argjson all "$all" '.process.capabilities |= map_values($all) | del(.linux.maskedPaths, .linux.readonlyPaths, .linux.resources.devices)'
	options=(--systemd-cgroup)
	boot
	limits_inside
	# A container of the container's own systemd.
	ok in_it crun-go --systemd-cgroup run --detach --bundle /b one
	ok in_it systemctl show -p ActiveState -p MemoryMax crun-go-one.scope
	same "unit in there" "$(sort "$OUT" | tr '\n' ' ')" 'ActiveState=active MemoryMax=33554432 '
	same "limit on the host" "$(cat "$GROUP/system.slice/crun-go-one.scope/memory.max")" 33554432
	ok in_it crun-go update --memory 64M one
	same "limit on the host" "$(cat "$GROUP/system.slice/crun-go-one.scope/memory.max")" 67108864
	ok in_it crun-go exec one true
	ok in_it crun-go delete --force one
	ok in_it systemctl is-system-running
	ok rt kill "$ID" 37
	ended
}

@test "podman run --systemd=always, exec, pause, stop" {
	system / 0
	pod() { podman --runtime "$RUNTIME" "$@"; }
	ok pod run --detach --name "$ID" --systemd=always --network none --rootfs "$SYSTEM" /sbin/init
	eventually pod exec "$ID" test -S /run/systemd/private
	try pod exec "$ID" systemctl is-system-running --wait
	same system "$out" running
	ok pod exec "$ID" cat /proc/self/cgroup
	same "cgroup of exec" "$out" 0::/init.scope
	ok pod pause "$ID"
	ok pod unpause "$ID"
	ok pod stop --time 100 "$ID" # by SIGRTMIN+3
	ok pod inspect --format '{{.State.ExitCode}} {{.State.Status}}' "$ID"
	same state "$out" "0 exited"
	ok pod rm "$ID"
	[ -z "$(find /sys/fs/cgroup -name 'libpod*')" ] || fail "cgroups are left"
}
