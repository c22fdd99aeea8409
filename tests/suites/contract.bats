#!/usr/bin/env bats
# The contract with engines: what they call, match on and parse, byte for byte.
# golden/contract.tsv has what commands answer, golden/calls.tsv the calls that
# engines make. Where runc 1.1.5 is installed, it answers as well: what the tables
# have of it is not our opinion.
load helpers

# A test may have put a /run of its own over the host's; and runc 1.1 at times gives
# up on a cgroup whose last process is not quite gone.
teardown() {
	delete_all
	is_ours || cgroups_left | sort -r | xargs -r rmdir 2>/dev/null || true
	[ -z "${own_run:-}" ] || umount /run
	nothing_left
}

# peer: from here on runc 1.1.5 is tested, the reference runtime.
peer() {
	ours "it is the peer"
	case $(runc --version 2>/dev/null) in
	"runc version 1.1.5"*) RUNTIME=$(realpath "$(command -v runc)") ;;
	*) skip "no runc 1.1.5 here" ;;
	esac
}

# reach STATE: bring the test's container there.
reach() {
	case $1 in
	none) ;;
	created) ok create "$ID" ;;
	running) up ;;
	paused) up && ok rt pause "$ID" ;;
	stopped) up && ok rt kill "$ID" KILL && wait_status stopped ;;
	esac
}

# whole FILE: what it has, in $text; $(<FILE) would lose newlines at the end.
whole() {
	text=$(cat "$1" && echo .)
	text=${text%.}
}

