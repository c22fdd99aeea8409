#!/usr/bin/env bats
# mounts and the root file system: what is mounted where, with which flags and
# propagation, as the container's mountinfo shows.
load helpers

# mount JSON: append one mount.
mount_entry() { config --argjson m "$1" '.mounts += [$m]'; }

view() {
	args /probe view
	ok run_bundle "$ID"
}

# target PATH FILTER: one value of the topmost mount at PATH.
target() { jq -r --arg t "$1" "$TOP top(\$t) | $2" "$OUT"; }

# has PATH OPTION...: the mount at PATH carries all of these.
has() {
	local path=$1 option
	shift
	for option in "$@"; do
		target "$path" ".options | index(\"$option\") // empty" | grep -q . || fail "$path lacks $option: $(target "$path" '.options | join(",")')"
	done
}

@test "the default mounts" {
	view
	same order "$(jq -r '[.mounts[].target] | map(select(. as $t | ["/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"] | index($t))) | unique | length' "$OUT")" 8
	same proc "$(target /proc .type)" proc
	same dev "$(target /dev '.type + " " + (.super | join(","))')" "tmpfs $(target /dev '.super | join(",")')"
	has /dev nosuid
	has /dev/pts nosuid noexec
	has /dev/shm nosuid noexec nodev
	has /sys ro nosuid noexec nodev
	has /sys/fs/cgroup ro nosuid noexec nodev relatime
	same cgroup "$(target /sys/fs/cgroup .type)" cgroup2
	same "cgroup's root" "$(target /sys/fs/cgroup .root)" /
	target /dev '.super | index("size=65536k") // empty' | grep -q .
	target /dev '.super | index("mode=755") // empty' | grep -q .
	target /dev/pts '.super | index("ptmxmode=666") // empty' | grep -q .
}

@test "nothing of the host's mounts is seen" {
	view
	same "root's parent" "$(jq -r '[.mounts[] | select(.target == "/")] | length' "$OUT")" 1
	! jq -r '.mounts[].target' "$OUT" | grep -q bats-run || fail "host mounts in sight"
}

@test "default devices" {
	view
	local want=(null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0) w
	for w in "${want[@]}"; do
		same "/dev/${w%%:*}" "$(jq -r ".devices[\"/dev/${w%%:*}\"]" "$OUT")" "c ${w#*:} 0666 0:0"
	done
	same ptmx "$(jq -r '.devices["/dev/ptmx"]' "$OUT")" "-> pts/ptmx"
	same fd "$(jq -r '.devices["/dev/fd"]' "$OUT")" "-> /proc/self/fd"
	same stdin "$(jq -r '.devices["/dev/stdin"]' "$OUT")" "-> /proc/self/fd/0"
	same stderr "$(jq -r '.devices["/dev/stderr"]' "$OUT")" "-> /proc/self/fd/2"
	same console "$(jq -r '.devices["/dev/console"]' "$OUT")" null
}

@test "devices of the config: mode, owner, kind" {
	config '.linux.devices = [{path: "/dev/one", type: "c", major: 1, minor: 5, fileMode: 384, uid: 7, gid: 8},
		{path: "/dev/deep/two", type: "p", fileMode: 438}] |
		.linux.resources.devices += [{allow: true, type: "c", major: 1, minor: 5, access: "rwm"}]'
	view
	same device "$(jq -r '.devices["/dev/one"]' "$OUT")" "c 1:5 0600 7:8"
	inside sh -c 'stat -c %F /dev/deep/two; head -c 3 /dev/one | od -An -tx1'
	same fifo "$out" $'fifo\n 00 00 00'
}

