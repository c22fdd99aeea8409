# docker-vm.bash: the system's own dockerd, with systemd's cgroup driver.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
. "$here/docker.bash"
. "$here/systemd.bash"
PARENT=/system.slice
KEYS=(run_view exec_view exec_privileged top stats pause update limits oom restart rm_force health privileged cgroupns cgroup_parent userns_remap)

engine_check() { engine_here dockerd docker containerd runc; }
engine_title() { echo "Docker $(version dockerd), systemd"; }

engine_start() {
	mkdir -p /etc/docker
	jq -n --arg runc "$PEER" --arg ours "$OURS" '{"exec-opts": ["native.cgroupdriver=systemd"],
		runtimes: {"lane-runc": {path: $runc}, "lane-crun-go": {path: $ours}}}' >/etc/docker/daemon.json
	systemctl start docker
	docker_image docker
	# With user namespaces it is another daemon, that makes cgroups in the same way.
	mkdir -p "$D/remap"
	dockerd --data-root "$D/remap/data" --exec-root "$D/remap/x" -H "unix://$D/remap/d.sock" --pidfile "$D/remap/d.pid" --bridge=none --iptables=false \
		--config-file /etc/docker/daemon.json --containerd= --userns-remap tester >"$D/remap/dockerd.log" 2>&1 </dev/null &
}

# Stopping it would take time, and the machine is thrown away.
engine_stop() { :; }

engine_lane() {
	E=(docker)
	BARE=(--runtime "lane-$LANE" --label "lane=$LANE")
	FLAGS=("${BARE[@]}" --network none)
}

engine_left() {
	local all
	all=$(docker ps -aq)
	# shellcheck disable=SC2086 # a list
	[ -z "$all" ] || docker rm -f $all >/dev/null || echo "containers that can't be removed"
	units_left 'docker-*.scope'
	find /run/docker/runtime-* -mindepth 2 -maxdepth 2 2>/dev/null
}

op_userns_remap() {
	E=(docker -H "unix://$D/remap/d.sock")
	until_true e version
	e image inspect $IMAGE >/dev/null 2>&1 || docker_image "${E[@]}" >/dev/null
	ok run --memory 64m --pids-limit 50 $IMAGE sh -c 'cat /proc/self/uid_map; cd /sys/fs/cgroup; cat memory.max pids.max; mkdir mine && echo writable; stat -c %u:%g . cgroup.procs memory.max'
	up -m 64m $IMAGE sleep 1000
	ok e exec "$C" sh -c 'id -u; cat /proc/self/uid_map /proc/self/cgroup'
	tell "$(unit)"
	quiet e update --memory 128m --memory-swap 128m "$C"
	ok e exec "$C" cat /sys/fs/cgroup/memory.max
	quiet e pause "$C"
	quiet e unpause "$C"
	remove
}

op_cgroup_parent() {
	ok run --cgroupns host --cgroup-parent engines-parent.slice --memory 64m $IMAGE cat /proc/self/cgroup
	[[ $out == 0::/engines.slice/engines-parent.slice/docker-*.scope ]] || fail "in another cgroup"
	up --cgroup-parent engines.slice $IMAGE sleep 1000
	same slice "$(systemctl show --value -p Slice "$(scope "$(field .State.Pid)")")" engines.slice
}
