# attacks.bash: what the suites of attacks stand on. Load it instead of helpers.
#
# A test is an attack, named by the published CVE or by the finding of
# docs/attacks.md that taught it. It passes when the attack is stopped; most
# containers may start or not, as they like. It ends in `succeeds` when the
# attack gets through, so that with another RUNTIME the outcome can be told from
# a test that does not suit that runtime (see all).
#
# RACE is how many seconds an attack that needs luck tries its own.
# shellcheck shell=bash
load ../suites/helpers
: "${RACE:=1}"

# Attacks that get through change the owner and mode of standard streams and the
# mounts on devices: those of this sandbox are its own.
suite_setup() {
	mkdir -p "$BATS_FILE_TMPDIR/dev"
	mknod -m 666 "$BATS_FILE_TMPDIR/dev/null" c 1 3
	mount --bind "$BATS_FILE_TMPDIR/dev/null" /dev/null
}

suite_teardown() { umount /dev/null; }

# Whether another runtime clears up after an attack is not the question here.
teardown() {
	if is_ours; then
		delete_all
		nothing_left
	else
		delete_all || true
		nothing_left || true
	fi
}

# succeeds TEXT: the attack got through.
succeeds() {
	local text=${*//$'\n'/; }
	fail "the attack succeeds: ${text:0:400}"
}

# open FINDING COMMAND...: COMMAND is an attack that is known to succeed. The
# test is skipped while it does, and fails once it does not: then the mark goes.
open() {
	local finding=$1 rc=0
	shift
	is_ours || { "$@"; return; }
	(
		fail() { echo "$*" >&2; exit 1; }
		"$@"
	) 2>"$BATS_TEST_TMPDIR/open" || rc=$?
	grep -q 'the attack succeeds: ' "$BATS_TEST_TMPDIR/open" || {
		cat "$BATS_TEST_TMPDIR/open" >&2
		[ "$rc" = 0 ] || return "$rc"
		fail "$finding is no longer open: remove its mark here and in docs/attacks.md"
	}
	skip "open: $finding: $(sed -n 's/.*the attack succeeds: //p' "$BATS_TEST_TMPDIR/open" | head -n 1)"
}

# setup_victim: a directory of the host that nothing of the container may reach.
setup_victim() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir -p "$VICTIM/dir"
	echo secret >"$VICTIM/file"
	before=$(victim)
}
victim() { find "$VICTIM" -printf '%P %y %m %U:%G %s\n' | sort; cat "$VICTIM/file"; }

# unharmed: the host's directory and mounts are as they were, and what the last
# command printed has nothing of them.
unharmed() {
	[ "$(victim)" = "$before" ] || succeeds "the host's directory changed: $(diff <(echo "$before") <(victim))"
	[ "$(mounts)" = "$before_mounts" ] || succeeds "the host's mounts changed: $(diff <(echo "$before_mounts") <(mounts))"
	[[ $out != *secret* ]] || succeeds "the host's file was read"
}

# attempt [FLAG...]: run the bundle. Whether it starts is up to the runtime, but
# it must neither crash nor hang.
attempt() {
	try run_bundle "$@" "$ID"
	no_crash
	rt delete --force "$ID" >/dev/null 2>&1 3>&-
}
no_crash() {
	is_ours || return 0
	# 255 is how exec fails.
	[[ ($rc -lt 124 || $rc = 255) && $err != *panic* && $err != *goroutine* ]] || fail "crash: exit code $rc"
}

# refused: of ours, the last command was; another runtime may take it unharmed.
refused() { [ "$rc" != 0 ] || ! is_ours || fail "was not refused"; }

# racing COMMAND...: it is executed in the background, in the root filesystem,
# over and over, until raced. Nothing of what it says is heard.
racing() {
	(
		set +eET
		trap - ERR
		cd "$BUNDLE/rootfs" || exit
		while :; do "$@"; done
	) </dev/null >/dev/null 2>&1 3>&- &
	RACER=$!
}
raced() {
	kill "$RACER" 2>/dev/null || true
	wait "$RACER" 2>/dev/null || true
}

# for_a_while COMMAND...: over and over, for RACE seconds.
for_a_while() {
	local end=$((SECONDS + RACE))
	while :; do
		"$@"
		[ $SECONDS -lt $end ] || break
	done
}

# mounts_are JSON: these after the bundle's own.
mounts_are() { config --argjson m "$1" '.mounts = .mounts[0:7] + $m'; }

# user_namespace: the container has one, and its root owns the files.
user_namespace() {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
}

# ordinary_user OWNER: from here on the runtime is called by a user without
# privileges, as a program that is OWNER's. He is the container's root.
ordinary_user() {
	local user=65534 dir=$BATS_TEST_TMPDIR/user
	mkdir -p "$dir" "$ROOT"
	ORIGINAL=$RUNTIME RUNTIME=$dir/${RUNTIME##*/}
	install -m 755 -o "$1" "$ORIGINAL" "$RUNTIME"
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	config --argjson user $user 'del(.linux.resources) | .linux.namespaces |= map(select(.type != "network" and .type != "cgroup")) + [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: $user, size: 1}] | .linux.gidMappings = .linux.uidMappings
		| .mounts |= map(if .type == "sysfs" then {destination: "/sys", type: "none", source: "/sys", options: ["rbind", "nosuid", "noexec", "nodev", "ro"]}
			elif .destination == "/dev/pts" then .options -= ["gid=5"] else select(.type != "cgroup") end)'
	chown -hR $user:$user "$BUNDLE" "$ROOT" "$dir"
	chown "$1" "$RUNTIME"
	rt() {
		timeout --foreground -s KILL "${PATIENCE:-30}" setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
			env XDG_RUNTIME_DIR="$ROOT" "${AS[@]}" "$RUNTIME" --root "$ROOT" "$@"
	}
	AS=()
	setpriv --reuid $user --regid $user --clear-groups test -x "$dir" || skip "the test's directory is out of an ordinary user's reach"
}

# untouched: the runtime's binary is what it was.
untouched() { cmp -s "$ORIGINAL" "$RUNTIME" || succeeds "the runtime's binary was overwritten"; }