@test "bind: a directory, a file, read-only, flags" {
	mkdir "$BATS_TEST_TMPDIR/d"
	echo file >"$BATS_TEST_TMPDIR/f"
	mount_entry "{\"destination\":\"/d\",\"source\":\"$BATS_TEST_TMPDIR/d\",\"options\":[\"bind\",\"ro\",\"nosuid\",\"nodev\",\"noexec\"]}"
	mount_entry "{\"destination\":\"/deep/f\",\"type\":\"bind\",\"source\":\"$BATS_TEST_TMPDIR/f\",\"options\":[\"rbind\"]}"
	view
	has /d ro nosuid nodev noexec
	has /deep/f rw
	inside cat /deep/f
	same content "$out" file
}

@test "bind source relative to the bundle" {
	mkdir "$BUNDLE/here"
	touch "$BUNDLE/here/x"
	mount_entry '{"destination":"/d","source":"here","options":["bind"]}'
	inside ls /d
	same content "$out" x
}

@test "bind keeps the flags of its source, or has exactly those that are asked for" {
	mkdir "$BATS_TEST_TMPDIR/m"
	mount -t tmpfs -o nosuid,nodev,noatime t "$BATS_TEST_TMPDIR/m"
	config --arg s "$BATS_TEST_TMPDIR/m" '.mounts += [["bind"], ["bind", "ro"], ["bind", "exec"], ["bind", "noexec", "relatime"]
		| {destination: "/m/\(join("-"))", source: $s, options: .}]'
	args /probe view
	try run_bundle "$ID"
	umount "$BATS_TEST_TMPDIR/m"
	same "exit code" "$rc" 0
	flags() { target "/m/$1" '.options | sort | join(" ")'; }
	same kept "$(flags bind)" "noatime nodev nosuid rw"
	same ro "$(flags bind-ro)" "noatime ro"
	same several "$(flags bind-noexec-relatime)" "noexec relatime rw"
	ours "1.1 takes no notice of words that only clear"
	same exec "$(flags bind-exec)" "noatime rw"
}

@test "a read-only root keeps the flags of its mount" {
	mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs"
	mount -o remount,bind,nosuid,nodev,noatime "$BUNDLE/rootfs"
	config '.root.readonly = true'
	args /probe view
	try run_bundle "$ID"
	umount "$BUNDLE/rootfs"
	same "exit code" "$rc" 0
	ours "1.1 clears them"
	same root "$(target / '.options | sort | join(" ")')" "noatime nodev nosuid ro"
}

@test "rbind takes the mounts below, rro makes them read-only too" {
	mkdir -p "$BATS_TEST_TMPDIR/m"
	mount -t tmpfs t "$BATS_TEST_TMPDIR/m"
	mkdir "$BATS_TEST_TMPDIR/m/sub"
	mount -t tmpfs t "$BATS_TEST_TMPDIR/m/sub"
	mount_entry "{\"destination\":\"/bind\",\"source\":\"$BATS_TEST_TMPDIR/m\",\"options\":[\"bind\"]}"
	mount_entry "{\"destination\":\"/ro\",\"source\":\"$BATS_TEST_TMPDIR/m\",\"options\":[\"rbind\",\"ro\"]}"
	mount_entry "{\"destination\":\"/rro\",\"source\":\"$BATS_TEST_TMPDIR/m\",\"options\":[\"rbind\",\"rro\"]}"
	args /probe view
	try run_bundle "$ID"
	umount -R "$BATS_TEST_TMPDIR/m"
	same "exit code" "$rc" 0
	same "below bind" "$(target /bind/sub .target)" null
	has /ro ro
	has /ro/sub rw
	has /rro ro
	has /rro/sub ro
}

@test "tmpfs: data, mode of an existing directory, a copy of what was there" {
	mkdir -m 1741 "$BUNDLE/rootfs/t"
	mkdir "$BUNDLE/rootfs/full"
	echo x >"$BUNDLE/rootfs/full/x"
	mount_entry '{"destination":"/t","type":"tmpfs","source":"t","options":["size=1m","nosuid"]}'
	mount_entry '{"destination":"/full","type":"tmpfs","source":"t","options":["tmpcopyup"]}'
	mount_entry '{"destination":"/m","type":"tmpfs","source":"t","options":["mode=0700"]}'
	inside sh -c 'stat -c %a /t /m; cat /full/x; grep " /t " /proc/self/mountinfo'
	[[ $out == $'1741\n700\nx\n'*size=1024k* ]] || fail "wrong"
}

