#!/usr/bin/env bats
# A mount namespace that is made of the root filesystem alone (Linux 7.0): when, what is
# in it, and that nothing else differs from one that is a copy of the host's.
load ../suites/helpers
load guest

# alone, copied: how the plan makes the mount namespace.
alone() {
	ok rt plan --bundle "$BUNDLE"
	[[ $out == *"as a new mount namespace"*"enter the root filesystem's mount namespace"* && $out != *"pivot root"* ]] || fail "$*: the host's mounts are copied"
}
copied() {
	ok rt plan --bundle "$BUNDLE" "$@"
	[[ $out == *"in new"*" mount"*"attach the root filesystem"* && $out != *"enter the root"* ]] || fail "$*: the host's mounts are not copied"
}

@test "the kernel makes mount namespaces of a tree" { alone "a plain container"; }

@test "hooks: those that come before pivot_root see the host's mounts" {
	local kind
	printf '#!/bin/sh\ncat >/dev/null\ntest -e "%s" && echo %s >>"%s"\n' "$BATS_TEST_TMPDIR" '"$1"' "$BATS_TEST_TMPDIR/ran" >"$BATS_TEST_TMPDIR/hook"
	chmod 755 "$BATS_TEST_TMPDIR/hook"
	args true
	for kind in prestart createRuntime createContainer; do
		config --arg k $kind --arg h "$BATS_TEST_TMPDIR/hook" '.hooks = {($k): [{path: $h, args: ["hook", $k]}]}'
		copied
		ok run_bundle "$ID"
	done
	for kind in poststart poststop; do
		config --arg k $kind --arg h "$BATS_TEST_TMPDIR/hook" '.hooks = {($k): [{path: $h, args: ["hook", $k]}]}'
		alone $kind
		ok run_bundle "$ID"
	done
	same "the hooks that have run" "$(<"$BATS_TEST_TMPDIR/ran")" $'prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop'
	config '.hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo inside >/dev/shm/ran"]}]}'
	alone startContainer
	inside cat /dev/shm/ran
	same startContainer "$out" inside
}

@test "what needs the host's mounts gets a copy of them" {
	local base
	base=$(<"$BUNDLE/config.json")
	copied --no-pivot
	mkdir -p "$BUNDLE/rootfs/data" "$BATS_TEST_TMPDIR"/{low,up,work}
	for mount in '{destination: "/v", source: "rootfs/data", options: ["bind"]}' \
		'{destination: "/o", type: "overlay", source: "o", options: ["lowerdir=\($d)/low,upperdir=\($d)/up,workdir=\($d)/work"]}'; do
		echo "$base" | jq --arg d "$BATS_TEST_TMPDIR" ".mounts += [$mount]" >"$BUNDLE/config.json"
		copied
		inside ls /
	done
	echo "$base" >"$BUNDLE/config.json"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	copied
}

# nsfs DIR: files of namespaces, mounted on DIR/net and DIR/mnt.
nsfs() {
	touch "$1/net" "$1/mnt"
	# A mount namespace can't be mounted in itself: the mount on it must not propagate there.
	mount --bind --make-private "$1" "$1"
	mount --bind /proc/self/ns/net "$1/net"
	unshare --mount="$1/mnt" true
}

@test "files of namespaces that are mounted below /, below the root filesystem, and bound" {
	local dir=$BATS_TEST_TMPDIR/ns
	mkdir "$dir" "$BUNDLE/rootfs/ns"
	nsfs "$dir"
	nsfs "$BUNDLE/rootfs/ns"
	config --arg d "$dir" '.mounts += [{destination: "/net", source: ($d + "/net"), options: ["bind"]}, {destination: "/mnt", source: ($d + "/mnt"), options: ["bind"]},
		{destination: "/all", source: $d, options: ["rbind"]}]'
	alone nsfs
	args sh -c 'grep -c " - nsfs " /proc/self/mountinfo'
	try run_bundle "$ID"
	local found=$out code=$rc
	config '.hooks = {createContainer: [{path: "/bin/true"}]}'
	copied
	try run_bundle "$ID"
	umount -R "$dir" "$BUNDLE/rootfs/ns"
	same "exit code" "$code" "$rc"
	same "mounts of namespaces" "$found" "$out"
}

