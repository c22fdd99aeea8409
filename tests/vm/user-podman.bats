#!/usr/bin/env bats
# podman of an ordinary user, whose runtime is root in a user namespace of
# podman's.
load ../suites/helpers
load guest

suite_setup() {
	export XDG_CONFIG_HOME=$BATS_FILE_TMPDIR/config
	mkdir -p "$XDG_CONFIG_HOME/containers"
	cat >"$XDG_CONFIG_HOME/containers/containers.conf" <<-EOT
		[engine]
		runtime = "crun-go"
		runtime_supports_json = ["crun", "runc", "crun-go"]
		runtime_supports_nocgroup = ["crun", "crun-go"]
		[engine.runtimes]
		crun-go = ["$RUNTIME"]
	EOT
	podman import --quiet /srv/busybox.tar bb >/dev/null
}

# What podman's own processes leave is podman's: its pause process lives on.
nothing_left() { [ -z "$(ls "$XDG_RUNTIME_DIR/crun-go" 2>/dev/null)" ] || fail "state left: $(ls "$XDG_RUNTIME_DIR/crun-go")"; }

teardown() {
	podman rm --all --force --time 0 >/dev/null 2>&1 || true
	podman pod rm --all --force --time 0 >/dev/null 2>&1 || true
	nothing_left
}

pod() { timeout --foreground -s KILL 240 podman "$@"; }
pid_in() { podman inspect --format '{{.State.Pid}}' "$1"; }

@test "run: ids, cgroup, sysctls, mounts and exit code" {
	no 9 "" pod run --rm --memory 64m --pids-limit 100 --cpus 0.5 --read-only --tmpfs /t:size=1m --device /dev/fuse \
		--oom-score-adj 300 --sysctl net.ipv4.ip_forward=1 bb sh -c '
		id -u; id -G; cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max pids.max cpu.max
		cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_forward /proc/self/oom_score_adj
		touch /x 2>/dev/null || echo read-only; df /t | tail -n 1; test -c /dev/fuse && echo device; exit 9'
	same view "$(tr -s ' \t\n' ' ' <"$OUT")" \
		"0 0 0::/ 67108864 100 50000 100000 0 0 1 300 read-only tmpfs 1024 0 1024 0% /t device "
}

# bats test_tags=needs:cpuset
@test "processors for a container" {
	ok pod run --rm --cpuset-cpus 0 bb cat /sys/fs/cgroup/cpuset.cpus
	same processors "$out" 0
}

@test "exec, pause, update, kill, stop" {
	ok pod run --detach --name one --memory 64m bb sh -c 'trap "exit 3" USR1; while :; do sleep 0.1; done'
	[[ $(cat "/proc/$(pid_in one)/cgroup") == "0::/user.slice/user-$UID.slice/user@$UID.service/user.slice/libpod-"*.scope ]] || fail "in another cgroup"
	ok pod exec --user 5:6 one sh -c 'id -u; id -g; cat /sys/fs/cgroup/memory.max'
	same exec "$out" $'5\n6\n67108864'
	no 42 "" pod exec one sh -c 'exit 42'
	no 127 'exec: "nosuch": executable file not found' pod exec one nosuch
	ok pod exec --tty one tty
	[[ $out == /dev/pts/0* ]] || fail "no terminal"
	ok pod pause one
	same state "$(podman inspect --format '{{.State.Status}}' one)" paused
	ok pod unpause one
	ok pod update --memory 48m --pids-limit 50 one
	ok pod exec one cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
	same updated "$out" $'50331648\n50'
	ok pod top one pid
	ok pod kill --signal USR1 one
	ok pod wait one
	same "exit code" "$out" 3
	ok pod start one
	ok pod stop --time 0 one
	ok pod rm one
}

@test "user namespaces below podman's" {
	ok pod run --rm --userns keep-id bb sh -c 'id -u; cat /proc/self/uid_map'
	same keep-id "$(tr -s ' \n' ' ' <"$OUT")" "$UID 0 1 $UID $UID 0 1 $((UID + 1)) $((UID + 1)) $((65536 - UID)) "
	ok pod run --rm --uidmap 0:1:100 --gidmap 0:1:100 bb cat /proc/self/uid_map
	same uidmap "$(tr -s ' \n' ' ' <"$OUT")" " 0 1 100 "
}

@test "the host's namespaces" {
	ok pod run --rm --pid host --ipc host --uts host --network host --cgroupns host bb sh -c \
		'for ns in pid ipc uts net; do readlink /proc/self/ns/$ns; done; mount | grep -c " on /dev/mqueue \| on /proc \| on /sys "'
	same namespaces "$out" "$(readlink /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/net)"$'\n3'
}

@test "a pod: what its containers share, pause and stop" {
	ok pod pod create --name pp --infra-image bb --infra-command 'sleep 1000'
	ok pod run --detach --pod pp --name one bb sleep 1000
	ok pod run --detach --pod pp --name two --memory 32m bb sleep 1000
	local ns
	for ns in net ipc uts; do
		same "$ns" "$(podman exec one readlink /proc/self/ns/$ns)" "$(podman exec two readlink /proc/self/ns/$ns)"
	done
	ok pod pod pause pp
	ok pod pod unpause pp
	ok pod pod stop --time 0 pp
	ok pod pod rm pp
}

@test "no cgroups, and cgroups without systemd" {
	ok pod run --rm --cgroups disabled --cgroupns host bb cat /proc/self/cgroup
	[[ $out == "$(cat /proc/self/cgroup)" || $out == *conmon* || $out == *.scope ]] || fail "in $out"
	ok pod --cgroup-manager cgroupfs run --rm --memory 64m bb sh -c 'cat /proc/self/cgroup /sys/fs/cgroup/memory.max'
	same limit "$out" $'0::/\n67108864'
}

@test "what the runtime has to say arrives" {
	no 127 'exec: "nosuch": executable file not found in $PATH' pod run --rm bb nosuch
	no 126 "annotations" pod run --rm --annotation run.oci.mount_context_type=x bb true
}