@test "every vfs flag" {
	local flag
	for flag in ro nosuid nodev noexec noatime nodiratime sync dirsync strictatime lazytime relatime mand; do
		config --arg f "$flag" '.mounts = [.mounts[] | select(.destination != "/m")] + [{destination: "/m", type: "tmpfs", source: "t", options: [$f]}]'
		args grep ' /m ' /proc/self/mountinfo
		ok run_bundle "$ID"
		case $flag in
		# What does not show, or shows under another name.
		strictatime) [[ $out != *relatime* && $out != *noatime* ]] ;;
		mand) ;;
		*) [[ $out == *[,\ ]$flag[,\ ]* || $out == *[,\ ]$flag ]] ;;
		esac || fail "$flag does not show"
	done
}

@test "nosymfollow" {
	ours "1.1 knows it not"
	ln -s /etc/passwd "$BUNDLE/rootfs/tmp/link"
	mount_entry "{\"destination\":\"/m\",\"source\":\"$BUNDLE/rootfs/tmp\",\"options\":[\"bind\",\"nosymfollow\"]}"
	inside sh -c 'cat /m/link || true'
	[[ $err == *"symbolic link"* || $err == *"ymlink"* || $err == *"oo many"* ]] || fail "followed"
}

@test "remount" {
	mount_entry '{"destination":"/m","type":"tmpfs","source":"t"}'
	mount_entry '{"destination":"/m","type":"tmpfs","source":"t","options":["remount","ro"]}'
	inside sh -c 'touch /m/x 2>/dev/null || echo ro'
	same mount "$out" ro
}

@test "remount: a filesystem of the container's own changes too, no other" {
	mount_entry '{"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["remount","size=1m","sync"]}'
	inside sh -c 'grep " /dev/shm " /proc/self/mountinfo'
	[[ $out == *sync*size=1024k* ]] || fail "wrong"
	mkdir "$BATS_TEST_TMPDIR/m"
	mount -t tmpfs -o size=64k t "$BATS_TEST_TMPDIR/m"
	mount_entry "{\"destination\":\"/m\",\"source\":\"$BATS_TEST_TMPDIR/m\",\"options\":[\"bind\"]}"
	mount_entry '{"destination":"/m","type":"tmpfs","source":"t","options":["remount","size=1m"]}'
	try run_bundle "$ID"
	local size
	size=$(grep -c " $BATS_TEST_TMPDIR/m .*size=64k" /proc/self/mountinfo) || true
	umount "$BATS_TEST_TMPDIR/m"
	ours "1.1 changes the host's"
	same "exit code" "$rc" 1
	[[ $err == *'mounts[9].options[1]: "size=1m": only a tmpfs or devpts of the same container'* ]] || fail "does not say why"
	same "mounts of the host with their size" "$size" 1
}

@test "mount order: later ones cover earlier ones" {
	mount_entry '{"destination":"/m","type":"tmpfs","source":"first"}'
	mount_entry '{"destination":"/m","type":"tmpfs","source":"second"}'
	mount_entry '{"destination":"/m/deep/er","type":"tmpfs","source":"third"}'
	view
	same top "$(target /m .source)" second
	same deep "$(target /m/deep/er .source)" third
}

@test "relative destination counts from the root" {
	mount_entry '{"destination":"rel","type":"tmpfs","source":"t"}'
	inside grep -c ' /rel ' /proc/self/mountinfo
	same mounts "$out" 1
}

