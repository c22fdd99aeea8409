#!/usr/bin/env bats
# Capability sets: no process has one that it was not given.
load attacks

# none_inheritable: the last command printed CapInh and CapAmb, both empty.
none_inheritable() {
	[ "$out" = $'CapInh:\t0000000000000000\nCapAmb:\t0000000000000000' ] || succeeds "$*: ${out//$'\n'/ }"
}

@test "CVE-2022-29162, CVE-2022-27650, CVE-2025-27612: inheritable capabilities" {
	config '.process.noNewPrivileges = false'
	args grep -E 'CapInh|CapAmb' /proc/self/status
	ok run_bundle "$ID"
	none_inheritable run
	args sleep 1000
	ok rt delete --force "$ID"
	up
	local flag
	for flag in --cap=CAP_NET_RAW --user=1000:1000 "--cap=CAP_NET_RAW --user=1000:1000"; do
		# shellcheck disable=SC2086 # one flag or two
		ok rt exec $flag "$ID" grep -E 'CapInh|CapAmb' /proc/self/status
		none_inheritable "exec $flag"
	done
	ok rt exec "$ID" grep -E 'CapInh|CapAmb' /proc/self/status
	none_inheritable exec
}
