#!/usr/bin/env bats
# Files of the image where the runtime makes devices, mount points, terminals,
# links: none may lead out of the root filesystem.
load attacks

# links_to_victim COMMAND...: with LINK set to each way to the host's directory.
links_to_victim() {
	for LINK in "$VICTIM" "../../../../../../../../../..$VICTIM" "/proc/1/root$VICTIM"; do
		"$@"
		unharmed
	done
}

@test "CVE-2026-41579, CVE-2026-47766: /dev is a symbolic link" {
	setup_victim
	touch "$VICTIM/ptmx"
	before=$(victim)
	args true
	dev_leads_to() {
		rm -rf "$BUNDLE/rootfs/dev"
		ln -s "$LINK" "$BUNDLE/rootfs/dev"
		attempt
	}
	links_to_victim dev_leads_to
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	links_to_victim dev_leads_to
}

@test "CVE-2019-18837, CVE-2021-30465: a mount target leads outside" {
	setup_victim
	args true
	data_leads_to() {
		local mount
		for mount in '{"destination": "/data", "type": "tmpfs", "source": "t"}' \
			'{"destination": "/data/sub/deep", "type": "bind", "source": "/etc", "options": ["bind"]}'; do
			rm -rf "$BUNDLE/rootfs/data"
			ln -s "$LINK" "$BUNDLE/rootfs/data"
			mounts_are "[$mount]"
			attempt
			unharmed
		done
	}
	links_to_victim data_leads_to
}

@test "CVE-2024-45310: mount points are made through a link, files and directories" {
	setup_victim
	args true
	mkdir "$BUNDLE/rootfs/a"
	point_leads_to() {
		ln -sfn "$LINK" "$BUNDLE/rootfs/a/b"
		mounts_are '[{"destination": "/a/b/c/d", "type": "tmpfs", "source": "t"}]'
		attempt
		unharmed
		mounts_are '[{"destination": "/a/b/f", "type": "bind", "source": "/etc/passwd", "options": ["bind"]}]'
		attempt
	}
	links_to_victim point_leads_to
}

@test "CVE-2026-88265: /dev/null of the image is a file, or leads to one of the host's" {
	setup_victim
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .process.user = {uid: 1000, gid: 1000}'
	args sh -c 'echo written'
	echo content >"$BUNDLE/rootfs/dev/null"
	attempt
	[ "$(stat -c %u:%g "$BUNDLE/rootfs/dev/null")" = 0:0 ] || succeeds "the file was given to the container's user"
	null_leads_to() {
		rm -f "$BUNDLE/rootfs/dev/null"
		ln -s "$LINK/file" "$BUNDLE/rootfs/dev/null"
		attempt
	}
	links_to_victim null_leads_to
}

@test "CVE-2026-88264: /dev/console is a symbolic link" {
	setup_victim
	config 'del(.mounts[] | select(.destination == "/dev")) | .process.terminal = true | .process.args = ["true"]'
	console_leads_to() {
		rm -f "$BATS_TEST_TMPDIR/console"
		ln -sfn "$LINK/console" "$BUNDLE/rootfs/dev/console"
		"$PROBE" receive "$BATS_TEST_TMPDIR/console" >/dev/null 2>&1 3>&- &
		local receiver=$!
		until_true test -S "$BATS_TEST_TMPDIR/console"
		try create --console-socket "$BATS_TEST_TMPDIR/console" "$ID"
		rt delete --force "$ID" >/dev/null 2>&1 3>&-
		kill $receiver 2>/dev/null || true
	}
	links_to_victim console_leads_to
}

