#!/usr/bin/env bats
# Processes that others see: an init that waits for start, one that joins a pid
# namespace, one that exec brings into a container; and whom they become.
load attacks

# tracer: the container's process has what it takes to look into others.
tracer() {
	config '.process.noNewPrivileges = false
		| .process.capabilities = (["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"] | {bounding: ., permitted: ., effective: .})'
}

# watching [FILE...]: the container watches every process that comes, until seen.
watching() {
	config '.process.args = ["/probe", "watch", "/stop"] + $ARGS.positional' --args -- "$@"
	# What is read of it goes to a file, by a shell that the watcher passes over.
	mv "$BUNDLE/rootfs/probe" "$BUNDLE/rootfs/probe.real"
	printf '#!/bin/sh\nexec /probe.real "$@" >/saw\n' >"$BUNDLE/rootfs/probe"
	chmod +x "$BUNDLE/rootfs/probe"
	up
}

# seen: what has been seen is in $SAW.
seen() {
	SAW=$BATS_TEST_TMPDIR/saw
	cp "$BUNDLE/rootfs/saw" "$SAW"
}

# nothing_seen CAPABILITIES: of the host's, and no privilege beyond these.
nothing_seen() {
	local what
	seen
	what=$(grep ' file ' "$SAW") && succeeds "files of the host: $what"
	what=$(grep -E ' Cap(Prm|Eff|Bnd) ' "$SAW" | grep -v " $1\$") && succeeds "capabilities: $what"
	what=$(grep -E ' (fd|map|cwd|root|environ) .*('"$BATS_RUN_TMPDIR"'|HOST_SECRET|/sys/fs)' "$SAW" | grep -vE ' fd [012] ' | grep -vF " map ${OWN_PATH:-none}") && succeeds "of the host: $what"
	what=$(grep ' fd ' "$SAW" | grep -vE ' fd ([012] |[0-9]+ socket:)') && succeeds "descriptors: $what"
	what=$(grep ' root ' "$SAW" | grep -v ' root /$') && succeeds "root: $what"
	what=$(grep ' environ ' "$SAW" | grep -vE 'environ PATH=[^ ]* HOME=/root$') && succeeds "environment: $what"
	return 0
}

@test "CVE-2016-3697: a user of the image that is named like a number" {
	echo '1000:x:0:0::/root:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
	config '.process.user = {uid: 1000, gid: 1000}'
	args id -u
	ok run_bundle "$ID"
	[ "$out" = 1000 ] || succeeds "uid $out"
}

@test "CVE-2026-30892: exec --user with what is no number" {
	config '.process.user = {uid: 1000, gid: 1000}'
	up
	local user
	for user in x 1000x root0 1e3 0x3e8 ' 1000' 4294967296 4294967295 -1; do
		try rt exec --user "$user" "$ID" id -u
		[[ $rc != 0 || $out != 0 ]] || succeeds "--user $user is root"
		refused
	done
}

@test "CVE-2016-9962: an init that waits for start in a shared pid namespace is looked into" {
	up
	local pid member=$ID-member
	config --arg p "/proc/$(pid_of)/ns/pid" '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
	ok create "$member"
	pid=$(awk '$1 == "NSpid:" { print $NF }' "/proc/$(pid_of "$member")/status")
	# Same user, same capabilities, none of them CAP_SYS_PTRACE.
	local link
	for link in fd/0 root cwd exe; do
		try rt exec "$ID" readlink "/proc/$pid/$link"
		[ "$rc" != 0 ] || succeeds "its $link: $out"
	done
	[ -e "/proc/$(pid_of "$member")/exe" ] || fail "it is gone"
	ok rt delete --force "$member"
}

