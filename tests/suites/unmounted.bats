#!/usr/bin/env bats
# Containers without a mount namespace: in the host's, with a root of chroot(2), and
# nothing mounted.
load helpers

setup_nothing() {
	config '.linux.namespaces |= map(select(.type != "mount")) | .mounts = []
		| del(.linux.maskedPaths, .linux.readonlyPaths)'
}

# all_mounts: the sandbox's mounts, and how they propagate.
all_mounts() { sort -n /proc/self/mountinfo; }

@test "it runs in its root, warns, and mounts nothing" {
	ours "runc mounts on the host, or fails"
	setup_nothing
	all_mounts >"$BATS_TEST_TMPDIR/before"
	touch "$BUNDLE/rootfs/here"
	inside sh -c 'ls -d /here /../here; pwd; cd /dev && ls | grep -v core; echo x >/dev/null && ls -l /dev/null | cut -c1'
	same output "$(tr '\n' ' ' <<<"$out")" "/../here /here / fd full null ptmx random stderr stdin stdout tty urandom zero c "
	[[ $err == *'level=warning'*'no mount namespace'*'CAP_SYS_CHROOT'* ]] || fail "no warning"
	same mounts "$(all_mounts)" "$(<"$BATS_TEST_TMPDIR/before")"
	args sleep 1000
	up
	same "mount namespace" "$(readlink "/proc/$(pid_of)/ns/mnt")" "$(readlink /proc/self/ns/mnt)"
	same root "$(readlink "/proc/$(pid_of)/root")" "$BUNDLE/rootfs"
	same mounts "$(all_mounts)" "$(<"$BATS_TEST_TMPDIR/before")"
	ok rt delete --force "$ID"
	same mounts "$(all_mounts)" "$(<"$BATS_TEST_TMPDIR/before")"
}

@test "exec is in the same root, of the same namespaces; ps, pause, update, delete" {
	ours "runc mounts on the host, or fails"
	setup_nothing
	touch "$BUNDLE/rootfs/here"
	up
	ok rt exec "$ID" sh -c 'ls -d /here /../here; pwd'
	same "root of exec" "$out" $'/../here\n/here\n/'
	ok rt exec --cwd /tmp --user 1000 "$ID" pwd
	same cwd "$out" /tmp
	no 255 "process.cwd" rt exec --cwd "$BATS_TEST_TMPDIR" "$ID" pwd
	ok unshare -m "$RUNTIME" --root "$ROOT" exec "$ID" ls -d /here
	same "root of exec from another mount namespace" "$out" /here
	same processes "$(rt ps --format json "$ID" | jq length)" 1
	ok rt pause "$ID"
	ok rt resume "$ID"
	ok rt update --pids-limit -1 "$ID"
	echo '[{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"}]' >"$BATS_TEST_TMPDIR/mounts"
	no 1 "no mount namespace of its own" rt mounts add "$ID" "$BATS_TEST_TMPDIR/mounts"
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/criu"
	chmod 0755 "$BATS_TEST_TMPDIR/bin/criu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH no 1 "no mount namespace of its own" rt checkpoint --image-path "$BATS_TEST_TMPDIR/image" "$ID"
	same status "$(status)" running
	ok rt delete --force "$ID"
}

@test "with a user namespace: devices must be there" {
	ours "runc mounts on the host, or fails"
	setup_nothing
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 "$BUNDLE/rootfs" "$BUNDLE/rootfs"/{dev,proc,sys,tmp}
	args sh -c 'id -u; echo x >/dev/null && echo written'
	no 1 "make device \"/dev/null\"" run_bundle "$ID"
	[[ $err == *"hint: what confines the runtime lets it make no node, and the host's is not bound here"* ]] || fail "no hint"
	local node
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 0666 "$BUNDLE/rootfs/dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 0666 "$BUNDLE/rootfs/dev/tty" c 5 0
	ok run_bundle "$ID"
	same output "$out" $'0\nwritten'
}

@test "what takes a mount is refused, with its field" {
	setup_nothing
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config.json"
	refused() {
		cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
		config "$2"
		all_mounts >"$BATS_TEST_TMPDIR/before"
		no 1 "$1: not without a mount namespace" create "$ID"
		one_error
		same mounts "$(all_mounts)" "$(<"$BATS_TEST_TMPDIR/before")"
	}
	ours "runc mounts on the host"
	refused mounts '.mounts = [{destination: "/proc", type: "proc", source: "proc"}]'
	refused linux.maskedPaths '.linux.maskedPaths = ["/proc/keys"]'
	refused linux.readonlyPaths '.linux.readonlyPaths = ["/proc/sys"]'
	refused linux.devices '.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]'
	refused linux.rootfsPropagation '.linux.rootfsPropagation = "rslave"'
	refused root.readonly '.root.readonly = true'
	config '.root.readonly = false | .process.terminal = true'
	no 1 "process.terminal: not without a mount namespace" run_bundle "$ID"
	cp "$BATS_TEST_TMPDIR/config.json" "$BUNDLE/config.json"
	ok create --no-pivot "$ID" # nothing to move, either
	ok rt delete --force "$ID"
}

@test "cwd: ways out of the root are none" {
	ours "runc mounts on the host, or fails"
	setup_nothing
	local cwd
	for cwd in /proc/self/fd/7 /.. /tmp/link; do
		ln -sfn / "$BUNDLE/rootfs/tmp/link"
		config --arg cwd "$cwd" '.process.cwd = $cwd | .process.args = ["sh", "-c", "ls -d /host 2>/dev/null; cd ..; pwd"]'
		try run_bundle "$ID"
		[ "$rc" != 0 ] || [[ $out != *"$BATS_TEST_TMPDIR"* ]] || fail "$cwd: out of the root"
	done
}
