#!/usr/bin/env bats
# Annotations that change what the runtime does, as crun has them.
load helpers

annotate() { config --arg k "$1" --arg v "$2" '.annotations[$k] = $v'; }

@test "keep_original_groups: the caller's groups stay" {
	ours "crun's"
	annotate run.oci.keep_original_groups 1
	args sed -n 's/^Groups:\t//p' /proc/self/status
	try setpriv --groups 4242,4343 timeout 30 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	same "exit code" "$rc" 0
	same groups "${out% }" "4242 4343"
	annotate run.oci.keep_original_groups 0
	ok setpriv --groups 4242,4343 timeout 30 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	same groups "${out% }" ""
	annotate run.oci.keep_original_groups yes
	no 1 'annotations.run.oci.keep_original_groups: "yes", expected 1 or 0' create "$ID"
}

@test "keep_original_groups: also into a user namespace, by run and exec" {
	ours "crun's"
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR 100000:100000 "$BUNDLE/rootfs"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BUNDLE"
	local value groups
	while read -r value groups; do
		annotate run.oci.keep_original_groups "$value"
		args sed -n 's/^Groups:\t//p' /proc/self/status
		ok setpriv --groups 4242,100005 timeout 30 "$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
		same "groups of run, $value" "${out% }" "$groups"
		args sleep 1000
		up
		ok setpriv --groups 4242,100005 timeout 30 "$RUNTIME" --root "$ROOT" exec "$ID" sed -n 's/^Groups:\t//p' /proc/self/status
		same "groups of exec, $value" "${out% }" "$groups"
		ok rt delete --force "$ID"
	done <<-'END'
		1 65534 5
		0
	END
}

@test "hooks' output is copied to files" {
	ours "crun's"
	local kind
	annotate run.oci.hooks.stdout "$BATS_TEST_TMPDIR/hooks.out"
	annotate run.oci.hooks.stderr "$BATS_TEST_TMPDIR/hooks.err"
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		config --arg k "$kind" '.hooks[$k] = [{path: "/bin/sh", args: ["sh", "-c", "echo \($k) says; echo \($k) complains >&2"]}]'
	done
	up
	ok rt delete --force "$ID"
	same stdout "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/hooks.out" | tr '\n' ' ')" "prestart createRuntime createContainer startContainer poststart poststop "
	same stderr "$(grep -c complains "$BATS_TEST_TMPDIR/hooks.err")" 6
	same mode "$(stat -c %a "$BATS_TEST_TMPDIR/hooks.out")" 600
	# One that fails still tells in the error.
	config '.hooks.createContainer[0].args[2] = "echo why >&2; exit 3"'
	no 1 "exit status 3, stdout: , stderr: why" create "$ID"
	grep -qx why "$BATS_TEST_TMPDIR/hooks.err" || fail "not in the file"
}

@test "hooks' output: what can't be a file" {
	ours "crun's"
	config '.hooks.createRuntime = [{path: "/bin/true"}]'
	annotate run.oci.hooks.stdout relative
	no 1 'annotations.run.oci.hooks.stdout: "relative" is not absolute' create "$ID"
	annotate run.oci.hooks.stdout /no/such/directory/file
	no 1 'annotations.run.oci.hooks.stdout: open "/no/such/directory/file" for the output of hooks: open /no/such/directory/file: no such file or directory' create "$ID"
	one_error
	config 'del(.hooks)'
	ok create "$ID" # nothing to write
}

@test "hooks' files are not inherited by the container" {
	ours "crun's"
	annotate run.oci.hooks.stdout "$BATS_TEST_TMPDIR/hooks.out"
	config '.hooks.startContainer = [{path: "/bin/true"}]'
	inside /probe view
	same descriptors "$(jq -r '.descriptors | keys | join(" ")' "$OUT")" "0 1 2"
}

@test "delegate-cgroup: the process lives one below, in a namespace rooted above" {
	ours "crun's"
	annotate run.oci.delegate-cgroup payload
	annotate run.oci.systemd.subgroup ""
	config '.mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end) | .process.user.uid = 1000'
	args sh -c 'grep ^0:: /proc/self/cgroup; stat -c %u /sys/fs/cgroup/payload; mkdir /sys/fs/cgroup/payload/own && echo mine; exec sleep 1000'
	rt run --detach --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&- || fail "run"
	until_true grep -q mine "$OUT"
	same "seen from within" "$(tr '\n' ' ' <"$OUT")" "0::/payload 1000 mine "
	grep -q "/$ID/payload\$" "/proc/$(pid_of)/cgroup" || fail "$(cat "/proc/$(pid_of)/cgroup")"
	ok rt delete --force "$ID"
	annotate run.oci.delegate-cgroup a/b
	no 1 'annotations.run.oci.delegate-cgroup: "a/b" is not the name of a cgroup' create "$ID"
	annotate run.oci.delegate-cgroup ..
	no 1 'annotations.run.oci.delegate-cgroup: ".." is not the name' create "$ID"
}

@test "seccomp_fail_unknown_syscall" {
	ours "crun's"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "no_such_call"], action: "SCMP_ACT_ERRNO"}]}'
	args true
	ok run_bundle "$ID"
	annotate run.oci.seccomp_fail_unknown_syscall 1
	no 1 "linux.seccomp.syscalls: unknown syscalls: no_such_call, and the annotation run.oci.seccomp_fail_unknown_syscall makes that an error" run_bundle "$ID"
	one_error
}

@test "properties of a systemd unit are checked" {
	ours "1.1 reads them with systemd only"
	annotate org.systemd.property.TimeoutStopSec 30
	annotate org.systemd.property.After "['a.service']"
	args true
	ok run_bundle "$ID"
	annotate org.systemd.property.CollectMode inactive
	no 1 'annotations.org.systemd.property.CollectMode: "inactive" is not a value in GVariant text format' create "$ID"
	annotate org.systemd.property.CollectMode "'inactive'"
	annotate org.systemd.property.TimeoutStopSec soon
	no 1 'annotations.org.systemd.property.TimeoutStopSec: "soon" is no' create "$ID"
}

@test "a handler that is not there: a warning" {
	ours "crun's"
	annotate run.oci.handler wasm
	args echo ran
	ok rt --debug run --bundle "$BUNDLE" "$ID"
	same output "$out" ran
	[[ $err == *'this runtime has no handler "wasm"'* ]] || fail "no warning"
}

@test "what crun alone knows: a warning" {
	ours "crun's"
	args echo ran
	local key
	for key in seccomp.plugins seccomp.receiver seccomp_bpf_data systemd.force_cgroup_v1; do
		annotate "run.oci.$key" x
	done
	ok rt --debug run --bundle "$BUNDLE" "$ID"
	same output "$out" ran
	same warnings "$(grep -c 'level=warning.*without effect here' "$ERR")" 4
}

@test "features list them as potentially unsafe" {
	ours "1.1 has others"
	ok rt features
	jq -e '.potentiallyUnsafeConfigAnnotations | contains(["run.oci.", "org.systemd.property."])' "$OUT" >/dev/null || fail "features"
}
