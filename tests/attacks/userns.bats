#!/usr/bin/env bats
# Root of a user namespace against the host's mounts, devices and cgroups.
load attacks

@test "CVE-2023-25809: without a cgroup namespace the host's cgroups are neither seen nor written to" {
	user_namespace
	# One that belongs to the container's user outside, as those of rootless
	# containers do.
	mkdir "/sys/fs/cgroup/x-$ID-victim"
	chown -R 100000:100000 "/sys/fs/cgroup/x-$ID-victim"
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	script 'find /sys/fs/cgroup -name "x-*-victim"; for d in $(find /sys/fs/cgroup -type d); do mkdir $d/written 2>/dev/null && echo written $d; done; true'
	attempt
	[ ! -e "/sys/fs/cgroup/x-$ID-victim/written" ] || out="made a cgroup of the host's"
	rmdir "/sys/fs/cgroup/x-$ID-victim/written" 2>/dev/null || true
	rmdir "/sys/fs/cgroup/x-$ID-victim"
	[ -z "$out" ] || succeeds "$out"
	is_ours || return 0
	[ "$rc" = 0 ] || fail "does not start"
}

@test "root of a user namespace mounts on the devices: the host's stay as they are" {
	[ "$(findmnt -no PROPAGATION /dev)" = shared ] || skip "the host's /dev is not shared here"
	user_namespace
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
		| .linux.resources.devices = [{allow: true, access: "rwm"}]'
	script 'for d in null zero full random tty; do mount --bind /dev/urandom /dev/$d && echo mounted; done; sleep 1000'
	up
	until_true sh -c '[ $(grep -c " /dev/tty " "/proc/$1/mountinfo") = 2 ]' sh "$(pid_of)"
	[ "$(mounts)" = "$before_mounts" ] || succeeds "the host's mounts changed: $(diff <(echo "$before_mounts") <(mounts))"
}
