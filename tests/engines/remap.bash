# remap.bash: dockerd --userns-remap, where containers have a user namespace.
# shellcheck shell=bash disable=SC2034
. "$here/docker.bash"
KEYS=(run_output run_stdin run_pty run_notfound run_view run_failed exec_output exec_user exec_tty exec_view pause stop rm_force
	cp user caps seccomp masks readonly tmpfs volumes sysctl net_bridge)

engine_start() {
	private_etc passwd "engines:x:2000:2000::/nonexistent:/bin/false"
	private_etc group "engines:x:2000:"
	private_etc subuid "engines:300000:65536"
	private_etc subgid "engines:300000:65536"
	T=$D dockerd_start docker --userns-remap engines
}
