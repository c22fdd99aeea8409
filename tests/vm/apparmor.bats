#!/usr/bin/env bats
# AppArmor: the profile that config.json names is the one that the process has,
# whatever the container has done to its /proc.
load ../suites/helpers
load guest

suite_setup() {
	cat >"$BATS_FILE_TMPDIR/profiles" <<-'PROFILES'
		abi <abi/4.0>,
		profile crun-go-a flags=(attach_disconnected,mediate_deleted) {
			file, capability, signal, mount, umount,
			deny /tmp/a w,
		}
		profile crun-go-b flags=(attach_disconnected,mediate_deleted) {
			file, capability, signal,
			deny /tmp/b w,
		}
		profile crun-go-engine flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, signal, unix, mount, umount, pivot_root, userns, mqueue,
			deny /tmp/engine w,
			change_profile -> crun-go-a,
			change_profile -> &crun-go-a,
			change_profile -> crun-go-b,
		}
	PROFILES
	apparmor_parser --replace "$BATS_FILE_TMPDIR/profiles"
}
suite_teardown() { apparmor_parser --remove "$BATS_FILE_TMPDIR/profiles"; }

profile() { config --arg p "$1" '.process.apparmorProfile = $p'; }

# DENIED says which writes are refused, and what the process is.
DENIED='for f in a b engine; do (: >/tmp/$f) 2>/dev/null || echo no $f; done; cat /proc/self/attr/apparmor/current'
A='no a
crun-go-a (enforce)'
B='no b
crun-go-b (enforce)'

engine() { aa-exec -p crun-go-engine -- "$RUNTIME" --root "$ROOT" "$@"; }

label() { cat "/proc/$(pid_of)/attr/apparmor/current"; }

@test "the profile is in force: with no_new_privs, without, for another user, in a user namespace" {
	profile crun-go-a
	inside sh -c "$DENIED"
	same "with no_new_privs" "$out" "$A"
	config '.process.noNewPrivileges = false'
	ok run_bundle "$ID"
	same without "$out" "$A"
	config '.process.user = {uid: 1000, gid: 1000} | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	rm "$BUNDLE"/rootfs/tmp/* # root's
	ok run_bundle "$ID"
	same "in a user namespace" "$out" "$A"
	profile unconfined
	ok run_bundle "$ID"
	same unconfined "$out" unconfined
	config 'del(.process.apparmorProfile)'
	ok run_bundle "$ID"
	same "none named" "$out" unconfined
}

@test "exec: the container's profile, another one, that of the process" {
	profile crun-go-a
	up
	ok rt exec "$ID" sh -c "$DENIED"
	same "the container's" "$out" "$A"
	ok rt exec --apparmor crun-go-b "$ID" sh -c "$DENIED"
	same another "$out" "$B"
	ok rt exec --apparmor unconfined "$ID" sh -c "$DENIED"
	same unconfined "$out" unconfined
	jq --arg script "$DENIED" '.process | .args = ["sh", "-c", $script] | .apparmorProfile = "crun-go-b"' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
	ok rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
	same "the process's" "$out" "$B"
	no 255 'apparmor "crun-go-none": no AppArmor profile of that name is loaded' rt exec --apparmor crun-go-none "$ID" true
}

@test "a profile that is not there: field, profile, hint; and nothing is left" {
	profile crun-go-none
	no 1 'process.apparmorProfile: set label for execve: apparmor "crun-go-none": no AppArmor profile of that name is loaded' create "$ID"
	[[ $err != *"no such file"* ]] || fail "the words are those of a missing command"
	try rt --log-format json --log "$BATS_TEST_TMPDIR/log" create --bundle "$BUNDLE" "$ID"
	same record "$(jq -c '[.field, .errno, .hint]' "$BATS_TEST_TMPDIR/log")" \
		'["process.apparmorProfile","ENOENT","load the profile with apparmor_parser; aa-status lists those that are loaded"]'
}

