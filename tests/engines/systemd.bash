# systemd.bash: engines whose cgroups are systemd's units, on a machine that is
# thrown away afterwards (tests/vm): they are the system's own, in their own places.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
SESSION=1
SYSTEMCTL=(systemctl)
PROPERTIES=MemoryMax,MemoryLow,MemorySwapMax,TasksMax,CPUWeight,CPUQuotaPerSecUSec,CPUQuotaPeriodUSec,AllowedCPUs,AllowedMemoryNodes,Delegate,Slice

# engine_here COMMAND...
engine_here() {
	[ -d /run/systemd/system ] && [ -e /sys/fs/cgroup/cgroup.controllers ] || { echo "no systemd with cgroup v2 here"; return 1; }
	installed "$@"
}

version() { "$@" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1; }

# unit: the properties of the unit of the container's cgroup.
unit() { "${SYSTEMCTL[@]}" show -p "$PROPERTIES" "$(scope "$(declare -F pid >/dev/null && pid || field .State.Pid)")" | sort; }

# scope PID: the unit that it is in.
scope() { grep -oE '[^/]+\.scope' "/proc/$1/cgroup" | tail -n 1; }

# units_left PATTERN: that are active or have failed.
units_left() {
	listed() { "${SYSTEMCTL[@]}" list-units --all --plain --no-legend "$1"; }
	gone() { [ -z "$(listed "$1")" ]; }
	T=$D
	until_true gone "$1" || listed "$1"
}

# Sweeping after each operation would take time: all goes at the end, see engine_left.
engine_sweep() { :; }
