#!/usr/bin/env bats
# Files that a container, an image, a bundle or another user has made, tried on
# what the runtime reads and writes as root. Tests are named by the findings in
# docs/attacks.md.
load attacks

# setup_victim: a file of the host that only its owner may change.
setup_victim() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	echo precious >"$VICTIM"
	chmod 600 "$VICTIM"
	victim_before=$(victim)
}
victim() { stat -c '%F %a %u:%g %s %i' "$VICTIM"; cat "$VICTIM"; }
unharmed() { same "the host's file" "$(victim)" "$victim_before"; }

# volume: a directory of the host that the container may write to, at /vol.
volume() {
	VOLUME=$BATS_TEST_TMPDIR/volume
	mkdir -p "$VOLUME"
	config '.mounts += [{destination: "/vol", type: "bind", source: $v, options: ["bind", "rw"]}]' --arg v "$VOLUME"
}

@test "M4: exec --report in a volume writes through no link of the container's" {
	ours "only crun-go has it"
	setup_victim
	volume
	up
	local name
	for name in r.new .r r.tmp .r.new; do
		ok rt exec "$ID" ln -s "$VICTIM" "/vol/$name"
	done
	ok rt exec --report "$VOLUME/r" "$ID" true
	unharmed
	[ -f "$VOLUME/r" ] && [ ! -L "$VOLUME/r" ] || fail "r is a $(stat -c %F "$VOLUME/r")"
	jq -e '.exitCode == 0' "$VOLUME/r" || fail "$(<"$VOLUME/r")"
	for name in r.new .r r.tmp .r.new; do
		[ -L "$VOLUME/$name" ] || fail "$name is gone"
	done
}

@test "M4: exec --report refuses what is neither a new nor a regular file, before the start" {
	ours "only crun-go has it"
	setup_victim
	volume
	up
	ln -s "$VICTIM" "$VOLUME/link"
	mkfifo "$VOLUME/fifo"
	mkdir "$VOLUME/directory"
	mknod "$VOLUME/device" c 1 11
	local kind before
	for kind in link fifo directory device; do
		before=$(stat -c '%F %i %t:%T' "$VOLUME/$kind")
		no 255 "--report: write $VOLUME/$kind: expected a regular file or none, found a" \
			rt exec --report "$VOLUME/$kind" "$ID" touch "/vol/ran"
		same "the $kind" "$(stat -c '%F %i %t:%T' "$VOLUME/$kind")" "$before"
	done
	no 255 "--report: open $VOLUME/none/: no such file or directory" rt exec --report "$VOLUME/none/r" "$ID" touch "/vol/ran"
	[ ! -e "$VOLUME/ran" ] || fail "the process has run"
	unharmed
}

@test "exec --report writes to the caller's own descriptors" {
	ours "only crun-go has it"
	up
	local to
	cd "$BATS_TEST_TMPDIR"
	for to in - /dev/stdout /dev/fd/1 /proc/self/fd/1; do
		ok rt exec --report "$to" "$ID" echo said
		same "the first line" "${out%%$'\n'*}" said
		jq -e '.exitCode == 0' <<<"${out#*$'\n'}" || fail "--report $to: $out"
	done
	ok rt exec --report /dev/stderr "$ID" echo said
	same "standard output" "$out" said
	jq -e '.exitCode == 0' <<<"$err" || fail "$err"
	# After what is in the file already, not over it.
	echo first >"$BATS_TEST_TMPDIR/both"
	rt exec --report /dev/stdout "$ID" true >>"$BATS_TEST_TMPDIR/both" 3>&-
	same "the first line" "$(head -n 1 "$BATS_TEST_TMPDIR/both")" first
	jq -e '.exitCode == 0' <<<"$(tail -n +2 "$BATS_TEST_TMPDIR/both")" || fail "$(<"$BATS_TEST_TMPDIR/both")"
	# A descriptor that is not one for writing.
	no 255 "--report: write to /dev/fd/0: descriptor 0 is not open for writing" rt exec --report /dev/fd/0 "$ID" true
	[ ! -e - ] || fail "there is a file called -"
}

