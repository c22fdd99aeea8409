#!/usr/bin/env bats
# seccomp: the kernel's verdict on real system calls, made by the probe inside
# a container, is the one that the profile states.
load helpers

suite_setup() {
	DOCKER_PROFILE=$BATS_FILE_TMPDIR/profile.json
	jq .linux.seccomp "$TESTS/../specconv/testdata/bundles/docker-run-v2.json" >"$DOCKER_PROFILE"
	# "name number" of every system call of this machine, from Go's table.
	NUMBERS=$BATS_FILE_TMPDIR/numbers
	(cd "$TESTS/.." && sed -n 's/^\tSYS_\([A-Z0-9_]*\) *= *\([0-9]*\)$/\1 \2/p' \
		"$(go list -f '{{.Dir}}' golang.org/x/sys/unix)/zsysnum_linux_$(go env GOARCH).go") | tr A-Z a-z |
		sed 's/^_sysctl /_sysctl /; s/^pread64 /pread64 /' >"$NUMBERS"
	export DOCKER_PROFILE NUMBERS
}

number_of() { sed -n "s/^$1 //p" "$NUMBERS"; }

profile() { config --argjson s "$1" '.linux.seccomp = $s | .process.noNewPrivileges = true'; }

# calls LINE...: make these calls in the container; $out has one result a line.
calls() {
	printf '%s\n' "$@" >"$BUNDLE/rootfs/calls"
	args sh -c 'exec /probe syscalls </calls'
	ok run_bundle "$ID"
}

# result NR: what one of the calls gave.
result() { sed -n "s/^$1 //p" "$OUT" | head -n 1; }

@test "Docker's profile: every system call there is" {
	local all=() name nr denied=0 allowed=0 unlike=0
	# Calls that take the probe away, or stop the test when they are allowed, and
	# those that the kernel answers before it asks a filter.
	while read -r name nr; do
		case $name in
		uprobe | uretprobe | fork | vfork | rt_sigreturn | exit | exit_group | pause | sync | vhangup | reboot | kexec* | rt_sigsuspend | setsid | munmap | mmap | brk | arch_prctl) continue ;;
		esac
		# Arguments that nothing accepts: bad pointers, descriptors and flags.
		all+=("$nr -1 -1 -1 -1 -1 -1")
	done <"$NUMBERS"
	config '.process.capabilities |= map_values(["CAP_CHOWN", "CAP_SETUID"])'
	calls "${all[@]}"
	cp "$OUT" "$BATS_TEST_TMPDIR/free"
	config --slurpfile s "$DOCKER_PROFILE" '.linux.seccomp = $s[0]'
	calls "${all[@]}"
	# What the profile says of a name called with these arguments.
	jq -r '.syscalls[] | select(.action == "SCMP_ACT_ALLOW" and ((.args // []) | length) == 0) | .names[]' "$DOCKER_PROFILE" | sort -u >"$BATS_TEST_TMPDIR/allowed"
	jq -r '.syscalls[] | select(((.args // []) | length) > 0 or .action != "SCMP_ACT_ALLOW") | .names[]' "$DOCKER_PROFILE" | sort -u >"$BATS_TEST_TMPDIR/depends"
	# The newest call that the profile knows: above it the answer is ENOSYS.
	local newest=0
	for name in $(jq -r '.syscalls[].names[]' "$DOCKER_PROFILE"); do
		nr=$(number_of "$name")
		[ "${nr:-0}" -le "$newest" ] || newest=$nr
	done
	while read -r name nr; do
		local got free
		got=$(result "$nr")
		[ -n "$got" ] || continue
		free=$(sed -n "s/^$nr //p" "$BATS_TEST_TMPDIR/free")
		if grep -qx "$name" "$BATS_TEST_TMPDIR/depends"; then
			continue
		elif grep -qx "$name" "$BATS_TEST_TMPDIR/allowed"; then
			allowed=$((allowed + 1))
			[ "$got" = "$free" ] || fail "$name ($nr) is allowed: got $got, without a filter $free"
		elif [ "$nr" -gt "$newest" ]; then
			[ "$got" = ENOSYS ] || fail "$name ($nr) is newer than the profile: got $got"
		else
			denied=$((denied + 1))
			[ "$got" = EPERM ] || fail "$name ($nr) is denied: got $got"
			[ "$free" = EPERM ] || unlike=$((unlike + 1))
		fi
	done <"$NUMBERS"
	echo "allowed $allowed denied $denied, of these $unlike differ without the filter"
	[ "$allowed" -gt 200 ] && [ "$unlike" -gt 20 ]
}

