#!/usr/bin/env bats
# What the runtime has open, and the file it runs from.
load attacks

# shown TEXT: the directory of this test, which is the host's, is among what the
# last command printed.
shown() { [[ $out == *"${BATS_TEST_TMPDIR##*/}/visible"* ]]; }

# Several, in case the runtime's own are in the way.
leak() { exec 7</ 8</ 9</; }
plug() { exec 7<&- 8<&- 9<&-; }

setup_visible() {
	mkdir "$BATS_TEST_TMPDIR/visible"
	LOOK="ls -d ../../../../..$BATS_TEST_TMPDIR/visible ./$BATS_TEST_TMPDIR/visible 2>/dev/null"
}

@test "CVE-2024-21626: cwd is a descriptor of the host, run" {
	local fd
	setup_visible
	leak
	for fd in $(seq 3 15); do
		config --arg c "/proc/self/fd/$fd" '.process.cwd = $c'
		script "$LOOK"
		attempt
		! shown || succeeds "the host shows through descriptor $fd"
	done
	plug
}

@test "CVE-2024-21626: cwd is a descriptor of the host, exec" {
	local fd
	setup_visible
	leak
	up
	for fd in $(seq 3 15); do
		try rt exec --cwd "/proc/self/fd/$fd" "$ID" sh -c "$LOOK"
		no_crash
		! shown || succeeds "the host shows through descriptor $fd"
	done
	plug
}

@test "CVE-2024-21626: the image makes the cwd a link to a descriptor" {
	local fd
	setup_visible
	leak
	for fd in $(seq 3 15); do
		ln -sfn "/proc/self/fd/$fd" "$BUNDLE/rootfs/work"
		config '.process.cwd = "/work"'
		script "$LOOK"
		attempt
		! shown || succeeds "the host shows through descriptor $fd"
	done
	plug
}

@test "CVE-2024-21626: the program is one of the host's, by a descriptor" {
	local fd
	leak
	printf '#!/bin/sh\necho visible\n' >"$BATS_TEST_TMPDIR/program"
	chmod 755 "$BATS_TEST_TMPDIR/program"
	up
	for fd in $(seq 3 15); do
		try rt exec "$ID" "/proc/self/fd/$fd$BATS_TEST_TMPDIR/program"
		[[ $out != *visible* ]] || succeeds "descriptor $fd leads to programs of the host"
	done
	plug
}

@test "CVE-2024-21626: no descriptor in the container, whatever the caller leaks" {
	exec 7</ 8<"$BATS_TEST_TMPDIR" 9</sys/fs/cgroup
	args /probe view
	ok run_bundle "$ID"
	exec 7<&- 8<&- 9<&-
	local fds
	fds=$(jq -r '.descriptors | keys | join(" ")' "$OUT")
	[ "$fds" = "0 1 2" ] || succeeds "descriptors $fds"
}

# The runtime under test is a copy: attacks that get through change it.
copied() {
	ORIGINAL=$RUNTIME
	mkdir -p "$BATS_TEST_TMPDIR/copy"
	cp "$ORIGINAL" "$BATS_TEST_TMPDIR/copy/"
	RUNTIME=$BATS_TEST_TMPDIR/copy/${ORIGINAL##*/}
}

eval "without_copy_$(declare -f teardown)"
teardown() {
	RUNTIME=${ORIGINAL:-$RUNTIME}
	without_copy_teardown
}

# own_root: the container's programs, which attacks may hit too, are those of no other test.
own_root() {
	rm -r "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
}

# overwriting: the container opens what enters it, and writes to it once it may.
overwriting() {
	config '.process.noNewPrivileges = false
		| .process.capabilities = (["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_SYS_ADMIN"] | {bounding: ., permitted: ., effective: .})'
	# What the host's exec asks for is the runtime itself, as seen from inside.
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/evil"
	chmod 755 "$BUNDLE/rootfs/evil"
	args /probe overwrite
	up
	overwritten() {
		rt exec "$ID" /evil </dev/null >/dev/null 2>&1 3>&- || true
		rt exec "$ID" true </dev/null >/dev/null 2>&1 3>&- || true
		untouched
	}
	for_a_while overwritten
}

@test "CVE-2019-5736, CVE-2020-14298, CVE-2020-14300: the binary is overwritten by way of /proc/PID/exe of an exec" {
	copied
	own_root
	overwriting
}

# as_root_of_namespace: the user calls as root of a user namespace, as Podman does.
as_root_of_namespace() {
	AS=(unshare --user --map-root-user --mount)
	config '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	chown 65534:65534 "$BUNDLE/config.json"
}

@test "an ordinary user's own binary is overwritten by his container" {
	own_root
	ordinary_user 65534
	overwriting
}

@test "root's binary is overwritten by an ordinary user's container" {
	own_root
	ordinary_user 0
	overwriting
}

# waiting_from: what an init that waits for start runs from is not changed from inside.
waiting_from() {
	ok create "$ID"
	local before after
	before=$(stat -Lc '%a %U %s %y' "$RUNTIME")
	try rt exec "$ID" sh -c 'exe=/proc/1/exe
		chmod 777 $exe && echo chmod; chown 0:0 $exe && echo chown; touch -d @1 $exe && echo touch
		touch /dev/shm/f; mount --bind $exe /dev/shm/f && echo bound; echo x >>$exe && echo written; true'
	after=$(stat -Lc '%a %U %s %y' "$RUNTIME")
	[ "$before" = "$after" ] || succeeds "$before, then $after"
	[ -z "$out" ] || succeeds "$out"
	untouched
	ok rt delete --force "$ID"
}

@test "what a waiting init of an ordinary user runs from: his own binary, root's, and root's for the root of a namespace" {
	config '.process.noNewPrivileges = false | .process.capabilities = (["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID"] | {bounding: ., permitted: ., effective: .})'
	ordinary_user 65534
	waiting_from
	chown 0 "$RUNTIME"
	waiting_from
	as_root_of_namespace
	args sleep 100
	waiting_from
}

# file_of PATH: the file and the mount it is reached through.
file_of() {
	local fd
	exec {fd}<"$1"
	echo "$(stat -Lc %d:%i "/proc/self/fd/$fd") $(grep mnt_id "/proc/self/fdinfo/$fd")"
	exec {fd}<&-
}

@test "CVE-2019-5736: the image's program is the runtime: it does not run from the binary on disk" {
	copied
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/evil"
	chmod 755 "$BUNDLE/rootfs/evil"
	args /evil
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]) | .process.noNewPrivileges = false'
	ok create "$ID"
	[ "$(file_of "/proc/$(pid_of)/exe")" != "$(file_of "$RUNTIME")" ] || succeeds "runs from $RUNTIME itself"
	! (: >>"/proc/$(pid_of)/exe") 2>/dev/null || succeeds "what it runs from can be written to"
	try start "$ID"
	untouched
}

@test "the host's /dev/null as a standard stream: its mode and owner stay" {
	local null=$BATS_TEST_TMPDIR/null
	mknod -m 666 "$null" c 1 3
	script 'chmod 600 /proc/self/fd/0; chmod 755 /proc/self/fd/2; chmod 111 /dev/stdin; chown 7 /proc/self/fd/1; true'
	rt run --bundle "$BUNDLE" "$ID" <"$null" >"$null" 2>"$null" 3>&-
	[ "$(stat -c '%a %u' "$null")" = "666 0" ] || succeeds "mode and owner: $(stat -c '%a %u' "$null")"
}

@test "the host's /dev/null is not the standard input of a container without one" {
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

@test "nothing but the device 1:3 is mounted on /dev/null" {
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