@test "CVE-2016-9962: exec into a container that may trace: nothing of the host's, no privilege" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	tracer
	watching "$BATS_TEST_TMPDIR/bundle/config.json"
	entered() {
		HOST_SECRET=1 try rt exec --cwd /usr "$ID" true
		nothing_seen 0000000000080002
	}
	for_a_while entered
	# At least one was caught, or this proves nothing.
	seen
	grep -q ' exe ' "$SAW" || skip "no exec was caught: too fast for the watcher"
	is_ours || return 0
	[ -z "$(grep ' Threads ' "$SAW" | grep -v ' 1$')" ] || fail "threads: $(grep Threads "$SAW")"
	# It is never without the container's filter: taking it over gains
	# nothing.
	[ -z "$(grep ' Seccomp ' "$SAW" | grep -v ' 2$')" ] || succeeds "without the filter: $(grep Seccomp "$SAW")"
}

@test "exec into a container of an ordinary user that may trace, by his own binary and by root's" {
	tracer
	ordinary_user 65534
	watching "$BATS_TEST_TMPDIR/bundle/config.json"
	entered() {
		HOST_SECRET=1 try rt exec --cwd /usr "$ID" true
		nothing_seen 0000000000080002
	}
	for_a_while entered
	chown 0 "$RUNTIME"
	OWN_PATH=$RUNTIME # where root has installed it is no secret
	for_a_while entered
}

# waiting_tasks WANT_NNP: every task of an init that waits has the filter, the
# capabilities and the no_new_privs of the process.
waiting_tasks() {
	local task line pid
	config --argjson nnp "$1" '.process.noNewPrivileges = $nnp
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	ok create "$ID"
	pid=$(pid_of)
	for task in "/proc/$pid/task"/*; do
		line=$(awk '/^(CapPrm|CapEff|NoNewPrivs|Seccomp):/ { printf "%s%s ", $1, $2 }' "$task/status")
		[ "$line" = "CapPrm:00000000080000e3 CapEff:00000000080000e3 NoNewPrivs:$2 Seccomp:2 " ] ||
			succeeds "task ${task##*/} of pid $pid: $line"
	done
	ok rt delete --force "$ID"
}

# waiting_procfs: a process that can trace finds no procfs but the container's.
waiting_procfs() {
	tracer
	ok create "$ID"
	# Opened for writing, not written to.
	try rt exec "$ID" sh -c 'for d in /proc/1/fd/* /proc/1/root/proc; do (: >>$d/sys/kernel/core_pattern) 2>/dev/null && echo $d; done; true'
	[ -z "$out" ] || succeeds "$out is a procfs that is not masked"
	ok rt delete --force "$ID"
}

@test "H1: each task of an init that waits for start is as little as the process, no_new_privs" {
	waiting_tasks true 1
}

@test "H1: each task of an init that waits for start is as little as the process" {
	waiting_tasks false 0
}

@test "H1: an init that waits for start has no procfs but the container's" {
	waiting_procfs
}

@test "H1: an init that waits for start has no descriptor but start's fifos, and nothing of the plan" {
	local fds pid map from to
	mkdir "$BATS_TEST_TMPDIR/secretly"
	config --arg s "$BATS_TEST_TMPDIR/secretly" '.mounts += [{destination: "/s", source: $s, options: ["bind"]}]'
	ok create "$ID"
	pid=$(pid_of)
	is_ours || return 0
	fds=$(readlink "/proc/$pid/fd/"* | tail -n +4 | sed 's|.*/||' | sort | xargs)
	[ "$fds" = "answer.fifo exec.fifo" ] || succeeds "descriptors: $fds"
	while IFS=' -' read -r from to map; do
		[[ $map == rw* && $map != *"[v"* ]] || continue
		dd if="/proc/$pid/mem" bs=4096 skip=$((0x$from / 4096)) count=$(((0x$to - 0x$from) / 4096)) 2>/dev/null
	done <"/proc/$pid/maps" >"$BATS_TEST_TMPDIR/memory"
	grep -q sleep "$BATS_TEST_TMPDIR/memory" || fail "its memory was not read"
	! grep -q /secretly "$BATS_TEST_TMPDIR/memory" || succeeds "the source of a mount is in its memory"
	ok start "$ID"
	ok rt delete --force "$ID"
}

