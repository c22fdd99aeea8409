#!/usr/bin/env bats
# State, annotations, and what the caller hands on.
load attacks

@test "container ids and state: no way out of the root directory" {
	setup_victim
	mkdir -m 700 -p "$ROOT"
	ln -s "$VICTIM" "$ROOT/link"
	try rt delete --force link
	try rt state link
	[ -e "$VICTIM/file" ] || succeeds "a link's target was removed"
	unharmed
	rm -f "$ROOT/link"
	try rt delete --force ../victim
	[ -e "$VICTIM/file" ] || succeeds "a directory outside was removed"
	unharmed
	refused
}

@test "GHSA-c5pj-mqfh-rvc3: annotations that set properties of units are told to be unsafe" {
	try rt features
	[ "$rc" = 0 ] || is_ours || skip "not applicable: has no features command"
	jq -e '.potentiallyUnsafeConfigAnnotations | index("org.systemd.property.")' "$OUT" >/dev/null || succeeds "engines are not told"
}

@test "the umask, the environment and the signals of a hostile caller do not reach the container" {
	ours "some hang, some leave signals of their threads ignored"
	args /probe view
	(
		umask 0777
		# Not through rt: timeout(1) would answer some of them.
		LD_PRELOAD=/nosuch.so GODEBUG=x=1 timeout -s KILL 30 env --ignore-signal --block-signal \
			"$RUNTIME" --root "$ROOT" run --bundle "$BUNDLE" "$ID" >"$OUT" 2>"$ERR" </dev/null 3>&-
	)
	same umask "$(jq -r .status.Umask "$OUT")" 0022
	same env "$(jq -r '.env | length' "$OUT")" 2
	same ignored "$(jq -r .signals.ignored "$OUT")" 0000000000000000
	same blocked "$(jq -r .signals.blocked "$OUT")" 0000000000000000
}

@test "M7: the container writes its own bundle: exec gets nothing of it" {
	config --arg b "$BUNDLE" '.mounts += [{destination: "/bundle", type: "bind", source: $b, options: ["bind", "rw"]}]
		| .process.user = {uid: 0, gid: 0} | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	jq '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]) | .process.noNewPrivileges = false | del(.linux.seccomp)
		| .process.rlimits = [] | .process.env += ["LURE=1"]' "$BUNDLE/config.json" >"$BUNDLE/lure.json"
	up
	ok rt exec "$ID" sh -c 'grep -E "Cap|NoNewPrivs|Seccomp:" /proc/self/status; env'
	local before=$out
	ok rt exec "$ID" cp /bundle/lure.json /bundle/config.json
	try rt exec "$ID" sh -c 'grep -E "Cap|NoNewPrivs|Seccomp:" /proc/self/status; env'
	[[ $rc != 0 || $out = "$before" ]] || succeeds "$(diff <(echo "$before") <(echo "$out"))"
	! is_ours || [ "$rc" = 0 ] || fail "exec fails"
}
