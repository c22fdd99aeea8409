# docker.bash: dockerd with a containerd of its own, in the sandbox.
# shellcheck shell=bash
. "$here/cli.bash"
. "$here/docker-only.bash"
IMAGE=localhost/bb:1
UID_OF_ENGINE=0
LATE=

engine_check() { installed dockerd docker containerd; }

# dockerd_start NAME [FLAG...]: one daemon, that knows both runtimes.
dockerd_start() {
	local dir=$D/$1 firewall=true
	shift
	iptables -t nat -L -n >/dev/null 2>&1 || firewall=false
	mkdir -p "$dir"
	dockerd --data-root "$dir/data" --exec-root "$dir/x" -H "unix://$dir/d.sock" --pidfile "$dir/d.pid" --containerd= \
		--cgroup-parent "$PARENT" --exec-opt native.cgroupdriver=cgroupfs --iptables=$firewall --ip6tables=false --experimental \
		--add-runtime "lane-runc=$PEER" --add-runtime "lane-crun-go=$OURS" "$@" >"$dir/dockerd.log" 2>&1 </dev/null &
	docker_image docker -H "unix://$dir/d.sock" || {
		tail -n 20 "$dir/dockerd.log"
		return 1
	}
}

# docker_image DOCKER...: give it the image, when it answers.
docker_image() {
	until_true "$@" version && tar -C "$D/rootfs" -c . | "$@" import -c 'CMD ["sh"]' \
		-c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - $IMAGE
}

engine_start() { T=$D dockerd_start docker; }

engine_stop() {
	local file
	for file in "$D"/*/d.pid; do
		[ -e "$file" ] || continue
		kill "$(<"$file")"
		until_true test ! -e "/proc/$(<"$file")"
	done
}

engine_lane() {
	E=(docker -H "unix://$D/docker/d.sock")
	BARE=(--runtime "lane-$LANE" --label "lane=$LANE")
	FLAGS=("${BARE[@]}" --network none)
}

engine_sweep() {
	local all
	all=$(e ps -aq --filter "label=lane=$LANE")
	# shellcheck disable=SC2086 # a list
	[ -z "$all" ] || e rm -f $all
}

engine_left() {
	T=$D
	shims_gone() { ! pgrep -f "containerd-shim.*$D" >/dev/null; }
	until_true shims_gone || echo "shims"
	find "$D"/*/x/runtime-* -mindepth 2 -maxdepth 2 2>/dev/null
	find "/sys/fs/cgroup$PARENT" -mindepth 1 -type d 2>/dev/null
}
