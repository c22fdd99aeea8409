#!/usr/bin/env bats
# gc: what killed runtimes have left goes, and nothing else.
load helpers

eval "common_$(declare -f setup)"
setup() {
	common_setup
	ours "it has no gc"
}

# cut_off ID: a create whose runtime is killed by its own hook.
cut_off() {
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/kept.json"
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "kill -KILL $PPID"]}]'
	try rt create --bundle "$BUNDLE" "$1"
	mv "$BATS_TEST_TMPDIR/kept.json" "$BUNDLE/config.json"
	same "exit code of a killed runtime" "$rc" 137
}

@test "a creation that was cut off, with its cgroup" {
	cut_off "$ID"
	[ -n "$(cgroups_left)" ] || fail "nothing is left to be removed"
	ok rt gc --dry-run
	same "--dry-run" "$out" "would remove $ID: its creation was cut off"
	[ -n "$(cgroups_left)" ] && [ -e "$ROOT/$ID/state.json" ] || fail "--dry-run removed something"
	ok rt gc --json
	same json "$(jq -c . "$OUT")" "[{\"id\":\"$ID\",\"found\":\"its creation was cut off\",\"removed\":true}]"
	[ ! -e "$ROOT/$ID" ] && [ -z "$(cgroups_left)" ] || fail "it is still there"
	ok rt gc
	same "the second time" "$out" ""
}

@test "a state directory without a state, and directories that are not crun-go's" {
	mkdir -p "$ROOT/other/sub" "$ROOT/public"
	mkdir -m 700 "$ROOT/private" "$ROOT/crun"
	mkdir -m 711 "$ROOT/empty" "$ROOT/part" "$ROOT/crun/exec"
	touch "$ROOT/other/file" "$ROOT/private/file" "$ROOT/crun/status"
	touch "$ROOT/part/.crun-go-0123456789abcdef" "$ROOT/part/config.kept"
	# A young one may be that of a create.
	ok rt gc
	[ -e "$ROOT/empty" ] && [ -e "$ROOT/part" ] || fail "a young one was removed"
	sleep 6
	ok rt gc
	same removed "$(sort "$OUT")" $'removed empty: a state directory without a state\nremoved part: a state directory without a state'
	[ ! -e "$ROOT/empty" ] && [ ! -e "$ROOT/part" ] || fail "they are still there"
	[ -e "$ROOT/other/file" ] && [ -e "$ROOT/private/file" ] && [ -e "$ROOT/crun/status" ] && [ -d "$ROOT/public" ] || fail "others are gone"
}

@test "what was created is left alone: created, running, paused, stopped" {
	local id
	ok rt create --bundle "$BUNDLE" "$ID-created"
	ok rt create --bundle "$BUNDLE" "$ID-running"
	ok rt start "$ID-running"
	ok rt create --bundle "$BUNDLE" "$ID-paused"
	ok rt start "$ID-paused"
	ok rt pause "$ID-paused"
	ok rt create --bundle "$BUNDLE" "$ID-stopped"
	ok rt kill "$ID-stopped" KILL
	until_true stopped "$ID-stopped"
	cut_off "$ID"
	ok rt gc
	same removed "$out" "removed $ID: its creation was cut off"
	for id in created running paused stopped; do
		same "status of $id" "$(rt state "$ID-$id" | jq -r .status)" "$id"
	done
	ok rt resume "$ID-paused"
	for id in created running paused stopped; do ok rt delete --force "$ID-$id"; done
}

stopped() { [ "$(rt state "$1" | jq -r .status)" = stopped ]; }

@test "what another command works on is left alone" {
	config --arg t "$BATS_TEST_TMPDIR" '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "touch \($t)/inside; until [ -e \($t)/go ]; do sleep 0.05; done"]}]'
	rt create --bundle "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/log" 2>&1 </dev/null 3>&- &
	local runtime=$!
	until_true test -e "$BATS_TEST_TMPDIR/inside"
	ok rt gc
	same removed "$out" ""
	touch "$BATS_TEST_TMPDIR/go"
	wait "$runtime" || fail "create failed: $(<"$BATS_TEST_TMPDIR/log")"
	same status "$(rt state "$ID" | jq -r .status)" created
	ok rt delete --force "$ID"
}

@test "creates beside it do not fail" {
	args true
	(
		until [ -e "$BATS_TEST_TMPDIR/stop" ]; do
			rt gc >>"$BATS_TEST_TMPDIR/gc" 2>&1 || echo failed >>"$BATS_TEST_TMPDIR/gc"
		done
	) </dev/null 3>&- &
	local collector=$! n
	for n in $(seq 15); do ok run_bundle "$ID-$n"; done
	touch "$BATS_TEST_TMPDIR/stop"
	wait "$collector"
	! grep failed "$BATS_TEST_TMPDIR/gc" || fail "$(<"$BATS_TEST_TMPDIR/gc")"
}

@test "what cannot be removed is named, and the rest is removed" {
	cut_off "$ID"
	mkdir -p "$ROOT/broken"
	echo '{' >"$ROOT/broken/state.json"
	no 1 'container "broken"' rt gc
	same removed "$out" "removed $ID: its creation was cut off"
	[ -e "$ROOT/broken" ] || fail "a state that cannot be read was removed"
}

@test "a root that is not there, and bad input" {
	ok rt gc
	same removed "$out" ""
	no 1 "" rt gc surplus
}
