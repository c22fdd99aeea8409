#!/usr/bin/env bats
# seccomp notifications: the listener goes to the agent before create is done,
# and the agent decides what the container's system calls do.
load helpers

# nr NAME: the number of a system call on this machine, from Go's table.
nr() {
	(cd "$TESTS/.." && awk -v name="SYS_${1^^}" '$1 == name { print $3 }' \
		"$(go list -f '{{.Dir}}' golang.org/x/sys/unix)/zsysnum_linux_$(go env GOARCH).go")
}

# agent [NR=RESULT...]: start one at $SOCKET; what it hears goes to $HEARD.
agent() {
	SOCKET=$BATS_TEST_TMPDIR/agent HEARD=$BATS_TEST_TMPDIR/heard
	"$PROBE" agent "$SOCKET" "$@" >"$HEARD" 3>&- &
	AGENT=$!
	until_true test -S "$SOCKET"
}

teardown() {
	[ -z "${AGENT:-}" ] || kill "$AGENT"
	delete_all
	nothing_left
}

# notify NAME...: a profile that asks the agent about these calls.
notify() {
	config --arg s "${SOCKET:-/no/agent}" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $s, listenerMetadata: "meta \"data\"",
		syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_NOTIFY"}]}' --args -- "$@"
}

heard() { grep -c "^notified $(nr "$1") " "$HEARD"; }

@test "the agent answers, with and without no_new_privs, as root and not" {
	local nnp uid call
	call=$(nr getpriority)
	agent "$call=ENOTNAM"
	notify getpriority
	for nnp in true false; do
		for uid in 0 1000; do
			config --argjson n "$nnp" --argjson u "$uid" '.process.noNewPrivileges = $n | .process.user.uid = $u'
			inside /probe syscall "$call" 0 0
			same "verdict, noNewPrivileges $nnp, uid $uid" "$out" "$call ENOTNAM"
		done
	done
	same connections "$(grep -c '^{' "$HEARD")" 4
}

@test "what the agent lets continue is done, and it may answer with a value" {
	agent "$(nr getppid)=4242" "$(nr mkdir)=continue" "$(nr mkdirat)=continue"
	notify mkdir mkdirat getppid
	inside sh -c 'mkdir /tmp/made && ls -d /tmp/made; /probe syscall '"$(nr getppid)"
	[[ $out == /tmp/made* ]] || fail "mkdir was not done"
	grep -q "^notified \($(nr mkdir)\|$(nr mkdirat)\) " "$HEARD" || fail "the agent was not asked: $(<"$HEARD")"
}

@test "the agent hears of the container before create returns" {
	local said
	agent
	notify getpriority
	config '.annotations = {key: "value"}'
	ok create "$ID"
	said=$(head -n 1 "$HEARD")
	same "message" "$(jq -cS '.pid = (.pid == .state.pid) | .state.pid = 0' <<<"$said")" "$(jq -ncS --arg id "$ID" --arg b "$BUNDLE" '{
		ociVersion: "1.2.0", fds: ["seccompFd"], pid: true, metadata: "meta \"data\"",
		state: {ociVersion: "1.2.0", id: $id, status: "creating", pid: 0, bundle: $b, annotations: {key: "value"}}}')"
	same pid "$(jq .pid <<<"$said")" "$(pid_of)"
	same status "$(status)" created
	ok start "$ID"
}

@test "in a pid namespace by path the agent hears of the process that stays" {
	local call said
	call=$(nr getpriority)
	config '.linux.cgroupsPath = "/x'"$ID"'-other"'
	up "$ID-other"
	agent "$call=ENOTNAM"
	notify getpriority
	config --arg p "/proc/$(pid_of "$ID-other")/ns/pid" '.process.noNewPrivileges = false | del(.linux.cgroupsPath)
		| .linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
	args /probe syscall "$call" 0 0
	ok create "$ID"
	said=$(head -n 1 "$HEARD")
	same pid "$(jq -c '[.pid, .state.pid]' <<<"$said")" "[$(pid_of),$(pid_of)]"
	same filters "$(awk '/^(Seccomp|CapEff):/ { printf $2 " " }' "/proc/$(pid_of)/status")" "$(awk '/^CapEff:/ { print $2 " 2 " }' "/proc/$(pid_of "$ID-other")/status")"
	ok start "$ID"
	wait_status stopped
	grep -q "^notified $call " "$HEARD" || fail "the agent was not asked: $(<"$HEARD")"
	ok run_bundle "$ID-2"
	same verdict "$out" "$call ENOTNAM"
}

@test "calls that init makes itself may be asked about, too" {
	agent
	notify execve openat open read close prlimit64
	args sh -c 'cat /etc/passwd'
	ok run_bundle "$ID"
	[[ $out == root:* ]] || fail "cat read: $out"
	[ "$(heard execve)" -ge 2 ] && [ "$(heard openat)" -ge 1 ] || fail "heard: $(sort "$HEARD" | uniq -c)"
	ok create "$ID"
	ok start "$ID"
}