# answer FILE: in $text, without what varies, and without hints, which are for
# people. The words that runc begins with where it was are in our log's fields.
answer() {
	whole "$1"
	text=${text//$BUNDLE/BUNDLE}
	text=${text//$ROOT/ROOT}
	text=${text//$ID/ID}
	text=${text//$RUNTIME/NAME}
	text=${text//$(basename "$RUNTIME")/NAME}
	text=${text//unable to start container process: /}
	text=${text//error during container init: /}
	text=$(printf '%s' "$text" | sed -E -e '/^hint: /d' -e 's/20[0-9-]{8}T[0-9:]{8}(\.[0-9]+)?Z/TIME/g' \
		-e 's/("ociVersion": ?)"1[^"]*"/\1"VERSION"/' && echo .)
	text=${text%.}
	[ -z "$pid" ] || text=${text//$pid/INIT}
}

# complain TEXT...: the row is wrong, and the others are looked at all the same.
complain() { wrong+="$state: $command: $*"$'\n'; }

# expect STREAM FILE WANT [END]: a column of the table against what was printed.
expect() {
	local text want
	answer "$2"
	case $3 in
	-) want= ;;
	@*)
		want=$(cat "$TESTS/golden/${3#@}" && echo .)
		want=${want%.}
		want=${want//STATE/$state}
		[ "$state" != stopped ] || want=${want//INIT/0}
		;;
	*) printf -v want %b "$3${4:-}" ;;
	esac
	# Columns are as wide as ids and times are long.
	[[ $3 != *.txt ]] || text=$(sed -E 's/  +/ /g' <<<"$text")$'\n'
	if [[ $want == *... ]]; then
		[[ $text == "${want%...}"* ]] && return
	else
		[ "$text" != "$want" ] || return 0
	fi
	complain "$1 is $(printf %q "$text"), want $(printf %q "$want")"
}

# logged WANT: the file of --log has the message of standard error in one object,
# keys in order, and is empty where there is none.
logged() {
	[ -s "$LOG" ] || {
		[[ $1 == - || $1 == time=* ]] || complain "nothing in the log"
		return 0
	}
	[ "$1" != - ] || ! is_ours || complain "the log has $(<"$LOG")"
	[ "$1" != - ] || return 0
	[ "$(wc -l <"$LOG")" = 1 ] || ! is_ours || complain "more than one line in the log"
	tail -n 1 "$LOG" >"$LOG.last"
	jq -e '(keys_unsorted == keys) and .level == "error" and (.time | test("^20[0-9-]{8}T[0-9:]{8}Z$"))' "$LOG.last" >/dev/null ||
		complain "the log has $(<"$LOG")"
	[ "$(jq -r .msg "$LOG.last")" = "$(<"$ERR")" ] || complain "the log says $(<"$LOG")"
}

# answers STATE: every row of golden/contract.tsv for this state.
answers() {
	local state code runc command out_wanted err_wanted words n=0 wrong= pid= at=
	LOG=$BATS_TEST_TMPDIR/log
	config '.annotations = {"com.example.html": "a/b<c>&", "com.example.key": "value"}'
	while IFS=$'\t' read -r state code runc command out_wanted err_wanted; do
		[ "$state" = "$1" ] && { is_ours || [ "$runc" = = ]; } || continue
		n=$((n + 1))
		if [ -z "$at" ] && [ "$state" != none ]; then
			reach "$state"
			pid=
			[ "$state" = stopped ] || pid=$(pid_of)
		fi
		eval "words=($(sed "s#\bID\b#$ID#g; s#BUNDLE#$BUNDLE#g" <<<"$command"))"
		rm -f "$LOG"
		try rt --log "$LOG" --log-format json "${words[@]}"
		[ "$rc" = "$code" ] || complain "exit code $rc, want $code"
		expect stdout "$OUT" "$out_wanted"
		expect stderr "$ERR" "$err_wanted" '\n'
		# What the program in the container says is not logged.
		[[ $command == "exec ID sh "* ]] || logged "$err_wanted"
		# What fails changes nothing: the next row has the same container.
		at=$state
		[ "$rc" != 0 ] || at=
		[ -n "$at" ] || ok rt delete --force "$ID"
	done <"$TESTS/golden/contract.tsv"
	ok rt delete --force "$ID"
	[ -z "$wrong" ] || { echo "$wrong" >&2; return 1; }
	[ "$n" -gt 5 ]
}

@test "commands without a container" { answers none; }
@test "commands on a created container" { answers created; }
@test "commands on a running container" { answers running; }
@test "commands on a paused container" { answers paused; }
@test "commands on a stopped container" { answers stopped; }

@test "runc's answers are those of the table" {
	peer
	local s
	for s in none created running paused stopped; do answers $s; done
}

# calls ENGINE: its rows of golden/calls.tsv, in order. Those of update change nothing,
# since there may be no controllers; where there are, vm/update.bats has them change
# limits, with the same silence.
calls() {
	local engine code command out_wanted words n=0 wrong= state=$1 pid= env=() input
	LOG=$BATS_TEST_TMPDIR/log.json
	jq -n '{cwd: "/", args: ["sleep", "1000"], env: ["PATH=/bin"], user: {uid: 0, gid: 0}}' >"$BATS_TEST_TMPDIR/process"
	jq -n '{args: ["echo", "hi"]} + {cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0}}' >"$BATS_TEST_TMPDIR/echo"
	echo '{"memory":{"limit":0,"reservation":0,"kernel":0},"cpu":{"shares":0,"quota":0,"period":0},"blockIO":{"weight":0}}' >"$BATS_TEST_TMPDIR/resources"
	case $1 in podman | nocgroups) own_run ;; esac
	while IFS=$'\t' read -r engine code command out_wanted; do
		[ "$engine" = "$1" ] || continue
		n=$((n + 1))
		case $command in
		# What the engine does itself, or waits for.
		"stopped") wait_status stopped && continue ;;
		"running") wait_status running && pid=$(pid_of) && continue ;;
		esac
		env=()
		[[ $command != XDG_RUNTIME_DIR=* ]] || env=(env -i)
		eval "words=($(sed "s#\bID\b#$ID#g; s#BUNDLE#$BUNDLE#g; s#\bDIR\b#$BATS_TEST_TMPDIR#g; s#ROOT#$ROOT#; s#\bNAME\b#$RUNTIME#; s#\bLOG\b#$LOG#" <<<"$command"))"
		input=/dev/null
		[[ $command != *--resources?-* ]] || input=$BATS_TEST_TMPDIR/resources
		rc=0
		(cd "$BUNDLE" && exec "${env[@]}" env "${words[@]}") >"$OUT" 2>"$ERR" <$input 3>&- || rc=$?
		[ "$rc" = "$code" ] || complain "exit code $rc, want $code"
		expect stdout "$OUT" "$out_wanted"
		expect stderr "$ERR" -
		[[ ! -s $LOG ]] || ! is_ours || complain "the log has $(<"$LOG")"
	done <"$TESTS/golden/calls.tsv"
	[ -z "$wrong" ] || { echo "$wrong" >&2; return 1; }
	[ "$n" -gt 1 ]
}

# own_run: podman names no root, and gets the default one, of a /run of its own.
own_run() {
	mount -t tmpfs -o mode=755 tmpfs /run
	own_run=1
	ROOT=/run/$(basename "$RUNTIME")
}

@test "docker calls" { calls docker; }
@test "containerd calls" { calls containerd; }
@test "podman calls" { calls podman; }
@test "buildah calls" { calls buildah; }
@test "CRI-O calls" { calls crio; }
@test "BuildKit and go-runc call" { calls gorunc; }
@test "podman calls without cgroups" {
	ours "no --cgroup-manager"
	calls nocgroups
}

# quiet WHEN: the last command has said nothing, and logged nothing.
quiet() {
	same "$1: stderr" "$err" ""
	same "$1: log" "$(cat "$LOG" 2>/dev/null)" ""
}

@test "configurations that others warn of are taken without a word" {
	ours "1.1 warns of some"
	local what filter n=0
	LOG=$BATS_TEST_TMPDIR/log
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/config"
	while IFS=$'\t' read -r what filter; do
		n=$((n + 1))
		jq "$filter" <"$BATS_TEST_TMPDIR/config" >"$BUNDLE/config.json"
		ok rt --log "$LOG" --log-format json create --bundle "$BUNDLE" "$ID"
		quiet "$what, create"
		ok rt --log "$LOG" --log-format json start "$ID"
		quiet "$what, start"
		ok rt --log "$LOG" --log-format json exec "$ID" true
		quiet "$what, exec"
		ok rt --log "$LOG" --log-format json delete --force "$ID"
		quiet "$what, delete"
	done <<-'END'
		a relative destination	.mounts += [{destination: "mnt", type: "tmpfs", source: "x"}]
		zeros for no limits (docker)	.linux.resources += {memory: {limit: 0, reservation: 0, kernel: 0, disableOOMKiller: false}, cpu: {shares: 0, quota: 0, period: 0}, blockIO: {weight: 0}}
		limits of the kernel's memory (old engines), a warning below the level	.linux.resources.memory = {kernel: 1000000, kernelTCP: 1000000}
		masked and read-only paths that are not there	.linux.maskedPaths += ["/nosuch"] | .linux.readonlyPaths += ["/nosuch"]
		an annotation of another runtime	.annotations = {"run.oci.nosuch": "x", "org.opencontainers.nosuch": "y"}
		an old version	.ociVersion = "1.0.0"
		a version to come	.ociVersion = "1.9.0-dev"
		fields that are not known	.process.nosuch = {a: [1]} | .linux.nosuch = true
		options with flags of filesystems on a bind	.mounts += [{destination: "/mnt", type: "bind", source: "/tmp", options: ["rbind", "rprivate", "nosuid", "noexec", "nodev", "ro"]}]
		propagation on filesystems (podman)	.mounts |= map(if .type == "proc" or .type == "sysfs" then .options += ["rprivate"] else . end)
		a cgroup of systemd's without --systemd-cgroup	.linux.cgroupsPath = "system.slice:crun-go:contract"
		a personality	.linux.personality = {domain: "LINUX"}
		unknown system calls in a profile	.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["nosuchcall"], action: "SCMP_ACT_ERRNO"}]}
	END
	[ "$n" -ge 10 ]
}

# The specification wants these warnings: they are in the log, after all is done.
@test "warnings that the specification demands are in the log, and nowhere else" {
	ours "1.1 has other words"
	local filter
	for filter in '.process.capabilities |= map_values(. + ["CAP_NOSUCH"])' \
		'.process.capabilities.ambient = ["CAP_KILL"] | .process.capabilities.inheritable = []'; do
		LOG=$BATS_TEST_TMPDIR/log
		rm -f "$LOG"
		config "$filter"
		ok rt --log "$LOG" --log-format json create --bundle "$BUNDLE" "$ID"
		same stderr "$err" ""
		same levels "$(jq -r .level "$LOG" | sort -u)" warning
		ok rt delete --force "$ID"
	done
}

# journal: state.json is what others read of it, byte for byte: without the keys
# that are the runtime's own, and numbers and times by their kind.
journal() {
	local pid text
	config '.annotations = {"com.example.key": "value"}'
	up
	pid=$(pid_of)
	jq '{id, init_process_pid, init_process_start, created, cgroup_paths, namespace_paths,
			config: {rootfs: .config.rootfs, namespaces: .config.namespaces, labels: .config.labels}}
		| .init_process_start |= type | .created |= (sub("\\.[0-9]+"; "") | fromdate | type)
		| .config.namespaces |= (map({type, path: (.path // "")}) | sort_by(.type)) | .config.labels |= sort
		| .namespace_paths |= del(.NEWTIME)' "$ROOT/$ID/state.json" >"$OUT" # 1.1 has no NEWTIME
	answer "$OUT"
	same state.json "${text%$'\n'}" "$(<"$TESTS/golden/contract-state-file.json")"
	same mode "$(stat -c %a "$ROOT/$ID/state.json")" 600
}

@test "state.json" { journal; }

@test "state.json of runc's" {
	peer
	journal
}

# told: what hooks read on standard input, one line for each kind.
told() {
	local pid text kind log=$BATS_TEST_TMPDIR/hooks
	mkdir -m 777 "$log"
	config --arg log "$log" '.annotations = {"com.example.key": "a/b<c>"} | .mounts += [{destination: "/log", source: $log, options: ["bind"]}]
		| .hooks = ([("prestart", "createRuntime", "createContainer", "poststart", "poststop") | {key: ., value: $log}] + [{key: "startContainer", value: "/log"}]
			| map({key, value: [{path: "/bin/sh", args: ["sh", "-c", "cat >\(.value)/\(.key)"]}]}) | from_entries)'
	up
	pid=$(pid_of)
	until_true test -s "$log/poststart"
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
	for kind in "$@"; do
		printf '%s ' "$kind"
		sed -e '$a\' "$log/$kind"
	done >"$OUT"
	answer "$OUT"
	same "hooks' input" "${text%$'\n'}" "$(grep -E "^($(IFS='|' && echo "$*")) " "$TESTS/golden/contract-hooks.txt")"
}

# runc runs poststart hooks before the program, as no specification says, and has
# another status then.
@test "what hooks read" { told prestart createRuntime createContainer startContainer $(! is_ours || echo poststart) poststop; }

@test "what runc's hooks read" {
	peer
	told prestart createRuntime createContainer startContainer poststop
}
