#!/usr/bin/env bats
# What the host's administrator has restricted stays restricted for the root of a
# user namespace, which can remount its own mounts.
load attacks

eval "common_$(declare -f setup)"
setup() {
	common_setup
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	chmod 0755 "$BUNDLE"
	STRICT=$BATS_TEST_TMPDIR/strict
	mkdir "$STRICT"
	mount -t tmpfs strict "$STRICT"
	mkdir "$STRICT/below"
	touch "$STRICT/file"
	chmod 0666 "$STRICT/file"
	mount -t tmpfs below "$STRICT/below"
	mount -o remount,bind,ro,nosuid,nodev,noexec "$STRICT"
}

eval "common_$(declare -f teardown)"
teardown() {
	delete_all
	umount "$STRICT/below"
	umount "$STRICT"
	common_teardown
}

# bound OPTIONS [SOURCE]: the last mount, on /mnt.
bound() {
	config --argjson options "$1" --arg source "${2:-$STRICT}" \
		'.mounts = .mounts[0:7] + [{destination: "/mnt", type: "bind", source: $source, options: $options}]'
}

# ATTACK tries to get rid of flags of /mnt, each by itself, and prints those that
# are left.
ATTACK='for o in rw suid dev exec noatime; do mount -o remount,bind,$o /mnt 2>/dev/null; done
	grep " /mnt " /proc/self/mountinfo | tail -n 1 | cut -d " " -f 6
	echo x 2>/dev/null >/mnt/file && echo written
	umount /mnt/below 2>/dev/null && echo unmounted'

# holds OPTIONS [SOURCE]: what the container finds, and that it can't change it.
holds() {
	bound "$@"
	args sh -c "$ATTACK; true"
	ok run_bundle "$ID"
	same "$*" "$out" ro,nosuid,nodev,noexec,relatime
}

@test "M2: flags of a bind mount's source stay" {
	ours "1.1 refuses some of these"
	holds '["rbind"]'
	holds '["rbind", "ro"]'
	holds '["rbind", "nosuid", "rprivate"]'
	# What CRI implementations and Podman write without being asked.
	holds '["rbind", "rprivate", "rw"]'
	holds '["rw", "rprivate", "nosuid", "nodev", "rbind"]'
}

@test "M2: flags stay without the mounts below, too" {
	ours "1.1 gives up"
	holds '["bind"]'
	holds '["bind", "ro"]'
}

@test "M2: what takes a flag of the source away is refused" {
	ours "1.1 keeps some of these silently"
	local option
	args true
	for option in rw suid dev exec noatime strictatime nodiratime rrw rsuid rnodiratime; do
		bound "[\"rbind\", \"$option\"]"
		no 1 "mounts[7]: bind \"$STRICT\"" run_bundle "$ID"
		[[ $err == *": $option: a flag to change is locked by the user namespace: mount_setattr: operation not permitted"* ]] || fail "does not name $option"
		one_error
	done
	same "what is left" "$(rt list --quiet)" ""
}

@test "M2: flags that the source does not have may be cleared, and set" {
	umount "$STRICT/below"
	mount -o remount,bind,rw,nosuid,nodev,noexec "$STRICT"
	mount -t tmpfs below "$STRICT/below"
	bound '["bind", "rw", "nosuid", "nodev", "noexec"]'
	args sh -c 'echo written >/mnt/file && cat /mnt/file'
	ok run_bundle "$ID"
	same file "$out" written
	bound '["bind", "ro", "nosuid", "nodev", "noexec"]'
	args touch /mnt/file
	no 1 "Read-only file system" run_bundle "$ID"
}

@test "M2: the host's root, and what is mounted on it" {
	ours "1.1 can't bind / alone"
	local how
	for how in bind rbind; do
		bound "[\"$how\", \"nodev\"]" /
		args sh -c "$ATTACK; true"
		try unshare --mount --propagation private sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro,nosuid / && exec "$@"' "$BATS_TEST_TMPDIR" \
			env -C / "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
		same "exit code" "$rc" 0
		[[ $out == ro,nosuid,* && $out != *$'\n'* ]] || fail "$how: $out"
	done
}

@test "M2: the root filesystem's own mount" {
	mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs"
	mount -o remount,bind,ro,nosuid,nodev "$BUNDLE/rootfs"
	args sh -c 'for o in rw suid dev; do mount -o remount,bind,$o / 2>/dev/null; done; grep -m 1 " / " /proc/self/mountinfo | cut -d " " -f 6'
	try run_bundle "$ID"
	umount "$BUNDLE/rootfs"
	same "exit code" "$rc" 0
	[[ $out == ro,nosuid,nodev,* ]] || fail "$out"
}

@test "M2: propagation reaches the container all the same" {
	mount --make-shared "$STRICT"
	mkdir "$BATS_TEST_TMPDIR/go"
	bound '["rbind", "rslave"]'
	args sleep 1000
	up
	mount -t tmpfs late "$STRICT/below"
	local seen inside
	seen=$(grep -c ' - tmpfs late ' "/proc/$(pid_of)/mountinfo" || true)
	ok rt exec --cap CAP_SYS_ADMIN "$ID" mount -t tmpfs inner /mnt
	inside=$(grep -c ' - tmpfs inner ' /proc/self/mountinfo || true)
	umount "$STRICT/below"
	same "mounts that have come in" "$seen" 1
	same "mounts that have come out" "$inside" 0
}

@test "M2: mounts add" {
	ours "1.1 has no command mounts"
	args sleep 1000
	up
	local list=$BATS_TEST_TMPDIR/list
	add() {
		jq --null-input --arg s "$STRICT" --argjson o "$1" '[{destination: "/mnt", source: $s, options: $o}]' >"$list"
		rt mounts add "$ID" "$list"
	}
	no 1 "rw: a flag to change is locked by the user namespace" add '["bind", "rw"]'
	no 1 "exec: a flag to change is locked by the user namespace" add '["rbind", "exec"]'
	ok add '["rbind", "ro"]'
	ok rt exec --cap CAP_SYS_ADMIN "$ID" sh -c "$ATTACK; true"
	same flags "$out" ro,nosuid,nodev,noexec,relatime
}