@test "CVE-2025-52565: what an image has in the place of a terminal" {
	# It is bound over /dev/console before anything is masked: a file of the
	# container's there, or one of procfs, is what the next mount shows.
	local dev=$BUNDLE/rootfs/dev lie
	mkdir -p "$dev/pts"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .process.terminal = true
		| .process.args = ["cat", "/dev/console"]'
	for lie in missing file link null; do
		rm -f "$dev/pts/ptmx" "$dev/pts/0" "$dev/console"
		case $lie in
		file) : >"$dev/pts/ptmx" ;;
		link) ln -s /proc/1/root/dev/ptmx "$dev/pts/ptmx" ;;
		null) mknod "$dev/pts/ptmx" c 1 3 ;;
		esac
		# What is shown where the image chooses the terminal.
		ln -s /proc/keys "$dev/pts/0"
		try run_bundle "$ID"
		rt delete --force "$ID" >/dev/null 2>&1 3>&-
		[ "$rc" != 0 ] || succeeds "started on a terminal of the image's ($lie)"
		if is_ours; then
			[[ $err == *"process.terminal: make the terminal"* ]] || fail "another error"
			one_error
		fi
	done
	is_ours || return 0
	rm -rf "$dev/pts"
	ln -s ../../../../../../../../../../dev/pts "$dev/pts"
	no 1 "process.terminal: make the terminal" run_bundle "$ID"
	# A real terminal, and no place for /dev/console.
	rm "$dev/pts"
	config '.mounts += [{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"]}]'
	mkdir "$dev/console"
	no 1 "process.terminal: make the terminal" run_bundle "$ID"
}

@test "CVE-2025-24965, CVE-2026-84042: handlers that annotations name write and execute nothing of the image's" {
	is_ours || "$RUNTIME" --version | grep -q LIBKRUN || skip "not applicable: has no such handler"
	setup_victim
	ln -s "$VICTIM/file" "$BUNDLE/rootfs/.krun_config.json"
	mkdir -p "$BUNDLE/rootfs/usr/bin"
	printf '#!/bin/sh\necho ran >%s/dir/ran\n' "$VICTIM" | tee "$BUNDLE/rootfs/usr/bin/passt" >"$BUNDLE/rootfs/passt"
	chmod 755 "$BUNDLE/rootfs/usr/bin/passt" "$BUNDLE/rootfs/passt"
	args true
	local handler
	for handler in krun wasm wasmtime libkrun; do
		config --arg h "$handler" '.annotations = {"run.oci.handler": $h, "krun.use_passt": "1"}'
		PATH=$BUNDLE/rootfs/usr/bin:$PATH attempt
		unharmed
	done
}

@test "passwd of the image is a symbolic link to the host's, a fifo, a monster" {
	config '.process.user = {uid: 1000, gid: 1000}'
	args sh -c 'echo $HOME'
	rm "$BUNDLE/rootfs/etc/passwd"
	printf 'host:x:1000:1000::/of-the-host:/bin/sh\n' >"$BATS_TEST_TMPDIR/passwd"
	ln -s "../../../../../../../..$BATS_TEST_TMPDIR/passwd" "$BUNDLE/rootfs/etc/passwd"
	ok run_bundle "$ID"
	same HOME "$out" /
	ours "1.1 waits for ever"
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	attempt
	rm "$BUNDLE/rootfs/etc/passwd"
	head -c 20000000 /dev/zero | tr '\0' 'x' >"$BUNDLE/rootfs/etc/passwd"
	attempt
}

# aliases: NAMES are other names of the root filesystem, by links, mounts and procfs, and
# SUBS of the directory sub in it.
aliases() {
	local dir=$BATS_TEST_TMPDIR
	mkdir "$dir/a" "$dir/bound" "$dir/sub" "$dir/rootfs" "$dir/far"
	mkdir -p "$BUNDLE/rootfs/sub"
	ln -s "$BUNDLE" "$dir/b"
	ln -s b "$dir/c"
	ln -s "$BUNDLE/rootfs/sub" "$dir/s"
	ln -s "$BUNDLE/config.json" "$dir/far/f"
	ln -s "$BUNDLE/rootfs" "$dir/far/d"
	mount --bind "$BUNDLE" "$dir/bound"
	mount --bind "$BUNDLE/rootfs" "$dir/rootfs"
	mount --bind "$BUNDLE/rootfs/sub" "$dir/sub"
	before_mounts=$(mounts)
	local fd
	exec {fd}<"$BUNDLE/rootfs"
	NAMES=("$dir/b/rootfs" "$dir/c/rootfs" "$dir/far/d" "$dir/far/d/../rootfs" "$dir/bound/rootfs" "$dir/rootfs" "$dir/a/../b//rootfs/."
		"/proc/self/root$BUNDLE/rootfs" "/proc/$$/fd/$fd")
	SUBS=("$dir/sub" "$dir/s" "${NAMES[@]/%//sub}")
}
unaliased() { umount "$BATS_TEST_TMPDIR"/{bound,rootfs,sub}; }

