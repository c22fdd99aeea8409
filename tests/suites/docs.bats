#!/usr/bin/env bats
# docs: what the pages in docs/ show and promise is what the program prints and does.
load helpers

DOCS=$TESTS/../docs

suite_setup() { (cd "$TESTS/.." && go build -o "$BATS_FILE_TMPDIR/schema" ./tests/schema); }

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "the pages are about crun-go"
}

# by_name: crun-go under the name that people type, with a state of its own, in an empty working directory.
by_name() {
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/work"
	printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$RUNTIME" "$ROOT" >"$BATS_TEST_TMPDIR/bin/crun-go"
	chmod 755 "$BATS_TEST_TMPDIR/bin/crun-go"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH:/usr/sbin:/sbin
	cd "$BATS_TEST_TMPDIR/work"
}

# section PAGE HEADING: the commands below a heading.
section() {
	H="## $2" awk '/^## / { on = ($0 == ENVIRON["H"]) } on && /^    / { print substr($0, 5); n++ } END { exit n == 0 }' "$DOCS/$1" ||
		fail "$1 has no commands below $2"
}

# at_terminal FILE: as people do, at a terminal, in which they type exit to each shell that opens.
at_terminal() { { while sleep 1; do echo exit; done & } | timeout -k 5 60 script -qec "sh -ex $1" /dev/null; }

# conforms SCHEMA [FILE]: the documents in FILE, or in the last output, are as docs/schema/SCHEMA.json says.
conforms() { "$BATS_FILE_TMPDIR/schema" "$DOCS/schema/$1.json" "${2:-$OUT}" || fail "not as docs/schema/$1.json says"; }

@test "JSON of a container's life is as docs/schema says" {
	local trace=$BATS_TEST_TMPDIR/trace.json
	config '.annotations = {"org.example": "x"}'
	ok rt plan --json --bundle "$BUNDLE"
	conforms plan
	ok create --trace "$trace" --trace-otlp "$trace.otlp" "$ID"
	conforms trace "$trace"
	conforms otlp "$trace.otlp"
	ok rt start --trace "$trace" "$ID"
	conforms trace "$trace"
	ok rt state "$ID"
	conforms state
	same annotations "$(jq -r '.annotations."org.example"' "$OUT")" x
	for flag in "" --usage; do
		ok rt list $flag --format json
		conforms list
		ok rt ps $flag --format json "$ID"
		conforms ps
	done
	ok rt events --stats "$ID"
	conforms event
	ok rt inspect --json "$ID"
	conforms inspect
	ok rt exec --trace "$trace" --report "$BATS_TEST_TMPDIR/report" "$ID" true
	conforms trace "$trace"
	conforms report "$BATS_TEST_TMPDIR/report"
	TRACEPARENT=00-0123456789abcdef0123456789abcdef-0123456789abcdef-01 TRACESTATE=a=b no 255 "" \
		rt exec --trace-otlp "$trace" "$ID" nosuch
	conforms otlp "$trace"
	same trace "$(jq -r '[.. | objects | .traceId // empty] | unique[]' "$trace")" 0123456789abcdef0123456789abcdef
	no 124 "" rt exec --timeout 200ms --report - "$ID" sleep 100
	conforms report
	same signal "$(jq .signal "$OUT")" 15
	no 137 "" rt exec --timeout 200ms --kill-after 200ms --report - "$ID" sh -c "trap '' TERM; sleep 100"
	conforms report
	same killed "$(jq .killed "$OUT")" true
	ok rt delete --force "$ID"
	ok rt list --format json
	same containers "$(<"$OUT")" null
	conforms list
}

