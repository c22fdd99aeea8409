#!/usr/bin/env bats
# rootfsPropagation: for each of its words, what a mount made on one side does
# on the other, while the container runs.
load helpers

# The container's half: what it sees of the host's mount, whether its root can
# be bound, and whether a bind of it is a peer, which gets its mounts.
HALF='
	until [ -e /go ]; do sleep 0.05; done
	[ -e /host/x ] && echo host
	mount --bind / /bound 2>/dev/null && echo bindable
	mount -t tmpfs t /own && touch /own/x
	[ -e /bound/own/x ] && echo peer
	cat /proc/self/mountinfo >/info
'

# propagate WORD: run both halves. $out is what the container saw.
propagate() {
	local dir=$BUNDLE/rootfs
	rm -f "$dir/go" "$dir/info"
	mkdir -p "$dir"/{host,own,bound}
	config --arg p "$1" '.linux.rootfsPropagation = $p | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
		| .mounts = .mounts[0:7] + [{destination: "/sub", type: "tmpfs", source: "sub"}]'
	script "$HALF"
	rt create --bundle "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/saw" 2>"$ERR" </dev/null 3>&-
	ok start "$ID"
	mount -t tmpfs t "$dir/host"
	touch "$dir/host/x" "$dir/go"
	wait_status stopped
	umount "$dir/host"
	ok rt delete "$ID"
	[ ! -e "$dir/own/x" ] || fail "$1: a mount of the container is on the host"
	out=$(sort "$BATS_TEST_TMPDIR/saw" | tr '\n' ' ')
	# The propagation of a mount below the root.
	sub=$(sed -n 's|^.* /sub [^ ]* \([a-z:0-9 ]*\)- tmpfs sub .*$|\1|p' "$dir/info" | tr -d ':0-9 ')
}

@test "private and rprivate: nothing passes in either direction" {
	ours "1.1 binds the root onto itself, and ends private where shared was asked for"
	local word
	for word in private rprivate; do
		propagate $word
		same $word "$out" "bindable "
		same "below $word" "$sub" ""
	done
}

@test "none: the root is private, as with runc 1.5 and crun" {
	ours "1.1 is a slave"
	propagate ""
	same none "$out" "bindable "
	same "below none" "$sub" ""
	# Volumes get the host's mounts all the same.
	mkdir -p "$BATS_TEST_TMPDIR/volume/below"
	config --arg v "$BATS_TEST_TMPDIR/volume" '.mounts += [{destination: "/volume", source: $v, options: ["rbind", "rslave"]}]'
	args sleep 1000
	up
	mount -t tmpfs late "$BATS_TEST_TMPDIR/volume/below"
	local seen
	seen=$(grep -c ' - tmpfs late ' "/proc/$(pid_of)/mountinfo" || true)
	umount "$BATS_TEST_TMPDIR/volume/below"
	same "mounts in the volume" "$seen" 1
}

@test "slave and rslave: the host's mounts appear" {
	ours "1.1 binds the root onto itself, and ends private where shared was asked for"
	local word
	for word in slave rslave; do
		propagate "$word"
		same "'$word'" "$out" "bindable host "
		same "below '$word'" "$sub" ""
	done
}

@test "shared and rshared: a peer group of the container's own, which still gets the host's mounts" {
	ours "1.1 binds the root onto itself, and ends private where shared was asked for"
	propagate shared
	same shared "$out" "bindable host peer "
	same "below shared" "$sub" ""
	propagate rshared
	same rshared "$out" "bindable host peer "
	same "below rshared" "$sub" shared
}

@test "unbindable and runbindable: private, and no bind mount of it" {
	ours "1.1 binds the root onto itself, and ends private where shared was asked for"
	propagate unbindable
	same unbindable "$out" ""
	same "below unbindable" "$sub" ""
	propagate runbindable
	same runbindable "$out" ""
	same "below runbindable" "$sub" unbindable
}

@test "any other word is refused" {
	ours "1.1 binds the root onto itself, and ends private where shared was asked for"
	config '.linux.rootfsPropagation = "sharde"'
	no 1 'linux.rootfsPropagation: unknown propagation "sharde"' run_bundle "$ID"
	one_error
}