# joined_watched TYPES: containers join the pid namespace of one that may trace, and what
# else these are. JOINED changes their configuration.
joined_watched() {
	local member=$ID-member
	echo 'host' >"$BATS_TEST_TMPDIR/hostfile"
	tracer
	watching "$BATS_TEST_TMPDIR/hostfile"
	cp -a "$BUNDLE" "$BUNDLE-member"
	BUNDLE=$BUNDLE-member
	args true
	config --arg n "/proc/$(pid_of)/ns/" --argjson join "$1" '.process.noNewPrivileges = true
		| .linux.namespaces |= map(if .type as $t | $join | index($t) then .path = $n + .type else . end)
		| if $join | index("user") then del(.linux.uidMappings, .linux.gidMappings) else . end'
	config "${JOINED:-.}"
	BUNDLE=${BUNDLE%-member}
	joined() {
		HOST_SECRET=1 try rt run --bundle "$BUNDLE-member" "$member"
		[ "$rc" = 0 ] || fail "does not start"
		nothing_seen 0000000000080002
	}
	for_a_while joined
}

@test "H2: a container that joins the pid namespace of one that may trace" {
	joined_watched '["pid"]'
}

@test "H2: and without no_new_privs it is never there without its filter, nor with a privilege" {
	JOINED='.process.noNewPrivileges = false
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}' joined_watched '["pid"]'
	local what
	what=$(grep ' Seccomp ' "$SAW" | grep -v ' 2$') && succeeds "without the filter: $what"
	return 0
}

@test "H2: one that joins the pid and the user namespace" {
	user_namespace
	joined_watched '["pid", "user"]'
}

# held_clone COMMAND: root of a pid namespace stops each process that comes from outside.
held_clone() {
	local member=$ID-member began=$SECONDS
	[ "$RACE" -ge 15 ] || skip "takes a minute: for make test-attacks"
	cp -a "$BUNDLE" "$BUNDLE-member"
	script 'while :; do
		for p in /proc/[0-9]*; do
			read -r name <$p/comm && case $name in sh|sleep) ;; *) kill -STOP ${p#/proc/} && echo "$name" >>/stopped ;; esac
		done
	done 2>/dev/null'
	up
	BUNDLE=$BUNDLE-member
	args true
	config --arg p "/proc/$(pid_of)/ns/pid" '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
	PATIENCE=90 try rt "$1" --bundle "$BUNDLE" "$member"
	BUNDLE=${BUNDLE%-member}
	[ -s "$BUNDLE/rootfs/stopped" ] || fail "nobody was stopped"
	[ "$rc" != 137 ] || succeeds "$1 waits for more than $((SECONDS - began)) s"
	refused
	[[ $err == *"timed out after 1m0s"* ]] || ! is_ours || fail "the error does not say why: $err"
	no 1 "does not exist" rt state "$member"
}

@test "H2: create is held by root of the pid namespace that it joins" {
	held_clone create
}

@test "H2: run is held by root of the pid namespace that it joins" {
	held_clone run
}

# strict_exec: exec under a profile that refuses what it has left to do.
strict_exec() {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["setsid"], action: "SCMP_ACT_ERRNO"}]}'
	tracer
	watching
	entered() {
		try rt exec "$ID" true
		seen
		local what
		what=$(grep -E ' Cap(Prm|Eff) ' "$SAW" | grep -v ' 0000000000080002$') && succeeds "capabilities: $what"
		what=$(grep ' Seccomp ' "$SAW" | grep -v ' 2$') && succeeds "without the filter: $what"
		return 0
	}
	for_a_while entered
}

@test "L1: exec under a profile that denies setsid has no privilege and no time without the filter" {
	RACE=20 strict_exec
}
