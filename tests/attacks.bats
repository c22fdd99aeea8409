#!/usr/bin/env bats
# What hostile images and neighbours tried on other runtimes, tried on this
# one. Each test is headed by the advisory that taught it. A test passes when
# the host is untouched; most containers may start or not, as they like.
load helpers

# setup_victim: a directory of the host that nothing of the container may reach.
setup_victim() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir "$VICTIM"
	echo original >"$VICTIM/file"
	before=$(victim)
}
victim() { find "$VICTIM" -printf '%P %y %m %U:%G %s\n' | sort; cat "$VICTIM/file"; }
unharmed() { same "the host's directory" "$(victim)" "$before"; }

# attempt: run the bundle; whether it starts is up to the runtime, but it must
# not crash.
attempt() {
	try run_bundle "$@" "$ID"
	[[ $rc -lt 124 && $err != *panic* && $err != *goroutine* ]] || fail "crash: exit code $rc"
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
}

@test "CVE-2019-19921, CVE-2023-27561: /proc is a symlink" {
	setup_victim
	rm -rf "$BUNDLE/rootfs/proc"
	ln -s "$VICTIM" "$BUNDLE/rootfs/proc"
	attempt
	unharmed
	[ "$rc" != 0 ] || fail "started with a /proc that is a symlink"
	rm "$BUNDLE/rootfs/proc"
	ln -s tmp "$BUNDLE/rootfs/proc"
	attempt
	[ "$rc" != 0 ] || fail "started with a /proc that is a symlink inside the root"
}

@test "CVE-2023-28642: /sys is a symlink" {
	setup_victim
	rm -rf "$BUNDLE/rootfs/sys"
	ln -s "$VICTIM" "$BUNDLE/rootfs/sys"
	attempt
	unharmed
	[ "$rc" != 0 ] || fail "started with a /sys that is a symlink"
}

@test "CVE-2026-41579, CVE-2026-47766: /dev is a symlink" {
	setup_victim
	rm -rf "$BUNDLE/rootfs/dev"
	ln -s "$VICTIM" "$BUNDLE/rootfs/dev"
	args true
	ours "1.1 falls for it"
	attempt
	unharmed
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	attempt
	unharmed
	rm "$BUNDLE/rootfs/dev"
	ln -s "../../../../../../../../../..$VICTIM" "$BUNDLE/rootfs/dev"
	attempt
	unharmed
}

@test "CVE-2021-30465, CVE-2019-18837: a mount target leads outside" {
	setup_victim
	args true
	local link
	for link in "$VICTIM" "../../../../../../../../../..$VICTIM" "/proc/1/root$VICTIM"; do
		rm -rf "$BUNDLE/rootfs/data"
		ln -s "$link" "$BUNDLE/rootfs/data"
		config --arg s "$BATS_TEST_TMPDIR" '.mounts = [.mounts[] | select(.destination | startswith("/data") | not)]
			+ [{destination: "/data", type: "tmpfs", source: "t"}, {destination: "/data/sub/deep", type: "bind", source: "/etc", options: ["bind"]}]'
		attempt
		unharmed
		same mounts "$(mounts)" "$before_mounts"
	done
}

@test "CVE-2021-30465: the mount target changes while it is mounted" {
	setup_victim
	args true
	config '.mounts += [range(20) | {destination: "/race/a\(.)", type: "tmpfs", source: "t"}]'
	mkdir -p "$BUNDLE/rootfs/race" "$BUNDLE/rootfs/race2"
	ln -s "$VICTIM" "$BUNDLE/rootfs/lure"
	(
		set +eET
		trap - ERR
		cd "$BUNDLE/rootfs" || exit
		while :; do
			mv -T race real 2>/dev/null && mv -T lure race 2>/dev/null
			mv -T race lure 2>/dev/null && mv -T real race 2>/dev/null
		done
	) </dev/null >/dev/null 2>&1 3>&- &
	local racer=$! n
	for n in $(seq 10); do
		try run_bundle "$ID"
		rt delete --force "$ID" >/dev/null 2>&1 3>&-
	done
	kill $racer
	wait $racer 2>/dev/null || true
	unharmed
	same mounts "$(mounts)" "$before_mounts"
}

@test "CVE-2024-45310: mount points are made inside the root only" {
	setup_victim
	mkdir "$BUNDLE/rootfs/a"
	ln -s "$VICTIM" "$BUNDLE/rootfs/a/b"
	args true
	config '.mounts += [{destination: "/a/b/c/d", type: "tmpfs", source: "t"}]'
	attempt
	unharmed
}