@test "M4: run --trace follows no link" {
	ours "only crun-go has it"
	setup_victim
	args true
	ln -s "$VICTIM" "$BATS_TEST_TMPDIR/link"
	no 1 "--trace: write $BATS_TEST_TMPDIR/link: expected a regular file or none, found a symbolic link" \
		run_bundle --trace "$BATS_TEST_TMPDIR/link" "$ID"
	unharmed
	[ ! -e "$ROOT/$ID" ] || fail "the container was made"
	ok run_bundle --trace "$BATS_TEST_TMPDIR/trace" "$ID"
	jq -e '.traceEvents | length > 10' "$BATS_TEST_TMPDIR/trace" || fail "$(<"$BATS_TEST_TMPDIR/trace")"
	ok run_bundle --trace - "$ID"
	jq -e '.traceEvents | length > 10' <<<"$out" || fail "$out"
}

@test "L5: --pid-file removes and replaces nothing but the pid file" {
	local dir=$BATS_TEST_TMPDIR/dir name
	mkdir "$dir"
	for name in .pid .pid.new pid.new .pid.tmp; do
		echo precious >"$dir/$name"
	done
	ok create --pid-file "$dir/pid" "$ID"
	[[ $(<"$dir/pid") =~ ^[0-9]+$ ]] || fail "the pid file holds '$(<"$dir/pid")'"
	for name in .pid .pid.new pid.new .pid.tmp; do
		same "$name" "$(<"$dir/$name")" precious
	done
	ok rt exec --detach --pid-file "$dir/.pid" "$ID" sleep 100
	[[ $(<"$dir/.pid") =~ ^[0-9]+$ ]] || fail "the pid file holds '$(<"$dir/.pid")'"
	same "files in the directory" "$(find "$dir" -mindepth 1 | wc -l)" 5
}

@test "L5: a pid file takes the place of no link, device or stream" {
	ours "only crun-go refuses it"
	setup_victim
	local dir=$BATS_TEST_TMPDIR/dir kind before
	mkdir "$dir"
	ln -s "$VICTIM" "$dir/link"
	mknod "$dir/device" c 1 11
	mkfifo "$dir/fifo"
	for kind in link device fifo; do
		before=$(stat -c '%F %i %t:%T' "$dir/$kind")
		no 1 "--pid-file: write $dir/$kind: expected a regular file or none, found a" create --pid-file "$dir/$kind" "$ID"
		same "the $kind" "$(stat -c '%F %i %t:%T' "$dir/$kind")" "$before"
		[ ! -e "$ROOT/$ID" ] || fail "the container was made"
	done
	unharmed
	ok create --pid-file /dev/stdout "$ID"
	[[ $out =~ ^[0-9]+$ ]] || fail "standard output: '$out'"
	same "/dev/stdout" "$(readlink /dev/stdout)" /proc/self/fd/1
}

# opened FILE COMMAND...: whether any process of COMMAND opened a file by a
# name that ends in FILE, and not only to look at it (O_PATH). What an O_PATH
# descriptor stands for is opened through /proc: that is resolved.
opened() {
	local file=$1
	shift
	command -v strace >/dev/null || skip "needs strace"
	strace -f -qq -y --signal=none -e trace=open,openat,openat2 -o "$BATS_TEST_TMPDIR/opens" "$@" \
		>"$OUT" 2>"$ERR" </dev/null 3>&- || true
	[ -s "$BATS_TEST_TMPDIR/opens" ] || fail "nothing was traced"
	out=$(<"$OUT") err=$(<"$ERR")
	grep -v O_PATH "$BATS_TEST_TMPDIR/opens" | grep -E "= [0-9]+<[^>]*$file>"
}

# device PATH: a device of its own kind: kmsg, so that nothing of the host is
# changed if the attack succeeds.
device() {
	mknod "$1" c 1 11
	chmod 666 "$1"
}

