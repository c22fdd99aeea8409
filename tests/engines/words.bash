# words.bash: what operations are written with.
#
# An operation is a function op_KEY that a user of the engine would recognise. It
# runs twice at the same time, in two lanes: once with runc behind the engine and
# once with the runtime under test, $LANE and $RUNTIME. What it observes goes to a
# transcript, and transcripts are compared; what it insists on must hold in both.
#
#   $D         the engine's directory          $T   the lane's own, empty
#   $C         a container's name that is the lane's own
#   $INPUT     what `try` gives as standard input
#   $E         the engine's command line, an array; e() runs it
# shellcheck shell=bash disable=SC2034

e() { timeout --foreground -s KILL "${PATIENCE:-90}" "${E[@]}" "$@"; }

tell() { printf '%s\n' "$*" >>"$T/transcript"; }

# try COMMAND...: run it to its end; $rc, $out and $err tell the rest.
try() {
	rc=0
	"$@" >"$T/out" 2>"$T/err" <"${INPUT:-/dev/null}" || rc=$?
	out=$(tr -d '\r' <"$T/out")
	err=$(tr -d '\r' <"$T/err")
}

# quiet COMMAND...: must succeed; what it prints is not compared.
quiet() {
	try "$@"
	[ "$rc" = 0 ] || fail "exit code $rc" "$@"
}

# ok COMMAND...: must succeed; what it prints is compared.
ok() {
	quiet "$@"
	tell "$out"
	[ -z "$err" ] || tell "stderr: $err"
}

# gives RC COMMAND...: must have this exit code; what it prints is compared.
gives() {
	local want=$1
	shift
	try "$@"
	[ "$rc" = "$want" ] || fail "exit code $rc, want $want" "$@"
	tell "exit code $rc"
	tell "$out"
	[ -z "$err" ] || tell "stderr: $err"
}

# code RC COMMAND...: must have this exit code; what it says is each runtime's own.
code() {
	local want=$1
	shift
	try "$@"
	[ "$rc" = "$want" ] || fail "exit code $rc, want $want" "$@"
	tell "exit code $rc"
}

# no RC TEXT COMMAND...: must fail with this exit code and say TEXT, which callers
# or people match; the rest of what it says is each runtime's own.
no() {
	local want=$1 text=$2
	shift 2
	try "$@"
	[ "$rc" = "$want" ] || fail "exit code $rc, want $want" "$@"
	[[ $out$err == *"$text"* ]] || fail "does not say '$text'" "$@"
	tell "exit code $rc: $text"
}

# same WHAT GOT WANT
same() {
	tell "$1: $2"
	[ "$2" = "$3" ] || fail "$1 is '$2', want '$3'"
}

# has WHAT GOT PATTERN: the pattern must match, the text is compared.
has() {
	tell "$1: $2"
	# shellcheck disable=SC2053 # a pattern
	[[ $2 == $3 ]] || fail "$1 is '$2', want '$3'"
}

# until_true COMMAND...: until it succeeds, half a minute at most.
until_true() {
	local n
	for ((n = 0; n < 300; n++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	fail "never true" "$@"
}

# runs PID COMMAND...: after start an init has still to become it.
runs() { [ "$(tr '\0' ' ' <"/proc/$1/cmdline")" = "${*:2} " ]; }

# view COMMAND...: it prints the probe's view, which is compared field by field.
view() {
	quiet "$@"
	sed -n '/^{/,/^}/p' "$T/out" >"$T/view.json"
	jq -e .sysctls "$T/view.json" >/dev/null || fail "no view" "$@"
}

# cannot REASON: this engine on this machine cannot do it, whatever the runtime.
cannot() {
	printf '%s\n' "$*" >"$T/reason"
	exit 77
}

# installed COMMAND...: else it names the missing one.
installed() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || { echo "$command is not installed"; return 1; }
	done
}

# have NAME...: these controllers are in the cgroups that the engine sees.
have() {
	local name
	for name in "$@"; do
		grep -qw "$name" /sys/fs/cgroup/cgroup.controllers 2>/dev/null || return
	done
}

# controllers NAME...: it can't be done without them.
controllers() {
	local name
	cgroups
	for name in "$@"; do
		have "$name" || cannot "cgroup v2 has no $name controller in this host's test sandbox"
	done
}

# cgroups: the engine can make some. $SESSION is set where systemd delegates them to a user.
cgroups() { [ "$UID_OF_ENGINE" = 0 ] || [ -n "${SESSION:-}" ] || cannot "a user has no cgroups without systemd's delegation"; }

# capability BIT NAME: root here has it.
capability() {
	(((0x$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status) >> $1) & 1)) || cannot "root on this machine lacks $2"
}

# fail WHAT [COMMAND...]: end the operation, with what the last command printed.
fail() {
	{
		echo "FAILED: $*"
		sed 's/^/stdout: /' "$T/out" 2>/dev/null | head -n 12
		sed 's/^/stderr: /' "$T/err" 2>/dev/null | head -n 12
	} >>"$T/transcript"
	return 1
}

# private_etc FILE LINE: the sandbox's own copy of a file, with one more line.
private_etc() {
	[ -e "/etc/$1" ] || : >"/etc/$1"
	cp -p "/etc/$1" "$D/etc-$1"
	printf '%s\n' "$2" >>"$D/etc-$1"
	mount --bind "$D/etc-$1" "/etc/$1"
}
