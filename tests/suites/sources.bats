#!/usr/bin/env bats
# Sources of bind mounts: how many there may be, in which order and in whose view
# they are opened.
load helpers

# many N: as many bind mounts, of directories that say their number.
many() {
	mkdir -p "$BATS_TEST_TMPDIR/s"
	seq "$1" | (cd "$BATS_TEST_TMPDIR/s" && xargs mkdir)
	config --arg s "$BATS_TEST_TMPDIR/s" --argjson n "$1" \
		'.mounts += [range($n) + 1 | {destination: "/m/\(.)", source: "\($s)/\(.)", options: ["bind", "ro"]}]'
}

userns() {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 "$BUNDLE/rootfs"
	[ ! -e "$BUNDLE/rootfs/dev" ] || chown -h 100000:100000 "$BUNDLE/rootfs"/{dev,proc,sys,tmp}
}

# limited N COMMAND...: with at most N open files.
limited() { (ulimit -n "$1" && shift && "$@"); }

# mount_entry JSON: append one mount.
mount_entry() { config --argjson m "$1" '.mounts += [$m]'; }

@test "a thousand bind mounts with 256 open files, in their order" {
	local n
	for n in 127 128 1000; do
		many "$n"
		args awk '/ \/m\// { n++; if ($4 !~ "/s/" n "$" || $5 != "/m/" n) exit 1 } END { print n }' /proc/self/mountinfo
		ok limited 256 run_bundle "$ID"
		same mounts "$out" "$n"
		config 'del(.mounts[7:])'
		rm -r "$BATS_TEST_TMPDIR/s"
	done
}

@test "three hundred bind mounts in a user namespace, their flags locked" {
	ours "1.1 opens no source that only the host's root may"
	userns
	many 300
	chmod 700 "$BATS_TEST_TMPDIR/s"
	args sh -c 'grep -c "/m/.* ro," /proc/self/mountinfo'
	ok limited 256 run_bundle "$ID"
	same mounts "$out" 300
	mkdir "$BATS_TEST_TMPDIR/nosuid"
	mount -t tmpfs -o nosuid,noexec t "$BATS_TEST_TMPDIR/nosuid"
	mount_entry "{\"destination\":\"/t\",\"source\":\"$BATS_TEST_TMPDIR/nosuid\",\"options\":[\"bind\",\"exec\"]}"
	try limited 256 run_bundle "$ID"
	umount "$BATS_TEST_TMPDIR/nosuid"
	[[ $rc = 1 && $err == *'mounts[307]'*"locked by the user namespace"* ]] || fail "the last batch is not locked"
}

@test "a source of a later batch that is missing: its field, and nothing is left" {
	many 200
	rmdir "$BATS_TEST_TMPDIR/s/180"
	no 1 "no such file or directory" create "$ID"
	[ ! -e "$ROOT/$ID" ] || fail "something is left"
	is_ours || return 0
	[[ $err == *'mounts[186].source: open '* ]] || fail "wrong field"
	mkdir "$BATS_TEST_TMPDIR/s/180"
	config '.mounts[186].destination = "/etc/passwd"'
	no 1 'mounts[186]: bind' create "$ID"
}

@test "too few open files: the limit is named, nothing is left" {
	ours "1.1 does not name it"
	many 100
	local n
	no 1 "too many open files" limited 100 create "$ID"
	[[ $err == "hint: the limit on open files (ulimit -n) is 100"*'mounts['* ]] || fail "no hint"
	config 'del(.mounts[8:])'
	for n in 9 10 11 12 13 14 15 16; do
		try limited "$n" create "$ID"
		[ "$rc" = 0 ] && ok rt delete --force "$ID" && continue
		[[ $err == *"(ulimit -n) is $n"* ]] || fail "$n open files: not named"
		[ ! -e "$ROOT/$ID" ] || fail "$n open files: something is left"
		[ -z "$(find /sys/fs/cgroup -name "$ID" -type d)" ] || fail "$n open files: a cgroup is left"
	done
}

