#!/usr/bin/env bats
# Mounts in a user namespace: what the kernel refuses there has a stand-in, and
# a container that owns its cgroup may divide it.
load helpers

# userns: a user namespace with ids 0..999 at 100000, and a root that they own.
userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 "$BUNDLE/rootfs" "$BUNDLE/rootfs"/{dev,proc,sys,tmp}
}

# below PATH: how many mounts are there, and how many of them are writable.
below() {
	jq -r --arg t "$1" '[.mounts[] | select(.target == $t or (.target | startswith($t + "/"))) | .options] | "\(length) \(map(select(index("rw"))) | length)"' "$OUT"
}

@test "sysfs of another network namespace: the host's, read-only with all that is on it" {
	ours "1.1 gives up"
	userns
	config '.linux.namespaces |= map(select(.type != "network"))
		| .mounts |= map(if .type == "sysfs" then .options = ["nosuid", "nosymfollow", "rw"] else . end) | del(.mounts[] | select(.type == "cgroup"))'
	args /probe view
	ok run_bundle "$ID"
	read -r count writable <<<"$(below /sys)"
	[ "$count" -ge 2 ] || fail "nothing is mounted below /sys: nothing is proven"
	same "writable mounts below /sys" "$writable" 0
	same "mounts that may have devices or programs" \
		"$(jq '[.mounts[] | select(.target == "/sys" or (.target | startswith("/sys/"))) | select((.options | contains(["nosuid", "nodev", "noexec"])) | not)] | length' "$OUT")" 0
	same "symlinks followed" "$(jq -r "$TOP"'top("/sys").options | index("nosymfollow") != null' "$OUT")" true
}

@test "no cgroup namespace: the container's own cgroup, read-only" {
	ours "1.1 shows an empty directory"
	userns
	config '.linux.namespaces |= map(select(.type != "cgroup")) | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	args sh -c 'ls /sys/fs/cgroup | grep -c cgroup.procs; cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused; head -n 1 /proc/self/cgroup >/dev/null'
	ok run_bundle "$ID"
	# Its only process is the shell that reads: pid 1, and cat.
	[[ $out == $'1\n1\n'*refused ]] || fail "wrong"
}

@test "a container that owns its cgroup divides it" {
	ours "1.1 gives a cgroup away with systemd only"
	userns
	config '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end) | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	# As systemd does it: processes go down first, then controllers may.
	script 'cd /sys/fs/cgroup && mkdir init work work/deep && echo 1 >init/cgroup.procs || exit 2
		for c in $(cat cgroup.controllers); do echo +$c >cgroup.subtree_control || exit 3; done
		sed -n "s/^0:://p" /proc/1/cgroup
		sleep 1000 & echo $! >work/deep/cgroup.procs || exit 4
		same=$(cat work/deep/cgroup.procs); [ "$same" = $! ] && echo moved
		kill $!; wait; rmdir work/deep work && echo removed
		stat -c %u:%g . cgroup.procs cgroup.subtree_control cgroup.threads
		echo max >cgroup.max.descendants 2>/dev/null || echo limits are not ours'
	ok run_bundle "$ID"
	same view "$out" $'/init\nmoved\nremoved\n0:0\n0:0\n0:0\n0:0\nlimits are not ours'
}

@test "read-only, or the host's cgroup namespace: the cgroup is not given away" {
	local how
	userns
	for how in '.' '.linux.namespaces |= map(select(.type != "cgroup")) | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'; do
		config "$how"
		args sleep 1000
		up
		same owner "$(stat -c %u "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")/cgroup.procs")" 0
		ok rt delete --force "$ID"
	done
}

@test "the directory of message queues belongs to the container's root" {
	userns
	# runc has the group that the host's root has.
	inside stat -c %u /dev/mqueue
	same owner "$out" 0
	if is_ours; then
		inside stat -c %g /dev/mqueue
		same group "$out" 0
	fi
	config '.mounts |= map(if .type == "mqueue" then del(.options) else . end)'
	inside sh -c 'stat -c %u /dev/mqueue; touch /dev/mqueue/q && ls /dev/mqueue'
	same "owner and queue" "$out" $'0\nq'
}

@test "a createContainer hook below a directory that only the host's root enters" {
	userns
	mkdir "$BATS_TEST_TMPDIR/closed"
	mv "$BUNDLE" "$BATS_TEST_TMPDIR/closed/bundle"
	BUNDLE=$BATS_TEST_TMPDIR/closed/bundle
	chmod 0700 "$BATS_TEST_TMPDIR/closed"
	config '.hooks.createContainer = [{path: "/bin/true"}]'
	args true
	ok run_bundle "$ID"
}

@test "a mount point that the user namespace's root may not make says whose the directory is" {
	ours "other words"
	userns
	mkdir "$BATS_TEST_TMPDIR/volume"
	config --arg v "$BATS_TEST_TMPDIR/volume" '.mounts += [{destination: "/mnt", type: "bind", source: $v, options: ["bind"]},
		{destination: "/mnt/below", type: "tmpfs", source: "tmpfs"}]'
	args true
	no 1 "permission denied: the directory above belongs to 65534:65534" run_bundle "$ID"
}

@test "the host's device nodes are not the container's to change, whatever is mapped" {
	ours "1.1 lets root chmod the host's node"
	# Nodes of the test's own: an attack that works would be one on the host's.
	local node major minor
	mkdir "$BATS_TEST_TMPDIR/dev"
	mount -t tmpfs -o mode=755 tmpfs "$BATS_TEST_TMPDIR/dev"
	for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		IFS=: read -r node major minor <<<"$node"
		mknod -m 0666 "$BATS_TEST_TMPDIR/dev/$node" c "$major" "$minor"
	done
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 4294967295}] | .linux.gidMappings = .linux.uidMappings
		| .process.capabilities = ([.process.capabilities.permitted[], "CAP_FOWNER", "CAP_SYS_ADMIN"] | {bounding: ., effective: ., permitted: .})'
	script 'chmod 0600 /dev/null; chown 5 /dev/zero; mount -o remount,bind,rw /dev/null; chmod 0600 /dev/null
		echo x >/dev/null && head -c 3 /dev/zero | wc -c; stat -c %a /dev/null'
	try unshare -m sh -c 'mount --bind "$1" /dev && shift && exec "$@"' sh "$BATS_TEST_TMPDIR/dev" "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	same "works" "$rc $(tr '\n' ' ' <<<"$out")" "0 3 666 "
	same "the host's nodes" "$(stat -c '%a %u' "$BATS_TEST_TMPDIR/dev/null" "$BATS_TEST_TMPDIR/dev/zero" | tr '\n' ' ')" "666 0 666 0 "
	# Where its owner is not mapped, nothing has to be done about it.
	config 'del(.linux.namespaces[] | select(.type == "user"))'
	userns
	script 'touch /dev/null && echo x >/dev/null && echo touched'
	ok run_bundle "$ID"
	same touched "$out" touched
	umount "$BATS_TEST_TMPDIR/dev"
}
