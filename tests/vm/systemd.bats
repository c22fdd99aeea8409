#!/usr/bin/env bats
# The systemd driver: containers in transient units of the system's systemd.
load ../suites/helpers
load guest

sd() { rt --systemd-cgroup "$@"; }
sd_create() { ok sd create --bundle "$BUNDLE" "$ID"; }
sd_inside() {
	args "$@"
	ok sd run --bundle "$BUNDLE" "$ID"
}
limits() { config ".linux.resources += $1"; }
# show PROPERTY...: of the container's unit.
show() { systemctl show "${@/#/-p}" "$unit"; }
group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"; }
units_left() { systemctl list-units --all --plain --no-legend "*$ID*"; }

# again: systemd writes what it knows of into the container's files. It does so
# when a property of the unit changes; what is in memory.min shows that it has.
again() {
	local min
	min=$(show MemoryMin)
	min=${min#*=}
	systemctl daemon-reload
	echo 12288 >"$(group)/memory.min"
	systemctl set-property --runtime "$unit" IOAccounting=yes
	until_true grep -qx "$min" "$(group)/memory.min"
}

# files NAME...: what those of the container's cgroup hold, in a line.
files() { (cd "$(group)" && grep -H . "$@" | tr '\n' ' '); }

eval "common_$(declare -f setup)"
setup() {
	common_setup
	unit=crun-go-$ID.scope
}

teardown() {
	delete_all
	nothing_left
	[ -z "$(units_left)" ] || fail "units left behind: $(units_left)"
}

@test "a scope of system.slice, from create to delete" {
	sd_create
	same cgroup "$(group)" "/sys/fs/cgroup/system.slice/$unit"
	same processes "$(cat "$(group)/cgroup.procs")" "$(pid_of)"
	same unit "$(show ActiveState Delegate CollectMode | tr '\n' ' ')" "Delegate=yes ActiveState=active CollectMode=inactive-or-failed "
	ok rt start "$ID"
	same status "$(status)" running
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
	[ -z "$(units_left)" ] || fail "$(units_left)"
}

@test "a scope that would be frozen is refused, no hang; and nothing is left" {
	local place="/sys/fs/cgroup/system.slice/$unit"
	mkdir "$place"
	echo 1 >"$place/cgroup.freeze"
	no 1 frozen sd run --bundle "$BUNDLE" "$ID"
	one_error
	[[ $err == *linux.cgroupsPath* ]] || fail "no field"
	[ -z "$(units_left)" ] || fail "$(units_left)"
	[ ! -e "$place" ] || rmdir "$place"
	# Or one above it.
	config --arg id "$ID" '.linux.cgroupsPath = "house.slice:crun-go:" + $id'
	sd_create
	ok rt delete --force "$ID"
	place=/sys/fs/cgroup/house.slice
	mkdir -p "$place"
	echo 1 >"$place/cgroup.freeze"
	no 1 frozen sd create --bundle "$BUNDLE" "$ID"
	echo 0 >"$place/cgroup.freeze"
	sd_create
	ok rt delete --force "$ID"
	systemctl stop house.slice
}

# bats test_tags=needs:cpuset, needs:hugetlb, needs:ioweight
@test "limits: properties of the unit, values in the files, and systemd keeps both" {
	limits '{memory: {limit: 67108864, reservation: 33554432, swap: 100663296},
		cpu: {shares: 512, quota: 25000, period: 50000, cpus: "0", mems: "0"}, pids: {limit: 77},
		blockIO: {weight: 300, throttleReadBpsDevice: [{major: 254, minor: 0, rate: 1048576}],
			throttleWriteBpsDevice: [{major: 254, minor: 0, rate: 1048577}],
			throttleReadIOPSDevice: [{major: 254, minor: 0, rate: 78}], throttleWriteIOPSDevice: [{major: 254, minor: 0, rate: 79}]},
		hugepageLimits: [{pageSize: "2MB", limit: 4194304}],
		unified: {"memory.high": "50331648", "memory.min": "4096", "memory.oom.group": "1", "memory.zswap.writeback": "0",
			"memory.zswap.max": "8192", "memory.swap.high": "16384", "cpu.max.burst": "1000", "cgroup.max.depth": "5",
			"io.max": "254:0 rbps=2097152 wiops=max"}}'
	local all=(memory.max memory.low memory.min memory.high memory.swap.max memory.swap.high memory.zswap.max memory.oom.group memory.zswap.writeback
		cpu.weight cpu.max cpu.max.burst cpuset.cpus cpuset.mems pids.max io.max io.weight hugetlb.2MB.max cgroup.max.depth) want
	sd_create
	same properties "$(show MemoryMax MemoryLow MemoryMin MemoryHigh MemorySwapMax MemoryZSwapMax MemoryZSwapWriteback OOMPolicy CPUWeight CPUQuotaPerSecUSec \
		CPUQuotaPeriodUSec AllowedCPUs AllowedMemoryNodes TasksMax IOWeight IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax | sort | tr '\n' ' ')" \
		'AllowedCPUs=0 AllowedMemoryNodes=0 CPUQuotaPerSecUSec=500ms CPUQuotaPeriodUSec=50ms CPUWeight=59 IOReadBandwidthMax=/dev/block/254:0 2097152 IOReadIOPSMax=/dev/block/254:0 78 IOWeight=2930 IOWriteBandwidthMax=/dev/block/254:0 1048577 MemoryHigh=50331648 MemoryLow=33554432 MemoryMax=67108864 MemoryMin=4096 MemorySwapMax=33554432 MemoryZSwapMax=8192 MemoryZSwapWriteback=no OOMPolicy=kill TasksMax=77 '
	want='memory.max:67108864 memory.low:33554432 memory.min:4096 memory.high:50331648 memory.swap.max:33554432 memory.swap.high:16384 memory.zswap.max:8192 memory.oom.group:1 memory.zswap.writeback:0 cpu.weight:59 cpu.max:25000 50000 cpu.max.burst:1000 cpuset.cpus:0 cpuset.mems:0 pids.max:77 io.max:254:0 rbps=2097152 wbps=1048577 riops=78 wiops=max io.weight:default 2930 hugetlb.2MB.max:4194304 cgroup.max.depth:5 '
	same files "$(files "${all[@]}")" "$want"
	again
	same "files after a change" "$(files "${all[@]}")" "$want"
	# Of two numbers that belong together, one.
	ok rt update --cpu-quota 10000 --memory-swap 83886080 "$ID"
	ok rt update --cpu-period 20000 --memory 75497472 "$ID"
	ok rt update --blkio-weight 500 "$ID"
	same updated "$(files cpu.max memory.max memory.swap.max io.weight)" "cpu.max:10000 20000 memory.max:75497472 memory.swap.max:8388608 io.weight:default 4950 "
	again
	same "updated, after a change" "$(files cpu.max memory.max memory.swap.max io.weight)" "cpu.max:10000 20000 memory.max:75497472 memory.swap.max:8388608 io.weight:default 4950 "
}

