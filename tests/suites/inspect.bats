#!/usr/bin/env bats
# inspect: the container as the kernel has it, beside what config.json asked for.
load helpers

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "it has no inspect"
}

# is NAME: what there is. differs: names of what differs.
is() { jq -r --arg n "$1" '.[] | select(.name == $n) | .is' "$OUT"; }
differs() { jq -r '.[] | select(.differs) | .name' "$OUT"; }

running() {
	ok rt create --bundle "$BUNDLE" "$ID"
	ok rt start "$ID"
	until_true executed
}
executed() { ! grep -q crun-go "/proc/$(pid_of)/cmdline"; }

@test "a container is what it was asked to be" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}] | .process.oomScoreAdj = 500 | .process.noNewPrivileges = true
		| .linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000"}
		| .linux.maskedPaths = ["/proc/meminfo", "/proc/nosuch"] | .linux.readonlyPaths = ["/proc/sys"]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mount"], action: "SCMP_ACT_ERRNO"}]}'
	running
	ok rt inspect --drift "$ID"
	same "--drift" "$out" ""
	ok rt inspect --json "$ID"
	same "what differs" "$(differs)" ""
	same rlimit "$(is RLIMIT_NOFILE)" "100, at most 200"
	same oom "$(is oom_score_adj)" 500
	same sysctl "$(is 'sysctl net.ipv4.ip_forward')" 1
	same sysctl "$(is 'sysctl kernel.msgmax')" 9000
	same nnp "$(is no_new_privs)" 1
	same filters "$(is seccomp)" "1 filter"
	same "masked paths" "$(is 'masked paths')" "1 in force, 1 not present"
	same "read-only paths" "$(is 'read-only paths')" "1 in force"
	same status "$(is status)" running
	[ "$(is 'namespace pid')" = "$(stat -Lc %i "/proc/$(pid_of)/ns/pid")" ] || fail "$out"
	ok rt inspect "$ID"
	[[ $out == *"RLIMIT_NOFILE"*"100, at most 200"* ]] || fail "$out"
	[ "$(grep -c '^!' "$OUT")" = 0 ] || fail "$out"
}

@test "drift: what somebody has changed from outside" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}] | .process.oomScoreAdj = 500 | .linux.maskedPaths = ["/proc/meminfo"]
		| .linux.readonlyPaths = ["/proc/sys"] | .linux.sysctl = {"net.ipv4.ip_forward": "0"}
		| .mounts += [{destination: "/mnt", type: "tmpfs", source: "x", options: ["ro", "nosuid"]}]'
	running
	local pid
	pid=$(pid_of)
	echo 100 >"/proc/$pid/oom_score_adj"
	nsenter -t "$pid" -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	nsenter -t "$pid" -m -p sh -c 'umount /proc/meminfo; umount -l /proc/sys; mount -o remount,bind,rw,nosuid /mnt'
	try rt inspect --drift --json "$ID"
	same "exit code" "$rc" 1
	same "what differs" "$(differs | sort | tr '\n' ,)" "masked path,mount /mnt,oom_score_adj,read-only path,sysctl net.ipv4.ip_forward,"
	try rt inspect "$ID"
	same "exit code without --drift" "$rc" 0
	same "marked lines" "$(grep -c "^!" "$OUT")" 5
}

@test "limits in the cgroup" {
	config '.linux.resources.unified = {"cgroup.max.descendants": "5"}'
	running
	ok rt inspect --json "$ID"
	same limit "$(is cgroup.max.descendants)" 5
	echo 7 >"$(is cgroup)/cgroup.max.descendants"
	try rt inspect --drift --json "$ID"
	same "what differs" "$(differs)" cgroup.max.descendants
}

# bats test_tags=guest
@test "limits below what was asked for, in a cgroup with controllers" {
	grep -qw pids /sys/fs/cgroup/cgroup.controllers || skip "no controller pids in cgroup v2"
	config '.linux.resources.pids = {limit: 100} | .linux.resources.memory = {limit: 99999999}'
	running
	try rt inspect --drift --json "$ID"
	same "what differs" "$(differs)" ""
	ok rt inspect --json "$ID"
	echo 50 >"$(is cgroup)/pids.max"
	try rt inspect --drift --json "$ID"
	same "what differs" "$(differs)" pids.max
}

@test "two mounts at a place: the topmost counts, whichever was made first" {
	config '.mounts += [{destination: "/mnt", type: "tmpfs", source: "x"}, {destination: "/mnt", type: "bind", source: "/tmp", options: ["rbind", "ro"]}]'
	running
	ok rt inspect --drift "$ID"
	same "--drift" "$out" ""
}

@test "a parameter of group ids, in a user namespace" {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings
		| .linux.sysctl = {"net.ipv4.ping_group_range": "0 10"}'
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	running
	ok rt inspect --drift "$ID"
	same "--drift" "$out" ""
}

@test "what a process of the container changes by itself is not marked" {
	config '.process.scheduler = {policy: "SCHED_BATCH"} | .mounts += [{destination: "/a/b", type: "tmpfs", source: "x"}]'
	script 'mv /a /c; exec sleep 100'
	running
	until_true test -e "$BUNDLE/rootfs/c"
	chrt --idle --pid 0 "$(pid_of)"
	ok rt inspect --drift "$ID"
	same "--drift" "$out" ""
	ok rt inspect "$ID"
	[[ $out == *"no such path"* && $out == *SCHED_IDLE* ]] || fail "$out"
}

@test "a hostile view: what the container makes of its own files is not followed" {
	config '.linux.maskedPaths = ["/mask/file", "/proc/meminfo"] | .linux.readonlyPaths = ["/read"]'
	script 'ln -s / /mask; mkfifo /read; exec sleep 100'
	running
	until_true test -p "$BUNDLE/rootfs/read"
	try timeout 20 "$RUNTIME" --root "$ROOT" inspect --json "$ID"
	same "exit code" "$rc" 0
	same "masked paths" "$(is 'masked paths')" "1 in force, 1 not present"
	same "read-only paths" "$(is 'read-only paths')" "0 in force, 1 made later"
	same "what differs" "$(differs)" ""
}

@test "what was not there to be masked is the container's; a mask that is gone is not" {
	mkdir "$BUNDLE/rootfs/old"
	touch "$BUNDLE/rootfs/old/file"
	config '.linux.maskedPaths = ["/new/file", "/old/file"] | .linux.readonlyPaths = ["/new", "/old"]'
	script 'mkdir /new; echo mine >/new/file; exec sleep 100'
	running
	until_true test -s "$BUNDLE/rootfs/new/file"
	ok rt inspect --drift "$ID"
	nsenter -t "$(pid_of)" -m umount -l /old
	try rt inspect --json "$ID"
	same "what differs" "$(differs | sort | tr '\n' ,)" "masked path,read-only path,"
}

@test "processes that are stopped" {
	script 'sleep 100 & kill -STOP $!; exec sleep 1000'
	running
	until_true found_stopped
}
found_stopped() {
	ok rt inspect --json "$ID"
	[ -n "$(is 'processes: stopped')" ]
}

@test "bad input" {
	no 1 "does not exist" rt inspect nosuch
	running
	ok rt kill "$ID" KILL
	until_true stopped
	no 1 "container not running" rt inspect "$ID"
}
stopped() { [ "$(rt state "$ID" | jq -r .status)" = stopped ]; }
