#!/usr/bin/env bats
# update --device-add and --device-remove: the devices of a container that runs.
load helpers

suite_setup() { ours "only crun-go changes devices"; }

# The host's nodes: 1:11 is none of the devices that every container may use.
host_nodes() {
	mkdir "$BATS_TEST_TMPDIR/dev"
	KMSG=$BATS_TEST_TMPDIR/dev/kmsg
	mknod -m 0640 "$KMSG" c 1 11
	chgrp 7 "$KMSG"
	mknod -m 0600 "$BATS_TEST_TMPDIR/dev/other" c 7 9
	mknod -m 0666 "$BATS_TEST_TMPDIR/dev/zero" c 1 5
}

eval "plain_$(declare -f setup)"
setup() {
	plain_setup
	host_nodes
	config '.process.capabilities |= map_values(. + ["CAP_SYSLOG", "CAP_MKNOD"]) | .process.noNewPrivileges = false'
}

inner() { echo "/proc/$(pid_of)/root$1"; }
added() { jq -c "$1" "$ROOT/$ID/devices.json"; }
update() { rt update "$@" "$ID"; }
# opens HOW PATH: whether the container may open it, such as "<" to read.
opens() { rt exec "$ID" sh -c ": $1 $2" >"$OUT" 2>"$ERR" </dev/null; }
may() { opens "$@" || fail "cannot open $2 with $1"; }
may_not() {
	! opens "$@" || fail "can open $2 with $1"
	grep -qi "${3:-not permitted}" "$ERR" || fail "not refused: $2"
}

userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BUNDLE" "$BATS_TEST_TMPDIR/dev"
	chmod 0666 "$KMSG"
}

@test "a node and its rule, added and removed" {
	up
	ok update --device-add "$KMSG:/dev/bus/log:r"
	same output "$out$err" ""
	same node "$(stat -c '%F %t:%T %a %u:%g' "$(inner /dev/bus/log)")" "character special file 1:b 640 0:7"
	may "<" /dev/bus/log
	may_not ">" /dev/bus/log
	same record "$(added '[.[] | [.path, .type, .major, .minor, .access, .stage]]')" '[["/dev/bus/log","c",1,11,"r",null]]'
	ok update --device-remove /dev/bus/log
	same output "$out$err" ""
	[ ! -e "$(inner /dev/bus/log)" ] || fail "the node is left"
	same record "$(added .)" "[]"
	rt exec "$ID" mknod /dev/again c 1 11
	may_not "<" /dev/again
	no 1 '--device-remove: "/dev/bus/log" was not added' update --device-remove /dev/bus/log
}

@test "a rule alone" {
	up
	rt exec "$ID" sh -c 'mknod /dev/k c 1 11; mknod /dev/l c 7 9'
	may_not "<" /dev/k
	ok update --device-add "c 1:* r" --device-add "c 7:9 rw"
	may "<" /dev/k
	may_not ">" /dev/k
	opens "<" /dev/l || grep -qiE "no such device|not configured" "$ERR" || fail "c 7:9 is denied"
	# What was given in another order of letters is the same rule.
	ok update --device-remove "c 7:9 wr"
	may_not "<" /dev/l
	may "<" /dev/k
	ok update --device-remove "c 1:* r"
	may_not "<" /dev/k
}

@test "a rule that is removed and added again is there once" {
	up
	rt exec "$ID" mknod /dev/k c 1 11
	ok update --device-add "c 1:11 r"
	no 1 'c 1:11 r has been added already' update --device-remove "c 1:11 r" --device-add "c 1:11 r" --device-add "c 1:11 r"
	ok update --device-remove "c 1:11 r" --device-add "c 1:11 r"
	may "<" /dev/k
	# Written down twice, both are removed.
	jq -c '. + .' "$ROOT/$ID/devices.json" >"$BATS_TEST_TMPDIR/twice"
	cat "$BATS_TEST_TMPDIR/twice" >"$ROOT/$ID/devices.json"
	ok update --device-remove "c 1:11 r"
	may_not "<" /dev/k
	same record "$(added .)" "[]"
}

@test "created, paused, stopped" {
	ok create "$ID"
	ok update --device-add "$KMSG:/dev/log1"
	ok rt start "$ID"
	may "<" /dev/log1
	ok rt pause "$ID"
	ok update --device-add "$KMSG:/dev/log2" --device-remove /dev/log1
	ok rt resume "$ID"
	may "<" /dev/log2
	[ ! -e "$(inner /dev/log1)" ] || fail "the node is left"
	rt kill "$ID" KILL
	wait_status stopped
	no 1 "container not running" update --device-add "$KMSG:/dev/log3"
	no 1 "container not running" update --device-remove /dev/log2
}