# bats test_tags=needs:bfq
@test "limits: what is idle, and weights of BFQ" {
	modprobe bfq
	echo bfq >/sys/block/vda/queue/scheduler
	limits '{blockIO: {weight: 300, weightDevice: [{major: 254, minor: 0, weight: 400}]}, unified: {"cpu.idle": "1"}}'
	sd_create
	local want='io.bfq.weight:default 300 io.bfq.weight:254:0 400 cpu.idle:1 '
	same files "$(files io.bfq.weight cpu.idle)" "$want"
	same properties "$(show IOWeight IODeviceWeight CPUWeight | sort | tr '\n' ' ')" "CPUWeight=idle IODeviceWeight=/dev/block/254:0 3400 IOWeight=2300 "
	again
	same "files after a change" "$(files io.bfq.weight cpu.idle)" "$want"
	ok rt update -r <(echo '{"cpu":{"idle":0,"shares":2048},"blockIO":{"weight":500}}') "$ID"
	again
	same "updated, after a change" "$(files io.bfq.weight cpu.idle cpu.weight)" "io.bfq.weight:default 500 io.bfq.weight:254:0 400 cpu.idle:0 cpu.weight:174 "
}

@test "the device filter outlives daemon-reload and a change of properties" {
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"}]
		| .process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"]) | .process.noNewPrivileges = false'
	script 'cd /tmp; mknod kmsg c 1 11; mknod mem c 1 1; while [ ! -e go ]; do sleep 0.1; done
		(: <mem) 2>&1 | grep -c "not permitted" >said; (: <kmsg) && echo yes >>said; : <>/dev/null && echo null >>said; mv said done; sleep 1000'
	sd_create
	ok rt start "$ID"
	systemctl daemon-reload
	systemctl set-property --runtime "$unit" TasksMax=99
	: >"$BUNDLE/rootfs/tmp/go"
	until_true test -e "$BUNDLE/rootfs/tmp/done"
	same answers "$(tr '\n' ' ' <"$BUNDLE/rootfs/tmp/done")" "1 yes null "
}