@test "the root read-only, mounts not" {
	config '.root.readonly = true'
	mount_entry '{"destination":"/tmp","type":"tmpfs","source":"t"}'
	inside sh -c 'touch /x 2>/dev/null || echo ro; touch /tmp/x && echo rw; touch /dev/shm/x && echo rw'
	same root "$(tr '\n' ' ' <<<"$out")" "ro rw rw "
}

@test "propagation of a bind" {
	local p want
	for p in rprivate rslave rshared; do
		config --arg p "$p" --arg s "$BATS_TEST_TMPDIR" '.mounts = [.mounts[] | select(.destination != "/m")] + [{destination: "/m", source: $s, options: ["rbind", $p]}]
			| .linux.rootfsPropagation = (if $p == "rshared" then "rshared" else "" end)'
		view
		want=$(target /m '.propagation | map(split(":")[0]) | sort | join(" ")')
		case $p in
		rprivate) same "$p" "$want" "" ;;
		rslave) [[ $want == *master* && $want != *shared* ]] || fail "$p: $want" ;;
		rshared) [[ $want == *shared* ]] || fail "$p: $want" ;;
		esac
	done
}

@test "rootfsPropagation" {
	local p
	for p in private slave unbindable shared; do
		# 1.1 binds the root onto itself after it made it unbindable, and
		# ends private where shared was asked for.
		[[ $p != unbindable && $p != shared ]] || is_ours || continue
		config --arg p "$p" '.linux.rootfsPropagation = $p'
		view
		case $p in
		private) same $p "$(target / '.propagation | join(" ")')" "" ;;
		unbindable) same $p "$(target / '.propagation | join(" ")')" unbindable ;;
		# Slave of what it was bound from.
		slave) [[ $(target / '.propagation | join(" ")') != *shared* ]] ;;
		shared) [[ $(target / '.propagation | join(" ")') == *shared* ]] ;;
		esac || fail "$p: $(target / '.propagation | join(" ")')"
	done
}

@test "no mount of the container reaches the host" {
	config '.linux.rootfsPropagation = "rslave"'
	up
	same mounts "$(mounts)" "$before_mounts"
}

@test "--no-pivot" {
	ours "1.1 spoils the mounts of the sandbox with it"
	config '.linux.rootfsPropagation = "slave"'
	args sh -c 'ls / | sort | tr "\n" " "; grep -c . /proc/self/mountinfo'
	ok run_bundle --no-pivot "$ID"
	[[ $out == "bin dev etc"* ]] || fail "another root"
	config '.linux.rootfsPropagation = "rprivate"'
	no 1 "not safe without pivot_root" run_bundle --no-pivot "$ID"
}

@test "cgroup mount, writable" {
	config '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
	inside sh -c 'mkdir /sys/fs/cgroup/sub && ls -d /sys/fs/cgroup/sub && rmdir /sys/fs/cgroup/sub'
	same directory "$out" /sys/fs/cgroup/sub
}

@test "/sys without a network namespace" {
	config '.linux.namespaces |= map(select(.type != "network")) | .process.capabilities.bounding += ["CAP_SYS_ADMIN"]'
	view
	same sys "$(target /sys .type)" sysfs
	has /sys ro
}

@test "overlay, ramfs: any filesystem the kernel has" {
	mkdir -p "$BATS_TEST_TMPDIR"/{lower,upper,work}
	mv "$BATS_TEST_TMPDIR/lower" "$BATS_TEST_TMPDIR/low\"er"
	echo lower >"$BATS_TEST_TMPDIR/low\"er/file"
	mount_entry "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"o\",\"options\":[\"lowerdir=$BATS_TEST_TMPDIR/low\\\"er,upperdir=$BATS_TEST_TMPDIR/upper\",\"workdir=$BATS_TEST_TMPDIR/work\",\"nosuid\"]}"
	mount_entry '{"destination":"/r","type":"ramfs","source":"r","options":["mode=0711","noexec"]}'
	inside sh -c 'cat /o/file; echo upper >/o/file; stat -c %a /r; grep -c " /[or] .* - \(overlay\|ramfs\) " /proc/self/mountinfo'
	same view "$out" $'lower\n711\n2'
	same upper "$(cat "$BATS_TEST_TMPDIR/upper/file")" upper
	ours "1.1 names no field"
	mount_entry '{"destination":"/x","type":"nosuchfs","source":"x"}'
	no 1 'mounts[9]: mount nosuchfs on "/x"' run_bundle "$ID"
	mount_entry '{"destination":"/x","type":"tmpfs","source":"x","options":["nosuch=1"]}'
	config 'del(.mounts[9])'
	no 1 'nosuch' run_bundle "$ID"
	one_error
}