@test "a source that an earlier mount has brought" {
	mkdir -p "$BATS_TEST_TMPDIR/a/x"
	echo there >"$BATS_TEST_TMPDIR/a/x/file"
	mount_entry "{\"destination\":\"/mnt\",\"source\":\"$BATS_TEST_TMPDIR/a\",\"options\":[\"bind\"]}"
	mount_entry "{\"destination\":\"/final\",\"source\":\"$BUNDLE/rootfs/mnt/x\",\"options\":[\"rbind\",\"ro\"]}"
	inside sh -c 'cat /final/file; touch /final/new 2>/dev/null || echo ro'
	same content "$out" $'there\nro'
	ours "1.1 gives up"
	userns
	inside cat /final/file
	same "content, user namespace" "$out" there
	mount_entry '{"destination":"/t","type":"tmpfs","source":"t"}'
	mount_entry '{"destination":"/again","source":"rootfs/t","options":["rbind"]}'
	inside sh -c 'echo one >/t/file; cat /again/file'
	same "a tmpfs, twice" "$out" one
}

@test "a source in the root filesystem: links stay inside, those of procfs lead nowhere" {
	ours "1.1 follows them on the host"
	mkdir "$BUNDLE/rootfs/secret"
	touch "$BUNDLE/rootfs/secret/inside"
	mkdir "$BATS_TEST_TMPDIR/secret"
	ln -s "$BATS_TEST_TMPDIR/secret" "$BUNDLE/rootfs/host"
	ln -s /secret "$BUNDLE/rootfs/link"
	ln -s ../../../../../../../../secret "$BUNDLE/rootfs/dots"
	local link
	for link in link dots; do
		mount_entry "{\"destination\":\"/v\",\"source\":\"$BUNDLE/rootfs/$link\",\"options\":[\"bind\"]}"
		inside ls /v
		same "what is bound" "$out" inside
		config 'del(.mounts[7])'
	done
	mount_entry "{\"destination\":\"/v\",\"source\":\"$BUNDLE/rootfs/host\",\"options\":[\"bind\"]}"
	no 1 'mounts[7].source: open "/host" in the root filesystem: no such file or directory' run_bundle "$ID"
	config --arg s "$BUNDLE/rootfs/proc/1/root" '.mounts[7].source = $s'
	no 1 'mounts[7].source: open "/proc/1/root" in the root filesystem: too many levels' run_bundle "$ID"
	[[ $err == "hint: it is in the root filesystem, whose symbolic links"* ]] || fail "no hint"
}

@test "a source of the host: its symbolic links are followed" {
	local dir=$BATS_TEST_TMPDIR/h
	mkdir -p "$dir/real/sub"
	echo there >"$dir/real/sub/file"
	ln -s real "$dir/rel"
	ln -s "$dir/rel" "$dir/abs"
	ln -s ../real/sub/file "$dir/real/up"
	ln -s "$BUNDLE" "$dir/bundle"
	mkdir -p "$BUNDLE/rootfs/plain"
	echo there >"$BUNDLE/rootfs/plain/file"
	local source
	args cat /v
	for source in abs/sub/file rel/../rel//sub/./file real/up abs/up bundle/rootfs/plain/file; do
		mount_entry "{\"destination\":\"/v\",\"source\":\"$dir/$source\",\"options\":[\"bind\"]}"
		inside cat /v
		same "$source" "$out" there
		config 'del(.mounts[7])'
	done
	mount_entry "{\"destination\":\"/d\",\"source\":\"/proc/self/root$dir/abs/sub\",\"options\":[\"bind\"]}"
	inside cat /d/file
	same "by procfs" "$out" there
	ours "the words are crun-go's"
	config --arg s "$dir/abs/sub/file/" '.mounts[7].source = $s'
	no 1 'mounts[7].source: open "'"$dir"'/abs/sub/file/": not a directory' run_bundle "$ID"
	ln -s loop "$dir/loop"
	config --arg s "$dir/loop/x" '.mounts[7].source = $s'
	no 1 'mounts[7].source: open "'"$dir"'/loop/x": too many levels of symbolic links' run_bundle "$ID"
	ln -s nothing "$dir/dangling"
	config --arg s "$dir/dangling" '.mounts[7].source = $s'
	no 1 'mounts[7].source: open "'"$dir"'/dangling": no such file or directory' run_bundle "$ID"
	mkdir -m 1777 "$dir/sticky"
	ln -s "$dir/real" "$dir/sticky/theirs"
	chown -h 12345 "$dir/sticky/theirs"
	config --arg s "$dir/sticky/theirs" '.mounts[7].source = $s'
	[ "$(cat /proc/sys/fs/protected_symlinks)" = 0 ] || no 1 'mounts[7].source: open "'"$dir"'/sticky/theirs": permission denied' run_bundle "$ID"
}

