#!/usr/bin/env bats
# Sizes: what is longer, more or slower than anybody would make it.
load attacks

@test "CVE-2021-43784: lengths beyond 16 bits are cut off" {
	# Cut to 16 bits, the path is that of the caller's network namespace.
	local path=/proc/self/ns/net pad
	pad=$(head -c 65536 /dev/zero | tr '\0' /)
	config --rawfile pad <(echo -n "$pad") --arg p "$path" '.linux.namespaces |= map(if .type == "network" then .path = $p + $pad else . end)'
	args readlink /proc/self/ns/net
	attempt
	[ "$out" != "$(readlink "$path")" ] || succeeds "the container is in the host's network namespace"
	[ "$rc" != 0 ] || fail "a path that nobody can open was taken"
	# Nor do they end where their text has a zero byte.
	config --arg p "$path" '.linux.namespaces |= map(if .type == "network" then .path = $p + "\u0000" else . end)'
	attempt
	refused
	# So many that their text is longer than 64 KiB: refused, or in force.
	config '.linux.namespaces |= map(del(.path)) | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [range(5000) | {containerID: ., hostID: (100000 + 2 * .), size: 1}] | .linux.gidMappings = .linux.uidMappings'
	args cat /proc/self/uid_map
	attempt
	[[ $rc != 0 || $(wc -l <"$OUT") = 5000 ]] || succeeds "$(wc -l <"$OUT") of 5000 mappings"
}

@test "L7: a profile with more conditions than any kernel takes" {
	ours "1.1 takes them"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [range(60000)
		| {names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: ., op: "SCMP_CMP_EQ"}]}]}'
	args true
	attempt
	refused
	[[ $err == *linux.seccomp* ]] || fail "the field is not named"
}
