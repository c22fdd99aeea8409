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
	mkdir "$BUNDLE/rootfs/race"
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	mounts_are "$(jq -n '[range(20) | {destination: "/race/a\(.)/b", type: "bind", source: "/etc", options: ["bind"]}]')"
	args true
	swap "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/lure"
	for_a_while raced_attempt
}

@test "CVE-2024-45310: directories on the way change while they are made" {
	setup_victim
	mkdir -p "$BUNDLE/rootfs/a/b/c"
	ln -s "$VICTIM" "$BUNDLE/rootfs/a/b/lure"
	mounts_are "$(jq -n '[range(20) | {destination: "/a/b/c/new\(.)/deep", type: "tmpfs", source: "t"}, {destination: "/a/b/c/file\(.)", type: "bind", source: "/etc/passwd", options: ["bind"]}]')"
	args true
	swap "$BUNDLE/rootfs/a/b/c" "$BUNDLE/rootfs/a/b/lure"
	for_a_while raced_attempt
}

@test "CVE-2021-30465: mounts added to a container that moves the target" {
	ours "has no mounts command"
	setup_victim
	script "mkdir -p /race; ln -s $VICTIM /lure
		while :; do mv -T /race /real; mv -T /lure /race; mv -T /race /lure; mv -T /real /race; done 2>/dev/null"
	up
	jq -n '[range(20) | {destination: "/race/a\(.)/b", type: "tmpfs", source: "t"}]' >"$BATS_TEST_TMPDIR/mounts.json"
	added() {
		try rt mounts add "$ID" "$BATS_TEST_TMPDIR/mounts.json"
		no_crash
		[ "$rc" != 0 ] || try rt mounts remove "$ID" "$BATS_TEST_TMPDIR/mounts.json"
		unharmed
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
