#!/usr/bin/env bats
# /proc and what protects it: the runtime writes where the kernel reads, and what
# is to be hidden or read-only is, whatever the image and its volumes have there.
load attacks

@test "CVE-2019-19921, CVE-2023-27561, CVE-2025-54867: /proc is a symbolic link" {
	setup_victim
	args sh -c 'ls -A /proc; cat /tmp/keys'
	local link
	for link in "$VICTIM" "../../../../../../../../../..$VICTIM" tmp /proc/1/root/proc; do
		rm -rf "$BUNDLE/rootfs/proc"
		ln -s "$link" "$BUNDLE/rootfs/proc"
		attempt
		unharmed
		[ "$rc" != 0 ] || succeeds "started with a /proc that leads to $link"
	done
}

@test "CVE-2023-28642: /sys is a symbolic link" {
	setup_victim
	args true
	local link
	for link in "$VICTIM" "../../../../../../../../../..$VICTIM" tmp; do
		rm -rf "$BUNDLE/rootfs/sys"
		ln -s "$link" "$BUNDLE/rootfs/sys"
		attempt
		unharmed
		[ "$rc" != 0 ] || succeeds "started with a /sys that leads to $link"
	done
}

@test "CVE-2019-16884: a volume covers /proc, or what the runtime writes to below it" {
	mkdir "$BATS_TEST_TMPDIR/fake"
	args true
	local target
	for target in /proc /proc/self /proc/self/attr /proc/thread-self/attr /proc/sys /proc/1; do
		mounts_are "[{\"destination\": \"$target\", \"type\": \"tmpfs\", \"source\": \"t\"}]"
		attempt
		[ "$rc" != 0 ] || succeeds "a tmpfs covers $target"
		mounts_are "[{\"destination\": \"$target\", \"type\": \"bind\", \"source\": \"$BATS_TEST_TMPDIR/fake\", \"options\": [\"rbind\"]}]"
		attempt
		[ "$rc" != 0 ] || succeeds "a volume covers $target"
	done
}

@test "CVE-2025-52881, CVE-2025-62596: what is written to /proc does not go to files of the image" {
	# Without a procfs in the container the image's files are what is there. With
	# one, other mounts or a neighbour that moves them make the same of it.
	local fake=$BUNDLE/rootfs/proc who
	rm -rf "$fake"
	mkdir -p "$fake/sys/net/ipv4"
	echo 0 >"$fake/sys/net/ipv4/ip_forward"
	for who in self thread-self 1; do
		mkdir -p "$fake/$who/attr"
		echo 0 >"$fake/$who/oom_score_adj"
	done
	config 'del(.mounts[] | select(.destination == "/proc")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.oomScoreAdj = 777
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	try create "$ID"
	[ -z "$(grep -r -l -e 1 -e 777 "$fake")" ] || succeeds "written to $(grep -r -l -e 1 -e 777 "$fake")"
	is_ours || return 0
	[ "$rc" = 0 ] || fail "does not start"
	# And it reached the kernel.
	same sysctl "$(nsenter --net="/proc/$(pid_of)/ns/net" cat /proc/sys/net/ipv4/ip_forward)" 1
	same oom_score_adj "$(cat "/proc/$(pid_of)/oom_score_adj")" 777
}

@test "CVE-2025-52881: mount targets that lead onto /proc" {
	args true
	local link
	mkdir -p "$BATS_TEST_TMPDIR/fake"
	for link in /proc/self/attr /proc/self /proc/sys/net ../proc/thread-self/attr; do
		ln -sfn "$link" "$BUNDLE/rootfs/lure"
		mounts_are "[{\"destination\": \"/lure\", \"type\": \"bind\", \"source\": \"$BATS_TEST_TMPDIR/fake\", \"options\": [\"rbind\"]}]"
		attempt
		[ "$rc" != 0 ] || succeeds "a volume covers $link by way of a link"
	done
}

@test "CVE-2025-31133, CVE-2025-62161: /dev/null is swapped, masks show what it leads to" {
	rm -f "$BUNDLE/rootfs/dev/null"
	echo unmasked >"$BUNDLE/rootfs/etc/lure"
	ln -s /etc/lure "$BUNDLE/rootfs/dev/null"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.maskedPaths = ["/proc/timer_list", "/etc/passwd"]'
	args cat /proc/timer_list /etc/passwd
	local lie
	for lie in link file zero; do
		attempt
		[[ $rc != 0 || -z $out ]] || succeeds "a mask shows $(head -c 50 "$OUT" | tr '\0' 0)"
		rm -f "$BUNDLE/rootfs/dev/null"
		[ "$lie" != link ] || echo unmasked >"$BUNDLE/rootfs/dev/null"
		[ "$lie" != file ] || mknod "$BUNDLE/rootfs/dev/null" c 1 9
	done
}

@test "CVE-2025-31133, CVE-2025-62161: /dev/null is exchanged while masks are made" {
	# The container's /dev is a volume; a neighbour that has it, too, exchanges
	# the device for a link and back.
	rm -f "$BUNDLE/rootfs/dev/null"
	mknod -m 666 "$BUNDLE/rootfs/dev/null" c 1 3
	echo unmasked >"$BUNDLE/rootfs/etc/lure"
	ln -s /etc/lure "$BUNDLE/rootfs/dev/lure"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .linux.maskedPaths = ([range(20) | "/etc/m\(.)"] + ["/etc/passwd"])'
	local n
	for n in $(seq 0 19); do echo secret >"$BUNDLE/rootfs/etc/m$n"; done
	args sh -c 'cat /etc/m* /etc/passwd'
	"$PROBE" exchange "$BUNDLE/rootfs/dev/null" "$BUNDLE/rootfs/dev/lure" 2>/dev/null 3>&- &
	RACER=$!
	swapped() {
		attempt
		[[ $rc != 0 || -z $out ]] || { raced; succeeds "a mask shows $(head -n 1 "$OUT")"; }
	}
	for_a_while swapped
	raced
}

@test "CVE-2026-115521: /proc/self/fd is the image's: a read-only root stays one" {
	local fake=$BUNDLE/rootfs/proc fd who
	config 'del(.mounts[] | select(.destination == "/proc")) | .root.readonly = true | .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| .mounts += [{destination: "/lure", type: "tmpfs", source: "t"}]'
	rm -rf "$fake"
	for who in self thread-self 1; do
		mkdir -p "$fake/$who/fd"
		for fd in $(seq 0 40); do ln -s /lure "$fake/$who/fd/$fd"; done
	done
	script 'touch /x && echo written'
	attempt
	[[ ! -e $BUNDLE/rootfs/x && $out != *written* ]] || succeeds "the root is writable"
	is_ours || return 0
	[[ $err == *"Read-only file system"* ]] || fail "does not start"
}

@test "the root is not writable through init's descriptors" {
	config '.root.readonly = true'
	script 'mount -o remount,rw / 2>/dev/null; touch /x /proc/*/fd/*/x /proc/*/root/x /proc/*/cwd/x 2>/dev/null && echo written'
	attempt
	[[ ! -e $BUNDLE/rootfs/x && $out != *written* ]] || succeeds "the root is writable"
}
