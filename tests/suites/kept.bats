#!/usr/bin/env bats
# What held at create holds for the container's life: its bundle's config.json is
# read once. A container of a version that kept nothing is looked after all the
# same, as long as its config.json is the one it was.
load helpers

FORMER=$TESTS/../libcontainer/state/testdata/format0

# held: a container that may do little, and a process for exec that says nothing
# of it. Its poststop hook leaves a file.
held() {
	mkdir -p "$BATS_TEST_TMPDIR/src"
	config --arg ran "$BATS_TEST_TMPDIR/ran" --arg src "$BATS_TEST_TMPDIR/src" '
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 3}]}
		| .mounts += [{destination: "/src", type: "bind", source: $src, options: ["bind"]}]
		| .hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo first >\($ran)"]}]'
	jq -n '{cwd: "/", args: ["/probe", "view"], user: {uid: 0, gid: 0}}' >"$BATS_TEST_TMPDIR/process.json"
}

# wider: a config.json that allows all, and has another hook and no mounts.
wider() {
	jq --arg ran "$BATS_TEST_TMPDIR/ran" 'del(.linux.seccomp) | del(.mounts) | .process.noNewPrivileges = false
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_NET_RAW"]) | .process.cwd = "/tmp"
		| .linux.uidMappings = [{containerID: 0, hostID: 5, size: 1}]
		| .hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo second >\($ran)"]}]' "$1"
}

# is FILTER WANT: one value of the view that exec printed.
is() { same "$1" "$(jq -r "$1" "$OUT")" "$2"; }

# holds: exec with and without a process of its own, mounts, limits and what a
# checkpoint is to know are those of create. Nothing hangs.
holds() {
	local tools=$BATS_TEST_TMPDIR/tools image=$BATS_TEST_TMPDIR/image
	ok rt exec "$ID" /probe view
	is .status.CapBnd 00000000080000e3
	is .status.NoNewPrivs 1
	is .status.Seccomp 2
	is .cwd /
	no 1 "No such process" rt exec "$ID" mkdir /x
	ok rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	is .status.CapBnd 00000000080000e3
	is .status.Seccomp 2
	is_ours || return 0
	echo '[{"destination": "/mnt/new", "type": "tmpfs", "source": "x"}]' >"$BATS_TEST_TMPDIR/mounts.json"
	ok rt mounts add "$ID" "$BATS_TEST_TMPDIR/mounts.json"
	ok rt mounts remove "$ID" "$BATS_TEST_TMPDIR/mounts.json"
	ok rt update --pids-limit -1 "$ID"
	[ "$(status)" = running ] || return 0
	# CRIU need not work here: the request is enough.
	mkdir -p "$tools"
	printf '#!/bin/sh\nexit 1\n' >"$tools/criu"
	chmod +x "$tools/criu"
	rm -rf "$image"
	PATH=$tools:$PATH no 1 "criu refused" rt checkpoint --image-path "$image" "$ID"
	same "mounts of the image" "$(jq -c '[.mounts[] | select(.kind == "bind") | .target]' "$image/external-mounts.json")" '["/src"]'
}

# gone: delete takes the container away, with the hook of create.
gone() {
	ok rt delete --force "$ID"
	same "the hook" "$(<"$BATS_TEST_TMPDIR/ran")" first
}

@test "config.json is edited" {
	ours "1.1 takes capabilities from there"
	held
	up
	holds
	wider "$BUNDLE/config.json" >"$BUNDLE/config.new"
	cat "$BUNDLE/config.new" >"$BUNDLE/config.json"
	holds
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
	holds
	gone
}

@test "config.json is removed, cut off, a fifo, a directory, a link" {
	ours "1.1 reads it"
	held
	up
	local real=$BATS_TEST_TMPDIR/real.json change
	wider "$BUNDLE/config.json" >"$real"
	for change in true ': >config.json' 'echo "{" >config.json' 'mkfifo config.json' 'mkdir config.json' "ln -s $real config.json"; do
		(cd "$BUNDLE" && rm -rf config.json && eval "$change")
		PATIENCE=10 holds
	done
	gone
}

@test "a created container, too" {
	ours "1.1 reads it"
	held
	ok create "$ID"
	wider "$BUNDLE/config.json" >"$BUNDLE/config.new"
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
	holds
	ok start "$ID"
	holds
	gone
}

@test "the container writes its own bundle" {
	ours "1.1 reads it"
	held
	config '.root.path = "." | .process.args = ["/rootfs/bin/busybox", "sleep", "1000"]
		| .process.env = ["PATH=/rootfs/bin"] | .process.noNewPrivileges = false'
	wider "$BUNDLE/config.json" >"$BUNDLE/wider.json"
	up
	ok rt exec "$ID" /rootfs/bin/busybox cp /wider.json /config.json
	jq -e '.linux.seccomp == null' "$BUNDLE/config.json" >/dev/null || fail "not rewritten"
	ok rt exec "$ID" /rootfs/probe view
	is .status.CapBnd 00000000080000e3
	is .status.Seccomp 2
	no 1 "No such process" rt exec "$ID" /rootfs/bin/busybox mkdir /x
	ok rt exec "$ID" /rootfs/bin/busybox rm /config.json
	ok rt exec "$ID" /rootfs/bin/busybox mkfifo /config.json
	PATIENCE=10 ok rt exec "$ID" /rootfs/bin/busybox true
	gone
}

@test "config.json comes from standard input, and never again" {
	ours "1.1 reads a file"
	held
	mv "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/given.json"
	rt create --bundle "$BUNDLE" --config /dev/stdin "$ID" <"$BATS_TEST_TMPDIR/given.json" >"$OUT" 2>"$ERR" 3>&- || fail "create"
	ok start "$ID"
	holds
	gone
}