@test "M3: hints open no device of the image on the host" {
	ours "it has no hints"
	device "$BUNDLE/rootfs/dev/wd"
	printf '#!/dev/wd\n' >"$BUNDLE/rootfs/entry"
	chmod 755 "$BUNDLE/rootfs/entry"
	args /entry
	! opened /dev/wd "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" || fail "it was opened"
	[[ $err == *"exec /entry: no such file or directory"* ]] || fail "another error"
	rt delete --force "$ID" 2>/dev/null 3>&- || true
	# The program itself.
	args sleep 1000
	up
	device "$BUNDLE/rootfs/wd"
	! opened /wd "$RUNTIME" --root "$ROOT" exec "$ID" /wd || fail "it was opened"
	printf '#!/wd\n' >"$BUNDLE/rootfs/entry"
	! opened /wd "$RUNTIME" --root "$ROOT" exec "$ID" /entry || fail "it was opened"
}

@test "M3: hints open no file of procfs: to read kmsg takes the host's messages away, and waits for more" {
	ours "it has no hints"
	args sleep 1000
	up
	local line
	# The kernel finds neither: the first is relative to the working directory, the
	# other has a name with a vertical tab in it.
	for line in '#!proc/version' $'#!/proc/version\v'; do
		printf '%s\n' "$line" >"$BUNDLE/rootfs/entry"
		chmod 755 "$BUNDLE/rootfs/entry"
		! opened /version "$RUNTIME" --root "$ROOT" exec --cwd /dev "$ID" /entry || fail "it was opened"
		[[ $err == *"exec /entry: no such file or directory"* ]] || fail "another error"
	done
}

@test "M3: neither config.json nor the passwd file is one of procfs" {
	local bundle=$BATS_TEST_TMPDIR/linked
	mkdir "$bundle"
	ln -s /proc/version "$bundle/config.json"
	! opened /version "$RUNTIME" --root "$ROOT" run --bundle "$bundle" "$ID" || ! is_ours || fail "config.json was opened"
	! is_ours || [[ $err == *"read $bundle/config.json: expected a regular file, found a file of procfs"* ]] || fail "another error"
	rm -f "$BUNDLE/rootfs/etc/passwd"
	ln -s /proc/version "$BUNDLE/rootfs/etc/passwd"
	config 'del(.process.env[] | select(startswith("HOME=")))'
	args sh -c 'echo "$HOME"'
	! opened /version "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" || ! is_ours || fail "passwd was opened"
	[[ $out$err == */* ]] || fail "it has not run"
}

@test "M3: engines --prefix opens no device, and waits for no fifo" {
	ours "only crun-go has it"
	local host=$BATS_TEST_TMPDIR/host make
	for make in device mkfifo; do
		rm -rf "$host"
		mkdir -p "$host/etc/docker" "$host/usr/bin"
		: >"$host/usr/bin/dockerd"
		chmod 755 "$host/usr/bin/dockerd"
		"$make" "$host/etc/docker/daemon.json"
		! opened daemon.json timeout -s KILL 30 "$RUNTIME" engines --prefix "$host" || fail "it was opened"
		[[ $out$err == *"/etc/docker/daemon.json: expected a regular file, found a "* ]] || fail "another error"
	done
}

@test "M3: the home of a user is looked up in no device" {
	rm -f "$BUNDLE/rootfs/etc/passwd"
	mknod -m 666 "$BUNDLE/rootfs/etc/passwd" c 1 5 # one that its device rules allow
	config 'del(.process.env[] | select(startswith("HOME=")))'
	args sh -c 'echo "$HOME"'
	! opened /etc/passwd "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" || fail "it was opened"
	[[ $out$err == */* ]] || fail "it has not run"
}

@test "L8: config.json that is a fifo, a directory or a device is an error that names it" {
	ours "1.1 waits for ever"
	local kind make command
	for kind in fifo directory "character device"; do
		rm -rf "$BUNDLE/config.json"
		case $kind in
		fifo) make=mkfifo ;;
		directory) make=mkdir ;;
		*) make=device ;;
		esac
		"$make" "$BUNDLE/config.json"
		for command in create run "run --detach" plan; do
			# shellcheck disable=SC2086
			case $command in plan) set -- plan --bundle "$BUNDLE" ;; *) set -- $command --bundle "$BUNDLE" "$ID" ;; esac
			no 1 "read $BUNDLE/config.json: expected a regular file, found a $kind" rt "$@"
		done
	done
	[ ! -e "$ROOT/$ID" ] || fail "the container was made"
}

