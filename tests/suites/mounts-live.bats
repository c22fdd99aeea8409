#!/usr/bin/env bats
# mounts add and remove: the mounts of a container that runs.
load helpers

# Where the container's mounts are looked at: from outside.
seen() { cat "/proc/$(pid_of)/mountinfo"; }
mounted() { seen | awk -v at="$1" '$5 == at { found++ } END { exit !found }'; }
option_of() { seen | awk -v at="$1" '$5 == at { print $6 }' | tail -n 1; }
inner() { echo "/proc/$(pid_of)/root$1"; }

# mounts_file JQ...: what there is to add or remove, in $LIST.
mounts_file() {
	source_dir
	LIST=$BATS_TEST_TMPDIR/mounts.json
	jq --null-input --arg src "$BATS_TEST_TMPDIR/src" "$@" >"$LIST"
}

add() { rt mounts add "$ID" "$LIST"; }
remove() { rt mounts remove "$ID" "$LIST"; }

# source_dir: a directory of the host to bind.
source_dir() {
	ours "1.1 and crun 1.21 have no command mounts"
	mkdir -p "$BATS_TEST_TMPDIR/src"
	echo hello >"$BATS_TEST_TMPDIR/src/file"
	chmod 0755 "$BATS_TEST_TMPDIR/src"
}

userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BUNDLE"
}

@test "add a bind mount, a file and a tmpfs; remove them" {
	up
	mounts_file '[
		{destination: "/mnt/dir", type: "bind", source: $src, options: ["rbind", "ro"]},
		{destination: "/etc/one", source: ($src + "/file"), options: ["bind", "nosuid", "nodev"]},
		{destination: "/mnt/tmp", type: "tmpfs", source: "scratch", options: ["size=64k", "ro", "mode=0700"]}]'
	ok add
	same nothing "$(cat "$OUT" "$ERR")" ""
	same file "$(cat "$(inner /etc/one)" "$(inner /mnt/dir/file)")" $'hello\nhello'
	same mode "$(stat -c %a "$(inner /mnt/tmp)")" 700
	[[ $(option_of /mnt/dir) == ro,* && $(option_of /mnt/tmp) == ro,* ]] || fail "$(seen)"
	[[ $(option_of /etc/one) == rw,nosuid,nodev,* ]] || fail "$(seen)"
	same "the host's mounts" "$(mounts)" "$before_mounts"
	# Only the destination counts. Not one of the options is looked at.
	mounts_file '[{destination: "/etc/one", type: "nonsense", options: ["a=b"]}, {destination: "/mnt/tmp"}, {destination: "/mnt/dir"}]'
	ok remove
	! seen | grep -E ' /(mnt|etc)/' || fail "mounts are left"
	same "source" "$(cat "$BATS_TEST_TMPDIR/src/file")" hello
	no 1 'mounts[1].destination: find the mount on "/mnt/tmp": not a mount point' remove
}

@test "standard input, and an object as config.json has it" {
	up
	mounts_file '{mounts: [{destination: "/mnt/a", type: "tmpfs", source: "t"}]}'
	ok add
	mounted /mnt/a || fail "$(seen)"
	rt mounts remove "$ID" - <"$LIST"
	! mounted /mnt/a || fail "$(seen)"
}

@test "options: recursive attributes, propagation, id maps" {
	source_dir
	mkdir "$BATS_TEST_TMPDIR/src/below"
	mount -t tmpfs below "$BATS_TEST_TMPDIR/src/below"
	up
	mounts_file '[{destination: "/mnt/r", source: $src, options: ["rbind", "rro", "rnosuid"]}]'
	ok add
	[[ $(option_of /mnt/r/below) == ro,nosuid,* ]] || fail "$(seen)"
	mounts_file '[{destination: "/mnt/plain", source: $src, options: ["bind"]}]'
	ok add
	! mounted /mnt/plain/below || fail "bind brought what is mounted below"
	mounts_file '[{destination: "/mnt/shared", source: $src, options: ["bind", "private", "shared"]}]'
	ok add
	seen | grep ' /mnt/shared .* shared:' >/dev/null || fail "$(seen)"
	umount "$BATS_TEST_TMPDIR/src/below"
	mounts_file '[{destination: "/mnt/mapped", source: $src, options: ["bind"],
		uidMappings: [{containerID: 0, hostID: 7000, size: 10}], gidMappings: [{containerID: 0, hostID: 8000, size: 10}]}]'
	try add
	if [[ $err == *"does the filesystem support it"* ]]; then skip "no id-mapped mounts on this filesystem"; fi
	same owner "$(stat -c %u:%g "$(inner /mnt/mapped/file)")" 7000:8000
}

@test "a user namespace: its root owns what is made" {
	userns
	up
	mounts_file '[
		{destination: "/mnt/tmp", type: "tmpfs", source: "t"},
		{destination: "/mnt/q", type: "mqueue", source: "mqueue"},
		{destination: "/mnt/bind", source: $src, options: ["bind"]}]'
	ok add
	same owners "$(stat -c %u "$(inner /mnt)" "$(inner /mnt/tmp)" "$(inner /mnt/bind)" | tr '\n' ' ')" "100000 100000 0 "
	ok remove
	! mounted /mnt/bind || fail "$(seen)"
}