@test "all or none" {
	up
	touch "$(inner /tmp/there)"
	ok update --device-add "$KMSG:/dev/first"
	local before
	before=$(added .)
	no 1 '"/tmp/there" is there already' update --device-add "$KMSG:/dev/log" --device-add "$BATS_TEST_TMPDIR/dev/other:/tmp/there"
	[ ! -e "$(inner /dev/log)" ] || fail "the first node is left"
	same record "$(added .)" "$before"
	# Met by the helper, after it has made the first.
	ln -s /tmp "$(inner /dev/link)"
	no 1 'a symbolic link is on the way' update --device-add "$BATS_TEST_TMPDIR/dev/other:/dev/log" --device-add "$KMSG:/dev/link/log"
	[ ! -e "$(inner /dev/log)" ] || fail "the first node is left"
	same record "$(added .)" "$before"
	rt exec "$ID" mknod /dev/l c 7 9
	may_not "<" /dev/l
	may "<" /dev/first
}

@test "nothing is replaced, and nothing of the container removed" {
	up
	no 1 '"/dev/null" is there already' update --device-add "$KMSG:/dev/null"
	ln -s /nowhere "$(inner /dev/dangling)"
	no 1 '"/dev/dangling" is there already' update --device-add "$KMSG:/dev/dangling"
	ok update --device-add "$KMSG:/dev/log"
	rt exec "$ID" sh -c 'rm /dev/log; echo mine >/dev/log'
	ok update --device-remove /dev/log
	same file "$(cat "$(inner /dev/log)")" mine
	# Also where a filesystem gives it the inode that the node had.
	ok update --device-add "$KMSG:/etc/log"
	rt exec "$ID" sh -c 'rm /etc/log; echo mine >/etc/log'
	ok update --device-remove /etc/log
	same file "$(cat "$(inner /etc/log)")" mine
	# Another node of the same number is the container's own, too.
	ok update --device-add "$KMSG:/dev/log2"
	rt exec "$ID" sh -c 'rm /dev/log2; mknod /dev/log2 c 1 11'
	ok update --device-remove /dev/log2
	[ -c "$(inner /dev/log2)" ] || fail "the container's own node is gone"
	# A directory that is now a link leads nowhere.
	ok update --device-add "$KMSG:/dev/d/log"
	rt exec "$ID" sh -c 'mkdir /tmp/d; mv /dev/d/log /tmp/d/log || cp -a /dev/d/log /tmp/d/log; rm -r /dev/d; ln -s /tmp/d /dev/d'
	ok update --device-remove /dev/d/log
	[ -c "$(inner /tmp/d/log)" ] || fail "removed by way of a link"
	may_not "<" /tmp/d/log
}

@test "a device is revoked, whatever is done about its node" {
	up
	ok update --device-add "$KMSG:/dev/log"
	ok rt exec --cap CAP_SYS_ADMIN "$ID" mount -o remount,ro /dev
	no 1 '--device-remove: remove device "/dev/log": unlink: read-only file system' update --device-remove /dev/log
	may_not "<" /dev/log
	same record "$(added '[.[] | [.path, .stage]]')" '[["/dev/log","removing"]]'
	ok rt exec --cap CAP_SYS_ADMIN "$ID" mount -o remount,rw /dev
	ok update --device-remove /dev/log
	same record "$(added .)" "[]"
	[ ! -e "$(inner /dev/log)" ] || fail "the node is left"
}

@test "user namespace: the host's node is mounted, and not the container's to change" {
	userns
	up
	ok update --device-add "$KMSG:/dev/log"
	grep -q " /dev/log " "/proc/$(pid_of)/mountinfo" || fail "no mount"
	same node "$(stat -c '%F %t:%T' "$(inner /dev/log)")" "character special file 1:b"
	ok update --device-add "$BATS_TEST_TMPDIR/dev/zero:/dev/zeroes"
	rt exec "$ID" head -c 3 /dev/zeroes >"$BATS_TEST_TMPDIR/read"
	same "what is read" "$(od -An -tx1 <"$BATS_TEST_TMPDIR/read")" " 00 00 00"
	! rt exec "$ID" chmod 0777 /dev/log 2>/dev/null || fail "changed the host's node"
	no 1 '"/dev/log" has been added already' update --device-add "$KMSG:/dev/log"
	ok update --device-remove /dev/log
	! grep -q " /dev/log " "/proc/$(pid_of)/mountinfo" || fail "the mount is left"
	[ ! -e "$(inner /dev/log)" ] || fail "the file is left"
	# The second fails: the first is taken back.
	no 1 'there already' update --device-add "$KMSG:/dev/log" --device-add "$KMSG:/etc/passwd"
	rt exec "$ID" ln -s /tmp /dev/link
	no 1 'symbolic link' update --device-add "$KMSG:/dev/log" --device-add "$KMSG:/dev/link/log"
	[ ! -e "$(inner /dev/log)" ] || fail "the file is left"
	! grep -q " /dev/log " "/proc/$(pid_of)/mountinfo" || fail "the mount is left"
}

@test "limits and devices of an update with -r stay apart" {
	up
	ok update --device-add "$KMSG:/dev/log"
	echo '{"unified": {"cgroup.max.descendants": "7"}, "devices": [{"allow": false, "access": "rwm"}]}' >"$BATS_TEST_TMPDIR/r"
	ok update -r "$BATS_TEST_TMPDIR/r"
	may "<" /dev/log
	no 1 "take an update of their own" update --device-add "$KMSG:/dev/log2" --pids-limit 7
	no 1 "take an update of their own" update --device-remove /dev/log -r "$BATS_TEST_TMPDIR/r"
	may "<" /dev/log
}