@test "M8: a source in the root filesystem: no link leads to another mount, or to the root with all of them" {
	ours "1.1 follows them on the host"
	mkdir "$BATS_TEST_TMPDIR/ro"
	config '.linux.readonlyPaths = ["/proc/sys"]'
	mount_entry "{\"destination\":\"/ro\",\"source\":\"$BATS_TEST_TMPDIR/ro\",\"options\":[\"bind\",\"ro\"]}"
	mount_entry '{"destination":"/v","source":"rootfs/link","options":["rbind","rw"]}'
	local link
	for link in /proc /ro / . /dev/../proc/sys; do
		ln -sfn "$link" "$BUNDLE/rootfs/link"
		no 1 'mounts[8].source: open "/link" in the root filesystem: invalid cross-device link' run_bundle "$ID"
		[[ $err == "hint: a symbolic link of the root filesystem leads to another mount"* ]] || fail "no hint"
	done
	config '.mounts[8].source = "rootfs/link/self"'
	ln -sfn /proc "$BUNDLE/rootfs/link"
	no 1 'invalid cross-device link' run_bundle "$ID"
	# Named without links they are what the configuration asks for.
	config '.mounts[8].source = "rootfs/ro"'
	inside sh -c 'touch /v/file && ls /ro'
	same "what is bound" "$out" file
}

@test "a source in the root filesystem with ids mapped, also in a later batch" {
	ours "1.1 does not know id-mapped mounts"
	mkdir "$BUNDLE/rootfs/data"
	many 200
	local ns
	for ns in host user; do
		[ "$ns" = host ] || userns
		config 'del(.mounts[] | select(.destination == "/v" or .destination == "/w"))
			| .mounts |= .[:10] + [{destination: "/v"}] + .[10:] + [{destination: "/w"}]
			| .mounts |= map(if .source == null and (.destination | IN("/v", "/w")) then . + {
				source: "rootfs/data", options: ["bind"],
				uidMappings: [{containerID: 0, hostID: 100007, size: 10}], gidMappings: [{containerID: 0, hostID: 100008, size: 10}]} else . end)'
		inside stat -c %u:%g /v /w
		[ "$ns" = host ] && same "ids" "$out" $'100007:100008\n100007:100008' || same "ids in a user namespace" "$out" $'7:8\n7:8'
	done
	[ "$(stat -c %u "$BUNDLE/rootfs/data")" = 0 ] || fail "the directory itself has changed"
}

@test "a source in the root filesystem that the container's root may not reach" {
	ours "hints are crun-go's"
	userns
	mkdir -p "$BUNDLE/rootfs/closed/data"
	chmod 700 "$BUNDLE/rootfs/closed"
	mount_entry '{"destination":"/v","source":"rootfs/closed/data","options":["bind"]}'
	no 1 'mounts[7].source: open "/closed/data" in the root filesystem: permission denied' run_bundle "$ID"
	[[ $err == "hint: it is in the root filesystem, and a directory on its way is closed"* ]] || fail "no hint"
}