@test "Docker's profile: rules with arguments" {
	config --slurpfile s "$DOCKER_PROFILE" '.linux.seccomp = $s[0]'
	# personality: 0, 8, 0x20000, 0x20008 and 0xffffffff only.
	local nr clone
	nr=$(number_of personality)
	calls "$nr 0" "$nr 8" "$nr 0x20000" "$nr 0x20008" "$nr 0xffffffff" "$nr 1" "$nr 0x40000"
	same personality "$(cut -d' ' -f2 "$OUT" | tr '\n' ' ')" "0 0 0 0 0 EPERM EPERM "
	# clone: without namespace flags. An impossible combination shows that the
	# kernel was asked: CLONE_SIGHAND without CLONE_VM.
	clone=$(number_of clone)
	calls "$clone 0x800" "$clone 0x10000800" "$clone 0x20000800"
	same clone "$(cut -d' ' -f2 "$OUT" | tr '\n' ' ')" "EINVAL EPERM EPERM "
	# clone3 cannot be looked into: the profile answers ENOSYS so that libc falls back.
	calls "$(number_of clone3) 0 0"
	same clone3 "$(cut -d' ' -f2 "$OUT")" ENOSYS
	# socket: everything but AF_VSOCK.
	nr=$(number_of socket)
	calls "$nr 1 1 0" "$nr 40 1 0"
	[ "$(sed -n 1p "$OUT")" = "$nr 0" ] || fail "AF_UNIX is not allowed"
}

@test "default action and errno" {
	local nr
	nr=$(number_of getpriority)
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO"}]}')"
	calls "$nr 0 0"
	same "errno by default" "$(result "$nr")" EPERM
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 28}]}')"
	calls "$nr 0 0"
	same "errno of the rule" "$(result "$nr")" ENOSPC
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 0}]}')"
	calls "$nr 0 0"
	same "errno 0" "$(result "$nr")" 0
	# Docker's profile allows what the probe needs, and not acct.
	nr=$(number_of acct)
	profile "$(jq '.defaultErrnoRet = 28' "$DOCKER_PROFILE")"
	calls "$nr 0"
	same "errno of the default action" "$(result "$nr")" ENOSPC
	profile "$(jq 'del(.defaultErrnoRet)' "$DOCKER_PROFILE")"
	calls "$nr 0"
	same "of one without" "$(result "$nr")" EPERM
}

@test "kill, trap, log" {
	local nr action want
	nr=$(number_of getpriority)
	while read -r action want; do
		profile "$(jq -n --arg a "$action" '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: $a}]}')"
		calls "$nr 0 0"
		[[ $(result "$nr") == $want ]] || fail "$action: $(result "$nr")"
	done <<-END
		SCMP_ACT_KILL_PROCESS signal*SIGSYS
		SCMP_ACT_LOG 0
		SCMP_ACT_ALLOW 0
	END
	# A trap is a signal, which Go makes a crash; a killed thread stops the program.
	for action in SCMP_ACT_TRAP SCMP_ACT_KILL SCMP_ACT_KILL_THREAD; do
		profile "$(jq -n --arg a $action '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: $a}]}')"
		calls "$nr 0 0"
		[[ $(result "$nr") != 0 ]] || fail "$action: the call was made"
	done
}

@test "operators" {
	local nr op yes no
	nr=$(number_of getpriority)
	# op, value, an argument that matches, one that does not; -1 is 2^64-1.
	while read -r op value yes no; do
		profile "$(jq -n --arg op "SCMP_CMP_$op" --argjson v "$value" '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 28,
			args: [{index: 1, op: $op, value: $v, valueTwo: (if $op == "SCMP_CMP_MASKED_EQ" then 1 else 0 end)}]}]}')"
		calls "$nr 0 $yes" "$nr 0 $no"
		same "$op $value: $yes" "$(sed -n "1s/.* //p" "$OUT")" ENOSPC
		[ "$(sed -n "2s/.* //p" "$OUT")" != ENOSPC ] || fail "$op $value: $no matches"
	done <<-END
		EQ 5 5 6
		NE 5 6 5
		LT 5 4 5
		LE 5 5 6
		GT 5 6 5
		GE 5 5 4
		MASKED_EQ 7 9 10
		EQ 4294967296 4294967296 0
		GT 4294967295 4294967296 4294967295
		LT 4294967296 4294967295 4294967297
	END
}

@test "several conditions: and; the same argument twice: or" {
	local nr
	nr=$(number_of getpriority)
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 28,
		args: [{index: 0, op: "SCMP_CMP_EQ", value: 0}, {index: 1, op: "SCMP_CMP_EQ", value: 7}]}]}')"
	calls "$nr 0 7" "$nr 0 8" "$nr 1 7"
	same first "$(sed -n '1s/.* //p' "$OUT")" ENOSPC
	! sed -n '2,3p' "$OUT" | grep -q ENOSPC || fail "one condition was enough"
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 28,
		args: [{index: 1, op: "SCMP_CMP_EQ", value: 7}, {index: 1, op: "SCMP_CMP_EQ", value: 8}]}]}')"
	calls "$nr 0 7" "$nr 0 8" "$nr 0 9"
	same matches "$(grep -c ENOSPC "$OUT")" 2
}

