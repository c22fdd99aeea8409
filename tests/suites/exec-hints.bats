#!/usr/bin/env bats
# Why a program was not executed: the kernel's two words for it mean five things.
# The message stays as engines know it; what is behind it is the hint's.
load helpers

# hint RC TEXT COMMAND...: it fails with this code, and the hint says TEXT.
hint() {
	local rc=$1 text=$2
	no "$rc" 'exec /' "${@:3}"
	one_error
	[[ $(sed -n 's/^hint: //p' "$ERR") == *"$text"* ]] || fail "no hint with: $text"
}

setup_programs() {
	ours "hints are crun-go's"
	printf 'echo hello\n' >"$BUNDLE/rootfs/text"
	printf '#!/bin/bash\necho hello\n' >"$BUNDLE/rootfs/bash"
	printf '#!/bin/sh\r\necho hello\r\n' >"$BUNDLE/rootfs/windows"
	# The machine of an ELF file is its bytes 18 and 19: 243 is RISC-V.
	cp --remove-destination "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/foreign"
	printf '\363\000' | dd of="$BUNDLE/rootfs/foreign" bs=1 seek=18 conv=notrunc status=none
	# A program with a loader that is not there.
	cp "$(command -v jq)" "$BUNDLE/rootfs/dynamic"
	chmod 0755 "$BUNDLE"/rootfs/{text,bash,windows,foreign,dynamic}
}

@test "run, start and exec say why" {
	setup_programs
	local machine
	machine=$(uname -m)
	args /text
	hint 1 '/text is not a program: if it is a script, its first line has to be one like #!/bin/sh' run_bundle "$ID"
	[[ $err == *'exec /text: exec format error'* ]] || fail "the message is another"
	args /foreign
	hint 1 "/foreign is a program for riscv, and this machine is $machine" run_bundle "$ID"
	args /bash
	args sleep 1000
	up
	hint 255 '/windows has lines that end as on Windows' rt exec "$ID" /windows
	hint 255 '/dynamic needs the loader "/lib' rt exec "$ID" /dynamic
	hint 255 "/foreign is a program for riscv, and this machine is $machine" rt exec "$ID" /foreign
}

# As with its peers, whose answer engines expect: start succeeds, the container says it and ends.
@test "a created container whose program is refused says so itself" {
	setup_programs
	local log=$BATS_TEST_TMPDIR/log said=$BATS_TEST_TMPDIR/said
	args /bash
	rt create --bundle "$BUNDLE" "$ID" >"$said" 2>&1 </dev/null 3>&-
	ok rt --log "$log" --log-format json start "$ID"
	same stderr "$err" ""
	same log "$(jq -r '[.level, .field, .msg, .hint] | join("|")' "$log")" \
		'warning|process.args|exec /bash: no such file or directory|/bash is a script for "/bin/bash", which the root filesystem does not have'
	wait_status stopped
	same said "$(<"$said")" "exec /bash: no such file or directory"
	ok rt delete "$ID"
}

@test "who reads the output of a refused program late holds up neither start nor exec" {
	setup_programs
	local full=$BATS_TEST_TMPDIR/full
	mkfifo "$full"
	exec 8<>"$full"
	fill() { ! dd if=/dev/zero of="$full" oflag=nonblock bs=4096 2>/dev/null || fail "takes more"; }
	told() { same "what is told" "$(timeout 10 grep -aom1 'exec /bash: .*' <&8)" "exec /bash: no such file or directory"; }
	fill
	args /bash
	rt create --bundle "$BUNDLE" "$ID" 2>&8 </dev/null 3>&- 8>&-
	ok rt start "$ID"
	told
	wait_status stopped
	ok rt delete "$ID"
	args sleep 1000
	up
	fill
	rt --log "$BATS_TEST_TMPDIR/log" exec --detach "$ID" /bash 2>&8 </dev/null 3>&- 8>&- || fail "exit code $?"
	told
	exec 8>&-
	grep -q 'level=warning msg="exec /bash: no such file or directory"' "$BATS_TEST_TMPDIR/log" || fail "the log: $(<"$BATS_TEST_TMPDIR/log")"
}

@test "the log has the hint beside the message" {
	setup_programs
	args /bash
	no 1 '' rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	same log "$(jq -r '.msg + "|" + .hint' "$BATS_TEST_TMPDIR/log")" \
		'crun-go run failed: exec /bash: no such file or directory|/bash is a script for "/bin/bash", which the root filesystem does not have'
}

@test "a mount over the program keeps the hint silent" {
	setup_programs
	: >"$BUNDLE/rootfs/covered"
	chmod 0755 "$BUNDLE/rootfs/covered"
	config --arg source "$BUNDLE/rootfs/text" '.mounts += [{destination: "/covered", type: "bind", source: $source, options: ["bind"]}]'
	args /covered
	no 1 'exec /covered: exec format error' run_bundle "$ID"
	! grep -q '^hint: ' "$ERR" || fail "a hint about another file"
}
