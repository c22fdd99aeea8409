# cli-inside.bash: what containers are given, as Docker and podman spell it; see
# cli.bash for the names.
# shellcheck shell=bash disable=SC2016,SC2154

op_user() {
	ok run -u 1000 $IMAGE id
	ok run -u app $IMAGE sh -c 'id; echo $HOME'
	ok run -u 7:8 --group-add 2000 --group-add 3000 $IMAGE sh -c 'grep -E "^(Uid|Gid|Groups)" /proc/self/status'
	try run -u nosuch $IMAGE true
	tell "unknown user: exit code $rc"
	ok run -u 1000 $IMAGE sh -c 'grep -E "^Cap" /proc/self/status'
}

op_workdir() {
	ok run -w /usr/bin $IMAGE pwd
	# Docker makes it, podman does not.
	try run -w /made/deep $IMAGE sh -c 'pwd; stat -c "%a %u:%g" .'
	tell "missing: exit code $rc $out"
	ok run -e A=b -e EMPTY= $IMAGE sh -c 'env | sort | grep -v HOSTNAME'
	ok run --entrypoint /bin/echo $IMAGE a b
}

op_caps() {
	local flags
	for flags in '' '--cap-drop ALL' '--cap-drop ALL --cap-add NET_RAW' '--cap-add NET_ADMIN --cap-drop CHOWN' '-u 1000 --cap-add NET_ADMIN'; do
		tell "[$flags]"
		# shellcheck disable=SC2086 # words
		ok run $flags $IMAGE grep Cap /proc/self/status
	done
}

op_nnp() {
	ok run --security-opt no-new-privileges $IMAGE grep NoNewPrivs /proc/self/status
	ok run $IMAGE grep NoNewPrivs /proc/self/status
}

op_seccomp() {
	ok run $IMAGE grep Seccomp: /proc/self/status
	# Docker's profile refuses it, podman's does not.
	try run $IMAGE unshare -U true
	tell "exit code $rc: $err"
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$T/p.json"
	no 1 "No space left on device" run --security-opt "seccomp=$T/p.json" $IMAGE mkdir /x
	ok run --security-opt seccomp=unconfined $IMAGE grep Seccomp: /proc/self/status
	printf '%s\n' 165 155 246 250 304 308 435 >"$T/calls" # mount, pivot_root, kexec_load, keyctl, open_by_handle_at, setns, clone3
	INPUT=$T/calls ok run -i $IMAGE /probe syscalls
}

op_masks() {
	ok run $IMAGE sh -c 'wc -c </proc/keys; ls /sys/firmware | wc -l; wc -c </proc/timer_list'
	no 1 "Read-only file system" run $IMAGE sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	no 1 "Read-only file system" run $IMAGE sh -c 'echo 1 >/proc/sys/kernel/shm_rmid_forced'
	try run $IMAGE mkdir /sys/fs/cgroup/mine
	tell "cgroup: exit code $rc"
}

op_readonly() {
	no 1 "Read-only file system" run --read-only $IMAGE touch /x
	ok run --read-only --tmpfs /t:size=1m $IMAGE sh -c 'touch /t/x && df /t | tail -n 1 | tr -s " "'
	ok run --read-only $IMAGE sh -c 'for d in / /dev /proc /sys; do awk -v d=$d "\$5 == d { print d, \$6 }" /proc/self/mountinfo; done | sort; touch /dev/x /dev/shm/x && echo writable'
}

op_tmpfs() {
	ok run --tmpfs /t:size=64k,mode=700,noexec $IMAGE sh -c 'stat -c %a /t; grep " /t " /proc/self/mountinfo | cut -d" " -f6'
	ok run --mount type=tmpfs,destination=/m,tmpfs-size=4096 $IMAGE sh -c 'df /m | tail -n 1 | tr -s " "'
}

op_shm() { ok run --shm-size 8m $IMAGE sh -c 'df /dev/shm | tail -n 1 | tr -s " "'; }

op_volumes() {
	mkdir "$T/v"
	chmod 777 "$T/v"
	echo host >"$T/v/file"
	ok run -v "$T/v:/v" $IMAGE sh -c 'cat /v/file; echo container >/v/new'
	same "new file" "$(<"$T/v/new")" container
	no 1 "Read-only file system" run -v "$T/v:/v:ro" $IMAGE touch /v/x
	ok run -v "$T/v/file:/etc/motd:ro" $IMAGE cat /etc/motd
	ok run -v "$C:/v" $IMAGE sh -c 'echo kept >/v/x'
	ok run -v "$C:/v:ro" $IMAGE cat /v/x
	quiet e volume rm "$C"
	ok run --mount "type=bind,source=$T/v,destination=/made/deep/v,readonly" $IMAGE sh -c 'cat /made/deep/v/file; stat -c "%a %u:%g" /made/deep'
	# podman takes options of mounts, Docker none.
	try run -v "$T/v:/v:nosuid,noexec,nodev" $IMAGE sh -c 'grep " /v " /proc/self/mountinfo | cut -d" " -f6'
	tell "options: exit code $rc $out"
	try run -v "$T/nosuch/x:/v:ro" $IMAGE ls -a /v
	tell "missing source: exit code $rc"
}

op_volume_error() {
	try run -v "$T:/probe" $IMAGE true
	[[ $err == *"not a directory"* ]] || fail "does not say why"
	tell "exit code $rc: not a directory"
}