@test "no filter: nodes, but no rules" {
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	up
	ok update --device-add "$KMSG:/dev/log"
	may "<" /dev/log
	no 1 'no device filter, which could allow only "r"' update --device-add "$KMSG:/dev/log2:r"
	no 1 'no device filter, which a rule (c 7:9 rwm) could be added to' update --device-add "c 7:9"
	ok update --device-remove /dev/log
	[ ! -e "$(inner /dev/log)" ] || fail "the node is left"
}

@test "what is no device" {
	up
	local bad
	touch "$BATS_TEST_TMPDIR/file"
	no 1 "is a regular file, expected a device" update --device-add "$BATS_TEST_TMPDIR/file"
	no 1 "is a directory, expected a device" update --device-add "$BATS_TEST_TMPDIR:/dev/x"
	no 1 "no such file" update --device-add /dev/nosuch
	for bad in "" "c" "c 1" "a 1:1 rwm" "c 1:1 x" "c 1:1 rwm more" "c -1:1" "c 4096:1" "b 1:1048576" "c 1:1:1" dev/null /; do
		try update --device-add "$bad"
		[[ $rc != 0 && $out$err == *"device-add"* ]] || fail "$bad is accepted"
		try update --device-remove "$bad"
		[[ $rc != 0 && $out$err == *"device-remove"* ]] || fail "$bad is accepted"
	done
	[ ! -e "$ROOT/$ID/devices.json" ] || fail "written down"
}

@test "mounts of the host's and of none" {
	mkdir "$BATS_TEST_TMPDIR/hostdev"
	mount -t tmpfs dev "$BATS_TEST_TMPDIR/hostdev"
	mknod "$BATS_TEST_TMPDIR/hostdev/log" c 1 11
	config --arg src "$BATS_TEST_TMPDIR/hostdev" '.mounts += [
		{destination: "/vol", type: "bind", source: $src, options: ["bind"]},
		{destination: "/plain", type: "tmpfs", source: "tmpfs", options: ["nodev"]}]'
	up
	no 1 "the directory is the host's" update --device-add "$BATS_TEST_TMPDIR/hostdev/log:/vol/log2"
	same "the host's nodes" "$(ls "$BATS_TEST_TMPDIR/hostdev")" log
	no 1 "mounted with nodev" update --device-add "$KMSG:/plain/log"
	same record "$(added .)" "[]"
	rt delete --force "$ID"
	umount "$BATS_TEST_TMPDIR/hostdev"
}

@test "what a runtime that was killed has left goes with the next change" {
	up
	# As if it had been killed after the filter, and after the node.
	rt exec "$ID" mknod /dev/left c 1 11
	jq -n '[{path: "/dev/left", source: "/dev/kmsg", type: "c", major: 1, minor: 11, access: "rwm", stage: "adding"},
		{type: "c", major: 7, minor: 9, access: "rwm", stage: "removing"}]' >"$ROOT/$ID/devices.json"
	ok update --device-add "$KMSG:/dev/log:r"
	[ ! -e "$(inner /dev/left)" ] || fail "the node is left"
	same record "$(added '[.[].path]')" '["/dev/log"]'
	ok update --device-remove /dev/log
}

@test "inspect shows them, and whether the filter is the one that was asked for" {
	up
	ok rt inspect --drift "$ID"
	ok update --device-add "$KMSG:/dev/log:rw" --device-add "c 7:9 r"
	ok rt inspect --drift "$ID"
	ok rt inspect --json "$ID"
	same node "$(jq -c '.[] | select(.name == "device /dev/log") | [.field, .asked, .is, .differs]' "$OUT")" '["--device-add","c 1:11 rw","c 1:11",false]'
	same rule "$(jq -c '.[] | select(.name == "device rule") | [.asked, .differs]' "$OUT")" '["c 7:9 r",false]'
	same filter "$(jq -c '.[] | select(.name == "device filter") | [.field, .is, .differs]' "$OUT")" '["linux.resources.devices","as asked",false]'
	rt exec "$ID" rm /dev/log
	ok rt inspect --json "$ID"
	same node "$(jq -c '.[] | select(.name == "device /dev/log") | [.is, .differs]' "$OUT")" '["no such file",false]'
	# Rules that are not in the filter.
	jq -c '. + [{type: "c", major: 7, minor: 10, access: "r"}]' "$ROOT/$ID/devices.json" >"$BATS_TEST_TMPDIR/more"
	cat "$BATS_TEST_TMPDIR/more" >"$ROOT/$ID/devices.json"
	try rt inspect --drift "$ID"
	[[ $rc = 1 && $out == *"device filter"*"another"* ]] || fail "no drift"
	jq -c 'map(.stage = "adding")' "$BATS_TEST_TMPDIR/more" >"$ROOT/$ID/devices.json"
	try rt inspect --drift "$ID"
	[[ $rc = 1 && $out == *"device /dev/log"*"adding was not finished"* ]] || fail "no drift"
}