@test "JSON about a bundle, the host and engines is as docs/schema says" {
	config '.process.cwd = "srv" | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2, hard: 1}] | .proces = {}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
			{names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 1, args: [{index: 1, value: 7, op: "SCMP_CMP_EQ"}]}]}'
	no 1 "" rt check --json --bundle "$BUNDLE"
	conforms check
	same errors "$(jq -c '[.[] | select(.severity == "error").field]' "$OUT")" '["process.cwd","process.rlimits[0].soft"]'
	try rt check --json
	conforms check
	ok rt seccomp explain --json --bundle "$BUNDLE" mkdir mseal read
	conforms seccomp
	same conditions "$(jq '[.[].rules[] | select(.conditions)] | length' "$OUT")" 1
	ok rt engines --json
	conforms engines
	config '.process.cwd = "/" | del(.process.rlimits, .proces)'
	script 'mkdir -m 7 /tmp/x; mkdir /tmp/y; rmdir /tmp/y; /probe syscall 5000'
	ok run_bundle --seccomp-log "$BATS_TEST_TMPDIR/log" "$ID"
	conforms seccomp-log "$BATS_TEST_TMPDIR/log"
	config '.linux.seccomp.defaultAction = "SCMP_ACT_ERRNO" | .linux.seccomp.syscalls[0] |= (.names = ["arch_prctl", "brk", "capset", "clone", "close",
		"execve", "exit_group", "fcntl", "fstat", "getpid", "mmap", "mprotect", "open", "openat", "prctl", "read", "recvmsg", "rt_sigaction", "rt_sigprocmask",
		"sendmsg", "set_tid_address", "wait4", "write"] | .action = "SCMP_ACT_ALLOW" | del(.args, .errnoRet))'
	try run_bundle --seccomp-log "$BATS_TEST_TMPDIR/log" "$ID"
	conforms seccomp-log "$BATS_TEST_TMPDIR/log"
	[ "$(jq '.calls | length' "$BATS_TEST_TMPDIR/log")" -gt 0 ] || fail "nothing was refused"
	mkdir -p "$ROOT/half"
	ok rt gc --json --dry-run
	conforms gc
	ok rt gc --json
	conforms gc
}

@test "events of a container that is killed are as docs/schema says" {
	local events=$BATS_TEST_TMPDIR/events
	script 'while sleep 0.1; do :; done'
	up
	"$RUNTIME" --root "$ROOT" events --interval 200ms "$ID" >"$events" 2>/dev/null </dev/null 3>&- &
	local watcher=$!
	until_true grep -q stats "$events"
	ok rt kill "$ID" KILL
	wait $watcher
	conforms event "$events"
	same last "$(tail -n 1 "$events" | jq -r .type)" exit
}

@test "every code of docs/errors.md is there, with the record that its schema describes" {
	local codes
	codes=$(sed -n '/^| `code` | meaning/,/^$/s/^| `\([a-z-]*\)` |.*/\1/p' "$DOCS/errors.md" | grep -v '^code$' | sort)
	same "documented codes" "$codes" "$(jq -r '.properties.code.enum[]' "$DOCS/schema/log.json" | sort)"
	LOG=$BATS_TEST_TMPDIR/log.json
	logged() { try rt --log "$LOG" --log-format json "$@"; }
	up
	logged create --bundle "$BUNDLE" "$ID"
	logged state nosuch
	logged state "a b"
	logged resume "$ID"
	logged exec "$ID" nosuch
	ok rt kill "$ID" KILL
	wait_status stopped
	logged kill "$ID" TERM
	config '.process.cwd = "x" | .process.capabilities.bounding += ["CAP_NOSUCH"]'
	logged create --bundle "$BUNDLE" other
	config '.process.cwd = "/" | .root.path = "nope"'
	logged create --bundle "$BUNDLE" other
	conforms log "$LOG"
	same codes "$(jq -r .code "$LOG" | sort)" "$codes"
	same warnings "$(jq -s 'map(select(.warnings)) | length' "$LOG")" 1
}

@test "exit codes are those of docs/errors.md and docs/migrating.md" {
	no 3 "" rt nosuch
	no 1 "" rt --nosuch list
	no 1 "" "$RUNTIME" --root "$ROOT/nosuch" list
	no 1 "" rt state nosuch
	up
	no 255 "" rt exec "$ID" nosuch
	no 7 "" rt exec "$ID" sh -c 'exit 7'
	no 143 "" rt exec "$ID" sh -c 'kill -TERM $$; sleep 10'
	ok rt kill "$ID" KILL
	wait_status stopped
	no 255 "" rt exec "$ID" true
}