@test "unknown names are skipped, unknown numbers are ENOSYS" {
	ours "1.1 looks at the last rule's action"
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["nosuchsyscall"], action: "SCMP_ACT_KILL"}]}' |
		jq --slurpfile d "$DOCKER_PROFILE" '.syscalls += $d[0].syscalls')"
	calls "999 0" "$(number_of getpid)"
	same "call 999" "$(result 999)" ENOSYS
	same getpid "$(result "$(number_of getpid)")" 0
}

@test "flags" {
	ours "1.1 has none"
	local flag
	for flag in SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_SPEC_ALLOW SECCOMP_FILTER_FLAG_TSYNC; do
		profile "$(jq -n --arg f $flag '{defaultAction: "SCMP_ACT_ALLOW", flags: [$f], syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO"}]}')"
		inside grep Seccomp_filters /proc/self/status
		same "$flag" "$out" $'Seccomp_filters:\t1'
	done
}

@test "the filter is loaded with and without no_new_privs, for root and others" {
	local nnp uid
	for nnp in true false; do
		for uid in 0 1000; do
			config --slurpfile s "$DOCKER_PROFILE" --argjson n $nnp --argjson u $uid \
				'.linux.seccomp = $s[0] | .process.noNewPrivileges = $n | .process.user = {uid: $u, gid: $u} | .process.capabilities = {}'
			inside grep -E 'NoNewPrivs|Seccomp:|CapEff' /proc/self/status
			[[ $out == *$'Seccomp:\t2'* && $out == *$'CapEff:\t0000000000000000'* ]] || fail "nnp $nnp uid $uid"
			[[ $out == *"NoNewPrivs:"*"$([ $nnp = true ] && echo 1 || echo 0)"* ]] || fail "nnp $nnp uid $uid"
		done
	done
}

@test "a profile without execve: the container cannot start, and says so" {
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["execve"], action: "SCMP_ACT_ERRNO"}]}')"
	args true
	try run_bundle "$ID"
	[ "$rc" != 0 ] || fail "started"
}

@test "32-bit calls obey the profile too" {
	[ "$(uname -m)" = x86_64 ] || skip "an x86 matter"
	command -v gcc >/dev/null || skip "needs gcc"
	cat >"$BATS_TEST_TMPDIR/i.c" <<-'END'
		void _start(void) {
			long r;
			/* i386: 96 is getpriority, 20 is getpid; answered by exit code. */
			__asm__ volatile("int $0x80" : "=a"(r) : "a"(96), "b"(0), "c"(7));
			__asm__ volatile("int $0x80" : : "a"(1), "b"((int)-r));
		}
	END
	gcc -static -nostdlib -o "$BUNDLE/rootfs/i" "$BATS_TEST_TMPDIR/i.c" || skip "gcc cannot"
	args /i
	profile "$(jq -n '{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], syscalls: [{names: ["getpriority"], action: "SCMP_ACT_ERRNO", errnoRet: 28,
		args: [{index: 1, op: "SCMP_CMP_EQ", value: 7}]}]}')"
	try run_bundle "$ID"
	[ "$rc" != 139 ] || skip "this kernel has no 32-bit calls"
	same errno "$rc" 28
}

@test "a profile that allows neither execve nor exit" {
	local profile
	for profile in '{defaultAction: "SCMP_ACT_ERRNO"}' '{defaultAction: "SCMP_ACT_KILL_PROCESS"}' '{defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["execve", "execveat", "exit", "exit_group"], action: "SCMP_ACT_ERRNO"}]}'; do
		config ".linux.seccomp = $profile"
		no 1 "linux.seccomp: the profile allows neither execve nor exit" create "$ID"
		no 1 "linux.seccomp: the profile allows neither execve nor exit" run_bundle "$ID"
	done
}

@test "init ends also if the filter does not let it exit" {
	printf '#!/no/such\n' >"$BUNDLE/rootfs/bin/script"
	chmod 755 "$BUNDLE/rootfs/bin/script"
	local more
	for more in '' ', "kill", "tgkill", "tkill"'; do
		config ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [{names: [\"exit\", \"exit_group\"$more], action: \"SCMP_ACT_ERRNO\"}]}"
		args /bin/script
		ok create "$ID"
		try start "$ID"
		wait_status stopped
		ok rt delete "$ID"
	done
}

# denying NAME [NNP]
denying() {
	config --arg n "$1" --argjson nnp "$2" '.process.noNewPrivileges = $nnp
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [$n], action: "SCMP_ACT_ERRNO"}]}'
}