@test "a limit of one process reaches systemd once init has started" {
	limits '{pids: {limit: 1}}'
	sd_create
	same limit "$(show TasksMax) $(cat "$(group)/pids.max")" "TasksMax=1 1"
}

@test "update tells systemd, too" {
	limits '{memory: {limit: 67108864, swap: 67108864}}'
	sd_create
	ok rt update --memory 50331648 --memory-swap 50331648 --pids-limit 55 "$ID"
	same limits "$(show MemoryMax TasksMax | tr '\n' ' ')$(cat "$(group)/memory.max")" "MemoryMax=50331648 TasksMax=55 50331648"
	again
	same "after a change" "$(cat "$(group)/memory.max" "$(group)/pids.max" | tr '\n' ' ')" "50331648 55 "
}

@test "cgroupsPath names slice, prefix and name" {
	config --arg p "a$ID-b.slice:pre:x$ID" '.linux.cgroupsPath = $p'
	unit=pre-x$ID.scope
	sd_create
	# Every dash is a level.
	local part path='' slice=''
	for part in $(tr - ' ' <<<"a$ID-b"); do
		slice=$slice${slice:+-}$part
		path=$path/$slice.slice
	done
	same cgroup "$(group)" "/sys/fs/cgroup$path/$unit"
	ok rt delete --force "$ID"
	config --arg p "-::x$ID" '.linux.cgroupsPath = $p'
	unit=x$ID.scope
	sd_create
	same cgroup "$(group)" "/sys/fs/cgroup/$unit"
	ok rt delete --force "$ID"
	systemctl stop "a${ID%%-*}.slice"
}

@test "a sub-cgroup for the processes, with every controller" {
	config '.annotations["run.oci.systemd.subgroup"] = "container"'
	limits '{memory: {limit: 67108864}, pids: {limit: 50}}'
	sd_create
	same cgroup "$(group)" "/sys/fs/cgroup/system.slice/$unit/container"
	same limits "$(cat "$(group)/memory.max" "$(group)/../memory.max" "$(group)/pids.max" | tr '\n' ' ')" "67108864 67108864 50 "
	ok rt start "$ID"
	ok rt delete --force "$ID"
}

@test "a user namespace, joined namespaces, and a cgroup mount without a namespace" {
	config '.linux.namespaces |= map(select(.type != "cgroup")) | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .linux.namespaces |= map(if .type == "network" then .path = "/proc/1/ns/net" else . end)
		| .mounts |= map(if .type == "sysfs" then {destination: "/sys", type: "none", source: "/sys", options: ["rbind", "ro"]} else . end)'
	# The hierarchy's root has no such file.
	sd_inside sh -c 'cat /proc/self/cgroup; grep populated /sys/fs/cgroup/cgroup.events'
	[[ $out == *"/system.slice/$unit"$'\n'"populated 1" ]] || fail "another cgroup"
}

@test "a unit of that name that failed is no obstacle, one that runs is" {
	systemd-run --quiet --scope --unit="$unit" sh -c 'kill -KILL $$' 2>/dev/null || true
	sd_inside true
	systemd-run --quiet --scope --unit="$unit" sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	local stranger=$!
	until_true systemctl is-active "$unit"
	try sd create --bundle "$BUNDLE" "$ID"
	local answer="$rc $err" state
	ok rt delete --force "$ID"
	state=$(systemctl is-active "$unit")
	kill $stranger
	[[ $answer == "1 "*"linux.cgroupsPath"*"$unit"* ]] || fail "answer is $answer"
	same "the stranger's unit" "$state" active
}