@test "L8: a namespace that is a fifo, a device or a file is an error" {
	ours "1.1 waits for ever"
	local type kind before=$BATS_TEST_TMPDIR/before
	cp "$BUNDLE/config.json" "$before"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	device "$BATS_TEST_TMPDIR/device"
	for type in network ipc uts pid mount; do
		for kind in fifo device; do
			cp "$before" "$BUNDLE/config.json"
			config '.linux.namespaces |= map(if .type == $t then .path = $p else . end)' --arg t "$type" --arg p "$BATS_TEST_TMPDIR/$kind"
			no 1 ".path: open $BATS_TEST_TMPDIR/$kind: expected a namespace, found a " create "$ID"
		done
	done
}

@test "what the caller names may be a stream" {
	args sleep 1000
	up
	jq -c '.process | .args = ["echo", "from a stream"] | .terminal = false' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process"
	rt exec --process /dev/stdin "$ID" <"$BATS_TEST_TMPDIR/process" >"$OUT" 2>"$ERR" 3>&- || fail "exec --process /dev/stdin"
	same "output" "$(<"$OUT")" "from a stream"
	cat "$BATS_TEST_TMPDIR/process" | rt exec --process /dev/stdin "$ID" >"$OUT" 2>"$ERR" 3>&- || fail "exec --process /dev/stdin, a pipe"
	same "output" "$(<"$OUT")" "from a stream"
	rt exec --process <(cat "$BATS_TEST_TMPDIR/process") "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- || fail "exec --process <(...)"
	same "output" "$(<"$OUT")" "from a stream"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cat "$BATS_TEST_TMPDIR/process" >"$BATS_TEST_TMPDIR/fifo" 3>&- &
	ok rt exec --process "$BATS_TEST_TMPDIR/fifo" "$ID"
	same "output" "$out" "from a stream"
	wait
	echo '{}' | rt update --resources - "$ID" >"$OUT" 2>"$ERR" 3>&- || fail "update --resources -"
	rt update --resources <(echo '{}') "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- || fail "update --resources <(...)"
	ours "the rest is crun-go's"
	echo '[{"destination": "/tmp/a", "type": "tmpfs"}]' | rt mounts add "$ID" /dev/stdin >"$OUT" 2>"$ERR" 3>&- || fail "mounts add /dev/stdin"
	device "$BATS_TEST_TMPDIR/device"
	local said="read $BATS_TEST_TMPDIR/device: expected a regular file, found a character device"
	no 255 "$said" rt exec --process "$BATS_TEST_TMPDIR/device" "$ID"
	no 1 "$said" rt update --resources "$BATS_TEST_TMPDIR/device" "$ID"
	no 1 "$said" rt mounts add "$ID" "$BATS_TEST_TMPDIR/device"
	jq '.process.args = ["echo", "from a stream"]' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/config"
	rt run --bundle "$BUNDLE" --config /dev/stdin "$ID-2" <"$BATS_TEST_TMPDIR/config" >"$OUT" 2>"$ERR" 3>&- || fail "run --config /dev/stdin"
	same "output" "$(<"$OUT")" "from a stream"
}

@test "--log in a missing directory is an error before anything is made; else the file is made at once" {
	ours "1.1 opens it, and makes it, in another way"
	no 1 "--log: open $BATS_TEST_TMPDIR/none/log: no such file or directory" rt --log "$BATS_TEST_TMPDIR/none/log" create --bundle "$BUNDLE" "$ID"
	[ ! -e "$ROOT/$ID" ] || fail "the container was made"
	ok rt --log "$BATS_TEST_TMPDIR/log" create --bundle "$BUNDLE" "$ID"
	[ -f "$BATS_TEST_TMPDIR/log" ] && [ ! -s "$BATS_TEST_TMPDIR/log" ] || fail "the log is not there and empty"
}

