# containerd2.bash: containerd 2, built from Go modules where Debian has none.
# shellcheck shell=bash disable=SC2034,SC2154
. "$here/containerd.bash"
CONFIG='version = 3
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.nri.v1.nri"]'

engine_check() {
	local built
	built=$("$TESTS/kubernetes/build" containerd 2>"$D/why") || { tail -n 1 "$D/why"; return 1; }
	echo "$built" >"$D/built"
}

engine_start() {
	PATH=$(<"$D/built"):$PATH
	containerd_start
}
