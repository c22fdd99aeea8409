#!/usr/bin/env bats
# SELinux: labels of the process, its keyring and its mounts, under a policy that
# shows whose is whose (selinux/policy.conf).
load ../suites/helpers
load guest

POLICY=$TESTS/.build/selinux.policy
HOST=system_u:system_r:host_t
CONTAINER=system_u:system_r:container_t
OTHER=system_u:system_r:other_t

suite_setup() {
	[ -e "$POLICY" ] || skip "checkpolicy, which compiles the policy, is not installed"
	mountpoint -q /sys/fs/selinux || mount -t selinuxfs selinuxfs /sys/fs/selinux
	cat "$POLICY" >/sys/fs/selinux/load
	echo 1 >/sys/fs/selinux/enforce
}
suite_teardown() { [ ! -e /sys/fs/selinux/enforce ] || echo 0 >/sys/fs/selinux/enforce; }

label() { config --arg l "$1" '.process.selinuxLabel = $l | .linux.mountLabel //= "system_u:object_r:files_t" | .linux.maskedPaths = []'; }

# WHAT says what the process is, whether it may write, and which keyrings it sees.
WHAT='tr -d "\0" </proc/self/attr/current; echo; (: >/dev/shm/x) 2>/dev/null && echo writes; grep -o "_ses[^:]*" /proc/keys; true'

@test "the process's label is in force, and its keyring's is the same" {
	same "the suite's own" "$(tr -d '\0' </proc/self/attr/current)" $HOST
	label $CONTAINER
	inside sh -c "$WHAT"
	same "a container" "$out" "$CONTAINER
writes
_ses.$ID"
	label $OTHER
	config '.process.noNewPrivileges = false'
	ok run_bundle "$ID"
	same "another one" "$out" "$OTHER
_ses.$ID"
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	ok run_bundle "$ID"
	[[ $out == $OTHER* ]] || fail "in a user namespace"
}

@test "exec: the container's label, another one, that of the process" {
	label $CONTAINER
	up
	ok rt exec "$ID" sh -c "$WHAT"
	[[ $out == $CONTAINER$'\n'writes$'\n'* ]] || fail "the container's"
	ok rt exec --process-label $OTHER "$ID" sh -c "$WHAT"
	[[ $out == $OTHER* && $out != *writes* ]] || fail "another one"
	ok rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	same "label, seen from outside" "$(tr -d '\0' <"/proc/$(cat "$BATS_TEST_TMPDIR/pid")/attr/current")" $CONTAINER
	jq --arg label $OTHER '.process | .args = ["cat", "/proc/self/attr/current"] | .selinuxLabel = $label' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
	ok rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
	same "the process's" "$(tr -d '\0' <"$OUT")" $OTHER
	no 255 'process.selinuxLabel: ' rt --log-format json exec --process-label nonsense "$ID" true
	[[ $err == *'knows no such label'* ]] || fail "no hint"
}

@test "mounts have linux.mountLabel, in the way that is asked for" {
	label $CONTAINER
	inside sh -c 'grep " /dev/shm " /proc/mounts; : >/dev/shm/x'
	[[ $out == *context=system_u:object_r:files_t* ]] || fail "no context"
	config '.annotations["run.oci.mount_context_type"] = "rootcontext"'
	ok run_bundle "$ID"
	[[ $out == *rootcontext=system_u:object_r:files_t* ]] || fail "no rootcontext"
	config '.linux.mountLabel = "nonsense"'
	no 1 'mounts[' create "$ID"
}

@test "labels that there are not: the field is named, and nothing is left" {
	label system_u:system_r:none_t
	no 1 'process.selinuxLabel: ' rt --log-format json create --bundle "$BUNDLE" "$ID"
	[[ $err == *'knows no such label'* ]] || fail "no hint"
	no 1 'process.apparmorProfile: apparmor profile "x" is specified in config, but apparmor is disabled' \
		sh -c "jq '.process.apparmorProfile = \"x\"' '$BUNDLE/config.json' >'$BATS_TEST_TMPDIR/c.json' && '$RUNTIME' --root '$ROOT' create --bundle '$BUNDLE' --config '$BATS_TEST_TMPDIR/c.json' '$ID'"
}

@test "CVE-2019-16884: a /proc of the image's own takes no label" {
	config 'del(.mounts[] | select(.destination == "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	local who
	for who in self thread-self 1; do
		mkdir -p "$BUNDLE/rootfs/proc/$who/attr"
		touch "$BUNDLE/rootfs/proc/$who/attr/exec" "$BUNDLE/rootfs/proc/$who/attr/keycreate"
	done
	label $CONTAINER
	up
	same label "$(tr -d '\0' <"/proc/$(pid_of)/attr/current")" $CONTAINER
	[ -z "$(find "$BUNDLE/rootfs/proc" -type f -size +0)" ] || fail "the fake was written"
}
