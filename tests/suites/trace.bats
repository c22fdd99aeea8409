#!/usr/bin/env bats
# --trace: when each step of a command began and ended, as chrome://tracing and Perfetto read it.
load helpers

suite_setup() { ours "only crun-go has --trace"; }

# timed FILTER: the number of steps that FILTER selects, of which each has ended after it
# began, and not before the one above it in its process.
timed() {
	jq -e '.displayTimeUnit and (.otherData.began | test("^20.*Z$"))
		and ([.traceEvents[] | select(.ph != "M") | select(.ph != "X" or .ts < 0 or .dur < 0 or .pid <= 0 or .tid != .pid)] == [])
		and (.traceEvents as $all | [$all[] | select(.ph == "M") | .pid] | sort == ([$all[].pid] | unique))
		and ([.traceEvents | map(select(.ph == "X")) | group_by(.pid)[] | . as $own
			| range(1; length) | select($own[.].ts + $own[.].dur < $own[. - 1].ts + $own[. - 1].dur)] == [])' \
		"$BATS_TEST_TMPDIR/trace" >/dev/null || fail "times: $(<"$BATS_TEST_TMPDIR/trace")"
	jq '(.traceEvents | map(select(.ph == "M") | {key: (.pid | tostring), value: .args.name}) | from_entries) as $names
		| [.traceEvents[] | select(.ph == "X") | .process = $names[.pid | tostring] | select('"$1"')] | length' "$BATS_TEST_TMPDIR/trace"
}

@test "run: init's steps after ready, too" {
	args true
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "sleep 0.05"]}]'
	ok rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same "what is traced" "$(jq -c '[.otherData.command, .otherData.container]' "$BATS_TEST_TMPDIR/trace")" "[\"run\",\"$ID\"]"
	same hooks "$(timed '.process == "init" and .args.field == "hooks.startContainer" and .dur >= 50000')" 1
	same execute "$(timed '.process == "init" and .args.field == "process.args" and (.name | startswith("execute"))')" 1
	same plan "$(timed '.process == "crun-go run" and .name == "read the configuration and make the plan"')" 1
	same errors "$(timed '.args.error')" 0
}

@test "run: nobody asks for the time under the filter" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clock_gettime", "clock_gettime64"], action: "SCMP_ACT_KILL_PROCESS"}]}'
	args ls /
	ok rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same filter "$(timed '.args.field == "linux.seccomp"')" 1
	same execute "$(timed '.args.field == "process.args" and (.name | startswith("execute"))')" 0
}

@test "create: up to ready" {
	ok rt create --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same root "$(timed '.name == "pivot root"')" 1
	same start "$(timed '.process == "init" and .name == "wait for start"')" 0
	ok rt start "$ID"
}

@test "a failed start: up to the step that failed, and why it has" {
	config '.mounts += [{destination: "/x", type: "nosuchfs", source: "none"}]'
	no 1 nosuchfs rt create --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	local field
	field="mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")]"
	same init "$(timed '.process == "init" and .args.field == "'"$field"'" and .args.errno == "ENODEV"')" 1
	same runtime "$(timed '.process == "crun-go create" and (.args.error | strings | contains("'"$field"'"))')" 1
	rm "$BATS_TEST_TMPDIR/trace"
	config 'del(.mounts[-1])'
	config '.hooks.createRuntime = [{path: "/bin/false"}]'
	no 1 createRuntime rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same hook "$(timed '.args.field == "hooks.createRuntime" and .args.error')" 1
}

@test "start: what init does then, and the poststart hooks" {
	config '.hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "sleep 0.05"]}], poststart: [{path: "/bin/true"}]}'
	args true
	ok rt create --bundle "$BUNDLE" "$ID"
	ok rt start --trace "$BATS_TEST_TMPDIR/trace" "$ID"
	same go "$(timed '.process == "crun-go start" and .dur >= 50000')" 1
	same hooks "$(timed '.process == "init" and .args.field == "hooks.startContainer" and .dur >= 50000')" 1
	same execute "$(timed '.process == "init" and .args.field == "process.args"')" 1
	same poststart "$(timed '.process == "crun-go start" and .args.field == "hooks.poststart"')" 1
}

@test "start: a failure; and nobody asks for the time under the filter" {
	config '.hooks = {startContainer: [{path: "/bin/false"}]}'
	ok rt create --bundle "$BUNDLE" "$ID"
	no 1 startContainer rt start --trace - "$ID"
	cp "$OUT" "$BATS_TEST_TMPDIR/trace"
	same hooks "$(timed '.process == "init" and .args.field == "hooks.startContainer"')" 1
	same error "$(timed '.process == "crun-go start" and .args.error')" 1
	ok rt delete --force "$ID"
	config 'del(.hooks) | .process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clock_gettime", "clock_gettime64"], action: "SCMP_ACT_KILL_PROCESS"}]}'
	args ls /
	ok rt create --bundle "$BUNDLE" "$ID"
	ok rt start --trace "$BATS_TEST_TMPDIR/trace" "$ID"
	same init "$(timed '.process == "init"')" 0
	same go "$(timed '.process == "crun-go start"')" 1
}