@test "without systemd: an error that says where it was looked for" {
	rc=0
	unshare -m sh -c 'mount -t tmpfs none /run/systemd; mount -t tmpfs none /run/dbus; exec "$@"' sh \
		"$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR" 3>&- || rc=$?
	err=$(<"$ERR")
	same "exit code" "$rc" 1
	[[ $err == *"linux.cgroupsPath: no systemd to talk to (/run/systemd/private: not there; /run/dbus/system_bus_socket: not there)"* ]] || fail "says something else"
	[[ $err != *"no such file"* ]] || fail "engines take that for a missing command"
}

@test "through the message bus, where systemd's own socket is out of reach" {
	unshare -m sh -c 'mount --bind /dev/null /run/systemd/private; "$@"' sh \
		"$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" </dev/null >"$OUT" 2>"$ERR" 3>&- || fail "create"
	same cgroup "$(group)" "/sys/fs/cgroup/system.slice/$unit"
	unshare -m sh -c 'mount --bind /dev/null /run/systemd/private; "$@"' sh \
		"$RUNTIME" --root "$ROOT" delete --force "$ID" </dev/null >"$OUT" 2>"$ERR" 3>&- || fail "delete"
}

@test "the runtime killed at any moment: delete --force cleans up, the unit too" {
	local delay
	for delay in 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.5; do
		timeout --foreground -s KILL "$delay" "$RUNTIME" --root "$ROOT" --systemd-cgroup create --bundle "$BUNDLE" "$ID" >/dev/null 2>&1 </dev/null 3>&- || true
		ok rt delete --force "$ID"
		nothing_left
		[ -z "$(units_left)" ] || fail "after $delay s: $(units_left)"
	done
}

@test "a create that fails late leaves no unit" {
	args /no/such/program
	no 1 "no such file" sd create --bundle "$BUNDLE" "$ID"
	[ -z "$(units_left)" ] || fail "$(units_left)"
}

@test "paths that are none of systemd's" {
	local path
	for path in /a/b a:b system.slice:a:b:c system:a:b a--b.slice:a:b 'system.slice:a:b c' '-a.slice:p:n'; do
		config --arg p "$path" '.linux.cgroupsPath = $p'
		no 1 linux.cgroupsPath sd create --bundle "$BUNDLE" "$ID"
		one_error
	done
}

@test "a user outside of the cgroup that is the user's: create and exec" {
	# As from a login session: the caller cannot move processes to the unit, nor
	# clone into it.
	local home=$BATS_TEST_TMPDIR/home own=/user.slice/user-1000.slice/user@1000.service/user.slice/$unit
	mkdir "$home"
	chmod 0711 "$BATS_TEST_TMPDIR"
	cp -a "$BUNDLE" "$home/bundle"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}]
		| .linux.gidMappings = .linux.uidMappings'
	cp "$BUNDLE/config.json" "$home/bundle/config.json"
	install -m 0755 "$RUNTIME" "$home/crun-go"
	chown -R 1000:1000 "$home"
	as_user() {
		setpriv --reuid 1000 --regid 1000 --init-groups --inh-caps=-all env -i XDG_RUNTIME_DIR=/run/user/1000 PATH="$PATH" \
			sh -c "cd $home && exec ./crun-go --root $home/root \"\$@\"" sh "$@"
	}
	ok as_user --systemd-cgroup run --detach --bundle bundle --pid-file "$home/pid" "$ID"
	same cgroup "$(cat "/proc/$(cat "$home/pid")/cgroup")" "0::$own"
	ok as_user exec --detach --pid-file "$home/pid" "$ID" sleep 1000
	same "cgroup of exec" "$(cat "/proc/$(cat "$home/pid")/cgroup")" "0::$own"
	ok as_user exec "$ID" sh -c 'echo $$; cat /proc/self/cgroup'
	[[ $out == *"0::/" ]] || fail "elsewhere"
	ok as_user delete --force "$ID"
}