@test "what init calls while it waits is not denied, or the filter is loaded after that, if no_new_privs allows it" {
	ours "others load the filter before more calls than these"
	denying prctl false
	no 1 "linux.seccomp: does not allow prctl: without process.noNewPrivileges the filter is loaded while" create "$ID"
	one_error
	denying prctl true
	ok "$RUNTIME" plan --bundle "$BUNDLE"
	[[ $out == *"wait for start, without the filter, which denies prctl"*"load seccomp filter"*"execute"* ]] || fail "$out"
	up
	# exec does not call it.
	ok rt exec "$ID" true
	ok rt delete --force "$ID"
	# In run there is no wait.
	denying write false
	args true
	ok run_bundle "$ID"
}

@test "exec where the filter denies what exec can do without: setsid, prlimit64" {
	ours "others load the filter later, or not at all"
	denying setsid false
	up
	ok rt exec "$ID" true
	try rt exec --tty "$ID" true
	[[ $rc = 255 && $out$err == *"linux.seccomp: does not allow setsid: without process.noNewPrivileges"* ]] || fail "exit code $rc"
	ok rt delete --force "$ID"
	denying prlimit64 false
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 77}]'
	up
	ok rt exec "$ID" sh -c 'grep "Max open files" /proc/self/limits'
	[[ $out == *" 77 "*77* ]] || fail "$out"
}

explain() { rt seccomp explain --bundle "$BUNDLE" "$@"; }

# explained CALL...: what seccomp explain says of these, "NUMBER ANSWER" a line.
explained() {
	ok explain --json "$@"
	jq -r '.[] | "\(.number) \(.rules[0] | if .action == "SCMP_ACT_ALLOW" then "allow" else .errnoRet end)"' "$OUT"
}

@test "seccomp explain: what it says is what the kernel answers" {
	ours "it has no seccomp explain"
	config --slurpfile s "$DOCKER_PROFILE" '.linux.seccomp = $s[0]'
	local nr answer said
	# Of calls whose arguments are known, and of calls in general.
	said=$(explained 'personality(8)' 'personality(1)' 'clone(0x10000800)' 'socket(40)' acct keyctl mseal clone3)
	while read -r nr answer; do
		case $nr in
		"$(number_of clone)") calls "$nr 0x10000800" ;;
		"$(number_of socket)") calls "$nr 40 1 0" ;;
		"$(number_of personality)") if [ "$answer" = allow ]; then calls "$nr 8"; else calls "$nr 1"; fi ;;
		*) calls "$nr 0 0 0" ;;
		esac
		case $answer in
		allow) [[ $(result "$nr") != E[PN]* ]] || fail "$nr is said to be allowed: $(result "$nr")" ;;
		1) same "$nr" "$(result "$nr")" EPERM ;;
		38) same "$nr" "$(result "$nr")" ENOSYS ;;
		*) fail "$nr: $answer" ;;
		esac
	done <<<"$said"
	same "calls that were explained" "$(grep -c . <<<"$said")" 8
}

@test "seccomp explain: rules, conditions and fields; bad input" {
	ours "it has no seccomp explain"
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", syscalls: [
		{names: ["read", "clone"], action: "SCMP_ACT_ALLOW", args: [{index: 0, value: 5, op: "SCMP_CMP_NE"}]},
		{names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 28, args: [{index: 0, value: 5, op: "SCMP_CMP_EQ"}]}]}'
	ok explain read
	same "rules of read" "$(sed 's/  */ /g' "$OUT")" "CALL NUMBER ANSWER CONDITION FIELD
read $(number_of read) allow arg0 != 5 linux.seccomp.syscalls[0]
read $(number_of read) errno ENOSPC arg0 == 5 linux.seccomp.syscalls[1]
read $(number_of read) errno EPERM otherwise linux.seccomp.defaultAction"
	ok explain 'read(5)'
	same "read(5)" "$(sed -n '2s/  */ /gp' "$OUT")" "read(5) $(number_of read) errno ENOSPC - linux.seccomp.syscalls[1]"
	ok explain
	[ "$(wc -l <"$OUT")" -gt 300 ] || fail "the whole table has $(wc -l <"$OUT") lines"
	no 1 '"raed" is not a system call of this architecture' explain raed
	no 1 'argument "five" is not a number' explain 'read(five)'
	no 1 '"read(1": expected a system call' explain 'read(1'
	no 1 '7 arguments, a system call has at most 6' explain 'read(1,2,3,4,5,6,7)'
	no 1 '"SCMP_ARCH_VAX" is not an architecture' explain --arch SCMP_ARCH_VAX
	no 1 'unknown command seccomp record-it' rt seccomp record-it
	config 'del(.linux.seccomp)'
	ok explain read
	same "without a profile" "$(sed -n '2s/  */ /gp' "$OUT")" "read $(number_of read) allow - linux.seccomp"
}