@test "exec: the runtime, init, and the process that init clones" {
	up
	ok rt exec --trace "$BATS_TEST_TMPDIR/trace" "$ID" true
	same plan "$(timed '.process == "crun-go exec" and .name == "read the configuration and make the plan"')" 1
	same clone "$(timed '.process == "init" and (.name | startswith("clone"))')" 1
	same execute "$(timed '.process == "process" and .args.field == "process.args"')" 1
	no 255 nosuch rt exec --trace "$BATS_TEST_TMPDIR/trace" "$ID" nosuch
	same error "$(timed '.process == "init" and (.args.error | strings | contains("nosuch"))')" 1
}

@test "trace: a table, and a picture, of one and of many" {
	args true
	config '.mounts += [{destination: "/a<b&", type: "tmpfs", source: "tmpfs"}]'
	ok rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	local one=$BATS_TEST_TMPDIR/trace
	ok rt trace "$one"
	same lines "$(wc -l <"$OUT")" $((1 + $(timed true)))
	[[ $out == "BEGIN "*"crun-go run "*"read the configuration and make the plan"*"init "*"linux"*"execute"* ]] || fail "$out"
	ok rt trace --svg "$BATS_TEST_TMPDIR/svg" "$one"
	same "on standard output" "$out" ""
	same bars "$(grep -c '^<g><title>' "$BATS_TEST_TMPDIR/svg")" "$(timed true)"
	grep -qF 'a&lt;b&amp;' "$BATS_TEST_TMPDIR/svg" || fail "$(cat "$BATS_TEST_TMPDIR/svg")"
	jq '.traceEvents |= map(if .ph == "X" then .dur = 1000 else . end)' "$one" >"$one-1"
	jq '.traceEvents |= map(if .ph == "X" then .dur = 7000 else . end)' "$one" >"$one-7"
	jq '.traceEvents |= map(if .ph == "X" then .dur = 9000 else . end)' "$one" >"$one-9"
	ok rt trace "$one-9" "$one-1" "$one-7"
	same medians "$(tail -n +2 "$OUT" | awk '{ print $2 }' | sort -u)" 7.000
}

@test "trace: what is none" {
	no 1 "no such file" rt trace "$BATS_TEST_TMPDIR/none"
	echo '{"traceEvents": [{"ph": "X", "ts": "soon"}]}' >"$BATS_TEST_TMPDIR/trace"
	no 1 "expected a number" rt trace "$BATS_TEST_TMPDIR/trace"
	echo '{}' >"$BATS_TEST_TMPDIR/trace"
	no 1 "no steps" rt trace "$BATS_TEST_TMPDIR/trace"
}

PARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01

# otlp FILTER: what FILTER selects of the spans, which must be sound: each with an id of its own
# in one trace, below the command's, and within its time.
otlp() {
	local file=$BATS_TEST_TMPDIR/otlp
	same lines "$(wc -l <"$file")" 1
	jq -e '.resourceSpans[0] | (.resource.attributes | map({(.key): .value.stringValue}) | add | .["service.name"] == "crun-go" and .["container.id"] != "")
		and (.scopeSpans[0] | .scope.name == "crun-go" and (.spans as $all | $all[0] as $root
			| ($all | length > 1) and ($all | map(.spanId) | unique | length) == ($all | length)
			and ($all | all(.traceId == $root.traceId and (.traceId | test("^[0-9a-f]{32}$")) and (.spanId | test("^[0-9a-f]{16}$"))
				and .kind == 1 and (.startTimeUnixNano | test("^[0-9]{19}$")) and .startTimeUnixNano <= .endTimeUnixNano
				and .startTimeUnixNano >= $root.startTimeUnixNano and .endTimeUnixNano <= $root.endTimeUnixNano))
			and ($all[1:] | all(.parentSpanId == $root.spanId))))' "$file" >/dev/null || fail "spans: $(<"$file")"
	jq -c ".resourceSpans[0].scopeSpans[0].spans | $1" "$file"
}