@test "annotations of crun have the effect that docs/migrating.md says" {
	local name what n=0
	while IFS='|' read -r _ name what _; do
		for name in $(grep -o 'run[.]oci[a-z0-9_.-]*' <<<"$name"); do
			n=$((n + 1))
			config --arg name "$name" '.annotations = {($name): "/x"}'
			args true
			try rt --log-level warning run --bundle "$BUNDLE" "$ID"
			case $what in
			*"ignored with a warning"*) [[ $err == *"$name"* && $rc == 0 ]] || fail "$name: no warning" ;;
			*works*) [[ $err != *"without effect"* ]] || fail "$name has no effect" ;;
			*ignored*) [[ -z $err && $rc == 0 ]] || fail "$name is not ignored" ;;
			*) fail "$name: $what" ;;
			esac
		done
	done < <(grep '^| `run.oci' "$DOCS/migrating.md")
	[ "$n" = 14 ] || fail "$n annotations"
}

# an_image: a local image in the place of one that is pulled, unpacked as docs/quickstart.md says.
an_image() {
	for command in skopeo umoci jq script ip; do
		command -v $command >/dev/null || skip "$command is not installed"
	done
	umoci init --layout local
	umoci new --image local:latest
	umoci insert --image local:latest "$BATS_FILE_TMPDIR/rootfs" /
	umoci config --image local:latest --config.cmd sh --config.env PATH=/bin:/usr/bin:/sbin --config.env GREETING=hello
	section quickstart.md "Without an engine" | sed 's#docker://alpine#oci:local:latest#' >commands
	! grep -q docker: commands || fail "$(<commands)"
}

@test "quickstart: an image by skopeo and umoci, a writable root, limits, the background" {
	by_name
	an_image
	ok at_terminal commands
	same environment "$(jq '.process.env | index("GREETING=hello") != null' web/config.json)" true
	section quickstart.md "A writable root" >commands
	ok sh -ex commands
	jq '.process.terminal = false | .process.args = ["sh", "-c", "touch /new /tmp/here /data/there"]' web/config.json >one.json
	cp one.json web/one.json
	ok crun-go run --config one.json --bundle web web1
	[ -e web/rootfs/new ] && [ -e data/there ] && [ ! -e web/rootfs/tmp/here ] || fail "written elsewhere: $(find web/rootfs data)"
	section quickstart.md Limits >commands
	ok sh -ex commands
	same limits "$(jq -c '.linux.resources | [.memory.limit, .pids.limit, .cpu.quota]' web/config.json)" "[268435456,100,50000]"
	ok crun-go plan --bundle web
	jq 'del(.linux.resources.memory, .linux.resources.pids, .linux.resources.cpu)' web/config.json >web/new.json
	mv web/new.json web/config.json
	section quickstart.md "In the background" >commands
	ok sh -ex commands
	[[ $out == *web1*running* ]] || fail "web1 was not listed"
	same containers "$(crun-go list -q)" ""
}

@test "quickstart: a network" {
	by_name
	an_image
	ok at_terminal commands
	mount -t tmpfs run /run # ip(8) keeps names of namespaces in there
	section quickstart.md "A network" >commands
	iptables -t nat -L -n >/dev/null 2>&1 || {
		echo "# no iptables here: the translation of addresses is left out" >&3
		sed -i /iptables/d commands
	}
	touch web/rootfs/etc/resolv.conf
	ok at_terminal commands
	jq '.process.terminal = false | .process.args = ["sh", "-c", "cat /proc/net/fib_trie /etc/resolv.conf"]' web/config.json >web/one.json
	ok crun-go run --config one.json --bundle web web1
	[[ $out == *10.88.77.2* ]] || fail "no address"
	ip netns delete web
	umount -R /run
}

# seen COMMAND...: note what it prints, for the comparison with docs/troubleshooting.md.
seen() { rt "$@" >>"$SEEN" 2>&1 </dev/null 3>&- || true; }

# with FILTER: what run says of the bundle after this change, which is undone.
with() {
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/before.json"
	config "$1"
	seen run --bundle "$BUNDLE" "$ID"
	mv "$BATS_TEST_TMPDIR/before.json" "$BUNDLE/config.json"
}

# of_bundles, of_programs, of_containers, of_hosts: make the mistakes of a chapter of docs/troubleshooting.md.
of_bundles() {
	mkdir "$BATS_TEST_TMPDIR/empty"
	seen run --bundle "$BATS_TEST_TMPDIR/empty" "$ID"
	with '.root.path = "nope"'
	echo '{ "ociVersion": "1.0.0", }' >"$BATS_TEST_TMPDIR/empty/config.json"
	seen run --bundle "$BATS_TEST_TMPDIR/empty" "$ID"
	with '.mounts += [{destination: "/data", source: "/nosuch", options: ["bind"]}]'
	with '.mounts += [{destination: "/etc/passwd", source: "/tmp", options: ["bind"]}]'
}