@test "a bound /dev is left as it is" {
	mkdir -p "$BATS_TEST_TMPDIR/dev"
	mknod -m 666 "$BATS_TEST_TMPDIR/dev/null" c 1 3
	config --arg s "$BATS_TEST_TMPDIR/dev" '.mounts = [.mounts[] | select(.destination | startswith("/dev") | not)] + [{destination: "/dev", source: $s, options: ["bind"]}]'
	inside ls /dev
	same devices "$out" null
}

@test "filesystem data on a bind mount is refused" {
	ours "1.1 takes no notice"
	mount_entry '{"destination":"/d","source":"/tmp","options":["bind","size=1m"]}'
	no 1 'mounts[7].options[1]: "size=1m": bind mounts cannot have any filesystem-specific options applied' run_bundle "$ID"
	one_error
}

@test "the allowed files of /proc may be covered, as lxcfs does" {
	echo fake >"$BATS_TEST_TMPDIR/fake"
	config --arg s "$BATS_TEST_TMPDIR/fake" '.mounts += ["cpuinfo", "meminfo", "stat", "uptime", "loadavg", "swaps", "diskstats"
		| {destination: "/proc/\(.)", type: "bind", source: $s, options: ["bind"]}]'
	inside cat /proc/cpuinfo /proc/uptime
	same content "$out" $'fake\nfake'
}

@test "masked and read-only paths: each once, none without effect" {
	ours "1.1 mounts over twice"
	config '.linux.maskedPaths += ["/proc/timer_list", "proc/timer_list", "/proc//timer_list/", "/sys/firmware"]
		| .linux.readonlyPaths += ["/proc/sys", "/proc/./sys"]'
	args /probe view
	ok run_bundle "$ID"
	same mounts "$(jq -r '[.mounts[].target | select(. == "/proc/timer_list" or . == "/proc/sys" or . == "/sys/firmware")] | sort | join(" ")' "$OUT")" \
		"/proc/sys /proc/timer_list /sys/firmware"
	# The root can't be mounted over.
	ln -s / "$BUNDLE/rootfs/top"
	config '.linux.maskedPaths += ["/./"]'
	no 1 'linux.maskedPaths[9]: "/./", expected an absolute path below' run_bundle "$ID"
	config '.linux.maskedPaths[9] = "/top"'
	no 1 'linux.maskedPaths[9]: mask "/top": "/top" leads to the root filesystem itself' run_bundle "$ID"
	config '.linux.maskedPaths = [] | .linux.readonlyPaths = ["/top"]'
	no 1 'linux.readonlyPaths[0]: make read-only "/top": "/top" leads to the root filesystem itself' run_bundle "$ID"
}

@test "the root among the read-only paths" {
	ours "1.1 shows the writable root below"
	config '.linux.readonlyPaths += ["/"]'
	args sh -c 'touch /file; touch /dev/file && echo "mounts are not"'
	ok run_bundle "$ID"
	[[ $err == *"/file: Read-only file system"* ]] || fail "the root is writable"
	[[ $out == "mounts are not"* ]] || fail "mounts are read-only, too"
	[ ! -e "$BUNDLE/rootfs/file" ] || fail "written"
}

