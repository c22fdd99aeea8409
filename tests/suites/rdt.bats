#!/usr/bin/env bats
# linux.intelRdt. What happens in a resctrl filesystem is tested with a tree
# that looks like one (libcontainer/resctrl); here is what a user sees.
load helpers

@test "without resctrl a class of service is an error, and nothing is left" {
	ours "1.1 has other words"
	! grep -q ' - resctrl ' /proc/self/mountinfo || skip "this machine has resctrl"
	config '.linux.intelRdt = {closID: "gold"}'
	no 1 'linux.intelRdt: find RDT class "gold": no resctrl filesystem is mounted' create "$ID"
	one_error
	no 1 "no resctrl filesystem is mounted" run_bundle "$ID"
}

@test "plan shows the class, its schemata and the monitoring group" {
	config '.linux.intelRdt = {l3CacheSchema: "L3:0=7f0", memBwSchema: "MB:0=20", schemata: ["L2:0=f"], enableMonitoring: true}'
	ok rt plan --bundle "$BUNDLE"
	grep -qE 'linux.intelRdt +make RDT class "[^"]+" L3:0=7f0 MB:0=20 L2:0=f, with a monitoring group$' "$OUT" || fail "the class"
	grep -qE 'linux.intelRdt +put the process into the RDT class$' "$OUT" || fail "init"
	config '.linux.intelRdt = {closID: "/"}'
	ok rt plan --bundle "$BUNDLE"
	grep -qE 'linux.intelRdt +find RDT class "/"$' "$OUT" || fail "the default class"
}

@test "mistakes name their field" {
	ours "1.1 has other words"
	local j said
	while IFS='|' read -r j said; do
		config --argjson j "$j" '.linux.intelRdt = $j'
		no 1 "linux.intelRdt.$said" create "$ID"
	done <<-'END'
		{"closID": "a/b"}|closID: "a/b" is not the name of a class of service
		{"closID": ".."}|closID: ".." is not
		{"closID": "x", "memBwSchema": "L3:0=f"}|memBwSchema: "L3:0=f" does not begin with MB:
		{"closID": "x", "l3CacheSchema": "L3:0=f\nMB:0=9"}|l3CacheSchema: "L3:0=f\\nMB:0=9" is not one line
		{"closID": "x", "schemata": ["a", "b\n"]}|schemata[1]: "b\\n" is not one line
	END
}

@test "features tell what of it there is" {
	ours "1.1 has other words"
	ok rt features
	jq -e '.linux.intelRdt == {enabled: true, schemata: true, monitoring: true}' "$OUT" >/dev/null || fail "features"
}