@test "a confined runtime: to where its profile lets it, and on top of that with no_new_privs" {
	profile crun-go-a
	script "$DENIED"
	config '.process.noNewPrivileges = false'
	ok engine run --bundle "$BUNDLE" "$ID"
	same changed "$out" "$A"
	config '.process.noNewPrivileges = true'
	ok engine run --bundle "$BUNDLE" "$ID"
	same stacked "$out" 'no a
no engine
crun-go-a//&crun-go-engine (enforce)'
	profile crun-go-b
	no 1 'set label for execve: apparmor "crun-go-b" on top of the runtime'"'"'s own' engine --log-format json --log "$BATS_TEST_TMPDIR/log" run --bundle "$BUNDLE" "$ID"
	same hint "$(jq -r .hint "$BATS_TEST_TMPDIR/log")" 'AppArmor confines the runtime itself: its profile needs the rule "change_profile -> &crun-go-b,"'
	config '.process.noNewPrivileges = false | .process.apparmorProfile = "unconfined"'
	no 1 'permission denied' engine run --bundle "$BUNDLE" "$ID"
	config 'del(.process.apparmorProfile)'
	ok engine run --bundle "$BUNDLE" "$ID"
	same "none named" "$out" 'no engine
crun-go-engine (enforce)'
}

# fake_proc DIR: what looks like procfs and would swallow a profile.
fake_proc() {
	local who
	for who in self thread-self 1; do
		mkdir -p "$1/$who/attr/apparmor" "$1/$who/fd"
		touch "$1/$who/attr/apparmor/exec" "$1/$who/attr/exec" "$1/$who/attr/current"
	done
}

@test "CVE-2019-16884: an image with a /proc of its own" {
	profile crun-go-a
	config 'del(.mounts[] | select(.destination == "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	fake_proc "$BUNDLE/rootfs/proc"
	up
	same label "$(label)" 'crun-go-a (enforce)'
	[ ! -s "$BUNDLE/rootfs/proc/self/attr/apparmor/exec" ] || fail "the fake was written"
	ok rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	same "label of exec" "$(cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/attr/apparmor/current")" 'crun-go-a (enforce)'
	[ -z "$(find "$BUNDLE/rootfs/proc" -type f -size +0)" ] || fail "the fake was written"
}

@test "CVE-2019-19921, CVE-2025-52881: mounts that lead onto the container's /proc" {
	profile crun-go-a
	fake_proc "$BUNDLE/rootfs/fake"
	ln -s /proc/self/attr "$BUNDLE/rootfs/lure"
	config --arg fake "$BUNDLE/rootfs/fake" '.mounts += [{destination: "/lure", type: "bind", source: ($fake + "/self/attr"), options: ["rbind"]}]'
	try create "$ID"
	if [ "$rc" = 0 ]; then
		ok rt start "$ID"
		same label "$(label)" 'crun-go-a (enforce)'
	fi
	[ -z "$(find "$BUNDLE/rootfs/fake" -type f -size +0)" ] || fail "the fake was written"
	ok rt delete --force "$ID"
	config --arg fake "$BUNDLE/rootfs/fake" '.mounts[-1] = {destination: "/proc", type: "bind", source: $fake, options: ["rbind"]}'
	no 1 'only a procfs may be mounted on /proc' create "$ID"
}

@test "CVE-2019-16884: exec, after the container has mounted over its /proc" {
	profile crun-go-a
	fake_proc "$BUNDLE/rootfs/fake"
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	script 'mount -o bind /fake /proc && touch /ready; sleep 1000'
	up
	until_true test -e "$BUNDLE/rootfs/ready"
	ok rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	same "label of exec" "$(cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/attr/apparmor/current")" 'crun-go-a (enforce)'
	[ -z "$(find "$BUNDLE/rootfs/fake" -type f -size +0)" ] || fail "the fake was written"
}