# refused_link: the runtime says that it does not follow a link.
refused_link() {
	! is_ours || [[ $rc = 1 && $err == *'mounts[7].'*'is a symbolic link in the root filesystem, and would be followed on the host'* &&
		$err == *"name the place below root.path"* ]] || fail "is not refused with its field and a hint"
}

@test "M9: a bind mount's source in the root filesystem, by another name of that" {
	setup_victim
	aliases
	args sh -c 'cat /v/file /v; ls /v'
	local name
	bound() {
		mounts_are "[{\"destination\": \"/v\", \"source\": \"$1\", \"options\": [\"rbind\"]}]"
		attempt
		unharmed
		refused_link
	}
	for name in "${SUBS[@]}"; do
		ln -sfn "$VICTIM" "$BUNDLE/rootfs/sub/link"
		bound "$name/link"
		bound "$name/link/dir"
		ln -sfn "../../../../../../../../../..$VICTIM/file" "$BUNDLE/rootfs/sub/link"
		bound "$name/link"
		ln -sfn loop "$BUNDLE/rootfs/sub/link"
		ln -sfn "$VICTIM" "$BUNDLE/rootfs/sub/loop"
		bound "$name/link"
	done
	for name in "${NAMES[@]}"; do
		ln -sfn "$VICTIM" "$BUNDLE/rootfs/link"
		bound "$name/link"
	done
	unaliased
}

@test "M9: a bind mount's source by another name of the root filesystem, of an ordinary user" {
	setup_victim
	ordinary_user 65534
	aliases
	chmod 711 "$BATS_TEST_TMPDIR"/*
	mkdir -p "$BUNDLE/rootfs/sub"
	chmod -R a+rX "$VICTIM"
	before=$(victim)
	ln -sfn "$VICTIM" "$BUNDLE/rootfs/sub/link"
	args sh -c 'cat /v/file; ls /v'
	local name
	for name in "${SUBS[@]}"; do
		config --arg s "$name/link" '.mounts = .mounts[0:6] + [{destination: "/v", source: $s, options: ["rbind"]}]'
		attempt
		unharmed
		refused
	done
	unaliased
}

@test "M9: a link comes into a bind mount's source, by another name of the root filesystem" {
	setup_victim
	aliases
	mkdir "$BUNDLE/rootfs/race"
	touch "$BUNDLE/rootfs/race/file"
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	args cat /v/file
	"$PROBE" exchange "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/lure" 2>/dev/null 3>&- &
	RACER=$!
	came() {
		mounts_are "[{\"destination\": \"/v\", \"source\": \"$1\", \"options\": [\"rbind\"]}]"
		attempt
		unharmed
	}
	for_a_while came "$BATS_TEST_TMPDIR/bound/rootfs/race"
	for_a_while came "$BATS_TEST_TMPDIR/b/rootfs/race"
	raced
	unaliased
}

@test "M10: the directory of a link leaves the mount that is another name of the root filesystem" {
	setup_victim
	aliases
	mkdir "$BUNDLE/rootfs/sub/x" "$BUNDLE/rootfs/y"
	ln -s "$VICTIM" "$BUNDLE/rootfs/sub/x/link"
	ln -s "$VICTIM" "$BUNDLE/rootfs/y/link"
	args cat /v/file
	"$PROBE" exchange "$BUNDLE/rootfs/sub/x" "$BUNDLE/rootfs/y" 2>/dev/null 3>&- &
	RACER=$!
	leaves() {
		mounts_are "[{\"destination\": \"/v\", \"source\": \"$BATS_TEST_TMPDIR/sub/x/link\", \"options\": [\"rbind\"]}]"
		attempt
		unharmed
	}
	for_a_while leaves
	raced
	unaliased
}

@test "M11: a symbolic link of another user's in a sticky directory, exchanged while it is looked at" {
	[ "$(</proc/sys/fs/protected_symlinks)" = 1 ] || skip "not applicable: fs.protected_symlinks is off"
	setup_victim
	local dir=$BATS_TEST_TMPDIR/sticky
	mkdir -m 1777 "$dir"
	mkdir "$dir/lure"
	ln -s "$VICTIM" "$dir/theirs"
	ln -s sticky "$BATS_TEST_TMPDIR/way"
	chown -h 12345:12345 "$dir/theirs" "$dir/lure"
	args cat /v/file
	"$PROBE" exchange "$dir/theirs" "$dir/lure" 2>/dev/null 3>&- &
	RACER=$!
	follows() {
		mounts_are "[{\"destination\": \"/v\", \"source\": \"$BATS_TEST_TMPDIR/way/theirs\", \"options\": [\"rbind\"]}]"
		attempt
		unharmed
	}
	for_a_while follows
	raced
}

@test "M9: mounts add: a source in the root filesystem, by another name of that" {
	setup_victim
	is_ours || [ "${RUNTIME##*/}" = naive ] || skip "not applicable: has no mounts command"
	aliases
	up
	ok rt exec "$ID" ln -sfn "$VICTIM" /sub/link
	local name
	for name in "${SUBS[@]}"; do
		jq -n --arg s "$name/link" '[{destination: "/v", source: $s, options: ["rbind"]}]' >"$BATS_TEST_TMPDIR/list"
		try rt mounts add "$ID" "$BATS_TEST_TMPDIR/list"
		refused
		try rt exec "$ID" cat /v/file
		unharmed
	done
	unaliased
}