@test "a mount on /proc/net/dev would be one process's only" {
	mount_entry '{"destination":"/proc/net/dev","type":"bind","source":"/etc/hostname","options":["bind"]}'
	ours "1.1 mounts it for init"
	no 1 'mounts[7].destination: "/proc/net/dev" cannot be mounted because it is inside /proc' run_bundle "$ID"
}

@test "options of a cgroup mount are the kernel's to know" {
	ours "1.1 has other words"
	config '.mounts |= map(if .type == "cgroup" then .options += ["nonsense"] else . end)'
	no 1 'nonsense' run_bundle "$ID"
	[[ $err == *'mounts[6]: mount cgroup2 on "/sys/fs/cgroup"'*"invalid argument"* ]] || fail "not the kernel's answer"
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	no 1 'mounts[6].options[5]: "nonsense": without a cgroup namespace the mount is the host' run_bundle "$ID"
}

@test "words of engines among the options of a bind mount" {
	ours "1.1 takes no notice"
	mkdir "$BATS_TEST_TMPDIR/volume"
	touch "$BATS_TEST_TMPDIR/volume/file"
	config --arg v "$BATS_TEST_TMPDIR/volume" '.mounts += [{destination: "/mnt", type: "bind", source: $v, options: ["rbind", "z", "nocopy", "ro", "volume-opt=o=addr"]}]'
	args ls /mnt
	ok rt --log-level warning run --bundle "$BUNDLE" "$ID"
	same content "$out" file
	local i word
	for i in '1 z' '2 nocopy' '4 volume-opt=o=addr'; do
		word=${i#* }
		[[ $err == *"\"$word\" is an engine's option for volumes: it has no effect here"*"mounts[7].options[${i% *}]"* ]] || fail "no warning of $word"
	done
	config '.mounts[7].options += ["size=1k"]'
	no 1 'mounts[7].options[5]: "size=1k": bind mounts cannot have' run_bundle "$ID"
}

@test "overlay: more than 255 bytes of directories, and of one" {
	local deep=$BATS_TEST_TMPDIR lower= i long
	for i in 1 2 3 4 5; do
		long=$BATS_TEST_TMPDIR/lower-$i-$(printf %070d 0)
		mkdir "$long"
		echo $i >"$long/file$i"
		lower+=${lower:+:}$long
	done
	for i in 1 2 3 4; do
		deep+=/$(printf %090d "$i")
		mkdir "$deep"
	done
	mkdir "$deep/upper" "$deep/work"
	mount_entry "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"o\",\"options\":[\"lowerdir=$lower\",\"upperdir=$deep/upper\",\"workdir=$deep/work\"]}"
	inside sh -c 'cat /o/file*; echo upper >/o/new'
	same lower "$out" $'1\n2\n3\n4\n5'
	same upper "$(cat "$deep/upper/new")" upper
	config --arg d "$deep/upper:$long" '.mounts[7].options = ["lowerdir=" + $d]'
	inside cat /o/new
	same "one that is long" "$out" upper
	# Layers of data alone, whose files show only where a layer above refers to them.
	local data='["lowerdir=\($l)::\($d)::\($d2)", "metacopy=on", "redirect_dir=on"]'
	config --arg l "${lower%:*}" --arg d "$long" --arg d2 "$deep/upper" ".mounts[7].options = $data"
	inside ls /o
	same "beside data" "$out" $'file1\nfile2\nfile3\nfile4'
	config --arg l "${lower%:*}" --arg d "$long" --arg d2 "$deep/upper:$long" ".mounts[7].options = $data"
	try run_bundle "$ID"
	[ "$rc" != 0 ] || fail "a layer behind those of data was taken"
	config 'del(.mounts[7])'
	ours "1.1 has other words"
	mount_entry "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":[\"mpol=$(printf %0300d 0)\"]}"
	no 1 "a value of 300 bytes, at most 255 are possible" run_bundle "$ID"
}

@test "overlay: layers by symbolic links of the host's, with colons, and on an earlier mount" {
	local dir=$BATS_TEST_TMPDIR
	mkdir -p "$dir/a:b" "$dir/c:d" "$dir/volume2" "$dir/up/u" "$dir/work" "$dir/volume/low"
	echo colon >"$dir/a:b/colon"
	echo more >"$dir/c:d/more"
	echo volume >"$dir/volume/low/volume"
	ln -s "a:b" "$dir/link"
	ln -s up "$dir/uplink"
	mount_entry "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"o\",\"options\":[\"lowerdir=$dir/link:$dir/c\\\\:d:$dir/volume/low\",\"upperdir=$dir/uplink/u\",\"workdir=$dir/work\"]}"
	inside sh -c 'cat /o/*; echo upper >/o/new'
	same lower "$out" $'colon\nmore\nvolume'
	same upper "$(cat "$dir/up/u/new")" upper
	ours "1.1 has no view of the mounts before"
	config --arg v "$dir/volume" --arg b "$BUNDLE/rootfs" '.mounts = .mounts[0:7] + [{destination: "/mnt", source: $v, options: ["bind"]},
		{destination: "/o", type: "overlay", source: "o", options: ["lowerdir=\($b)/mnt/low:\($v)2"]}]'
	inside cat /o/volume
	same "on an earlier mount" "$out" volume
}

@test "a mount point that is missing in a read-only bind mount" {
	ours "1.1 has other words"
	mkdir "$BATS_TEST_TMPDIR/volume"
	config --arg v "$BATS_TEST_TMPDIR/volume" '.mounts += [{destination: "/mnt", type: "bind", source: $v, options: ["bind", "ro"]},
		{destination: "/mnt/below", type: "tmpfs", source: "t"}]'
	no 1 'mounts[8]: mount tmpfs on "/mnt/below"' run_bundle "$ID"
	[[ $err == *"hint: the mount point is missing, and cannot be made in a read-only mount"*"read-only file system"* ]] || fail "no hint"
	[ ! -e "$BATS_TEST_TMPDIR/volume/below" ] || fail "the source was written to"
	mkdir "$BATS_TEST_TMPDIR/volume/below"
	inside touch /mnt/below/file
}