@test "CVE-2025-31133: /dev/null is swapped, masked paths follow" {
	setup_victim
	rm -f "$BUNDLE/rootfs/dev/null"
	ln -s /proc/sys/kernel/core_pattern "$BUNDLE/rootfs/dev/null"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.maskedPaths = ["/proc/keys", "/etc/passwd"]'
	script 'head -c 20 /proc/keys; cat /etc/passwd'
	attempt
	[ -z "$out" ] || [ "$rc" != 0 ] || fail "the masked file shows something else"
	ours "1.1 falls for it"
	[ "$rc" != 0 ] || same "masked file" "$out" ""
}

@test "CVE-2026-88265: /dev/null of the image is a file" {
	echo content >"$BUNDLE/rootfs/dev/null"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .process.user = {uid: 1000, gid: 1000}'
	args true
	attempt
	same owner "$(stat -c %u:%g "$BUNDLE/rootfs/dev/null")" 0:0
}

@test "CVE-2026-88264, CVE-2025-52565: /dev/console is a symlink" {
	setup_victim
	config 'del(.mounts[] | select(.destination == "/dev")) | .process.terminal = true | .process.args = ["true"]'
	ln -s "$VICTIM/console" "$BUNDLE/rootfs/dev/console"
	"$PROBE" receive "$BATS_TEST_TMPDIR/console" >/dev/null 2>&1 3>&- &
	local receiver=$!
	until_true test -S "$BATS_TEST_TMPDIR/console"
	try create --console-socket "$BATS_TEST_TMPDIR/console" "$ID"
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
	kill $receiver 2>/dev/null || true
	unharmed
}

@test "CVE-2025-52565: what an image has in the place of a terminal" {
	ours "1.1 takes some of them"
	local dev=$BUNDLE/rootfs/dev lie
	mkdir -p "$dev/pts"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .process.terminal = true | .process.args = ["true"]'
	for lie in missing file link null; do
		rm -f "$dev/pts/ptmx"
		case $lie in
		file) : >"$dev/pts/ptmx" ;;
		link) ln -s /proc/1/root/dev/ptmx "$dev/pts/ptmx" ;;
		null) mknod "$dev/pts/ptmx" c 1 3 ;;
		esac
		no 1 "process.terminal: make the terminal" run_bundle "$ID"
		one_error
	done
	rm -rf "$dev/pts"
	ln -s ../../../../../../../../../../dev/pts "$dev/pts"
	no 1 "process.terminal: make the terminal" run_bundle "$ID"
	# A real terminal, and no place for /dev/console.
	rm "$dev/pts"
	config '.mounts += [{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"]}]'
	mkdir "$dev/console"
	no 1 "process.terminal: make the terminal" run_bundle "$ID"
}

@test "CVE-2024-21626: cwd is a descriptor of the host" {
	local fd
	ours "1.1 falls for it"
	exec 7</
	for fd in 3 4 5 6 7 8 9 10 11; do
		config --arg c "/proc/self/fd/$fd" '.process.cwd = $c'
		args sh -c 'ls -d ../../../../..'"$BATS_TEST_TMPDIR"
		attempt
		[[ $out != *"$BATS_TEST_TMPDIR"* ]] || fail "the host shows through descriptor $fd"
	done
	exec 7<&-
}

@test "CVE-2024-21626: no descriptor of the host in the container, whatever the caller leaks" {
	exec 7</ 8<"$BATS_TEST_TMPDIR" 9</sys/fs/cgroup
	args /probe view
	ok run_bundle "$ID"
	exec 7<&- 8<&- 9<&-
	same descriptors "$(jq -r '.descriptors | keys | join(" ")' "$OUT")" "0 1 2"
}

@test "CVE-2019-5736: the runtime's binary cannot be overwritten through /proc/self/exe" {
	local sum
	sum=$(sha256sum <"$RUNTIME")
	# The image's program is the runtime itself, as seen from inside.
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/evil"
	chmod 755 "$BUNDLE/rootfs/evil"
	args /evil
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]) | .process.noNewPrivileges = false'
	try create "$ID"
	if [ "$rc" = 0 ]; then
		local pid
		pid=$(pid_of)
		# Init waits for start: what it runs from must refuse writers.
		! (: >>"/proc/$pid/exe") 2>/dev/null || fail "init's binary can be opened for writing"
		try start "$ID"
		rt delete --force "$ID" >/dev/null 2>&1 3>&-
	fi
	same binary "$(sha256sum <"$RUNTIME")" "$sum"
}