op_devices() {
	ok run --device /dev/null:/dev/also $IMAGE sh -c 'echo x >/dev/also && stat -c "%F %t:%T %a %u:%g" /dev/also'
	ok run --device /dev/zero:/dev/ro:r $IMAGE sh -c 'head -c 3 /dev/ro | wc -c'
	ok run $IMAGE sh -c 'ls /dev | sort | tr "\n" " "; for f in /dev/*; do [ ! -c "$f" ] || stat -c "%n %t:%T %a" "$f"; done'
	no 1 "Operation not permitted" run $IMAGE sh -c 'mknod /tmp/loop b 7 0 && head -c 1 /tmp/loop'
	try run --device-cgroup-rule 'c 1:5 rwm' $IMAGE sh -c 'mknod /tmp/zero c 1 5 && head -c 3 /tmp/zero | wc -c'
	tell "rule: exit code $rc $out"
}

op_sysctl() {
	ok run --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=16384 $IMAGE cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax
	try run --sysctl kernel.pid_max=100000 $IMAGE true
	[ "$rc" != 0 ] || fail "takes a sysctl of the host"
	tell "the host's: exit code $rc"
	try run --sysctl net.ipv4.nosuch=1 $IMAGE true
	[[ $rc != 0 && $err == *"no such file or directory"* ]] || fail "no reason"
	tell "missing: exit code $rc"
}

op_oom_score() {
	ok run --oom-score-adj 500 $IMAGE cat /proc/self/oom_score_adj
}

op_hostname() {
	ok run --hostname here --add-host there:10.1.2.3 $IMAGE sh -c 'hostname; cat /etc/hostname; grep there /etc/hosts'
	ok e run --rm "${BARE[@]}" --dns 10.9.9.9 --dns-search example.org $IMAGE cat /etc/resolv.conf
}

op_net() {
	ok run $IMAGE ip -o link
	has links "$out" '*lo: <LOOPBACK,UP*'
	quiet e run -d --name "$C" "${FLAGS[@]}" $IMAGE sleep 1000
	ok e run --rm "${BARE[@]}" --network host $IMAGE readlink /proc/self/ns/net
	same namespace "$out" "$(readlink /proc/self/ns/net)"
	quiet e run --rm "${BARE[@]}" --network "container:$C" $IMAGE readlink /proc/self/ns/net
	[ "$out" = "$(readlink "/proc/$(field .State.Pid)/ns/net")" ] || fail "another network"
}

op_pid() {
	cgroups # to find all processes by
	# The container's process is not its namespace's first, so stop has to find the rest.
	up --pid host $IMAGE sh -c "echo ready; sleep 10${#LANE}1 & exec sleep 10${#LANE}2"
	until_true says ready
	same namespace "$(readlink "/proc/$(field .State.Pid)/ns/pid")" "$(readlink /proc/self/ns/pid)"
	quiet e stop -t 1 "$C"
	gone() { ! pgrep -x -f "sleep 10${#LANE}[12]"; }
	until_true gone
	remove
	up $IMAGE sleep 1003
	ok run --pid "container:$C" $IMAGE sh -c 'ps -o args | grep "[s]leep"'
}

op_ipc() {
	[ "$UID_OF_ENGINE" = 0 ] || [ -d /dev/mqueue ] || cannot "the host has no /dev/mqueue, which Podman needs"
	quiet e run --rm "${FLAGS[@]}" --ipc host --uts host $IMAGE sh -c 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts'
	same namespaces "$out" "$(readlink /proc/self/ns/ipc /proc/self/ns/uts)"
	up --ipc shareable $IMAGE sleep 1000
	quiet e exec "$C" touch /dev/shm/shared
	ok run --ipc "container:$C" $IMAGE ls /dev/shm
	ok run --ipc private $IMAGE ls /dev/shm
}

op_cgroupns() {
	cgroups
	ok run --cgroupns private $IMAGE cat /proc/self/cgroup
	quiet run --cgroupns host $IMAGE cat /proc/self/cgroup
	[[ $out == *"$PARENT"* ]] || fail "another namespace"
	ok run --cgroupns private $IMAGE sh -c 'ls /sys/fs/cgroup | grep -cx cgroup.procs'
}

op_propagation() {
	mkdir -p "$T/v/sub"
	mount -t tmpfs outside "$T/v"
	mkdir "$T/v/sub"
	local how
	for how in rprivate rslave rshared; do
		up -v "$T/v:/v:$how" $IMAGE sleep 1000
		mount -t tmpfs later "$T/v/sub"
		ok e exec "$C" sh -c 'grep -c " /v/sub " /proc/self/mountinfo; true'
		umount "$T/v/sub"
		ok e exec "$C" sh -c 'grep " /v " /proc/self/mountinfo | grep -oE "(shared|master):" | sort; true'
		remove
	done
	umount "$T/v"
}

op_ulimit() {
	ok run --ulimit nofile=100:200 --ulimit core=0 --ulimit nproc=500 --ulimit fsize=4096:8192 $IMAGE cat /proc/self/limits
}

op_init() {
	ok run --init $IMAGE cat /proc/1/comm
	gives 3 run --init $IMAGE sh -c 'sleep 1001 & exit 3'
}
