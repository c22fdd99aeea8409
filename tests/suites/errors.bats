#!/usr/bin/env bats
# What create says about a configuration that cannot be, byte for byte: engines
# search these texts and show them to people. golden/create-errors.tsv has a line
# for each mistake: what engines look for in the message, the message, and the
# change that makes the mistake. BUNDLE stands for the bundle's directory.
load helpers

# Podman and Docker take "permission denied" anywhere in a message for exit code
# 126, and "no such file" for 127: never may both be there by accident.
one_class() {
	local denied='permission denied|operation not permitted' missing='no such file or directory|executable file not found'
	! { grep -qiE "$denied" "$1" && grep -qiE "$missing" "$1"; }
}

@test "create: every mistake's message, byte for byte" {
	ours "1.1 has other words"
	local part message filter got n=0 wrong= log=$BATS_TEST_TMPDIR/log
	printf 'no program' >"$BUNDLE/rootfs/noexec"
	mkdir -m 700 "$BUNDLE/rootfs/closed"
	cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/closed/true"
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config"
	while IFS=$'\t' read -r part message filter; do
		[[ $part != "#"* ]] || continue
		n=$((n + 1))
		cp "$BATS_TEST_TMPDIR/config" "$BUNDLE/config.json"
		rm -f "$log"
		config "$filter"
		try rt --log "$log" --log-format json create --bundle "$BUNDLE" "$ID"
		got=$err
		got=${got//$BUNDLE/BUNDLE}
		got=${got//$ID/ID}
		[ "$rc" = 1 ] && [ "$got" = "$message" ] || wrong+="$filter"$'\n'"  exit code $rc: $got"$'\n'
		[ "$part" = - ] || [[ $got == *"$part"* ]] || wrong+="$filter: lacks: $part"$'\n'
		one_class "$ERR" || wrong+="$filter: two classes of errors in one message"$'\n'
		# The log has the same message, in one object.
		[ "$(jq -r .msg "$log")" = "$(<"$ERR")" ] || wrong+="$filter: the log says $(<"$log")"$'\n'
		[ ! -e "$ROOT/$ID" ] || wrong+="$filter: something is left"$'\n'
	done <"$TESTS/golden/create-errors.tsv"
	[ -z "$wrong" ] || { echo "$wrong" >&2; return 1; }
	[ "$n" -gt 40 ]
}

@test "a host that lacks something says what" {
	ours "hints are crun-go's"
	no 1 "not a procfs" unshare -m sh -c 'while umount -l /proc 2>/dev/null; do :; done; exec "$0" --root "$1" run -b "$2" "$3"' "$RUNTIME" "$ROOT" "$BUNDLE" "$ID"
	[[ $err == "hint: no procfs is mounted at /proc"* ]] || fail "no hint"
	mkdir "$BATS_TEST_TMPDIR/gone"
	no 1 "getwd" sh -c 'cd "$0/gone" && rmdir "$0/gone" && exec "$1" --root state list' "$BATS_TEST_TMPDIR" "$RUNTIME"
	[[ $err == "hint: the working directory has been removed"* ]] || fail "no hint"
}

@test "a state directory that is full is named as a whole" {
	ours "other words"
	mkdir "$BATS_TEST_TMPDIR/full"
	mount -t tmpfs -o size=4k full "$BATS_TEST_TMPDIR/full"
	try rt --root "$BATS_TEST_TMPDIR/full" create --bundle "$BUNDLE" "$ID"
	umount "$BATS_TEST_TMPDIR/full"
	[[ $rc = 1 && $err == "hint: the filesystem of $BATS_TEST_TMPDIR/full is full"*"$BATS_TEST_TMPDIR/full/$ID/"*"no space left on device"* ]] || fail "not named"
	mount -t tmpfs -o ro full "$BATS_TEST_TMPDIR/full"
	try rt --root "$BATS_TEST_TMPDIR/full/root" create --bundle "$BUNDLE" "$ID"
	umount "$BATS_TEST_TMPDIR/full"
	[[ $rc = 1 && $err == "hint: $BATS_TEST_TMPDIR/full/root is on a read-only filesystem"* ]] || fail "not named"
}

@test "a root filesystem of which nothing may be executed" {
	ours "hints are crun-go's"
	mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs"
	mount -o remount,bind,noexec "$BUNDLE/rootfs"
	args true
	try create "$ID"
	umount "$BUNDLE/rootfs"
	[[ $rc = 1 && $err == "hint: the root filesystem is on a mount with the option noexec"*"unable to start container process: exec: "* ]] || fail "no hint"
}

@test "a root filesystem of which nothing may be executed any more" {
	ours "hints are crun-go's"
	up
	nsenter --mount --pid --target "$(rt state "$ID" | jq .pid)" /bin/mount -o remount,bind,noexec /
	no 255 "unable to start container process: exec: " rt exec "$ID" true
	[[ $err == "hint: the root filesystem is on a mount with the option noexec"* ]] || fail "no hint"
}

@test "errors name the entry, and engines do not take them for others" {
	ours "other words"
	config '.hooks.createContainer = [{path: "/bin/true"}, {path: "/bin/false"}]'
	no 1 "error running createContainer hook #1: /bin/false: exit status 1" create "$ID"
	[[ $err == *'field="hooks.createContainer[1]"'* ]] || fail "no field"
	config '.hooks = {poststart: [{path: "/bin/false"}]}'
	ok create "$ID"
	no 1 "error running poststart hook #0: /bin/false: exit status 1" rt start "$ID"
	[[ $err == *'field="hooks.poststart[0]"'* ]] || fail "no field"
	config 'del(.hooks) | .process.env += ["A=" + ("x" * 200000)]'
	no 1 "argument list too long" run_bundle "$ID"
	[[ $err == "hint: most of it is process.env, which has 200"* ]] || fail "no hint"
	config '.process.env = [.process.env[0]] | .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "printf %9000s x; echo end >&2; exit 1"]}]'
	no 1 "bytes left out" create "$ID"
	[ "${#err}" -lt 2300 ] || fail "a message of ${#err} bytes"
}

@test "an exec of too much: the hint says what takes the room" {
	ours "hints are crun-go's"
	up
	jq '.process | .args = ["true"] | .env += ["A=" + ("x" * 200000)]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
	no 255 "argument list too long" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	[[ $err == "hint: most of it is process.env, which has 200"* ]] || fail "no hint"
}

@test "a score that may not be lowered is no exit code of execve" {
	ours "other words"
	[ "$(("$(sed -n 's/^CapEff:\t/0x/p' /proc/self/status)" >> 24 & 1))" = 0 ] || skip "this root has CAP_SYS_RESOURCE, which may lower it"
	config '.process.oomScoreAdj = -900'
	no 1 "lowering it requires CAP_SYS_RESOURCE" create "$ID"
	[[ $err != *"permission denied"* ]] || fail "engines read 126"
}

# at_terminal COMMAND...: as a person calls it; $out is what the terminal shows.
at_terminal() {
	rc=0
	timeout -k 5 60 script -qec "$(printf '%q ' "$@")" /dev/null </dev/null >"$OUT" 3>&- || rc=$?
	out=$(tr -d '\r' <"$OUT")
}

@test "at a terminal errors, warnings and hints are plain text" {
	ours "runc has logfmt there, too"
	local red=$'\e[1;31m' cyan=$'\e[36m' off=$'\e[m' create=("$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID")
	config '.process.cwd = "srv" | .odd = 1'
	export TERM=dumb
	at_terminal "${create[@]}"
	same error "$out" "crun-go: warning: unknown keys are ignored: odd
crun-go: error: create failed: process.cwd: \"srv\": cwd must be an absolute path"
	same "exit code" "$rc" 1
	# With colors, which --log-format and NO_COLOR turn off. What others have chosen moves no cursor.
	export TERM=xterm
	at_terminal "$RUNTIME" --root "$ROOT" kill "$ID" $'KIL\e[2J'
	[[ $out == "crun-go: ${red}error:${off} container does not exist"* ]] || fail "no color"
	config '.process.cwd = "srv\u001b[2J" | del(.odd)'
	at_terminal "${create[@]}"
	[[ $out == "crun-go: ${red}error:${off} "*'\x1b[2J'* && $out != *$'\e[2J'* ]] || fail "the cursor moves"
	NO_COLOR=1 at_terminal "$RUNTIME" --root "$ROOT" --rootless maybe create -b "$BUNDLE" "$ID"
	same "without colors" "$out" "crun-go: error: create failed: invalid rootless: maybe
hint: --rootless is auto, true or false"
	at_terminal "$RUNTIME" --root "$ROOT" --rootless maybe create -b "$BUNDLE" "$ID"
	[[ $out == *$'\n'"${cyan}hint:${off} "* ]] || fail "no color"
	at_terminal "$RUNTIME" --root "$ROOT" --log-format text state "$ID"
	[[ $out == *'time="'*' level=error msg="container does not exist"'* && $out != *$'\e'* ]] || fail "not the format that was asked for"
	# What list leaves out is a warning, too.
	mkdir -p "$ROOT/half"
	echo broken >"$ROOT/half/state.json"
	NO_COLOR=1 at_terminal "$RUNTIME" --root "$ROOT" list -q
	[[ $out == "crun-go: warning: load container half: "* ]] || fail "not as other warnings"
}

@test "at a terminal JSON does not steer it" {
	ours "runc leaves it to the reader"
	config '.annotations = {"org.example": "a\u009b2J\u202e"}'
	create "$ID"
	at_terminal "$RUNTIME" --root "$ROOT" state "$ID"
	[[ $out == *'"a\u009b2J\u202e"'* ]] || fail "as it is: $(printf %q "$out")"
	ok rt state "$ID"
	[[ $out == *$'"a\u009b2J\u202e"'* ]] || fail "a program gets something else"
}

# hinted TEXT: the last command's hint begins so, and is on the line before the error.
hinted() { [[ $err == "hint: $1"*$'\n'"time="* ]] || fail "want the hint: $1"; }

@test "who begins is told what to do" {
	ours "hints are crun-go's"
	local create=(rt create --bundle "$BUNDLE" "$ID")
	mkdir "$BATS_TEST_TMPDIR/new"
	ok rt spec --bundle "$BATS_TEST_TMPDIR/new"
	jq '.process.terminal = false' "$BATS_TEST_TMPDIR/new/config.json" >"$BATS_TEST_TMPDIR/json"
	mv "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/new/config.json"
	no 1 "invalid rootfs" rt create --bundle "$BATS_TEST_TMPDIR/new" "$ID"
	hinted "root.path names the directory with the container's files"
	mkdir "$BATS_TEST_TMPDIR/new/rootfs"
	no 1 'exec: "sh": executable file not found in $PATH' rt run --bundle "$BATS_TEST_TMPDIR/new" "$ID"
	hinted "the root filesystem is empty"
	no 1 "open bundle" rt create --bundle "$BATS_TEST_TMPDIR/nosuch" "$ID"
	hinted "--bundle names the directory"
	no 1 "not a directory" rt create --bundle "$BUNDLE/config.json" "$ID"
	hinted "the bundle is the directory that config.json is in"
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config"
	args nosuch
	no 1 "executable file not found" "${create[@]}"
	hinted "PATH in process.env is "
	printf x >"$BUNDLE/rootfs/bin/nox"
	args nox
	no 1 "executable file not found" "${create[@]}"
	hinted "/bin/nox has the mode 0644: make it executable"
	config '.process.env = ["PATH=/bin:" + ("/x" * 5000)] | .process.args = ["nosuch"]'
	no 1 "executable file not found" "${create[@]}"
	hinted "PATH in process.env is /bin:/x/x"
	[ "${#err}" -lt 1000 ] || fail "${#err} bytes"
	cp "$BATS_TEST_TMPDIR/config" "$BUNDLE/config.json"
	config '.proces = .process | del(.process)'
	no 1 "process property must not be empty" "${create[@]}"
	hinted "proces: did you mean process?"
	cp "$BATS_TEST_TMPDIR/config" "$BUNDLE/config.json"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALOW"}'
	no 1 "unknown action" "${create[@]}"
	hinted "did you mean SCMP_ACT_ALLOW?"
	no 1 "not an architecture" rt seccomp explain --bundle "$BATS_TEST_TMPDIR/new" --arch x86
	hinted "did you mean SCMP_ARCH_X86?"
	sed '1a // a comment' "$BATS_TEST_TMPDIR/config" >"$BUNDLE/config.json"
	no 1 "config.json:2:1: expected a key" "${create[@]}"
	hinted "JSON has no comments"
	cp "$BATS_TEST_TMPDIR/config" "$BUNDLE/config.json"
	up
	no 1 "cannot start an already running container" rt start "$ID"
	hinted "run has started it"
	no 1 "container does not exist" rt --root "$BATS_TEST_TMPDIR/elsewhere" state "$ID"
	hinted "searched in $BATS_TEST_TMPDIR/elsewhere, which has no containers"
	no 1 "container does not exist" rt state "${ID}x"
	hinted "searched in $ROOT: did you mean $ID?"
	no 255 "container does not exist" rt exec "${ID}x" true
	hinted "searched in $ROOT: did you mean $ID?"
}