@test "CVE-2019-5736: init does not run from the binary on disk" {
	ours "1.1 binds it read-only, which shows as the same file"
	ok create "$ID"
	local pid
	pid=$(pid_of)
	[ "$(stat -Lc %d:%i "/proc/$pid/exe")" != "$(stat -Lc %d:%i "$RUNTIME")" ] || fail "runs from $RUNTIME itself"
}

@test "CVE-2022-29162: nothing is inheritable that the config does not say" {
	inside grep -E 'CapInh|CapAmb' /proc/self/status
	same sets "$out" $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000'
}

@test "CVE-2019-16884, CVE-2025-52881: mounts that would cover /proc/self are refused" {
	ours "1.1 covers /proc/self/attr"
	local target
	for target in /proc /proc/self /proc/self/attr /proc/thread-self/attr /proc/sys /proc/1; do
		config --arg t "$target" '.mounts = [.mounts[0:7][]] + [{destination: $t, type: "tmpfs", source: "t"}]'
		args true
		try run_bundle "$ID"
		[ "$rc" != 0 ] || fail "$target was covered"
	done
	mkdir "$BATS_TEST_TMPDIR/fake"
	config --arg s "$BATS_TEST_TMPDIR/fake" '.mounts = [.mounts[0:7][]] + [{destination: "/proc", type: "bind", source: $s, options: ["rbind"]}]'
	try run_bundle "$ID"
	[ "$rc" != 0 ] || fail "/proc was covered by a bind"
}

@test "the allowed files of /proc may be covered, as lxcfs does" {
	echo fake >"$BATS_TEST_TMPDIR/fake"
	config --arg s "$BATS_TEST_TMPDIR/fake" '.mounts += ["cpuinfo", "meminfo", "stat", "uptime", "loadavg", "swaps", "diskstats"
		| {destination: "/proc/\(.)", type: "bind", source: $s, options: ["bind"]}]'
	inside cat /proc/cpuinfo /proc/uptime
	same content "$out" $'fake\nfake'
}

@test "2025-52881: sysctls go to the right file, whatever covers /proc/sys" {
	local before
	before=$(cat /proc/sys/kernel/core_pattern)
	rm -rf "$BUNDLE/rootfs/proc"
	mkdir -p "$BUNDLE/rootfs/proc/sys/net/ipv4"
	ln -s /proc/sys/kernel/core_pattern "$BUNDLE/rootfs/proc/sys/net/ipv4/ip_forward"
	config '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	inside cat /proc/sys/net/ipv4/ip_forward
	same sysctl "$out" 1
	same core_pattern "$(cat /proc/sys/kernel/core_pattern)" "$before"
}

@test "CVE-2016-3697: a user of the image named like a number is nobody special" {
	echo '1000:x:0:0::/root:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
	config '.process.user = {uid: 1000, gid: 1000}'
	inside id -u
	same uid "$out" 1000
}

