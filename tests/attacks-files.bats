#!/usr/bin/env bats
# Files that a container, an image, a bundle or another user has made, tried on
# what the runtime reads and writes as root. Tests are named by the findings in
# docs/attacks.md.
load helpers

# setup_victim: a file of the host that nobody but its owner may change.
setup_victim() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	echo precious >"$VICTIM"
	chmod 600 "$VICTIM"
	victim_before=$(victim)
}
victim() { stat -c '%F %a %u:%g %s %i' "$VICTIM"; cat "$VICTIM"; }
unharmed() { same "the host's file" "$(victim)" "$victim_before"; }

# volume: a directory of the host that the container may write to, at /vol.
volume() {
	VOLUME=$BATS_TEST_TMPDIR/volume
	mkdir -p "$VOLUME"
	config '.mounts += [{destination: "/vol", type: "bind", source: $v, options: ["bind", "rw"]}]' --arg v "$VOLUME"
}

@test "M4: exec --report in a volume writes through no link of the container's" {
	ours "only crun-go has it"
	setup_victim
	volume
	up
	local name
	for name in r.new .r r.tmp .r.new; do
		ok rt exec "$ID" ln -s "$VICTIM" "/vol/$name"
	done
	ok rt exec --report "$VOLUME/r" "$ID" true
	unharmed
	[ -f "$VOLUME/r" ] && [ ! -L "$VOLUME/r" ] || fail "r is a $(stat -c %F "$VOLUME/r")"
	jq -e '.exitCode == 0' "$VOLUME/r" || fail "$(<"$VOLUME/r")"
	for name in r.new .r r.tmp .r.new; do
		[ -L "$VOLUME/$name" ] || fail "$name is gone"
	done
}

@test "M4: exec --report refuses what is neither a new nor a regular file, before the start" {
	ours "only crun-go has it"
	setup_victim
	volume
	up
	ln -s "$VICTIM" "$VOLUME/link"
	mkfifo "$VOLUME/fifo"
	mkdir "$VOLUME/directory"
	mknod "$VOLUME/device" c 1 11
	local kind before
	for kind in link fifo directory device; do
		before=$(stat -c '%F %i %t:%T' "$VOLUME/$kind")
		no 255 "--report: write $VOLUME/$kind: expected a regular file or none, found a" \
			rt exec --report "$VOLUME/$kind" "$ID" touch "/vol/ran"
		same "the $kind" "$(stat -c '%F %i %t:%T' "$VOLUME/$kind")" "$before"
	done
	no 255 "--report: open $VOLUME/none/: no such file or directory" rt exec --report "$VOLUME/none/r" "$ID" touch "/vol/ran"
	[ ! -e "$VOLUME/ran" ] || fail "the process has run"
	unharmed
}

@test "exec --report writes to the caller's own descriptors" {
	ours "only crun-go has it"
	up
	local to
	for to in - /dev/stdout /dev/fd/1 /proc/self/fd/1; do
		ok rt exec --report "$to" "$ID" echo said
		same "the first line" "${out%%$'\n'*}" said
		jq -e '.exitCode == 0' <<<"${out#*$'\n'}" || fail "--report $to: $out"
	done
	ok rt exec --report /dev/stderr "$ID" echo said
	same "standard output" "$out" said
	jq -e '.exitCode == 0' <<<"$err" || fail "$err"
	# After what is in the file already, not over it.
	echo first >"$BATS_TEST_TMPDIR/both"
	rt exec --report /dev/stdout "$ID" true >>"$BATS_TEST_TMPDIR/both" 3>&-
	same "the first line" "$(head -n 1 "$BATS_TEST_TMPDIR/both")" first
	jq -e '.exitCode == 0' <<<"$(tail -n +2 "$BATS_TEST_TMPDIR/both")" || fail "$(<"$BATS_TEST_TMPDIR/both")"
	# A descriptor that is not one for writing.
	no 255 "--report: write to /dev/fd/0: descriptor 0 is not open for writing" rt exec --report /dev/fd/0 "$ID" true
	[ ! -e ./- ] || fail "there is a file called -"
}

@test "M4: run --trace follows no link" {
	ours "only crun-go has it"
	setup_victim
	args true
	ln -s "$VICTIM" "$BATS_TEST_TMPDIR/link"
	no 1 "--trace: write $BATS_TEST_TMPDIR/link: expected a regular file or none, found a symbolic link" \
		run_bundle --trace "$BATS_TEST_TMPDIR/link" "$ID"
	unharmed
	[ ! -e "$ROOT/$ID" ] || fail "the container was made"
	ok run_bundle --trace "$BATS_TEST_TMPDIR/trace" "$ID"
	jq -es 'length > 10' "$BATS_TEST_TMPDIR/trace" || fail "$(<"$BATS_TEST_TMPDIR/trace")"
	ok run_bundle --trace - "$ID"
	jq -es 'length > 10' <<<"$out" || fail "$out"
}

@test "L5: --pid-file removes and replaces nothing but the pid file" {
	local dir=$BATS_TEST_TMPDIR/dir name
	mkdir "$dir"
	for name in .pid .pid.new pid.new .pid.tmp; do
		echo precious >"$dir/$name"
	done
	ok create --pid-file "$dir/pid" "$ID"
	[[ $(<"$dir/pid") =~ ^[0-9]+$ ]] || fail "the pid file holds '$(<"$dir/pid")'"
	for name in .pid .pid.new pid.new .pid.tmp; do
		same "$name" "$(<"$dir/$name")" precious
	done
	ok rt exec --detach --pid-file "$dir/.pid" "$ID" sleep 100
	[[ $(<"$dir/.pid") =~ ^[0-9]+$ ]] || fail "the pid file holds '$(<"$dir/.pid")'"
	same "files in the directory" "$(find "$dir" -mindepth 1 | wc -l)" 5
}

@test "L5: a pid file takes the place of no link, device or stream" {
	ours "only crun-go refuses it"
	setup_victim
	local dir=$BATS_TEST_TMPDIR/dir kind before
	mkdir "$dir"
	ln -s "$VICTIM" "$dir/link"
	mknod "$dir/device" c 1 11
	mkfifo "$dir/fifo"
	for kind in link device fifo; do
		before=$(stat -c '%F %i %t:%T' "$dir/$kind")
		no 1 "--pid-file: write $dir/$kind: expected a regular file or none, found a" create --pid-file "$dir/$kind" "$ID"
		same "the $kind" "$(stat -c '%F %i %t:%T' "$dir/$kind")" "$before"
		[ ! -e "$ROOT/$ID" ] || fail "the container was made"
	done
	unharmed
	ok create --pid-file /dev/stdout "$ID"
	[[ $out =~ ^[0-9]+$ ]] || fail "standard output: '$out'"
	same "/dev/stdout" "$(readlink /dev/stdout)" /proc/self/fd/1
}
