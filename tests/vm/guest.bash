# guest.bash: load after ../helpers in suites for the guest.
# shellcheck shell=bash

# The guest's systemd makes processes of its own all the time: those that count
# are in the cgroup the suite runs in. (What a container leaves in another one is
# found with that cgroup.) Who adopts them is pid 1, or the user's systemd.
REAPER=1
[ "$UID" = 0 ] || REAPER=$(pgrep -u "$UID" -x systemd | head -n 1)
orphans() {
	local file pid
	for file in $(grep -lxF "$(</proc/self/cgroup)" /proc/[0-9]*/cgroup 2>/dev/null); do
		pid=${file#/proc/}
		pid=${pid%/cgroup}
		if [[ $(<"/proc/$pid/status") == *$'\n'PPid:$'\t'$REAPER$'\n'* ]]; then echo "$pid"; fi
	done 2>/dev/null | sort
}

# The disk that is limited and read: the root's, as kernels name it, and its node.
DISK=$(stat -c %Hd:%Ld /)
NODE=/dev/$(sed -n 's/^DEVNAME=//p' "/sys/dev/block/$DISK/uevent")

# value KEY FILE: of a flat keyed file.
value() { sed -n "s/^$1 //p" "$2"; }