@test "passwd of the image is a symlink to the host's, a fifo, a monster" {
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

@test "container ids and state: no way out of the root directory" {
	setup_victim
	mkdir -m 700 -p "$ROOT"
	ln -s "$VICTIM" "$ROOT/link"
	try rt delete --force link
	try rt state link
	unharmed
	rm -f "$ROOT/link"
	try rt delete --force ../victim
	[ "$rc" != 0 ] || fail "accepted"
	unharmed
}

@test "CVE-2016-9962: waiting in a shared pid namespace, init is not dumpable" {
	up
	local pid member
	pid=$(pid_of)
	member=$ID-member
	config --arg p "/proc/$pid/ns/pid" '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)'
	ok create "$member"
	pid=$(pid_of "$member")
	same dumpable "$(stat -c %u "/proc/$pid/fd")" 0
	ok rt delete --force "$member"
}

@test "CVE-2025-52881: no window: the rootfs is not writable through /proc/self/fd of init" {
	config '.root.readonly = true'
	script 'mount -o remount,rw / 2>/dev/null; touch /x 2>/dev/null && echo written'
	attempt
	same output "$out" ""
	[ ! -e "$BUNDLE/rootfs/x" ]
}

@test "the umask, the environment and the signals of a hostile caller do not reach the container" {
	args /probe view
	(
		umask 0777
		# Not through rt: timeout(1) would answer some of them.
		LD_PRELOAD=/nosuch.so GODEBUG=x=1 env --ignore-signal --block-signal \
			"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&-
	)
	same umask "$(jq -r .status.Umask "$OUT")" 0022
	same env "$(jq -r '.env | length' "$OUT")" 2
	same ignored "$(jq -r .signals.ignored "$OUT")" 0000000000000000
	same blocked "$(jq -r .signals.blocked "$OUT")" 0000000000000000
}

@test "root of a user namespace mounts on the devices: the host's stay as they are" {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
		| .linux.resources.devices = [{allow: true, access: "rwm"}]'
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	script 'for d in null zero full random tty; do mount --bind /dev/urandom /dev/$d && echo mounted; done; sleep 1000'
	[ "$(findmnt -no PROPAGATION /dev)" = shared ] || skip "the host's /dev is not shared here"
	up
	until_true sh -c '[ $(grep -c " /dev/tty " "/proc/$1/mountinfo") = 2 ]' sh "$(pid_of)"
	[ "$(mounts)" = "$before_mounts" ] || fail "the host's mounts changed: $(diff <(echo "$before_mounts") <(mounts))"
}

@test "the host's /dev/null as a standard stream: its mode and owner stay" {
	local null=$BATS_TEST_TMPDIR/null
	mknod -m 666 "$null" c 1 3
	script 'chmod 600 /proc/self/fd/0; chmod 755 /proc/self/fd/2; chmod 111 /dev/stdin; chown 7 /proc/self/fd/1; true'
	rt run --bundle "$BUNDLE" "$ID" <"$null" >"$null" 2>"$null" 3>&-
	same "mode and owner" "$(stat -c '%a %u' "$null")" "666 0"
}

# watched: run the container as one that may trace, looks into every other
# process, and writes down what it sees, while commands are executed in it.
watched() {
	local n
	config '.process.args = ["/probe", "watch", "/stop"] | .process.noNewPrivileges = false
		| .process.capabilities = {bounding: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"], permitted: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"], effective: ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]}'
	ok create "$ID"
	ok start "$ID"
	SAW=$BATS_TEST_TMPDIR/saw
	for n in $(seq "$1"); do
		HOST_SECRET=1 ok rt exec --cwd /usr "$ID" true
	done
	touch "$BUNDLE/rootfs/stop"
	wait_status stopped
	cp "$BUNDLE/rootfs/saw" "$SAW"
	# At least one was caught, or this proves nothing.
	grep -q ' exe ' "$SAW" || skip "no exec was caught: too fast for the watcher"
	[ -z "$(grep ' fd ' "$SAW" | grep -vE ' fd ([012] |3 socket:)')" ] || fail "descriptors: $(grep ' fd ' "$SAW")"
	! grep -E ' (fd|map|cwd|root|environ) .*('"$BATS_RUN_TMPDIR"'|HOST_SECRET|/sys/fs)' "$SAW" | grep -vE ' fd [012] ' | grep . || fail "of the host"
	[ -z "$(grep -E ' Cap(Prm|Eff|Bnd) ' "$SAW" | grep -v ' 0000000000080002$')" ] || fail "capabilities: $(grep Cap "$SAW")"
	[ -z "$(grep ' Threads ' "$SAW" | grep -v ' 1$')" ] || fail "threads: $(grep Threads "$SAW")"
	[ -z "$(grep ' environ ' "$SAW" | grep -vE 'environ (GOMAXPROCS=1 GOGC=off|PATH=[^ ]* HOME=/root)$')" ] || fail "environment: $(grep environ "$SAW")"
	[ -z "$(grep ' root ' "$SAW" | grep -v ' root /$')" ] || fail "root: $(grep ' root ' "$SAW")"
}

@test "CVE-2016-9962: exec into a container that may trace: nothing of the host's, no privilege" {
	ours "1.1's init is seen with the descriptors and capabilities of the host's"
	script 'true'
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	mv "$BUNDLE/rootfs/probe" "$BUNDLE/rootfs/probe.real"
	printf '#!/bin/sh\nexec /probe.real "$@" >/saw\n' >"$BUNDLE/rootfs/probe"
	chmod +x "$BUNDLE/rootfs/probe"
	watched 60
	# It is never without the container's filter: whoever takes it over gains
	# nothing.
	[ -z "$(grep ' Seccomp ' "$SAW" | grep -v ' 2$')" ] || fail "without the filter: $(grep Seccomp "$SAW")"
}