@test "M4: --log follows no link and opens no device" {
	ours "only crun-go refuses it"
	setup_victim
	ln -s "$VICTIM" "$BATS_TEST_TMPDIR/link"
	no 1 "--log: open $BATS_TEST_TMPDIR/link: expected a file to append to, found a symbolic link" rt --log "$BATS_TEST_TMPDIR/link" state "$ID"
	unharmed
	device "$BATS_TEST_TMPDIR/wd"
	! opened /wd "$RUNTIME" --root "$ROOT" --log "$BATS_TEST_TMPDIR/wd" state "$ID" || fail "the device was opened"
	[[ $err == *"found a character device"* ]] || fail "another error"
	no 1 "--log: open /proc/version: expected a regular file, found a file of procfs" rt --log /proc/version state "$ID"
	# The same for the files that annotations name.
	config '.annotations["run.oci.hooks.stdout"] = $p' --arg p "$BATS_TEST_TMPDIR/wd"
	config '.hooks.createRuntime = [{path: "/bin/true"}]'
	! opened /wd "$RUNTIME" --root "$ROOT" create --bundle "$BUNDLE" "$ID" || fail "the device was opened"
	[[ $err == *"found a character device"* ]] || fail "another error"
	config '.annotations["run.oci.hooks.stdout"] = $p' --arg p "$BATS_TEST_TMPDIR/link"
	no 1 "found a symbolic link" create "$ID"
	unharmed
}

@test "--log: the caller's own descriptors, fifos and /dev/null" {
	local to log=$BATS_TEST_TMPDIR/log
	for to in /dev/stdout /dev/fd/1 /proc/self/fd/1; do
		no 1 "container does not exist" rt --log "$to" --log-format json state "$ID"
		jq -e '.level == "error"' "$OUT" || fail "--log $to: $out"
	done
	# A regular file behind it is appended to, and not written from its beginning.
	echo first >"$log"
	rt --log /dev/stdout --log-format json state "$ID" >>"$log" 2>"$ERR" 3>&- && fail "it succeeded"
	same "the first line" "$(head -n 1 "$log")" first
	jq -e '.level == "error"' <<<"$(tail -n +2 "$log")" || fail "$(<"$log")"
	# A pipe and a socket.
	rt --log /dev/fd/5 --log-format json state "$ID" 5>&1 >"$OUT" 2>"$ERR" 3>&- | jq -e '.level == "error"' || fail "a pipe"
	no 1 "container does not exist" rt --log /dev/null state "$ID"
	[ -c /dev/null ] || fail "/dev/null is gone"
	# A fifo whose reader is there, or comes only now.
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cat "$BATS_TEST_TMPDIR/fifo" >"$BATS_TEST_TMPDIR/read" 3>&- &
	no 1 "container does not exist" rt --log "$BATS_TEST_TMPDIR/fifo" --log-format json state "$ID"
	wait
	jq -e '.level == "error"' "$BATS_TEST_TMPDIR/read" || fail "$(<"$BATS_TEST_TMPDIR/read")"
	ours "1.1 waits for a reader"
	no 1 "container does not exist" rt --log "$BATS_TEST_TMPDIR/fifo" --log-format json state "$ID"
}

@test "L6: a state directory in the hands of another user is refused, and its hooks do not run" {
	ours "1.1 runs them"
	local ran=$BATS_TEST_TMPDIR/ran command
	config '.hooks.poststop = [{path: "/bin/touch", args: ["touch", $p]}]' --arg p "$ran"
	args sleep 1000
	up
	chown 1000 "$ROOT"
	for command in "delete --force $ID" "state $ID" "kill --all $ID KILL" "ps $ID" "exec $ID true" "pause $ID" "start $ID"; do
		# shellcheck disable=SC2086
		try rt $command
		[[ $rc != 0 && $err == *"state directory \"$ROOT\" belongs to user 1000, expected root"* ]] || fail "$command: exit code $rc"
	done
	no 1 "belongs to user 1000" rt list
	no 1 "belongs to user 1000" create "$ID-2"
	chown 0 "$ROOT"
	chown 1000 "$ROOT/$ID"
	no 1 "state directory \"$ROOT/$ID\" belongs to user 1000, expected root" rt delete --force "$ID"
	try rt list
	[[ $out != *"$ID"* && $err == *"belongs to user 1000"* ]] || fail "list"
	chown 0 "$ROOT/$ID"
	# Another user's link can lead anywhere; root's own is followed.
	ln -s "$ROOT" "$BATS_TEST_TMPDIR/link"
	ok rt --root "$BATS_TEST_TMPDIR/link" state "$ID"
	chown -h 1000 "$BATS_TEST_TMPDIR/link"
	no 1 "state directory \"$BATS_TEST_TMPDIR/link\" belongs to user 1000, expected root" rt --root "$BATS_TEST_TMPDIR/link" delete --force "$ID"
	# Others can write.
	chmod 777 "$ROOT"
	no 1 "has mode 0777: others than its owner may write to it" rt delete --force "$ID"
	chmod 775 "$ROOT"
	chgrp 1000 "$ROOT"
	no 1 "has mode 0775: others than its owner may write to it" rt delete --force "$ID"
	[ ! -e "$ran" ] || fail "the hook has run"
	# A sticky one, as /tmp is, can be a root: its entries cannot be replaced.
	chmod 1777 "$ROOT"
	ok rt delete --force "$ID"
	[ -e "$ran" ] || fail "the hook has not run"
}

