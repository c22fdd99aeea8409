#!/usr/bin/env bats
# Names that change between the moment they are looked at and the moment they are
# used: by a neighbour that shares a volume or the root filesystem.
load attacks

# swap PATH LURE: they are exchanged without pause, until raced.
swap() {
	"$PROBE" exchange "$1" "$2" 2>/dev/null 3>&- &
	RACER=$!
}

# teardown also where a test fails in a race.
eval "without_racer_$(declare -f teardown)"
teardown() {
	[ -z "${RACER-}" ] || raced
	without_racer_teardown
}

raced_attempt() {
	try run_bundle "$ID"
	no_crash
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
	unharmed
}

@test "CVE-2021-30465: the mount target changes while it is mounted" {
	setup_victim
	mkdir -p "$BUNDLE/rootfs/race"/a{0..19}/b "$VICTIM"/a{0..19}/b
	before=$(victim)
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	mounts_are "$(jq -n '[range(20) | {destination: "/race/a\(.)/b", type: "bind", source: "/etc", options: ["bind"]}]')"
	# Under whatever name, all of them have to be inside.
	args grep -c " $(findmnt -no FSROOT -T /etc | sed 's,/$,,')/etc /" /proc/self/mountinfo
	swap "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/lure"
	mounted() {
		raced_attempt
		[[ -z $out || $out = 20 ]] || succeeds "$out of 20 mounts are inside"
	}
	for_a_while mounted
}

@test "CVE-2024-45310: directories on the way change while they are made" {
	setup_victim
	mkdir "$BUNDLE/rootfs/race"
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	mounts_are "$(jq -n '[range(20) | {destination: "/race/a\(.)/b", type: "bind", source: "/etc", options: ["bind"]},
		{destination: "/race/file\(.)", type: "bind", source: "/etc/passwd", options: ["bind"]}]')"
	args true
	made() {
		swap "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/lure"
		raced_attempt
		raced
		# Of the two, the one that is no link.
		find "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/lure" -mindepth 1 -delete
	}
	for_a_while made
}

# mounts_list JQ...: what there is to add or remove, in $LIST.
mounts_list() {
	is_ours || [ "${RUNTIME##*/}" = naive ] || skip "not applicable: has no mounts command"
	LIST=$BATS_TEST_TMPDIR/mounts.json
	jq -n "$@" >"$LIST"
}

@test "CVE-2021-30465: mounts added to a container: the target leads outside" {
	setup_victim
	mounts_list '[{destination: "/data", type: "tmpfs", source: "t"}, {destination: "/data/sub/deep", source: "/etc", options: ["bind"]}]'
	up
	local link
	for link in "$VICTIM" "../../../../../../../../../..$VICTIM" "/proc/1/root$VICTIM" "/proc/self/root$VICTIM" "/proc/self/cwd/..$VICTIM"; do
		rm -rf "$BUNDLE/rootfs/data"
		ln -s "$link" "$BUNDLE/rootfs/data"
		try rt mounts add "$ID" "$LIST"
		no_crash
		unharmed
	done
}

@test "CVE-2021-30465: mounts added to a container: it moves the target meanwhile" {
	setup_victim
	mounts_list '[range(20) | {destination: "/race/a\(.)/b", type: "tmpfs", source: "t"}]'
	# The container itself does it, at will.
	mkdir "$BUNDLE/rootfs/race"
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	args /probe exchange /race /lure
	up
	added() {
		try rt mounts add "$ID" "$LIST"
		no_crash
		unharmed
		if [ "$rc" = 0 ]; then
			try rt mounts remove "$ID" "$LIST"
		elif grep ' /\(race\|lure\)' "/proc/$(pid_of)/mountinfo"; then
			fail "half of the mounts is left"
		fi
	}
	for_a_while added
}

@test "CVE-2019-19921, CVE-2025-52881: /proc changes while it is mounted and written to" {
	# The neighbour has a directory that looks like procfs, and exchanges them.
	local fake=$BUNDLE/rootfs/fake who
	mkdir -p "$fake/sys/net/ipv4"
	echo 0 >"$fake/sys/net/ipv4/ip_forward"
	for who in self thread-self 1; do
		mkdir -p "$fake/$who/attr"
		echo 0 >"$fake/$who/oom_score_adj"
	done
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.oomScoreAdj = 777 | .linux.readonlyPaths = []'
	args cat /proc/self/oom_score_adj
	swap "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/fake"
	swallowed() {
		attempt
		# The two names may have each other's now.
		local at
		for at in "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/fake"; do
			[ -z "$(grep -r -l -e 1 -e 777 "$at" 2>/dev/null)" ] || succeeds "written to a file of the neighbour's"
		done
	}
	for_a_while swallowed
}