@test "annotations set properties of the unit: of every type, and errors" {
	config '.annotations += {"org.systemd.property.TimeoutStopSec": "17", "org.systemd.property.Documentation": "[\u0027man:crun-go\u0027]",
		"org.systemd.property.MemoryMax": "uint64 33554432", "org.systemd.property.CollectMode": "\u0027inactive\u0027",
		"org.systemd.property.RuntimeMaxUSec": "uint64 7200000000", "org.systemd.property.IgnoreOnIsolate": "false",
		"org.systemd.property.AllowedCPUs": "[byte 1]", "org.systemd.property.Wants": "@as []"}'
	sd_create
	same properties "$(show TimeoutStopUSec Documentation MemoryMax CollectMode RuntimeMaxUSec IgnoreOnIsolate AllowedCPUs | sort | tr '\n' ' ')" \
		"AllowedCPUs=0 CollectMode=inactive Documentation=man:crun-go IgnoreOnIsolate=no MemoryMax=33554432 RuntimeMaxUSec=2h TimeoutStopUSec=17s "
	ok rt delete --force "$ID"
	local annotation
	# Unknown, of another type, and one that a scope does not have.
	for annotation in "NoSuchThing=true" "MemoryMax='lots'" "ExecStart='/bin/true'"; do
		config --arg k "org.systemd.property.${annotation%%=*}" --arg v "${annotation#*=}" '.annotations = {($k): $v}'
		no 1 "linux.cgroupsPath: start unit \"$unit\"" sd create --bundle "$BUNDLE" "$ID"
		one_error
	done
	config '.annotations = {"org.systemd.property.MemoryMax": "uint64 -1"}'
	no 1 "annotations.org.systemd.property.MemoryMax" sd create --bundle "$BUNDLE" "$ID"
}

@test "names: prefix and none, and an id that has to be escaped" {
	ID=x+$ID
	sd_create
	same cgroup "$(group)" "/sys/fs/cgroup/system.slice/crun-go-x\\x2b${ID#x+}.scope"
	ok rt delete --force "$ID"
	config --arg p "::y${ID#x+}" '.linux.cgroupsPath = $p'
	sd_create
	same cgroup "$(group)" "/sys/fs/cgroup/system.slice/y${ID#x+}.scope"
}

@test "exec finds the container's cgroup by itself" {
	sd_create
	ok rt start "$ID"
	ok rt exec "$ID" cat /proc/self/cgroup
	same cgroup "$out" 0::/
	ok rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$(group)/cgroup.procs" || fail "not in the cgroup"
}

@test "a unit with a DevicePolicy allows the devices that are added" {
	config '.annotations["org.systemd.property.DevicePolicy"] = "'"'closed'"'"
		| .process.capabilities |= map_values(. + ["CAP_SYSLOG", "CAP_MKNOD"]) | .process.noNewPrivileges = false
		| .linux.resources.devices = [{allow: true, access: "rwm"}]'
	sd_create
	ok rt start "$ID"
	reads() { rt exec "$ID" sh -c ": <$1" >"$OUT" 2>"$ERR" </dev/null; }
	mknod "/proc/$(pid_of)/root/dev/k" c 1 11
	! reads /dev/k || fail "systemd has no filter for it"
	ok rt update --device-add /dev/kmsg:/dev/log "$ID"
	reads /dev/log || fail "not allowed"
	same DeviceAllow "$(show DeviceAllow)" "DeviceAllow=/dev/char/1:11 rwm"
	systemctl daemon-reload
	reads /dev/log || fail "not allowed after daemon-reload"
	ok rt update --device-remove /dev/log "$ID"
	same DeviceAllow "$(show DeviceAllow)" ""
	! reads /dev/k || fail "still allowed"
}

@test "devices are added to a unit without a device filter, which stays so" {
	config '.process.capabilities |= map_values(. + ["CAP_SYSLOG", "CAP_MKNOD"]) | .process.noNewPrivileges = false'
	sd_create
	ok rt start "$ID"
	ok rt update --device-add /dev/kmsg:/dev/log "$ID"
	same policy "$(show DevicePolicy DeviceAllow | sort | tr '\n' ' ')" "DevicePolicy=auto "
	ok rt exec "$ID" sh -c ": </dev/log"
	systemctl daemon-reload
	ok rt exec "$ID" sh -c ": </dev/log"
	ok rt update --device-remove /dev/log "$ID"
	rt exec "$ID" mknod /dev/k c 1 11
	! rt exec "$ID" sh -c ": </dev/k" 2>/dev/null || fail "still allowed"
}
