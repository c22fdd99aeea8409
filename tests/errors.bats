#!/usr/bin/env bats
# What create says about a configuration that cannot be, byte for byte: engines
# search these texts and show them to people. golden/create-errors.tsv has a line
# for each mistake: what engines look for in the message, the message, and the
# change that makes the mistake. BUNDLE stands for the bundle's directory.
load helpers

# Podman and Docker take "permission denied" anywhere in a message for exit code
# 126, and "no such file" for 127: never may both be there by accident.
one_class() {
	local denied='permission denied|operation not permitted' missing='no such file or directory|executable file not found'
	! { grep -qiE "$denied" "$1" && grep -qiE "$missing" "$1"; }
}

@test "create: every mistake's message, byte for byte" {
	ours "1.1 has other words"
	local part message filter got n=0 wrong= log=$BATS_TEST_TMPDIR/log
	printf 'no program' >"$BUNDLE/rootfs/noexec"
	mkdir -m 700 "$BUNDLE/rootfs/closed"
	cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/closed/true"
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config"
	while IFS=$'\t' read -r part message filter; do
		[[ $part != "#"* ]] || continue
		n=$((n + 1))
		cp "$BATS_TEST_TMPDIR/config" "$BUNDLE/config.json"
		rm -f "$log"
		config "$filter"
		try rt --log "$log" --log-format json create --bundle "$BUNDLE" "$ID"
		got=$err
		got=${got//$BUNDLE/BUNDLE}
		got=${got//$ID/ID}
		[ "$rc" = 1 ] && [ "$got" = "$message" ] || wrong+="$filter"$'\n'"  exit code $rc: $got"$'\n'
		[ "$part" = - ] || [[ $got == *"$part"* ]] || wrong+="$filter: lacks: $part"$'\n'
		one_class "$ERR" || wrong+="$filter: two classes of errors in one message"$'\n'
		# The log has the same message, in one object.
		[ "$(jq -r .msg "$log")" = "$(<"$ERR")" ] || wrong+="$filter: the log says $(<"$log")"$'\n'
		[ ! -e "$ROOT/$ID" ] || wrong+="$filter: something is left"$'\n'
	done <"$TESTS/golden/create-errors.tsv"
	[ -z "$wrong" ] || { echo "$wrong" >&2; return 1; }
	[ "$n" -gt 40 ]
}