@test "an agent that denies execve: the container and run tell" {
	agent "$(nr execve)=ENETDOWN"
	notify execve
	ok create "$ID"
	ok start "$ID"
	[[ $err == *"network is down"* ]] || fail "not told"
	ok rt delete --force "$ID"
	args true
	no 1 "network is down" run_bundle "$ID"
	one_error
}

@test "no agent: create fails, and nothing is left" {
	notify getpriority
	no 1 "linux.seccomp.listenerPath: send seccomp listener to \"/no/agent\": connect /no/agent: no such file or directory" create "$ID"
	one_error
	no 1 "connect /no/agent" run_bundle "$ID"
}

@test "a listener in the background outlives its agent: calls get ENOSYS" {
	local call
	call=$(nr getpriority)
	agent
	notify getpriority
	args sh -c "until [ -e /go ]; do sleep 0.02; done; /probe syscall $call 0 0 >/said; sleep 1000"
	up
	kill "$AGENT"
	wait "$AGENT" 2>/dev/null || true
	AGENT=
	touch "$BUNDLE/rootfs/go"
	until_true grep -q . "$BUNDLE/rootfs/said"
	same answer "$(<"$BUNDLE/rootfs/said")" "$call ENOSYS"
}

@test "what would never come to the agent is refused" {
	local name
	for name in write sendmsg recvmsg; do
		notify mkdir "$name"
		no 1 "linux.seccomp.syscalls[0].names[1]: SCMP_ACT_NOTIFY cannot be used for the $name syscall" create "$ID"
	done
	notify mkdir
	config 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata)'
	no 1 "linux.seccomp.listenerPath: empty" create "$ID"
	notify mkdir
	config '.linux.seccomp.listenerPath = "agent.sock"'
	no 1 'linux.seccomp.listenerPath: "agent.sock" is not absolute' create "$ID"
	notify mkdir
	config '.linux.seccomp.syscalls = []'
	ok create "$ID" # nothing notifies: no agent is needed
	ok rt delete --force "$ID"
	notify mkdir
	config '.linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY"'
	no 1 "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY can't be the default action" create "$ID"
	notify mkdir
	config '.linux.seccomp.syscalls += [{names: ["sendmsg", "prctl"], action: "SCMP_ACT_ERRNO"}]'
	no 1 "linux.seccomp: does not allow sendmsg, prctl: with SCMP_ACT_NOTIFY the filter is loaded while the container's init still needs these" create "$ID"
}

@test "flags: WAIT_KILLABLE_RECV, with Docker's profile around it" {
	local call
	call=$(nr mkdirat)
	agent "$call=EBADE"
	config --arg s "$SOCKET" --slurpfile p "$TESTS/../specconv/testdata/bundles/docker-run-v2.json" '
		.linux.seccomp = $p[0].linux.seccomp | .linux.seccomp.listenerPath = $s
		| .linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]
		| .linux.seccomp.syscalls |= map(.names -= ["mkdirat"])
		| .linux.seccomp.syscalls += [{names: ["mkdirat"], action: "SCMP_ACT_NOTIFY"}]'
	inside /probe syscall "$call" -1 0 0
	same verdict "$out" "$call EBADE"
}

@test "startContainer hooks run" {
	agent
	notify getpriority
	config '.hooks.startContainer = [{path: "/bin/touch", args: ["touch", "/tmp/hook"]}]'
	inside ls /tmp/hook
	same "made by the hook" "$out" /tmp/hook
}

@test "plan shows the way of the listener" {
	notify getpriority
	ok rt plan --bundle "$BUNDLE"
	grep -qE 'parent .* linux.seccomp.listenerPath +send seccomp listener to "/no/agent"$' "$OUT" || fail "parent's half"
	grep -qE 'init .* linux.seccomp +load seccomp filter .*, hand its listener to the parent$' "$OUT" || fail "init's half"
	[ "$(grep -n 'load seccomp' "$OUT" | cut -d: -f1)" -lt "$(grep -n 'report to the parent: ready' "$OUT" | cut -d: -f1)" ] || fail "order"
}

@test "exec: the agent hears of the process, and answers it" {
	local call
	call=$(nr getpriority)
	agent "$call=ENOTNAM"
	notify getpriority
	config '.process.noNewPrivileges = false'
	ok create "$ID"
	ok start "$ID"
	ok rt exec "$ID" /probe syscall "$call" 0 0
	same verdict "$out" "$call ENOTNAM"
	same connections "$(grep -c '^{' "$HEARD")" 2
	grep '^{' "$HEARD" | tail -n 1 | jq -e --arg id "$ID" '.state.id == $id and .state.status == "running" and .pid != .state.pid' ||
		fail "$(<"$HEARD")"
	# The agent is that of create, whatever config.json says by now.
	config '.linux.seccomp.listenerPath = "/nobody"'
	ok rt exec "$ID" /probe syscall "$call" 0 0
	same verdict "$out" "$call ENOTNAM"
	same connections "$(grep -c '^{' "$HEARD")" 3
	ok rt delete --force "$ID"
	# Asked about what exec itself still has to call.
	notify clone
	ok create "$ID"
	ok start "$ID"
	no 255 "does not allow clone: with SCMP_ACT_NOTIFY" rt exec "$ID" true
	one_error
}
