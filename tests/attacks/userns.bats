#!/usr/bin/env bats
# Root of a user namespace against the host's mounts, devices and cgroups.
load attacks

@test "CVE-2023-25809: without a cgroup namespace the host's cgroups can be written to" {
	user_namespace
	# One that belongs to the container's user outside, as those of rootless
	# containers do.
	local cgroup=/sys/fs/cgroup/x-$ID-victim
	mkdir "$cgroup"
	chown -R 100000:100000 "$cgroup"
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	script 'for d in $(find /sys/fs/cgroup -name "x-*-victim"); do echo $d; mkdir $d/written; done; echo looked'
	attempt
	local written=
	[ ! -e "$cgroup/written" ] || written=1
	rmdir "$cgroup/written" 2>/dev/null || true
	rmdir "$cgroup"
	[ -z "$written" ] || succeeds "the container has made a cgroup in ${cgroup##*/}"
	is_ours || return 0
	same "what is seen of the host's" "$out" looked
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
