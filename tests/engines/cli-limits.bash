# cli-limits.bash: limits, as Docker and podman spell them; see cli.bash for the names.
# shellcheck shell=bash disable=SC2016,SC2154

LIMITS=(memory.max memory.low memory.swap.max memory.high pids.max cpu.max cpu.weight cpuset.cpus cpuset.mems io.max io.weight io.bfq.weight)

# limits: as the container's cgroup has them, and systemd's unit of it if there is one.
limits() {
	ok e exec "$C" sh -c 'cd /sys/fs/cgroup && for f; do [ ! -e "$f" ] || echo "$f" $(cat "$f"); done' sh "${LIMITS[@]}"
	ok e inspect -f "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.MemoryReservation}} {{.PidsLimit}} {{.CpuShares}} {{.CpusetCpus}}{{end}}" "$C"
	! declare -F unit >/dev/null || tell "$(unit)"
}

# disk: a device that can be throttled.
disk() {
	local device
	for device in /sys/block/[vsx]d[a-z] /sys/block/nvme*n*; do
		device=/dev/${device##*/}
		[ ! -b "$device" ] || { echo "$device"; return; }
	done
	return 1
}

op_limits() {
	controllers memory pids cpu
	local disk flags=(--memory 64m --memory-swap 96m --memory-reservation 32m --pids-limit 50 --cpus 0.5 --cpu-shares 512)
	! have cpuset || flags+=(--cpuset-cpus 0 --cpuset-mems 0)
	! have io || flags+=(--blkio-weight 300)
	! have io || ! disk=$(disk) || flags+=(--device-read-bps "$disk:1mb" --device-write-iops "$disk:500")
	up "${flags[@]}" $IMAGE sleep 1000
	limits
}

# live: limits of a running container, while they are changed.
live() {
	local flags=(--memory 128m --memory-swap 256m --memory-reservation 48m --pids-limit 70 --cpu-shares 256 --cpu-period 50000 --cpu-quota 20000)
	! have cpuset || flags+=(--cpuset-cpus 0)
	quiet e update "${flags[@]}" "$C"
	limits
}