@test "M6: who shares the root filesystem exchanges /sys while it is remounted read-only" {
	config '.mounts |= map(if .destination == "/sys" then .options = ["nosuid"] else . end)
		| .mounts = .mounts[0:6] + [{destination: "/other", type: "tmpfs", source: "t"}, {destination: "/sys", options: ["remount", "ro"]}]
		| .linux.maskedPaths = []'
	script 'for p in /sys /other; do
			[ ! -e $p/firmware ] || ! grep -q " $p rw,.* - sysfs " /proc/self/mountinfo || echo "$p is writable"
		done; true'
	mkdir "$BUNDLE/rootfs/other"
	remounted() {
		try run_bundle "$ID"
		rt delete --force "$ID" >/dev/null 2>&1 3>&-
		[[ $out != *writable* ]] || succeeds "$out"
		! is_ours || [[ $rc = 0 || $err == *"is not what was mounted there"* || $err == *"no such file"* || $err == *"not a mount point"* ]] ||
			fail "another error"
	}
	swap "$BUNDLE/rootfs/sys" "$BUNDLE/rootfs/other"
	for_a_while remounted
}

@test "M6: who shares the root filesystem exchanges /proc and /sys while they are mounted and masked" {
	[ -n "$(head -c 1 /proc/timer_list)" ] || skip "nothing to see in /proc/timer_list"
	local name started=0
	# Opened for writing, not written to.
	script 'for p in /proc /sys /other; do
			[ ! -e $p/self/status ] || [ -z "$(head -c 1 $p/timer_list 2>/dev/null)" ] || echo "$p shows what is masked"
			[ ! -e $p/self/status ] || ! (: >>$p/sys/kernel/core_pattern) 2>/dev/null || echo "$p is writable"
			[ ! -e $p/firmware ] || [ -z "$(ls $p/firmware)" ] || echo "$p/firmware shows what is masked"
		done; true'
	exchanged() {
		try run_bundle "$ID"
		rt delete --force "$ID" >/dev/null 2>&1 3>&-
		[[ $out != *shows* && $out != *writable* ]] || succeeds "$out"
		[ "$rc" != 0 ] || started=$((started + 1))
		! is_ours || [[ $rc = 0 || $err == *"is not what was mounted there"* || $err == *"no such file"* || $err == *"not a mount point"* ]] ||
			fail "another error"
	}
	for name in proc sys; do
		mkdir "$BUNDLE/rootfs/other"
		swap "$BUNDLE/rootfs/$name" "$BUNDLE/rootfs/other"
		for_a_while exchanged
		raced
		rmdir "$BUNDLE/rootfs/other" 2>/dev/null || rm -rf "$BUNDLE/rootfs/other"
		mkdir -p "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/sys"
	done
	[ "$started" -gt 0 ] || ! is_ours || skip "not one of the starts succeeded: nothing is shown"
}

@test "M12: the destination of a mount is a link of the image's to the root itself, which becomes the root of exec" {
	local volume=$BATS_TEST_TMPDIR/volume
	mkdir -p "$volume/bin" "$volume/proc"
	cp -a "$BUNDLE/rootfs/bin/." "$volume/bin/"
	ln -s / "$BUNDLE/rootfs/data"
	config --arg v "$volume" '.root.readonly = true | .mounts += [{destination: "/data", type: "bind", source: $v, options: ["rbind"]}]'
	try rt create --bundle "$BUNDLE" "$ID"
	if [ "$rc" = 0 ]; then
		ok rt start "$ID"
		try rt exec "$ID" sh -c 'echo >/written'
		[ ! -e "$volume/written" ] || succeeds "exec has the volume for its root"
	fi
	! is_ours || [[ $rc != 0 && $err == *'mounts[7]'*'leads to the root filesystem itself'* ]] || fail "another error: $err"
}
