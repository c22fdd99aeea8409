#!/usr/bin/env bats
# Hooks: six kinds, in the order and place of runtime-spec 1.3, with the state
# on standard input.
load helpers

# Every hook appends one line of JSON to a file that container and host share:
# its user, where it runs, its environment and its input.
hooks() {
	LOG=$BATS_TEST_TMPDIR/hooks
	mkdir "$LOG"
	chmod 777 "$LOG"
	cat >"$BUNDLE/rootfs/bin/hook" <<'END'
#!/bin/busybox sh
log=$1
[ -d "$log" ] || log=/log
read -r state
busybox printf '{"kind":"%s","cwd":"%s","pidns":"%s","mntns":"%s","env":"%s","self":"%s","state":%s}\n' "$2" "$(busybox pwd)" \
	"$(busybox readlink /proc/self/ns/pid)" "$(busybox readlink /proc/self/ns/mnt)" "$(busybox env | busybox grep -v -E '^(PWD|SHLVL|OLDPWD|_)=' | busybox sort | busybox tr '\n' ' ')" "$0" "$state" >>"$log/log"
END
	chmod 755 "$BUNDLE/rootfs/bin/hook"
	# The runtime's hooks run with the host's files, createContainer's before
	# pivot_root with both.
	cp "$BUNDLE/rootfs/bin/hook" "$BATS_TEST_TMPDIR/hook"
	local h=$BATS_TEST_TMPDIR/hook
	config --arg h "$h" --arg log "$LOG" '
		.mounts += [{destination: "/log", source: $log, options: ["bind"]}]
		| .annotations = {"com.example.key": "a/b"}
		| ([{path: $h, args: ["hook", $log, "KIND"], env: ["A=b", "PATH=/bin:/usr/bin"]}]) as $one
		| .hooks = (["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
			| map({key: ., value: ($one | .[0].args[2] = "\(.)" )}) | from_entries)
		| .hooks |= with_entries(.key as $k | .value |= map(.args[2] = $k))
		| .hooks.startContainer = [{path: "/bin/hook", args: ["hook", "/log", "startContainer"], env: ["A=b", "PATH=/bin"]}]'
}

# of KIND FILTER
of() { jq -r --arg k "$1" "select(.kind == \$k) | $2" "$LOG/log"; }
kinds() { jq -r .kind "$LOG/log" | tr '\n' ' '; }

@test "order of the six kinds over create, start and delete" {
	hooks
	ours "1.1 runs poststart in another place"
	ok create "$ID"
	same "after create" "$(kinds)" "prestart createRuntime createContainer "
	ok start "$ID"
	until_true grep -q poststart "$LOG/log"
	same "after start" "$(kinds)" "prestart createRuntime createContainer startContainer poststart "
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
	same "after delete" "$(kinds)" "prestart createRuntime createContainer startContainer poststart poststop "
}

@test "namespaces, working directory, environment" {
	hooks
	up
	local pid
	pid=$(pid_of)
	until_true grep -q poststart "$LOG/log"
	for kind in prestart createRuntime poststart; do
		same "$kind mnt" "$(of $kind .mntns)" "$(readlink /proc/self/ns/mnt)"
		same "$kind cwd" "$(of $kind .cwd)" "$BUNDLE"
		same "$kind env" "$(of $kind .env)" "A=b PATH=/bin:/usr/bin "
	done
	same "createContainer mnt" "$(of createContainer .mntns)" "$(readlink "/proc/$pid/ns/mnt")"
	same "startContainer mnt" "$(of startContainer .mntns)" "$(readlink "/proc/$pid/ns/mnt")"
	same "createContainer pid" "$(of createContainer .pidns)" "$(readlink "/proc/$pid/ns/pid")"
	same "startContainer env" "$(of startContainer .env)" "A=b PATH=/bin "
	same "startContainer cwd" "$(of startContainer .cwd)" /
}

@test "state on standard input" {
	hooks
	up
	local pid
	pid=$(pid_of)
	until_true grep -q poststart "$LOG/log"
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		same "$kind id" "$(of $kind .state.id)" "$ID"
		same "$kind bundle" "$(of $kind .state.bundle)" "$BUNDLE"
		same "$kind annotation" "$(of $kind '.state.annotations["com.example.key"]')" a/b
		[ "$(of $kind .state.ociVersion)" != null ]
	done
	for kind in prestart createRuntime; do
		same "$kind pid" "$(of $kind .state.pid)" "$pid"
		same "$kind status" "$(of $kind .state.status)" creating
	done
	same "createContainer status" "$(of createContainer .state.status)" creating
	same "startContainer status" "$(of startContainer .state.status)" created
	same "poststart pid" "$(of poststart .state.pid)" "$pid"
	same "poststop status" "$(of poststop .state.status)" stopped
	ours "1.1 writes a pid of 0"
	same "poststop pid" "$(of poststop '.state | has("pid")')" false
	# Parsers of hooks are naive: no escaped slashes.
	grep -q '"a/b"' "$LOG/log"
}

@test "slashes are not escaped" {
	config '.annotations = {"com.example.key": "a/b"} | .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "cat >state"]}]'
	ok create "$ID"
	grep -qF '"a/b"' "$BUNDLE/state"
	grep -qF "\"$BUNDLE\"" "$BUNDLE/state"
	same lines "$(grep -c . "$BUNDLE/state")" 1
}

@test "the state can be asked for by a hook" {
	ours "1.1 has none yet"
	config --arg rt "$RUNTIME" --arg root "$ROOT" --arg id "$ID" \
		'.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "\($rt) --root \($root) state \($id) >asked"]}]'
	ok create "$ID"
	same pid "$(jq .pid "$BUNDLE/asked")" "$(pid_of)"
}

@test "a hook sees the mounts in place, its network is the container's to change" {
	config --arg id "$ID" '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c",
		"pid=$(sed \"s/.*\\\"pid\\\":\\([0-9]*\\).*/\\1/\"); nsenter -t $pid -n ip link add d0 type dummy 2>err || nsenter -t $pid -n ip link set lo down"], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]'
	inside ip -o link
	[[ $out == *d0* || $out != *LOOPBACK,UP* ]] || fail "not the container's network"
}