@test "mounts add: a source in the root filesystem is the container's, never what its links name" {
	ours "1.1 can't"
	mkdir "$BUNDLE/rootfs/data" "$BATS_TEST_TMPDIR/host"
	touch "$BUNDLE/rootfs/data/mine" "$BATS_TEST_TMPDIR/host/theirs"
	up
	local list=$BATS_TEST_TMPDIR/list
	list() { jq -n --arg s "$BUNDLE/rootfs/$1" --arg t "$2" --argjson o "$3" '[{destination: $t, source: $s, options: $o}]' >"$list"; }
	list data /v '["bind"]'
	ok rt mounts add "$ID" "$list"
	ok rt exec "$ID" ls /v
	same "what is bound" "$out" mine
	ok rt exec "$ID" sh -c "mkdir -p /evil && ln -s '$BATS_TEST_TMPDIR/host' /evil/link"
	list evil/link /w '["bind"]'
	no 1 'mounts[0].source: open "/evil/link" in the root filesystem: no such file or directory' rt mounts add "$ID" "$list"
	ok rt exec "$ID" ln -s /proc /evil/proc
	list evil/proc /w '["rbind"]'
	no 1 'mounts[0].source: open "/evil/proc" in the root filesystem: invalid cross-device link' rt mounts add "$ID" "$list"
	list data /x '["bind", "idmap=uids=0-7-1;gids=0-8-1"]'
	ok rt mounts add "$ID" "$list"
	ok rt exec "$ID" stat -c %u:%g /x
	same ids "$out" 7:8
}

@test "a mount on / becomes the root, for all that comes after it" {
	local new=$BATS_TEST_TMPDIR/new
	mv "$BUNDLE/rootfs" "$new"
	mkdir "$BUNDLE/rootfs"
	touch "$BUNDLE/rootfs/hidden"
	config --arg s "$new" '.mounts = [{destination: "/", source: $s, options: ["rbind", "nosuid"]}] + .mounts'
	args sh -c 'awk "\$5 == \"/\" { print \$6 }" /proc/self/mountinfo; ls -d /hidden /dev/null /tmp /proc/keys 2>/dev/null; touch /x 2>&1; wc -c </proc/keys'
	ok run_bundle "$ID"
	same "with a root that can be written to" "$out" $'rw,nosuid,relatime\n/dev/null\n/proc/keys\n/tmp\n0'
	ours "1.1 clears nosuid, and makes mount points under the mount"
	rm "$new/x"
	config '.root.readonly = true'
	local option
	for option in "" --no-pivot; do
		try rt run $option --bundle "$BUNDLE" "$ID"
		same "read-only $option" "$out" $'ro,nosuid,relatime\n/dev/null\n/proc/keys\n/tmp\ntouch: /x: Read-only file system\n0'
	done
	[ "$(ls "$BUNDLE/rootfs")" = hidden ] || fail "something was made in the root filesystem"
	userns
	chown -h 100000:100000 "$new" "$new"/{dev,proc,sys,tmp}
	config '.linux.rootfsPropagation = "shared"'
	ok run_bundle "$ID"
	same "in a user namespace" "$out" $'ro,nosuid,relatime\n/dev/null\n/proc/keys\n/tmp\ntouch: /x: Read-only file system\n0'
}

@test "a mount point below a read-only bind mount is not made in its source" {
	mkdir "$BATS_TEST_TMPDIR/ro"
	mount_entry "{\"destination\":\"/ro\",\"source\":\"$BATS_TEST_TMPDIR/ro\",\"options\":[\"bind\",\"ro\"]}"
	mount_entry "{\"destination\":\"/ro/below\",\"source\":\"$BATS_TEST_TMPDIR\",\"options\":[\"bind\"]}"
	no 1 "read-only file system" run_bundle "$ID"
	[ -z "$(ls "$BATS_TEST_TMPDIR/ro")" ] || fail "made in the source"
	is_ours || return 0
	[[ $err == "hint: the mount point is missing"*'field="mounts[8]"'* ]] || fail "no hint, or no field"
}