of_programs() {
	local bin=$BUNDLE/rootfs/bin
	with '.process.args = ["nosuch"]'
	with '.process.args = ["/nosuch"]'
	printf '#!/usr/bin/nosuch\n' >"$bin/script"
	echo true >"$bin/text"
	chmod 755 "$bin/script" "$bin/text"
	touch "$bin/data"
	with '.process.args = ["/bin/script"]'
	with '.process.args = ["/bin/text"]'
	with '.process.args = ["/bin/data"]'
	with '.root.readonly = true | .process.args = ["sh", "-c", "echo >/new"]'
	with '.process.args = ["ping", "-c", "1", "example"] | .process.capabilities |= map_values(. + ["CAP_NET_RAW"])'
	with '.process.args = ["chown", "1", "/etc"] | .process.capabilities = {}'
}

of_containers() {
	up
	seen run --bundle "$BUNDLE" "$ID"
	seen state nosuch
	seen delete "$ID"
	seen exec -it "$ID" sh
	no 137 "" rt exec "$ID" sh -c 'kill -KILL $$'
	ok rt kill "$ID" KILL
	wait_status stopped
	seen exec "$ID" true
	ok rt delete "$ID"
	config '.process.terminal = true'
	seen create --bundle "$BUNDLE" "$ID"
	config '.process.terminal = false'
}

of_hosts() {
	local user=(setpriv --reuid 1000 --regid 1000 --clear-groups env -i PATH=/nosuch "$RUNTIME")
	mount -t tmpfs -o mode=755 run /run
	"${user[@]}" run --bundle "$BUNDLE" "$ID" >>"$SEEN" 2>&1 || true
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}] | .linux.gidMappings = .linux.uidMappings'
	"${user[@]}" run --bundle "$BUNDLE" "$ID" >>"$SEEN" 2>&1 || true
	config '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 100}]'
	install -d -o 1000 "$BATS_TEST_TMPDIR/users"
	"${user[@]}" --root "$BATS_TEST_TMPDIR/users" run --bundle "$BUNDLE" "$ID" >>"$SEEN" 2>&1 || true
	umount /run
	config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
	mount -t tmpfs run /run # without systemd's sockets
	seen --systemd-cgroup run --bundle "$BUNDLE" "$ID"
	umount /run
	mkdir -p "$BATS_TEST_TMPDIR/without"
	ln -sf "$(command -v timeout)" "$BATS_TEST_TMPDIR/without/"
	PATH=$BATS_TEST_TMPDIR/without seen restore --bundle "$BUNDLE" --image-path "$BATS_TEST_TMPDIR/empty" "$ID"
}

# printed TEXT: a line that was seen has it; "..." stands for anything.
printed() {
	TEXT=$1 awk 'BEGIN { n = split(ENVIRON["TEXT"], part, /[.][.][.]/) }
		{ rest = $0; for (i = 1; i <= n && (part[i] == "" || (at = index(rest, part[i]))); i++) if (part[i] != "") rest = substr(rest, at + length(part[i])) }
		i > n { found = 1; exit } END { exit !found }' "$SEEN"
}

@test "troubleshooting: each error that is explained is one that the program prints" {
	local text missing="" n=0
	SEEN=$BATS_TEST_TMPDIR/seen
	of_bundles
	of_programs
	of_containers
	of_hosts
	sed -i 's/\\"/"/g' "$SEEN"
	while IFS= read -r text; do
		n=$((n + 1))
		# Only a host that lacks it says so: its words are in the sources.
		[[ $text != controller* ]] || { grep -qrF "controller not available in " "$TESTS/../cgroups" || missing+=" $text"; continue; }
		printed "$text" || missing+=" | $text"
	done < <(sed -n 's/^### `\(.*\)`$/\1/p' "$DOCS/troubleshooting.md")
	[ "$n" -ge 20 ] || fail "only $n errors"
	[ -z "$missing" ] || { cat "$SEEN" >&2; fail "not printed:$missing"; }
}
