#!/usr/bin/env bats
# --debug: the steps of the plan, as they are taken.
load helpers

suite_setup() { ours "runc has messages of its own"; }

# steps: the messages of the log with the level debug, one a line, in which there is nothing else below an error.
steps() {
	jq -e -n 'all(inputs; .level == "debug" or .level == "error") and true' "$BATS_TEST_TMPDIR/log" >/dev/null || fail "other records: $(<"$BATS_TEST_TMPDIR/log")"
	jq -r 'select(.level == "debug") | "\(.field // "-") \(.msg)"' "$BATS_TEST_TMPDIR/log"
}

debug() { rm -f "$BATS_TEST_TMPDIR/log"; rt --debug --log "$BATS_TEST_TMPDIR/log" --log-format json "$@"; }

@test "create, start, exec and mounts report the steps of both processes" {
	ok debug create --bundle "$BUNDLE" "$ID"
	# All of the plan's, each once and in the order of its process.
	local half
	for half in parent init; do
		rt plan --bundle "$BUNDLE" --json "$ID" | jq -r --arg h "$half" '.[$h][] | select(.step != "WaitStart" and .step != "Execute" and .step != "SetRlimits") | .step' | wc -l >"$BATS_TEST_TMPDIR/planned"
		steps | grep -c " ${half/parent/runtime}: " >"$BATS_TEST_TMPDIR/reported"
		[ "$(<"$BATS_TEST_TMPDIR/reported")" -ge "$(($(<"$BATS_TEST_TMPDIR/planned") - 2))" ] || fail "$half: $(<"$BATS_TEST_TMPDIR/reported") of $(<"$BATS_TEST_TMPDIR/planned")"
	done
	steps | grep -qx 'linux.namespaces runtime: spawn init in new .*' || fail "$(steps)"
	steps | grep -qx 'root.path init: pivot root' || fail "$(steps)"
	same doubles "$(steps | sort | uniq -d)" ""
	ok debug start "$ID"
	steps | grep -qx 'process.args init: execute the process' || fail "$(steps)"
	ok debug exec "$ID" true
	steps | grep -qx 'process.args init: execute "true"' || fail "$(steps)"
	echo '[{"destination": "/debug", "type": "tmpfs", "source": "x"}]' >"$BATS_TEST_TMPDIR/mounts"
	ok debug mounts add "$ID" "$BATS_TEST_TMPDIR/mounts"
	steps | grep -q '^mounts\[0\] init: mount tmpfs on "/debug"' || fail "$(steps)"
}

@test "run reports them to standard error, in the format of logs" {
	args true
	ok rt --debug run --bundle "$BUNDLE" "$ID"
	grep -qE '^time="[^"]+" level=debug msg="init: pivot root" field=root.path$' "$ERR" || fail "no step"
	! grep -v '^time="[^"]*" level=debug msg=' "$ERR" || fail "something else"
	ok rt run --bundle "$BUNDLE" "$ID"
	same "without the flag" "$err" ""
}

@test "the last step that is reported is where it hangs, and a failure follows" {
	config '.hooks.createContainer = [{path: "/bin/false"}]'
	no 1 createContainer debug create --bundle "$BUNDLE" "$ID"
	same "the last record" "$(tail -n 1 "$BATS_TEST_TMPDIR/log" | jq -r .level)" error
	config '.hooks = {createRuntime: [{path: "/bin/sleep", args: ["sleep", "60"], timeout: 1}]}'
	no 1 "createRuntime" debug create --bundle "$BUNDLE" "$ID"
	[[ $(steps | tail -n 1) == "hooks.createRuntime runtime: "* ]] || fail "$(steps | tail -n 3)"
}
