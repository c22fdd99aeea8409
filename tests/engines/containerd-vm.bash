# containerd-vm.bash: the system's own containerd with ctr, whose runtime has systemd
# make cgroups.
# shellcheck shell=bash disable=SC2034,SC2154
. "$here/containerd.bash"
. "$here/systemd.bash"
KEYS=(run_output run_view exec_view exec_refused top stats pause limits oom rm_force privileged)

engine_check() { engine_here containerd ctr containerd-shim-runc-v2 runc; }
engine_title() { echo "containerd $(version containerd), systemd"; }

engine_start() {
	systemctl start containerd
	CTR=(ctr -n engines)
	T=$D until_true ctr version && ctr -n engines images import "$D/image.tar"
}

engine_stop() { :; }

# Here ctr's default of shares is what it is elsewhere, a limit.
engine_lane() {
	E=("${CTR[@]}")
	FLAGS=(--runc-binary "$RUNTIME" --runc-root "$D/state-$LANE" --runc-systemd-cgroup --cgroup "system.slice:engines:$C")
}

engine_left() {
	local id
	for id in $(ctr -n engines containers ls -q); do
		ctr -n engines task rm -f "$id" >/dev/null 2>&1
		ctr -n engines containers rm "$id"
	done
	find "$D"/state-* -mindepth 2 -maxdepth 2 2>/dev/null
	units_left 'engines-*.scope'
}
