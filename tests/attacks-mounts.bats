#!/usr/bin/env bats
# Hostile images against mount options: symbolic links that are copied, mounted
# or mounted on, and directories that are copied up. A test passes when the
# host is untouched and unread; containers may start or not, as they like.
load helpers

setup_victim() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir -p "$VICTIM/dir"
	echo secret >"$VICTIM/file"
	before=$(victim)
}
victim() { find "$VICTIM" -printf '%P %y %m %U:%G %s\n' | sort; cat "$VICTIM/file"; }
unharmed() {
	same "the host's directory" "$(victim)" "$before"
	same mounts "$(mounts)" "$before_mounts"
}

# attempt: whether it starts is up to the runtime, but it must not crash or hang.
attempt() {
	try run_bundle "$ID"
	[[ $rc -lt 124 && $err != *panic* && $err != *goroutine* ]] || fail "crash: exit code $rc"
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
	[[ $out != *secret* ]] || fail "the host's file was read: $out"
	unharmed
}

# mounts_are JSON: these after the bundle's own.
mounts_are() { config --argjson m "$1" '.mounts = .mounts[0:7] + $m'; }

@test "M6: who shares the root filesystem exchanges /proc and /sys while they are mounted" {
	ours "1.1 loses now and then"
	local name i started=0
	args sh -c 'for p in /proc /sys /other; do
			[ ! -e $p/self/status ] || [ -z "$(head -c 1 $p/timer_list 2>/dev/null)" ] || echo "$p shows what is masked"
			[ ! -e $p/self/status ] || ! (: >>$p/sys/kernel/core_pattern) 2>/dev/null || echo "$p is writable"
			[ ! -e $p/firmware ] || [ -z "$(ls $p/firmware)" ] || echo "$p/firmware shows what is masked"
		done
		[ -e /proc/self/status ] && [ -e /sys/kernel ] && echo started; true'
	[ -n "$(head -c 1 /proc/timer_list)" ] || skip "nothing to see in /proc/timer_list"
	for name in proc sys; do
		mkdir "$BUNDLE/rootfs/other"
		"$PROBE" exchange "$BUNDLE/rootfs/$name" "$BUNDLE/rootfs/other" 2>/dev/null 3>&- &
		for ((i = 0; i < 100; i++)); do
			try run_bundle "$ID"
			rt delete --force "$ID" >/dev/null 2>&1 3>&-
			# The neighbour goes on when the container runs.
			[[ $out != *shows* && $out != *writable* ]] || break
			[ "$rc" != 0 ] || started=$((started + 1))
			[[ $rc = 0 || $err == *"is not what was mounted there"* || $err == *"no such file"* || $err == *"not a mount point"* ]] ||
				break
		done
		kill $! && wait $! || true
		rmdir "$BUNDLE/rootfs/other" 2>/dev/null || rm -rf "$BUNDLE/rootfs/other"
		mkdir -p "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/sys"
		[ "$i" = 100 ] || fail "start $i, /$name"
	done
	[ "$started" -gt 0 ] || fail "not one of the starts succeeded: nothing is proven"
}

@test "F6: standard input is never the host's /dev/null" {
	local null=$BATS_TEST_TMPDIR/null kind
	mknod -m 666 "$null" c 1 3
	mkdir "$BATS_TEST_TMPDIR/dev"
	config --arg s "$BATS_TEST_TMPDIR/dev" '.mounts = [.mounts[] | select(.destination | startswith("/dev") | not)] + [{destination: "/dev", source: $s, options: ["bind"]}]'
	args sh -c 'chmod 600 /proc/self/fd/0; cat /proc/self/fd/0; stat -L -c %t:%T /proc/self/fd/0'
	for kind in nothing file link; do
		rm -f "$BATS_TEST_TMPDIR/dev/null"
		[ $kind != file ] || echo secret >"$BATS_TEST_TMPDIR/dev/null"
		[ $kind != link ] || ln -s /etc/hosts "$BATS_TEST_TMPDIR/dev/null"
		rc=0
		rt run --bundle "$BUNDLE" "$ID" <"$null" >"$OUT" 2>"$ERR" 3>&- || rc=$?
		same "exit code, $kind" "$rc" 0
		same "standard input, $kind" "$(cat "$OUT")" 1:3
		same "mode of the host's, $kind" "$(stat -c %a "$null")" 666
	done
}

@test "F6: nothing but the device 1:3 is mounted on /dev/null" {
	ours "1.1 refuses it later, 1.21 not"
	echo text >"$BATS_TEST_TMPDIR/file"
	mounts_are "[{\"destination\":\"/dev/null\",\"source\":\"$BATS_TEST_TMPDIR/file\",\"options\":[\"bind\"]}]"
	args true
	no 1 'mounts[7]: bind' run_bundle "$ID"
	[[ $err == *"only the device 1:3 may be mounted on /dev/null"*"file type is regular file"* ]] || fail "does not say why"
	mknod -m 666 "$BATS_TEST_TMPDIR/zero" c 1 5
	mounts_are "[{\"destination\":\"/dev/null\",\"source\":\"$BATS_TEST_TMPDIR/zero\",\"options\":[\"bind\"]}]"
	no 1 'number is 1:5, expected 1:3' run_bundle "$ID"
	mknod -m 666 "$BATS_TEST_TMPDIR/null" c 1 3
	mounts_are "[{\"destination\":\"/dev/null\",\"source\":\"$BATS_TEST_TMPDIR/null\",\"options\":[\"bind\"]}]"
	ok run_bundle "$ID"
	mounts_are '[]'
	config '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 5}]'
	no 1 'linux.devices[0]: c 1:5 at /dev/null, expected c 1:3' run_bundle "$ID"
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
