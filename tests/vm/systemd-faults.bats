#!/usr/bin/env bats
# The systemd driver when things go wrong: the runtime killed or its calls failing
# while it talks to systemd, systemd re-executing, units that others
# stop, and names that are taken.
load ../suites/helpers
load guest

sd() { rt --systemd-cgroup "$@"; }
sd_create() { ok sd create --bundle "$BUNDLE" "${1:-$ID}"; }
group() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$@")/cgroup")"; }
units_left() { systemctl list-units --all --plain --no-legend "*$ID*"; }
# systemd drops a unit a moment after its cgroup has gone.
no_units() { [ -z "$(units_left)" ]; }

eval "common_$(declare -f setup)"
setup() {
	common_setup
	TRACE=$BATS_TEST_TMPDIR/trace
	unit=crun-go-$ID.scope
}

teardown() {
	[ "${BATS_TEST_COMPLETED:-}" = 1 ] || echo "at: ${POINT:-the start}" >&2
	delete_all
	nothing_left
	until_true no_units
}

# tampered TAMPER CALL NAME FLAG...: the command with one of its calls, or of its
# init's, tampered with.
tampered() {
	local tamper=$1 call=$2 name=$3
	shift 3
	rm -f "$TRACE"
	{
		try timeout --foreground -s KILL 60 strace -D -f -qq -o "$TRACE" -e signal=kill -e "trace=$call" \
			-e "inject=$call:$tamper" "$RUNTIME" --root "$ROOT" --systemd-cgroup "$name" "$@" "$ID"
	} 2>/dev/null
	code=$rc
}

# sweep TAMPER NAME CALL:MOST...: at each of these calls, the first MOST. Killed, the
# runtime leaves what delete --force finds; failing, create has cleaned up by itself.
sweep() {
	local tamper=$1 name=$2 flags=(--bundle "$BUNDLE") call k points=0
	shift 2
	for call; do
		for ((k = 1; k <= ${call#*:}; k++)); do
			POINT="$name with $tamper at ${call%:*} $k"
			if [ "$name" = delete ]; then
				flags=(--force)
				sd_create
			fi
			tampered "$tamper:when=$k" "${call%:*}" "$name" "${flags[@]}"
			if [ "$code" = 1 ] && [[ $tamper == error=* && $name = create ]]; then
				one_error
				[ "$(grep -c INJECTED "$TRACE")" -gt 1 ] || same state "$(ls -A "$ROOT")" ""
			fi
			ok rt delete --force "$ID"
			[ -z "$out$err" ] || fail "delete --force says something"
			same "cgroups left" "$(cgroups_left)" ""
			until_true no_units
			grep -qE 'INJECTED|killed by' "$TRACE" || break
			points=$((points + 1))
		done
		[ $k -gt 1 ] || fail "$name makes no $call"
	done
	echo "# $name, $tamper: $points points" >&3
}

@test "create killed at each call to systemd: delete --force finds the unit" { sweep signal=KILL create connect:1 sendmsg:3 poll,ppoll:5; }
@test "delete killed at each call to systemd: another one finishes" { sweep signal=KILL delete connect:1 sendmsg:3 poll,ppoll:5; }
@test "create fails with EIO at each call to systemd: no unit is left" { sweep error=EIO create connect:2 poll,ppoll:4; }

@test "systemd executes itself anew while a container lives, and while some are made" {
	config '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 50}}'
	sd_create
	ok rt start "$ID"
	systemctl daemon-reexec
	ok rt exec "$ID" cat /proc/self/cgroup
	same "cgroup of exec" "$out" 0::/
	ok rt update --memory 50331648 "$ID"
	same limit "$(systemctl show -pMemoryMax "$unit") $(cat "$(group)/memory.max")" "MemoryMax=50331648 50331648"
	ok rt pause "$ID"
	systemctl daemon-reexec
	same status "$(status)" paused
	ok rt resume "$ID"
	ok rt exec --detach "$ID" sleep 1000
	ok rt ps --format json "$ID"
	same processes "$(jq length "$OUT")" 2
	ok rt events --stats "$ID"
	same limit "$(jq .data.memory.usage.limit "$OUT")" 50331648
	ok rt kill --all "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
	local n
	for n in 1 2 3; do
		systemctl daemon-reexec &
		sd_create
		same cgroup "$(group)" "/sys/fs/cgroup/system.slice/$unit"
		systemctl daemon-reexec &
		ok rt delete --force "$ID"
		wait
	done
}

@test "a name that two want: the second is refused, and never ends the first" {
	unit=p-$ID.scope
	config --arg p ":p:$ID" '.linux.cgroupsPath = $p'
	sd_create "$ID-a"
	no 1 "linux.cgroupsPath: start unit \"$unit\": a unit of that name exists" sd create --bundle "$BUNDLE" "$ID-b"
	[[ $err == *"systemctl status $unit"* ]] || fail "no hint"
	same status "$(status "$ID-a")" created
	# systemd drops the unit when the first has ended: the name is free again, also
	# of what the first had.
	ok rt kill "$ID-a" KILL
	wait_status stopped "$ID-a"
	until_true no_units
	sd_create "$ID-b"
	ok rt start "$ID-b"
	ok rt delete "$ID-a"
	same status "$(status "$ID-b")" running
	same unit "$(systemctl is-active "$unit")" active
}

@test "a unit that others stop, or whose processes they kill" {
	sd_create
	ok rt start "$ID"
	systemctl stop "$unit"
	wait_status stopped
	no 255 "cannot exec in a stopped container" rt exec "$ID" true
	no 1 "" rt update --pids-limit 50 "$ID"
	one_error
	ok rt delete "$ID"
	sd_create
	systemctl kill -s KILL "$unit"
	wait_status stopped
	ok rt delete "$ID"
}

@test "a slice as the container's unit, in a slice that is not there" {
	config --arg p "a$BATS_TEST_NUMBER.slice:p:a$BATS_TEST_NUMBER-b$ID.slice" '.linux.cgroupsPath = $p | .linux.resources.memory = {limit: 67108864}'
	# A dash in a slice's name is a level.
	ID=${ID//-/_}
	config --arg p "a$BATS_TEST_NUMBER.slice:p:a$BATS_TEST_NUMBER-b$ID.slice" '.linux.cgroupsPath = $p'
	unit=a$BATS_TEST_NUMBER-b$ID.slice
	sd_create
	same cgroup "$(group)" "/sys/fs/cgroup/a$BATS_TEST_NUMBER.slice/$unit"
	same limit "$(systemctl show -pMemoryMax "$unit") $(cat "$(group)/memory.max")" "MemoryMax=67108864 67108864"
	ok rt start "$ID"
	ok rt exec "$ID" true
	ok rt delete --force "$ID"
	until_true no_units
	systemctl stop "a$BATS_TEST_NUMBER.slice"
}