@test "several hooks of a kind run one after the other" {
	config '.hooks.createRuntime = [range(5) | {path: "/bin/sh", args: ["sh", "-c", "sleep 0.0\(5 - .); echo \(.) >>order"]}]'
	ok create "$ID"
	same order "$(tr '\n' ' ' <"$BUNDLE/order")" "0 1 2 3 4 "
}

@test "argv[0] is what the config says" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["my name", "-c", "echo $0 >name"]}, {path: "/usr/bin/env"}]'
	ok create "$ID"
	same name "$(<"$BUNDLE/name")" "my name"
}

@test "without env a hook has the runtime's environment" {
	ours "1.1 gives none"
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo $MARK >mark"]}]'
	ok env MARK=here "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	same mark "$(<"$BUNDLE/mark")" here
}

@test "a hook inherits 0, 1 and 2 only" {
	ours "1.1 leaves poststop the caller's"
	config --arg to "$BATS_TEST_TMPDIR/fds" '.hooks = (["createRuntime", "poststart", "poststop"]
		| map({key: ., value: [{path: "/bin/sh", args: ["sh", "-c", "ls /proc/$$/fd >\($to).\(.)"]}]}) | from_entries)'
	exec 7</dev/null
	ok create "$ID"
	ok start "$ID"
	ok rt delete --force "$ID"
	exec 7<&-
	local kind
	for kind in createRuntime poststart poststop; do
		# The shell may keep a descriptor of its own, 10 and up.
		same "$kind's descriptors" "$(grep -vE '^[1-9][0-9]$' "$BATS_TEST_TMPDIR/fds.$kind" | tr '\n' ' ')" "0 1 2 "
	done
}

