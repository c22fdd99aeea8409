#!/usr/bin/env bats
# helpers: what suites rely on holds wherever they are run.
load helpers

@test "everybody can run the binary, wherever the tree is" {
	setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$RUNTIME" || fail "nobody cannot reach $RUNTIME"
	[[ $RUNTIME == "$BATS_FILE_TMPDIR/"* ]] || fail "$RUNTIME is where it was built"
}

@test "cgroups that go away during the search are no failure" {
	find() { # one of them went
		command find "$@"
		return 1
	}
	nothing_left
	local cgroup=/sys/fs/cgroup/$ID
	mkdir "$cgroup"
	local left
	left=$(cgroups_left)
	rmdir "$cgroup"
	same left "$left" "$cgroup"
}