@test "filesystems that show namespaces show the container's" {
	up
	nsenter --net="/proc/$(pid_of)/ns/net" ip link add eth7 type veth peer name eth8 || skip "no virtual interfaces in this kernel"
	mounts_file '[{destination: "/mnt/sys", type: "sysfs", source: "sysfs", options: ["ro"]},
		{destination: "/mnt/cg", type: "cgroup", source: "cgroup", options: ["ro"]}]'
	ok add
	same interfaces "$(ls "$(inner /mnt/sys/class/net)" | tr '\n' ' ')" "eth7 eth8 lo "
	[ ! -e "$(inner /mnt/cg)/$ID" ] || fail "the host's hierarchy is to be seen"
	same cgroup "$(seen | awk '$5 == "/mnt/cg" { print $4 }' | wc -l)" 1
	# Its own processes are what it may see: a new procfs would show the host's.
	mounts_file '[{destination: "/mnt/proc", type: "proc", source: "proc"}]'
	no 1 "it would show processes of the host" add
}

@test "created and paused containers" {
	ok create "$ID"
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"}]'
	ok add
	ok start "$ID"
	mounted /mnt/a || fail "$(seen)"
	ok rt pause "$ID"
	ok remove
	ok add
	ok rt resume "$ID"
	mounted /mnt/a || fail "$(seen)"
}

@test "all or nothing: what was added is taken back" {
	up
	before=$(seen)
	echo file >"$BUNDLE/rootfs/plain"
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"},
		{destination: "/mnt/a/b", source: $src, options: ["bind"]},
		{destination: "/etc/one", source: ($src + "/file"), options: ["bind"]},
		{destination: "/plain/is/a/file", type: "tmpfs", source: "t"}]'
	no 1 'mounts[3]: mount tmpfs on "/plain/is/a/file"' add
	same mounts "$(seen)" "$before"
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"}, {destination: "/mnt/b", source: "/nowhere", options: ["bind"]}]'
	no 1 'mounts[1].source' add
	same mounts "$(seen)" "$before"
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"}, {destination: "/mnt/b", type: "nosuchfs", source: "t"}]'
	no 1 'mounts[1]' add
	same mounts "$(seen)" "$before"
	# Removal looks for all before it takes any.
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"}]'
	ok add
	before=$(seen)
	mounts_file '[{destination: "/mnt/a"}, {destination: "/mnt/b"}]'
	no 1 'mounts[1].destination' remove
	same mounts "$(seen)" "$before"
}

@test "mounts on mounts go in the right order" {
	up
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"}, {destination: "/mnt/a/b", type: "tmpfs", source: "t"}, {destination: "/mnt/a-b", type: "tmpfs", source: "t"}]'
	ok add
	ok remove
	! seen | grep ' /mnt/' || fail "mounts are left"
	# Two on one place are removed from the top.
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "lower"}, {destination: "/mnt/a", type: "tmpfs", source: "upper"}]'
	ok add
	no 1 '"/mnt/a" is there twice' remove
	mounts_file '[{destination: "/mnt/a"}]'
	ok remove
	same left "$(seen | awk '$5 == "/mnt/a" { print $(NF - 1) }')" lower
}

@test "mistakes" {
	up
	mounts_file '[]'
	no 1 '"mounts" requires exactly 3 argument(s)' rt mounts add "$ID"
	no 1 "unknown command mounts list" rt mounts list "$ID" "$LIST"
	no 1 "does not exist" rt mounts add nobody "$LIST"
	no 1 "no such file or directory" rt mounts add "$ID" "$LIST.none"
	ok add
	echo '[{"destination": 5}]' >"$LIST"
	no 1 "mounts.json:1:18" add
	echo '"a"' >"$LIST"
	no 1 "mounts.json:1:1" add
	mounts_file '[{destination: "/mnt/a", options: ["remount", "ro"]}]'
	no 1 "remount can't be undone" add
	mounts_file '[{type: "tmpfs"}]'
	no 1 "mounts[0].destination" add
	no 1 "mounts[0].destination" remove
	mounts_file '[{destination: "/", type: "tmpfs", source: "t"}]'
	no 1 "is the root filesystem itself" add
	no 1 "is the root filesystem itself" remove
	mounts_file '[{destination: "/mnt/a", type: "tmpfs", source: "t"}]'
	ok rt kill "$ID" KILL
	wait_status stopped
	no 1 "container not running" add
	no 1 "container not running" remove
}

