#!/usr/bin/env bats
# id-mapped mounts: whose a file is in the container, by the mount's own
# mapping, by one in its options, by the container's.
load helpers

setup_source() {
	SOURCE=$BATS_TEST_TMPDIR/source
	mkdir -p "$SOURCE/sub"
	touch "$SOURCE/f" "$SOURCE/sub/f"
	chown 5:6 "$SOURCE/f" "$SOURCE/sub/f"
}

# mapped OPTIONS [MAPS]: bind the source on /m with these options.
mapped() {
	config --argjson o "$1" --argjson maps "${2:-{\}}" --arg s "$SOURCE" '.mounts = [.mounts[] | select(.destination != "/m")]
		+ [{destination: "/m", source: $s, options: $o} + $maps]'
}

# userns: the container gets a user namespace that can reach its files.
userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1}, {containerID: 1, hostID: 200000, size: 1000}]
		| .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 2000}]'
	mkdir -p "$BUNDLE/rootfs/m"
	chown -h 100000:300000 "$BUNDLE/rootfs" "$BUNDLE/rootfs"/{dev,proc,sys,tmp,m}
}

@test "a mount's own mapping" {
	ours "1.1 has no id-mapped mounts"
	setup_source
	mapped '["bind"]' '{"uidMappings":[{"containerID":0,"hostID":1000,"size":100}],"gidMappings":[{"containerID":0,"hostID":2000,"size":100}]}'
	inside stat -c %u:%g /m/f
	same owner "$out" 1005:2006
}

@test "one of the two mappings is not enough" {
	ours "1.1 has no id-mapped mounts"
	setup_source
	mapped '["bind"]' '{"uidMappings":[{"containerID":0,"hostID":1000,"size":100}]}'
	no 1 'mounts[7].gidMappings: empty' run_bundle "$ID"
	mapped '["bind", "idmap"]'
	no 1 'option idmap without mappings takes those of the user namespace, found none' run_bundle "$ID"
}

@test "the container's mapping, made and joined" {
	ours "1.1 has no id-mapped mounts"
	setup_source
	userns
	local word
	for word in idmap ridmap; do
		mapped "[\"rbind\", \"$word\"]"
		inside stat -c %u:%g /m/f
		same "owner with $word" "$out" 5:6
	done
	mapped '["bind"]'
	inside stat -c %u:%g /m/f
	same "owner without" "$out" 65534:65534
	# A second container in the namespace of the first, which it only names.
	args sleep 1000
	up
	local member=$ID-member
	config --arg p "/proc/$(pid_of)/ns/user" '.linux.namespaces |= map(if .type == "user" then .path = $p else . end)
		| del(.linux.uidMappings, .linux.gidMappings)'
	mapped '["bind", "idmap"]'
	args stat -c %u:%g /m/f
	ok run_bundle "$member"
	same "owner in a joined namespace" "$out" 5:6
}

@test "a mapping in the option's own words" {
	ours "1.1 has no id-mapped mounts"
	setup_source
	mapped '["bind", "idmap=uids=0-1000-5#5-3000-5;gids=0-2000-10"]'
	inside stat -c %u:%g /m/f
	same owner "$out" 3000:2006
	userns
	# @: the second number is the container's, here 7 and 1500.
	mapped '["bind", "idmap=uids=@5-7-1;gids=@0-1500-10"]'
	inside stat -c %u:%g /m/f
	same "owner relative to the container" "$out" 7:1506
	mapped '["bind", "idmap=uids=@5-7-1000;gids=@0-0-1"]'
	no 1 "is not in one of the container's mappings" run_bundle "$ID"
	mapped '["bind", "idmap=uids=5-7-1"]'
	no 1 'expected both uids= and gids=' run_bundle "$ID"
	mapped '["bind", "idmap=uids=5;gids=1"]'
	no 1 'is not a range' run_bundle "$ID"
}

@test "ridmap maps what is mounted below, idmap does not" {
	ours "1.1 has no id-mapped mounts"
	setup_source
	mount -t tmpfs t "$SOURCE/sub"
	touch "$SOURCE/sub/f"
	chown 5:6 "$SOURCE/sub/f"
	local rcs=()
	mapped '["rbind", "idmap=uids=0-1000-10;gids=0-2000-10"]'
	args stat -c %u:%g /m/f /m/sub/f
	try run_bundle "$ID"
	rcs+=("$rc" "$out")
	mapped '["rbind", "ridmap=uids=0-1000-10;gids=0-2000-10"]'
	args stat -c %u:%g /m/f /m/sub/f
	try run_bundle "$ID"
	rcs+=("$rc" "$out")
	umount "$SOURCE/sub"
	same results "${rcs[*]}" $'0 1005:2006\n5:6 0 1005:2006\n1005:2006'
}

@test "a tmpfs of its own, with the container's ids" {
	ours "1.1 has no id-mapped mounts"
	userns
	chmod 1750 "$BUNDLE/rootfs/m"
	config '.mounts += [{destination: "/m", type: "tmpfs", source: "t", options: ["idmap", "size=64k", "nosuid", "ro"]},
		{destination: "/w", type: "tmpfs", source: "t", options: ["idmap=uids=@0-0-1#@1-1-999;gids=@0-0-1000", "mode=0755"]}]'
	mkdir "$BUNDLE/rootfs/w"
	script 'stat -c "%u:%g %a" /m; grep " /m " /proc/self/mountinfo; touch /w/f && chown 5:6 /w/f && stat -c %u:%g /w/f; touch /m/x 2>/dev/null || echo ro'
	ok run_bundle "$ID"
	[[ $out == $'0:0 1750\n'*nosuid*idmapped*size=64k*$'\n5:6\nro' ]] || fail "wrong"
}

@test "filesystems that can't be mapped say so" {
	ours "1.1 has no id-mapped mounts"
	local fs
	for fs in mqueue devpts sysfs; do
		config --arg t $fs '.mounts = [.mounts[] | select(.destination != "/m")]
			+ [{destination: "/m", type: $t, source: "t", options: ["idmap=uids=0-1-1;gids=0-1-1"]}]'
		no 1 "id-mapped mounts of $fs are not possible" run_bundle "$ID"
		one_error
	done
	config '.mounts[-1].type = "ramfs"'
	no 1 'mounts[7]: make ramfs, map ids: map ids (does the filesystem support it?)' run_bundle "$ID"
}

@test "nothing of the mappings is left: no process, no descriptor" {
	ours "1.1 has no id-mapped mounts"
	setup_source
	mapped '["bind", "idmap=uids=0-1000-10;gids=0-2000-10"]'
	config '.mounts += [.mounts[-1] | .destination = "/n"] + [.mounts[-1] | .destination = "/o" | .options[1] = "idmap=uids=0-1-9;gids=0-1-9"]'
	args /probe view
	ok run_bundle "$ID"
	same descriptors "$(jq -r '.descriptors | keys | join(" ")' "$OUT")" "0 1 2"
	same mapped "$(jq -r '[.mounts[] | select(.options | index("idmapped")) | .target] | sort | join(" ")' "$OUT")" "/m /n /o"
}