@test "a failing hook fails create, undoes it and says what the hook said" {
	local kind
	for kind in prestart createRuntime createContainer; do
		config --arg k $kind '.hooks = {($k): [{path: "/bin/true"}, {path: "/bin/sh", args: ["sh", "-c", "echo out-text; echo err-text >&2; exit 5"]}, {path: "/bin/sh", args: ["sh", "-c", "touch never"]}]}'
		no 1 "hook #1" create "$ID"
		[[ $err == *"$kind hook"* ]] || ! is_ours || fail "does not name the kind"
		[[ $err == *"exit status 5"* && $err == *out-text* && $err == *err-text* ]] || fail "$kind: does not say why"
		[ ! -e "$ROOT/$ID" ] || fail "$kind: state left behind"
		[ -z "$(cgroups_left)" ] || fail "$kind: cgroup left behind"
		[ ! -e "$BUNDLE/never" ] || fail "$kind: the next hook ran"
	done
}

@test "a failing startContainer hook stops the container" {
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "exit 5"]}]'
	ok create "$ID"
	try start "$ID"
	wait_status stopped
}

@test "a start that fails returns when the container has stopped" {
	ours "1.1 succeeds"
	config '.hooks.startContainer = [{path: "/bin/false"}]'
	local n
	for ((n = 0; n < 20; n++)); do
		ok create "$ID"
		no 1 "error running startContainer hook #0: " start "$ID"
		[[ $err == *" field=\"hooks.startContainer[0]\"" ]] || fail "no field in the log"
		ok rt delete "$ID"
	done
}

@test "a failing poststart hook fails start and destroys the container" {
	ours "1.1 runs it in create"
	config '.hooks.poststart = [{path: "/bin/sh", args: ["sh", "-c", "exit 5"]}]'
	ok create "$ID"
	no 1 "poststart hook #0" start "$ID"
	no 1 "does not exist" rt state "$ID"
}

@test "a failing poststop hook is a warning, the others run" {
	ours "1.1 skips them"
	config '.hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "exit 5"]}, {path: "/bin/sh", args: ["sh", "-c", "touch '"$BATS_TEST_TMPDIR"'/ran"]}]'
	ok create "$ID"
	ok rt --log "$BATS_TEST_TMPDIR/log" --log-format json delete --force "$ID"
	[ -e "$BATS_TEST_TMPDIR/ran" ] || fail "the second one did not run"
	[ ! -e "$ROOT/$ID" ]
	same warning "$(jq -r '.level + " " + .field' "$BATS_TEST_TMPDIR/log")" "warning hooks.poststop[0]"
	ok create "$ID"
	ok rt delete --force "$ID"
	[[ $err == *level=warning*"hooks.poststop[0]"* ]] || fail "standard error has no warning: $err"
}

@test "poststop hooks run after a failed create" {
	ours "1.1 does not"
	config '.hooks = {createRuntime: [{path: "/bin/false"}], poststop: [{path: "/bin/sh", args: ["sh", "-c", "touch '"$BATS_TEST_TMPDIR"'/ran"]}]}'
	no 1 "createRuntime hook #0" create "$ID"
	[ -e "$BATS_TEST_TMPDIR/ran" ] || fail "did not run"
}

@test "a hook that takes too long is killed" {
	config '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]'
	SECONDS=0
	no 1 "timeout of 1" create "$ID"
	[ $SECONDS -lt 5 ] || fail "took $SECONDS seconds"
}

@test "startContainer hooks run inside, before the program" {
	config '.hooks.startContainer = [{path: "/bin/touch", args: ["touch", "/tmp/before"]}]'
	inside ls /tmp
	same files "$out" before
}

@test "a startContainer hook that kills init: the container has not started" {
	ours "what the peers' init says with its end is theirs"
	local poststart=$BATS_TEST_TMPDIR/poststart
	config --arg f "$poststart" '.linux.namespaces |= map(select(.type != "pid"))
		| .hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "kill -KILL $PPID"]}],
			poststart: [{path: "/bin/sh", args: ["sh", "-c", "echo >\($f)"]}]}'
	try run_bundle "$ID"
	same "run" $rc 1
	one_error && [[ $err == *"was killed"*"before it executed"* ]] || fail "says something else"
	[ ! -e "$ROOT/$ID" ] && [ ! -e "$poststart" ] || fail "taken for a success"
	try run_bundle --detach "$ID"
	same "run --detach" $rc 1
	ok create "$ID"
	try start "$ID"
	[ $rc != 0 ] || [ -z "$(status)" ] || same status "$(status)" stopped
}