@test "nothing after create opens config.json" {
	ours "counted here"
	command -v strace >/dev/null || skip "needs strace"
	held
	ok create "$ID"
	echo '[{"destination": "/mnt/new", "type": "tmpfs", "source": "x"}]' >"$BATS_TEST_TMPDIR/mounts.json"
	traced() {
		ok strace -f -q -o "$BATS_TEST_TMPDIR/trace" -e trace=open,openat,openat2,stat,lstat,newfstatat,access,faccessat,faccessat2,readlink,readlinkat \
			"$RUNTIME" --root "$ROOT" "$@"
		[ -s "$BATS_TEST_TMPDIR/trace" ] || fail "nothing traced"
		! grep 'config\.json' "$BATS_TEST_TMPDIR/trace" || fail "$1 looks at it"
	}
	traced state "$ID"
	traced exec "$ID" true
	traced start "$ID"
	traced exec "$ID" true
	traced exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
	traced mounts add "$ID" "$BATS_TEST_TMPDIR/mounts.json"
	traced mounts remove "$ID" "$BATS_TEST_TMPDIR/mounts.json"
	traced update --pids-limit -1 "$ID"
	traced pause "$ID"
	traced resume "$ID"
	traced ps "$ID"
	traced events --stats "$ID"
	traced list
	traced kill "$ID" KILL
	wait_status stopped
	traced delete "$ID"
}

@test "what is kept is the owner's alone" {
	ours "a file of ours"
	held
	up
	local kept=$ROOT/$ID/config.kept
	same mode "$(stat -c '%a %u %F' "$kept")" "600 0 regular file"
	chmod 0666 "$kept"
	no 255 "mode 0666" rt exec "$ID" true
	one_error
	chmod 0600 "$kept"
	chown 1000 "$kept"
	no 255 "owner 1000" rt exec "$ID" true
	chown 0 "$kept"
	ok rt exec "$ID" true
	mv "$kept" "$kept.old"
	no 255 "what container $ID was made from is missing in its state directory" rt exec "$ID" true
	no 1 "is missing in its state directory" rt update --pids-limit -1 "$ID"
	gone
}

@test "a later format is told, and the container can be deleted" {
	ours "a file of ours"
	held
	up
	local kept=$ROOT/$ID/config.kept want
	sed -i '1s/"format":1/"format":2/' "$kept"
	want="container $ID was made by a newer version: its config.kept has format 2, and this version knows formats up to 1"
	no 255 "$want" rt exec "$ID" true
	one_error
	no 1 "$want" rt update --pids-limit -1 "$ID"
	same status "$(status)" running
	gone
}

# former: the container is now one of a version that kept nothing, as that has
# left its files, in testdata.
former() {
	jq -c --slurpfile now "$ROOT/$ID/state.json" '. as $was | $now[0] as $now
		| with_entries(.key as $k | .value = ($now[$k] // error("\($k) is not there any more")))
		| .config |= with_entries(select(.key as $k | $was.config | has($k)))' "$FORMER/state.json" >"$BATS_TEST_TMPDIR/state"
	rm "$ROOT/$ID/config.kept"
	cp "$BATS_TEST_TMPDIR/state" "$ROOT/$ID/state.json"
	! grep -q kept "$ROOT/$ID/state.json" || fail "says that something is kept"
}

@test "a version that kept nothing: created, running, paused, updated" {
	ours "our own former version"
	held
	config '.annotations = {"a": "b"}'
	ok create "$ID"
	former
	same status "$(status)" created
	ok rt exec "$ID" true
	ok start "$ID"
	holds
	ok rt pause "$ID"
	same status "$(status)" paused
	ok rt resume "$ID"
	cp "$FORMER/limits.json" "$ROOT/$ID/limits.json"
	ok rt update --pids-limit -1 "$ID"
	same "limits that hold" "$(jq -c .hugepageLimits "$ROOT/$ID/limits.json")" '[{"pageSize":"2MB","limit":4194304}]'
	gone
}

@test "a version that kept nothing, and a config.json that is not the one it was" {
	ours "our own former version"
	held
	config '.annotations = {"a": "b"}'
	up
	former
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/was"
	wider "$BUNDLE/config.json" >"$BUNDLE/config.new"
	changed() {
		PATIENCE=10 no 255 "$1" rt exec "$ID" true
		[[ $err == *"hint: recreate the container"* ]] || fail "no hint"
		PATIENCE=10 no 255 "$1" rt exec -p "$BATS_TEST_TMPDIR/process.json" "$ID"
		PATIENCE=10 no 1 "$1" rt mounts add "$ID" "$BATS_TEST_TMPDIR/mounts.json"
		PATIENCE=10 ok rt update --pids-limit -1 "$ID"
		rm -f "$ROOT/$ID/limits.json"
	}
	echo '[{"destination": "/mnt/new", "type": "tmpfs", "source": "x"}]' >"$BATS_TEST_TMPDIR/mounts.json"
	ln "$BUNDLE/config.json" "$BUNDLE/same.json"
	cat "$BUNDLE/config.new" >"$BUNDLE/config.json"
	touch -d 2001-01-01 "$BUNDLE/config.json"
	changed "was changed at"
	mv "$BUNDLE/config.json" "$BUNDLE/away"
	changed "no such file or directory"
	mkfifo "$BUNDLE/config.json"
	changed "expected a regular file, found a fifo"
	rm "$BUNDLE/config.json"
	# One that has not changed since, but was not there.
	ln -s /etc/passwd "$BUNDLE/config.json"
	changed "was changed at"
	rm "$BUNDLE/config.json"
	same status "$(status)" running
	gone
}
