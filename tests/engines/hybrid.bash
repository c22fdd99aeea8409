# hybrid.bash: dockerd on the host's own cgroups, v1 beside v2. There runc uses
# v1 and crun-go the v2 hierarchy.
# shellcheck shell=bash disable=SC2034
. "$here/docker.bash"
KEYS=(run_output run_pty run_notfound run_failed run_parallel exec_output exec_tty exec_parallel exec_killed top stats pause update limits
	kill stop restart restart_policy rm_force health devices pid)

eval "docker_$(declare -f engine_check)"
engine_check() {
	docker_engine_check || return
	[ -d /sys/fs/cgroup/memory ] && [ -e /sys/fs/cgroup/unified/cgroup.procs ] || { echo "this host's cgroups are not hybrid"; return 1; }
}

op_limits() {
	if [ "$LANE" = runc ]; then
		ok run --memory 64m $IMAGE echo limited
	else
		no 125 'owned by cgroup v1 (hybrid host)' run --memory 64m $IMAGE echo limited
	fi
}
