# rootless.bash: podman of an ordinary user, which can read the sandbox's cgroups.
# shellcheck shell=bash
. "$here/podman.bash"
UID_OF_ENGINE=2000
MAP=0:1:5000 # of those that the user has

engine_check() { installed podman conmon newuidmap setpriv; }

engine_start() {
	local u=$UID_OF_ENGINE
	private_etc passwd "engines:x:$u:$u::$P/home:/bin/sh"
	private_etc group "engines:x:$u:"
	private_etc subuid "engines:300000:65536"
	private_etc subgid "engines:300000:65536"
	mknod -m 666 "$D/tun" c 10 200
	[ ! -e /dev/net/tun ] || mount --bind "$D/tun" /dev/net/tun
	podman_configure $u
	mkdir -p "$P/xdg"
	chown "$u:$u" "$P/xdg"
	PODMAN=(setpriv "--reuid=$u" "--regid=$u" --clear-groups env "HOME=$P/home" "XDG_RUNTIME_DIR=$P/xdg" "${PODMAN[@]}" --cgroup-manager cgroupfs)
	chmod 644 "$D"/*.tar
	podman_load
}

engine_lane() {
	chown $UID_OF_ENGINE:$UID_OF_ENGINE "$T"
	E=("${PODMAN[@]}" --runtime "$LANE")
	BARE=(--label "lane=$LANE")
	FLAGS=("${BARE[@]}" --network none)
	POD=()
}
