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
