# podman.bash: podman as root, with storage and configuration of its own.
# shellcheck shell=bash
. "$here/cli.bash"
. "$here/podman-only.bash"
IMAGE=localhost/bb:1
UID_OF_ENGINE=0
LATE=0 # it may find the container cleaned up
MAP=0:100000:5000
P=$D/podman

engine_check() { installed podman conmon; }

# podman_engine MANAGER [LINE]: the part of containers.conf about runtimes, with the
# manager of cgroups, and one more setting.
podman_engine() {
	cat <<-END
		[engine]
		cgroup_manager = "$1"
		events_logger = "file"
		infra_image = "localhost/pause:1"
		runtime_supports_json = ["crun", "runc", "crun-go"]
		${2:-}
		[engine.runtimes]
		runc = ["$PEER"]
		crun-go = ["$OURS"]
	END
}

# podman_configure USER: what podman needs to find, for this user.
podman_configure() {
	local soft
	soft=$(ulimit -Hn)
	mkdir -p "$P/run" "$P/tmp" "$P/home"
	# Locks in shared memory have a fixed name.
	mount -t tmpfs -o mode=1777 shm /dev/shm
	# podman's own default limits are more than root has on some machines. A
	# runtime of unknown name gets its log format only if it is listed.
	cat >"$P/containers.conf" <<END
[containers]
default_ulimits = ["nofile=$((soft < 4096 ? soft : 4096)):$((soft < 4096 ? soft : 4096))", "nproc=4096:4096"]
pids_limit = 0
init_path = "$(command -v docker-init || command -v tini-static || command -v tini || echo /none)"
$(podman_engine cgroupfs)
END
	chown -R "$1:$1" "$P"
	export CONTAINERS_CONF=$P/containers.conf
	PODMAN=(podman --root "$P/root" --runroot "$P/run" --tmpdir "$P/tmp" --network-config-dir "$P/net")
}

podman_load() {
	"$here/image" "$D/rootfs" localhost/pause:1 "$D/pause.tar" /bin/sleep 1000000
	"${PODMAN[@]}" load -i "$D/image.tar"
	"${PODMAN[@]}" load -i "$D/pause.tar"
}

engine_start() {
	private_etc subuid "containers:600000:1000000"
	private_etc subgid "containers:600000:1000000"
	podman_configure 0
	podman_load
}

engine_stop() { "${PODMAN[@]}" rm -fa -t 0; }

engine_lane() {
	E=("${PODMAN[@]}" --runtime "$LANE")
	BARE=(--label "lane=$LANE" --cgroup-parent "$PARENT")
	FLAGS=("${BARE[@]}" --network none)
	POD=(--cgroup-parent "$PARENT")
}

engine_sweep() {
	local all
	all=$(e pod ps -q --filter "label=lane=$LANE")
	# shellcheck disable=SC2086 # a list
	[ -z "$all" ] || e pod rm -f -t 0 $all
	all=$(e ps -aq --filter "label=lane=$LANE")
	# shellcheck disable=SC2086
	[ -z "$all" ] || e rm -f -t 0 $all
}

engine_left() {
	local left
	T=$D
	none() { ! pgrep -f "conmon.*$P" >/dev/null; }
	until_true none || echo "conmon"
	left=$("${PODMAN[@]}" ps -aq)
	[ -z "$left" ] || echo "containers $left"
	grep -l "$P" /run/runc/*/state.json /run/crun-go/*/state.json 2>/dev/null
	find "/sys/fs/cgroup$PARENT" -mindepth 1 -type d -name 'libpod-[0-9a-f]*' 2>/dev/null
}