@test "init sees nothing of the host, and no source is looked up in the image" {
	mkdir "$BUNDLE/rootfs/only"
	config '.mounts += [{destination: "/v", source: "/only", options: ["bind"]}]'
	alone "a source that only the image has"
	no 1 'mounts[7].source: open "/only": no such file or directory' run_bundle "$ID"
	config 'del(.mounts[7])'
	# A null device of the image's that is none, and a root that is not mounted on.
	args awk '{ if ($4 ~ "^/null") n++ } $5 == "/" { r++ } END { print n, r }' /proc/self/mountinfo
	ok run_bundle "$ID"
	same "masked files, roots" "$out" "3 1"
	rm -rf "$BUNDLE/rootfs/dev"
	mkdir "$BUNDLE/rootfs/dev"
	echo other >"$BUNDLE/rootfs/dev/null"
	config 'del(.mounts[] | select(.destination | startswith("/dev/"))) | .mounts |= map(select(.destination != "/dev")) | .linux.maskedPaths = ["/proc/keys"]'
	try run_bundle "$ID"
	[ "$rc" != 0 ] || fail "a file of the image's is taken for the null device"
}

@test "the container's root can't be taken off to find the host's" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]) | .linux.maskedPaths = []'
	alone "a privileged container"
	args sh -c 'umount -l / 2>/dev/null; ls / | grep -xc -e boot -e srv -e opt; ls -d /proc/1/root/boot 2>/dev/null; true'
	try run_bundle "$ID"
	[[ $out == 0 ]] || fail "it sees '$out'"
	# In a mount namespace of another process's, or its own, once more.
	args sh -c 'umount -l / 2>/dev/null; nsenter --mount=/proc/self/ns/mnt /bin/ls / 2>&1; true'
	try run_bundle "$ID"
	[[ $out != *boot* && $out != *srv* ]] || fail "it sees '$out'"
}

@test "the cost of a start does not grow with the mounts of the host" {
	command -v strace >/dev/null || skip "needs strace"
	local n dir=$BATS_TEST_TMPDIR/m
	args true
	# Copied are the mounts that are there when the namespace is made, and seen by it.
	mkdir "$dir"
	for ((n = 0; n < 300; n++)); do
		mkdir "$dir/$n"
		mount --bind "$dir/$n" "$dir/$n"
	done
	strace -f -e trace=clone3,unshare,mount_setattr,open_tree,umount2,setns,pivot_root -o "$BATS_TEST_TMPDIR/calls" \
		"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
	umount "$dir"/*
	! grep -E 'CLONE_NEWNS[^)]*flags|unshare\(CLONE_NEWNS|pivot_root|umount2' "$BATS_TEST_TMPDIR/calls" || fail "mounts are copied"
	grep -q 'setns(.*CLONE_NEWNS' "$BATS_TEST_TMPDIR/calls" || fail "no namespace is entered"
}

# both SUITE: with mount namespaces of both kinds.
both() {
	local way
	for way in "" 1; do
		(cd "$TESTS/.." && env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TMPDIR="$TMPDIR" \
			RUNTIME="$RUNTIME" PATIENCE="${PATIENCE:-}" ${way:+COPIED_MOUNTS=1} tests/env/sandbox bats --tap "tests/$1.bats" </dev/null 3>&-) >"$BATS_TEST_TMPDIR/tap" 2>&1 || {
			cat "$BATS_TEST_TMPDIR/tap" >&2
			fail "$1${way:+, copied mounts}: $(grep -c '^not ok' "$BATS_TEST_TMPDIR/tap") tests fail"
		}
	done
}

@test "in both ways: mounts" { both suites/mounts; }
@test "in both ways: propagation" { both suites/propagation; }
@test "in both ways: sources of mounts" { both suites/sources; }
@test "in both ways: attacks on mounts" { both attacks/mounts; }
@test "in both ways: attacks by images" { both attacks/images; }
@test "in both ways: attacks on procfs" { both attacks/procfs; }

@test "tmpcopyup of a mount that comes before /proc" {
	mkdir -p "$BUNDLE/rootfs/data"
	echo kept >"$BUNDLE/rootfs/data/file"
	config '.mounts = [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}] + .mounts'
	alone "with tmpcopyup"
	inside cat /data/file
	same "what was copied" "$out" kept
}