@test "M9: an overlay's layers in the root filesystem" {
	setup_victim
	aliases
	local dir=$BATS_TEST_TMPDIR name key options
	mkdir "$dir"/{low,up,work}
	ln -sfn "$VICTIM" "$BUNDLE/rootfs/sub/link"
	args sh -c 'cat /v/file; ls /v; echo changed >/v/file'
	for name in "$BUNDLE/rootfs/sub" "${SUBS[@]}" sub ../rootfs/sub; do
		for key in lowerdir upperdir workdir; do
			options=(lowerdir="$dir/low" upperdir="$dir/up" workdir="$dir/work")
			[ $key = lowerdir ] && options[0]="lowerdir=$dir/low:$name/link"
			[ $key = upperdir ] && options[1]="upperdir=$name/link/dir"
			[ $key = workdir ] && options[2]="workdir=$name/link/dir"
			mounts_are "$(jq -n --args '[{destination: "/v", type: "overlay", source: "o", options: $ARGS.positional}]' "${options[@]}")"
			attempt
			unharmed
			! is_ours || [[ $rc = 1 && $err == *'mounts[7]: look up the layers of the overlay'*'is a symbolic link in the root filesystem'* ]] || fail "not refused: $name, $key"
		done
	done
	unaliased
}

@test "M9: a link comes into an overlay's layer" {
	setup_victim
	local dir=$BATS_TEST_TMPDIR
	mkdir -p "$BUNDLE/rootfs/race/dir" "$dir/low" "$dir/b"
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	ln -s "$BUNDLE" "$dir/b/undle"
	args cat /v/file
	"$PROBE" exchange "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/lure" 2>/dev/null 3>&- &
	RACER=$!
	came() {
		mounts_are "$(jq -n --arg l "$dir/low:$1" '[{destination: "/v", type: "overlay", source: "o", options: ["lowerdir=\($l)"]}]')"
		attempt
		unharmed
	}
	for_a_while came "$BUNDLE/rootfs/race"
	for_a_while came "$dir/b/undle/rootfs/race"
	raced
}
