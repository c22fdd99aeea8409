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

# conforms SCHEMA [FILE]: the documents in FILE, or in the last output, are as docs/schema/SCHEMA.json says.
conforms() { "$BATS_FILE_TMPDIR/schema" "$DOCS/schema/$1.json" "${2:-$OUT}" || fail "not as docs/schema/$1.json says"; }

@test "JSON of a container's life is as docs/schema says" {
	local trace=$BATS_TEST_TMPDIR/trace.json
	config '.annotations = {"org.example": "x"}'
	ok rt plan --json --bundle "$BUNDLE"
	conforms plan
	ok create --trace "$trace" "$ID"
	conforms trace "$trace"
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

@test "exit codes are those of docs/errors.md" {
	no 3 "" rt nosuch
	no 1 "" rt state nosuch
	up
	no 255 "" rt exec "$ID" nosuch
	no 7 "" rt exec "$ID" sh -c 'exit 7'
	no 143 "" rt exec "$ID" sh -c 'kill -TERM $$; sleep 10'
}
