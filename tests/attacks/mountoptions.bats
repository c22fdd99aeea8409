#!/usr/bin/env bats
# Hostile images against mount options: symbolic links that are copied, mounted
# or mounted on, and directories that are copied up. A test passes when the
# host is untouched and unread; containers may start or not, as they like.
load attacks

# attempt: the host is untouched and unread, whether it starts or not.
attempt() {
	try run_bundle "$ID"
	no_crash
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
	unharmed
}

@test "copy-symlink: the place for the link leads to the host" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	ln -s target "$BATS_TEST_TMPDIR/link"
	ln -s "$VICTIM" "$BUNDLE/rootfs/absolute"
	ln -s "../../../../../../../../../..$VICTIM" "$BUNDLE/rootfs/relative"
	ln -s "$VICTIM/file" "$BUNDLE/rootfs/itself"
	local place
	for place in /absolute/new /relative/new /absolute/dir /itself; do
		mounts_are "[{\"destination\":\"$place\",\"source\":\"$BATS_TEST_TMPDIR/link\",\"options\":[\"bind\",\"copy-symlink\"]}]"
		args true
		attempt
		[ ! -L "$VICTIM/new" ] || fail "the link was made on the host"
	done
}

@test "copy-symlink, src-nofollow: what comes later follows the link inside the container" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	ln -s "$VICTIM" "$BATS_TEST_TMPDIR/link"
	local option
	for option in copy-symlink src-nofollow; do
		rm -rf "$BUNDLE/rootfs/l"
		mounts_are "[{\"destination\":\"/l\",\"source\":\"$BATS_TEST_TMPDIR/link\",\"options\":[\"bind\",\"$option\"]},
			{\"destination\":\"/l/dir\",\"type\":\"tmpfs\",\"source\":\"t\"},
			{\"destination\":\"/l/new/deep\",\"source\":\"/etc\",\"options\":[\"bind\"]}]"
		args sh -c 'cat /l/file; touch /l/written; echo /l/*'
		attempt
		# Whatever was made is at the same path of the container.
		[ "$rc" != 0 ] || [ -d "$BUNDLE/rootfs$VICTIM/new" ] || fail "$option: made elsewhere"
	done
}

@test "dest-nofollow: links above the place stay in the root, procfs is no place" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	ln -s "$VICTIM" "$BUNDLE/rootfs/out"
	ln -s /proc/self "$BUNDLE/rootfs/self"
	echo source >"$BATS_TEST_TMPDIR/source"
	local place
	for place in /out/file /out/new /self/exe /self/cwd /self/attr/exec /self/root /out; do
		mounts_are "[{\"destination\":\"$place\",\"source\":\"$BATS_TEST_TMPDIR/source\",\"options\":[\"bind\",\"dest-nofollow\"]}]"
		args cat "$place"
		attempt
		[[ $place != /self/* || $rc != 0 ]] || fail "$place of procfs was covered"
	done
	same "what covers the link itself" "$out" source
}

@test "tmpcopyup: the directory is a link to the host" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	local link
	for link in "$VICTIM" "../../../../../../../../../..$VICTIM" "/proc/1/root$VICTIM" /proc/1/cwd; do
		rm -rf "$BUNDLE/rootfs/data"
		ln -s "$link" "$BUNDLE/rootfs/data"
		mounts_are '[{"destination":"/data","type":"tmpfs","source":"t","options":["tmpcopyup","size=1m"]}]'
		args sh -c 'cat /data/file; ls -R /data'
		attempt
	done
}

@test "tmpcopyup: links, devices, fifos, holes and sockets among the files" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	local data=$BUNDLE/rootfs/data
	mkdir -p "$data/$(printf 'new\nline')"
	ln -s "$VICTIM" "$data/link"
	ln -s "$VICTIM/file" "$data/file"
	mkfifo "$data/fifo"
	mknod "$data/kmsg" c 1 11 2>/dev/null || true
	truncate -s 1P "$data/huge" 2>/dev/null || truncate -s 8T "$data/huge"
	mounts_are '[{"destination":"/data","type":"tmpfs","source":"t","options":["tmpcopyup","size=1m","nodev"]}]'
	args sh -c 'readlink /data/link; cat /data/file; [ -p /data/fifo ] && echo fifo; [ $(stat -c %b /data/huge) -lt 100 ] && echo hole'
	attempt
	[ "$rc" = 0 ] || fail "does not start"
	same view "$out" "$VICTIM"$'\nfifo\nhole'
}

@test "tmpcopyup: more than fits, deeper than allowed, a set-id file of nobody's" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	local data=$BUNDLE/rootfs/data
	mkdir "$data"
	mounts_are '[{"destination":"/data","type":"tmpfs","source":"t","options":["tmpcopyup","size=64k"]}]'
	args true
	yes | head -c 1000000 >"$data/big"
	attempt
	[[ $rc = 1 && $err == *"copy up big: no space left on device"* ]] || fail "wrong"
	rm "$data/big"
	(cd "$data" && for n in $(seq 300); do mkdir d && cd d || exit; done)
	attempt
	[[ $rc = 1 && $err == *"directories in each other"* ]] || fail "wrong"
	rm -rf "$data/d"
	# In a user namespace a file of an owner that is not mapped has no owner.
	cp /bin/busybox "$data/suid"
	chown 4242424:4242424 "$data/suid"
	chmod 6755 "$data/suid"
	config '.linux.namespaces += [{type: "user"}] | .mounts[-1].options = ["tmpcopyup"]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	chown -h 100000:100000 "$BUNDLE/rootfs" "$BUNDLE/rootfs"/{dev,proc,sys,tmp,data}
	args stat -c %a /data/suid
	attempt
	[ "$rc" = 0 ] || fail "does not start"
	same mode "$out" 755
}

@test "tmpcopyup: names change while they are copied" {
	ours "1.1 knows these options not, or partly"
	setup_victim
	local data=$BUNDLE/rootfs/data n
	mkdir -p "$data/sub"
	for n in $(seq 200); do echo "$n" >"$data/sub/$n"; done
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	(
		set +eET
		trap - ERR
		cd "$data" || exit
		while :; do
			mv -T sub ../away 2>/dev/null && mv -T ../lure sub 2>/dev/null
			mv -T sub ../lure 2>/dev/null && mv -T ../away sub 2>/dev/null
		done
	) </dev/null >/dev/null 2>&1 3>&- &
	local racer=$!
	mounts_are '[{"destination":"/data","type":"tmpfs","source":"t","options":["tmpcopyup"]}]'
	args sh -c 'cat /data/sub/file 2>/dev/null; find /data -type f | xargs cat | grep secret'
	for n in $(seq 10); do attempt; done
	kill $racer
	wait $racer 2>/dev/null || true
}