@test "masks and what protects the kernel's files stay" {
	up
	before=$(seen)
	for at in /proc/timer_list /proc/keys /proc/sys /proc/acpi /sys/firmware; do
		[ -e "$at" ] || continue # this kernel has none
		mounts_file --arg at "$at" '[{destination: $at}]'
		no 1 "it was not added to the container" remove
	done
	# Not by other names either.
	ln -s /proc "$BUNDLE/rootfs/tmp/lure"
	ln -s kcore "$BUNDLE/rootfs/tmp/kcore"
	for at in /tmp/lure/keys /tmp/lure; do
		mounts_file --arg at "$at" '[{destination: $at}]'
		no 1 "a symbolic link is on the way" remove
	done
	same mounts "$(seen)" "$before"
	for at in /proc/keys /proc/sys/kernel; do
		mounts_file --arg at "$at" '[{destination: $at, source: $src, options: ["bind"]}]'
		no 1 "inside /proc" add
	done
	mounts_file '[{destination: "/tmp/lure", source: $src, options: ["bind"]}]'
	try add
	[ "$rc" != 0 ] || fail "mounted over /proc by way of a link"
	same mounts "$(seen)" "$before"
}

@test "a masked file elsewhere stays" {
	config '.linux.maskedPaths += ["/etc/passwd"]'
	up
	mounts_file '[{destination: "/etc/passwd"}]'
	no 1 "it was not added to the container" remove
}

@test "L2: after directories are renamed only what was added is removed" {
	mkdir -p "$BUNDLE/rootfs/a" "$BUNDLE/rootfs/b"
	echo secret >"$BUNDLE/rootfs/a/x"
	config '.linux.maskedPaths += ["/a/x"]'
	up
	mounts_file '[{destination: "/b/x", source: ($src + "/file"), options: ["bind"]}]'
	ok add
	same added "$(cat "$(inner /b/x)")" hello
	ok rt exec "$ID" sh -c 'mv /b /c && mv /a /b'
	mounts_file '[{destination: "/b/x"}]'
	no 1 'mounts[0].destination: find the mount on "/b/x": it was not added to the container' remove
	same "what is masked" "$(cat "$(inner /b/x)")" ""
	# By its new name it may go, once.
	mounts_file '[{destination: "/c/x"}]'
	ok remove
	no 1 "not a mount point" remove
	# What config.json mounts is the container's, too.
	mounts_file '[{destination: "/dev/shm"}]'
	no 1 "it was not added to the container" remove
}

@test "what a filesystem is made of is the host's, whatever the container has under such a path" {
	# A disk's path could be the container's node of another disk, which no device
	# filter keeps the runtime from. Directories show it as well.
	local lower=$BATS_TEST_TMPDIR/src other=$BATS_TEST_TMPDIR/other
	mkdir -p "$other" "$BUNDLE/rootfs$lower" "$BUNDLE/rootfs$other"
	echo lure >"$BUNDLE/rootfs$lower/file"
	mounts_file --arg other "$other" '[{destination: "/mnt", type: "overlay", source: "o", options: ["lowerdir=\($src):\($other)", "nodev"]}]'
	up
	ok add
	same file "$(cat "$(inner /mnt/file)")" hello
	[[ $(option_of /mnt) == *,nodev,* ]] || fail "$(seen)"
	ok remove
	userns
	ok rt delete --force "$ID"
	up
	no 1 'mounts[0].type: "overlay" can'"'"'t be added to a container that exists and has a user namespace' add
}

@test "the container mounts and moves as it likes meanwhile" {
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir "$VICTIM"
	userns
	config '.process.noNewPrivileges = false | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"])'
	script "mkdir -p /race/deep; : >/tmp/started
		while :; do mount -t tmpfs x /race; mkdir /race/deep; ln -s $VICTIM /race/deep/a1; mount --bind /proc /race/deep; umount /race/deep; umount -l /race; done 2>/dev/null"
	up
	until_true test -e "$BUNDLE/rootfs/tmp/started"
	mounts_file '[range(5) | {destination: "/race/deep/a\(.)", type: "tmpfs", source: "mine"}, {destination: "/race/deep/b\(.)", source: $src, options: ["rbind"]}]'
	for n in $(seq 10); do
		try add
		[[ $rc -lt 124 && $err != *panic* ]] || fail "crash: exit code $rc"
		try remove
		[[ $rc -lt 124 && $err != *panic* ]] || fail "crash: exit code $rc"
	done
	same "the host's directory" "$(ls -A "$VICTIM")" ""
	same "the source" "$(ls -A "$BATS_TEST_TMPDIR/src")" file
	same mounts "$(mounts)" "$before_mounts"
}

@test "the container sees nobody come" {
	# It looks without pause, and records all processes but itself.
	script 'while :; do for p in /proc/[0-9]*; do
		n=; read -r n <$p/comm 2>/dev/null; [ -z "$n" ] || [ "$n" = sh ] || echo "$p $n" >>/tmp/seen
		done; [ -e /tmp/started ] || : >/tmp/started; done'
	up
	until_true test -e "$BUNDLE/rootfs/tmp/started"
	mounts_file '[{destination: "/mnt/a", source: $src, options: ["bind"]}]'
	for n in $(seq 10); do
		ok add
		ok remove
	done
	[ ! -e "$BUNDLE/rootfs/tmp/seen" ] || fail "$(cat "$BUNDLE/rootfs/tmp/seen")"
}