@test "ro of a filesystem made of files is one of the filesystem, as with mount(2)" {
	mkdir -p "$BATS_TEST_TMPDIR"/{a,b}
	mount_entry "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"o\",\"options\":[\"lowerdir=$BATS_TEST_TMPDIR/a:$BATS_TEST_TMPDIR/b\",\"ro\"]}"
	view
	has /o ro
	same "the filesystem" "$(target /o '.super | index("ro") != null')" true
	truncate -s 4m "$BATS_TEST_TMPDIR/disk"
	mkfs.ext4 -q "$BATS_TEST_TMPDIR/disk" 2>/dev/null || skip "needs mkfs.ext4"
	local disk
	disk=$(losetup --find --show --read-only "$BATS_TEST_TMPDIR/disk" 2>/dev/null) || skip "needs a loop device"
	mount_entry "{\"destination\":\"/d\",\"type\":\"ext4\",\"source\":\"$disk\",\"options\":[\"ro\"]}"
	args /probe view
	try run_bundle "$ID"
	[ "$rc" = 0 ] && same "a disk that is read-only" "$(target /d .type)" ext4 || rc=1
	# The container's rules are not for its mounts, but for what it opens.
	args sh -c "mknod /tmp/disk b $(stat -c '0x%t 0x%T' "$disk") && head -c 1 /tmp/disk >/dev/null 2>&1 && echo read; ls -d /d/lost+found"
	[ "$rc" = 1 ] || { try run_bundle "$ID"; same "what it may" "$out" /d/lost+found || rc=1; }
	losetup -d "$disk"
	[ "$rc" = 0 ] || fail "see above"
}