@test "--trace-otlp: spans, of create, start, exec and run" {
	ok rt create --trace-otlp "$BATS_TEST_TMPDIR/otlp" --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	same steps "$(otlp 'length')" $((1 + $(timed true)))
	same root "$(otlp '.[0] | [.name, .parentSpanId, .traceState, .status]')" '["crun-go create",null,null,null]'
	same attributes "$(otlp '[.[] | select(.name | startswith("mount proc")) | .attributes | map({(.key): .value}) | add
		| .["oci.field"].stringValue, (.["process.pid"].intValue | test("^[0-9]+$"))]')" '["mounts[0]",true]'
	ok rt start --trace-otlp "$BATS_TEST_TMPDIR/otlp" "$ID"
	same root "$(otlp '.[0].name')" '"crun-go start"'
	ok rt exec --trace-otlp "$BATS_TEST_TMPDIR/otlp" "$ID" true
	same root "$(otlp '.[0].name')" '"crun-go exec"'
	no 255 nosuch rt exec --trace-otlp "$BATS_TEST_TMPDIR/otlp" "$ID" nosuch
	same failed "$(otlp '[.[0].status.code, (.[0].status.message | contains("nosuch"))]')" '[2,true]'
	rt delete --force "$ID"
	config '.mounts += [{destination: "/x", type: "nosuchfs", source: "x"}]'
	no 1 nosuchfs rt run --trace-otlp "$BATS_TEST_TMPDIR/otlp" --bundle "$BUNDLE" "$ID"
	same errno "$(otlp '[.[].attributes[] | select(.key == "error.type") | .value.stringValue] | unique')" '["ENODEV"]'
	config 'del(.mounts[-1])'
	args true
	ok rt run --trace-otlp - --bundle "$BUNDLE" "$ID"
	cp "$OUT" "$BATS_TEST_TMPDIR/otlp"
	same root "$(otlp '.[0].name')" '"crun-go run"'
	no 1 "--trace-otlp" rt run --trace-otlp /dev/null --bundle "$BUNDLE" "$ID"
	no 1 "--trace-otlp" rt run --trace-otlp "$BATS_TEST_TMPDIR/nosuch/otlp" --bundle "$BUNDLE" "$ID"
}

@test "TRACEPARENT: the spans belong to that trace; one that is not valid is ignored" {
	local traces bad
	args true
	TRACEPARENT=$PARENT TRACESTATE=a=b ok rt run --trace-otlp "$BATS_TEST_TMPDIR/otlp" --bundle "$BUNDLE" "$ID"
	same root "$(otlp '.[0] | [.traceId, .parentSpanId, .traceState, .flags]')" '["0af7651916cd43dd8448eb211c80319c","b7ad6b7169203331","a=b",1]'
	for bad in "" "$PARENT-x" "${PARENT^^}" "ff${PARENT#00}" "00-00000000000000000000000000000000-b7ad6b7169203331-01" \
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01" "${PARENT%1}" "00_${PARENT#00-}"; do
		TRACEPARENT=$bad TRACESTATE=a=b ok rt run --trace-otlp "$BATS_TEST_TMPDIR/otlp" --bundle "$BUNDLE" "$ID"
		same "said of $bad" "$err" ""
		same "root with $bad" "$(otlp '.[0] | [.parentSpanId, .traceState, .flags]')" '[null,null,1]'
		traces+=$(otlp '.[0].traceId')
	done
	same "new traces" "$(tr -d '\n' <<<"$traces" | sed 's/""/"\n"/g' | sort -u | wc -l)" 8
	TRACEPARENT=01-${PARENT#00-}-more ok rt run --trace-otlp "$BATS_TEST_TMPDIR/otlp" --bundle "$BUNDLE" "$ID"
	same "a later version" "$(otlp '.[0].parentSpanId')" '"b7ad6b7169203331"'
	TRACEPARENT=none ok rt --debug run --bundle "$BUNDLE" "$ID"
	[[ $err == *"TRACEPARENT"*"not valid"* ]] || fail "nothing said"
}

@test "TRACEPARENT reaches the hooks that have no environment of their own" {
	config --arg to "$BATS_TEST_TMPDIR" '.hooks = ({createRuntime: 0, createContainer: 0, poststart: 0, poststop: 0} | with_entries(
		.key as $kind | .value = [
			{path: "/bin/sh", args: ["sh", "-c", "env >\($to)/\($kind)"]},
			{path: "/bin/sh", args: ["sh", "-c", "env >\($to)/\($kind)-own"], env: ["A=b"]},
			{path: "/bin/sh", args: ["sh", "-c", "env >\($to)/\($kind)-none"], env: []}]))'
	args env
	TRACEPARENT=$PARENT TRACESTATE=a=b ok rt run --bundle "$BUNDLE" "$ID"
	[[ $out != *TRACE* ]] || fail "the container's process has it"
	local kind
	for kind in createRuntime createContainer poststart poststop; do
		same "$kind" "$(grep -c -e "^TRACEPARENT=$PARENT\$" -e '^TRACESTATE=a=b$' "$BATS_TEST_TMPDIR/$kind")" 2
		! grep ^TRACE "$BATS_TEST_TMPDIR/$kind-own" "$BATS_TEST_TMPDIR/$kind-none" || fail "$kind: in an environment of its own"
	done
	same "all of createContainer" "$(grep -vc -e TRACE -e '^PWD=' -e '^SHLVL=' -e '^_=' "$BATS_TEST_TMPDIR/createContainer")" 0
	ok rt run --bundle "$BUNDLE" "$ID"
	! grep ^TRACE "$BATS_TEST_TMPDIR"/{createRuntime,createContainer} || fail "it is not set"
	TRACEPARENT=none ok rt run --bundle "$BUNDLE" "$ID"
	! grep ^TRACE "$BATS_TEST_TMPDIR/createContainer" || fail "it is not valid"
}