@test "L8, L10: restore of an image that somebody else has made" {
	ours "the files are our own"
	local image=$BATS_TEST_TMPDIR/image name
	restore() { rt restore --bundle "$BUNDLE" --image-path "$image" --detach "$ID"; }
	mkdir "$image"
	# It need not be there: it is not come to.
	mkdir "$BATS_TEST_TMPDIR/programs"
	ln -s "$(type -P false)" "$BATS_TEST_TMPDIR/programs/criu"
	PATH=$BATS_TEST_TMPDIR/programs:$PATH
	for name in descriptors.json external-mounts.json; do
		rm -f "$image"/* # one of them is a fifo, which waits for a reader
		echo '["","",""]' >"$image/descriptors.json"
		echo '{"mounts": []}' >"$image/external-mounts.json"
		rm "$image/$name"
		mkfifo "$image/$name"
		no 1 "read $image/$name: expected a regular file, found a fifo" restore
	done
	rm "$image"/*
	echo '["","",""]' >"$image/descriptors.json"
	echo '{"mounts": [{"id": "mount-0]:/", "kind": "bind", "target": "/a", "point": "/a"}]}' >"$image/external-mounts.json"
	no 1 'external-mounts.json: mounts[0].id: expected "mount-" and a number, found "mount-0]:/"' restore
	[ ! -e "$ROOT/$ID" ] || fail "a state directory"
}

@test "L4: nothing that an image or a bundle names moves the cursor or forges a line" {
	ours "1.1 prints some of it as it is"
	local bad=$'\e[2Jx\nhint: run this'
	plain() { [[ $1 != *$'\e'* && $1 != *$'\n'"hint: run this"* && $1 != *$'\n'"warning: forged"* ]] || fail "as it is: $(printf %q "$1")"; }
	# Hints, and what stands beside --log.
	printf 'text' >"$BUNDLE/rootfs/$bad"
	chmod 755 "$BUNDLE/rootfs/$bad"
	args "/$bad"
	no 1 'exec /\x1b[2Jx\nhint: run this: exec format error' rt --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$ID"
	plain "$err"
	try run_bundle "$ID"
	plain "$err"
	[[ $err == *'hint: '*'\x1b[2Jx\nhint: run this'* ]] || fail "no hint"
	# The plan.
	config '.mounts += [{destination: ("/a" + $b), type: "tmpfs", source: ("s" + $b), options: ["size=1k"]}] | .hostname = "h"
		| .process.capabilities.bounding += ["CAP_X" + $b + "\nwarning: forged: "]' --arg b "$bad"
	try rt plan --bundle "$BUNDLE"
	plain "$out"
	plain "$err"
	[[ $out == *'/a\x1b[2Jx\nhint: run this'* ]] || fail "the mount is not there"
	# The table of containers.
	args sleep 1000
	mv "$BUNDLE" "$BUNDLE"$'\e[2Jx'
	BUNDLE=$BUNDLE$'\e[2Jx'
	config 'del(.mounts[-1]) | .process.capabilities.bounding |= map(select(startswith("CAP_X") | not))'
	up
	ok rt list
	plain "$out"
	[[ $out == *'bundle\x1b[2Jx'* ]] || fail "the bundle is not there"
	ok rt list --format json
	jq -e --arg b "$BUNDLE" '.[0].bundle == $b' "$OUT" || fail "the JSON has another bundle"
}
