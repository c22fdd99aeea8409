# rootless-vm.bash: podman of an ordinary user in a session of systemd's, which
# delegates cgroups.
# shellcheck shell=bash disable=SC2034
. "$here/podman-vm.bash"
UID_OF_ENGINE=$UID
MAP=0:1:5000
PARENT=/user.slice
CONFIG=$HOME/.config/containers
UNITS=$CONFIG/systemd
SYSTEMCTL=(systemctl --user)
AS_USER=(--user)
KEYS=(run_view exec_view stats pause update limits cgroups cgroup_conf service cgroupns pod_cgroup kube_limits)

engine_check() { engine_here podman conmon newuidmap runc; }
engine_title() { echo "podman $(version podman), a user's session"; }
