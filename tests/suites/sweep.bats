#!/usr/bin/env bats
# A sample of `make test-faults`: each system call of each command fails once, with
# one errno, and the runtime or its init is killed once at each. docs/faults.md
# says how that is judged.
load helpers

setup() { :; }
teardown() { :; }

@test "each system call of each command fails once, or is the last" {
	ours "its own sweep has no list of what is accepted"
	CGO_ENABLED=0 go build -o "$TESTS/.build/faults" "$TESTS/faults"
	run "$TESTS/.build/faults" -runtime "$RUNTIME" -probe "$PROBE" -sample -accepted "$TESTS/faults/accepted.tsv"
	[ "$status" = 0 ] || fail "$output"
}

@test "exec: no file or namespace of a process is taken for another" {
	ours "its own sweep has no list of what is accepted"
	CGO_ENABLED=0 go build -o "$TESTS/.build/faults" "$TESTS/faults"
	run "$TESTS/.build/faults" -runtime "$RUNTIME" -probe "$PROBE" -only exec -call openat,newfstatat -accepted "$TESTS/faults/accepted.tsv"
	[ "$status" = 0 ] || fail "$output"
}
