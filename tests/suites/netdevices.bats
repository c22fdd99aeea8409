#!/usr/bin/env bats
# linux.netDevices: devices of the runtime's network namespace, here the
# sandbox's, move into the container and keep their addresses.
load helpers

# Each test has a pair of its own in the sandbox: a$N, which moves, and b$N.
device() {
	ours "1.1 does not know netDevices"
	DEV=a$BATS_TEST_NUMBER PEER=b$BATS_TEST_NUMBER
	ip link add "$DEV" type veth peer name "$PEER"
	ip addr add 10.9.8.7/24 brd + dev "$DEV"
	ip addr add fd00:9::7/64 dev "$DEV" nodad
	ip addr add 10.77.0.1/32 dev "$DEV" scope link # of no global scope: stays behind
	ip addr add 10.66.0.1/24 dev "$DEV" valid_lft 1000 preferred_lft 900 # not permanent
	ip link set "$DEV" mtu 1400 address 02:00:00:00:09:08 up
	config --arg dev "$DEV" --arg to "${1:-}" '.linux.netDevices = {($dev): (if $to == "" then {} else {name: $to} end)}'
}

teardown() {
	delete_all
	ip link del "${PEER:-none}" 2>/dev/null || true
	[ -z "${NETNS:-}" ] || umount "$NETNS"
	nothing_left
}

# seen DEVICE [COMMAND...]: what a network namespace shows of it, one line.
seen() {
	local dev=$1
	shift
	"$@" ip -j addr show dev "$dev" | jq -c '.[0] | {mtu, address, up: (.flags | any(. == "UP")),
		global: ([.addr_info[] | select(.scope == "global") | "\(.local)/\(.prefixlen) \(.broadcast // "")"] | sort)}'
}

MOVED='{"mtu":1400,"address":"02:00:00:00:09:08","up":true,"global":["10.9.8.7/24 10.9.8.255","fd00:9::7/64 "]}'

@test "a device moves with its addresses, and comes up" {
	device
	ok create "$ID"
	same "device in the container" "$(seen "$DEV" nsenter -t "$(pid_of)" -n)" "$MOVED"
	! ip link show dev "$DEV" 2>/dev/null || fail "it is still outside"
	jq -e 'has("net_devices") | not' "$ROOT/$ID/state.json" >/dev/null || fail "still in the journal"
	ok start "$ID"
}

@test "another name inside" {
	device inside0
	args ip addr show dev inside0
	ok run_bundle "$ID"
	[[ $out == *"10.9.8.7/24 brd 10.9.8.255 scope global inside0"* ]] || fail "inside"
}

@test "a template: the kernel picks the number" {
	device 'net%d'
	config '.linux.netDevices.'"$PEER"' = {name: "net%d"}'
	ok create "$ID"
	same devices "$(nsenter -t "$(pid_of)" -n ip -j link | jq -c '[.[].ifname | select(startswith("net"))] | sort')" '["net0","net1"]'
}

@test "hooks of the runtime find the device inside" {
	device inside0
	config --arg out "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c",
		"pid=$(sed -n \"s/.*\\\"pid\\\":\\([0-9]*\\).*/\\1/p\"); nsenter -t $pid -n ip -o link show dev inside0 >\($out)"]}]'
	ok create "$ID"
	grep -q inside0 "$BATS_TEST_TMPDIR/hook" || fail "not there"
}

@test "in a user namespace" {
	device
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	ok create "$ID"
	same "device in the container" "$(seen "$DEV" nsenter -t "$(pid_of)" -n)" "$MOVED"
}

@test "a create that fails gives the device back, as it was" {
	local up
	device inside0
	for up in up down; do
		# Without this the kernel itself drops IPv6 addresses.
		echo 1 >"/proc/sys/net/ipv6/conf/$DEV/keep_addr_on_down"
		ip link set "$DEV" "$up"
		args /no/such/program
		no 1 "no such file or directory" create "$ID"
		same "device outside" "$(seen "$DEV")" "${MOVED/true/$([ "$up" = up ] && echo true || echo false)}"
		config '.hooks.createRuntime = [{path: "/bin/false"}]'
		no 1 "createRuntime hook" run_bundle "$ID"
		config 'del(.hooks)'
		same "device outside, after a hook failed" "$(seen "$DEV")" "${MOVED/true/$([ "$up" = up ] && echo true || echo false)}"
	done
}

@test "a name that is taken inside: an error, and the device is back" {
	device lo
	no 1 "linux.netDevices.$DEV: move network device \"$DEV\" into the container as \"lo\": " create "$ID"
	[[ $err == *'rename to "lo": file exists'* ]] || fail "why"
	one_error
	same "device outside" "$(seen "$DEV")" "$MOVED"
}

@test "a joined namespace: the device stays there; a killed create gives it back" {
	device inside0
	NETNS=$BATS_TEST_TMPDIR/netns
	touch "$NETNS"
	unshare --net="$NETNS" true
	config --arg ns "$NETNS" '.linux.namespaces |= map(if .type == "network" then .path = $ns else . end)'
	# Killed while the hook looks on: the device is inside, and in the state file.
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "kill -KILL $PPID"]}]'
	try create "$ID"
	same "exit code" "$rc" 137
	same "device in the namespace" "$(seen inside0 nsenter --net="$NETNS")" "$MOVED"
	ok rt delete --force "$ID"
	same "device outside" "$(seen "$DEV")" "$MOVED"
	config 'del(.hooks)'
	ok create "$ID"
	ok start "$ID"
	ok rt delete --force "$ID"
	same "device in the namespace" "$(seen inside0 nsenter --net="$NETNS")" "$MOVED"
}

@test "what can't move is an error" {
	ours "1.1 does not know netDevices"
	config '.linux.netDevices = {nosuch0: {}}'
	no 1 'linux.netDevices.nosuch0: move network device "nosuch0" into the container: no such device' create "$ID"
	one_error
	config '.linux.netDevices = {lo: {name: "inner"}}'
	no 1 'linux.netDevices.lo: move network device "lo" into the container as "inner": ' create "$ID"
	config '.linux.netDevices = {eth0: {}} | .linux.namespaces |= map(select(.type != "network"))'
	no 1 "unable to move network devices without a private NET namespace" create "$ID"
	config '.linux.netDevices = {"a b": {}} | .linux.namespaces += [{type: "network"}]'
	no 1 'linux.netDevices.a b: "a b" is not the name of a network device' create "$ID"
}

@test "features and plan tell" {
	device inside0
	ok rt features
	jq -e .linux.netDevices.enabled "$OUT" >/dev/null || fail "features"
	ok rt plan --bundle "$BUNDLE"
	grep -q "parent .* linux.netDevices.$DEV  *move network device \"$DEV\" into the container as \"inside0\"$" "$OUT" || fail "plan"
}
