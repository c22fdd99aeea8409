# cri.bash: containerd with CRI in a sandbox of its own, for scripts that run there.
#
#   $D        the directory of this engine: short, because of sockets
#   $ENGINE   containerd's programs         $CLIENTS   crictl and critest
#   $IMAGES   archives to import            $RUNTIME   the runtime under test
#   $HANDLER  what pods get that ask for nothing: runc or crun-go
# shellcheck shell=bash disable=SC2034,SC2154
: "${CRUN_GO_SANDBOX:?run me in tests/env/sandbox}" "${D:?}" "${RUNTIME:?}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TESTS=${here%/*}
CRI=unix://$D/c.sock

# until_true SECONDS COMMAND...: until it succeeds.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

limits_needed() {
	local name
	for name in cpu memory pids; do
		grep -qw $name /sys/fs/cgroup/cgroup.controllers || return 0
	done
	return 1
}

# spares: root here can keep a process from the OOM killer (CAP_SYS_RESOURCE).
spares() { (((0x$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status) >> 24) & 1)); }

# own_places: what engines, runtimes and network plugins keep in fixed places is
# the sandbox's own.
own_places() {
	local place resolv
	resolv=$(cat /etc/resolv.conf 2>/dev/null)
	mount -t tmpfs -o mode=755 house /run && mkdir -p /run/lock || return
	if [ ! -e /etc/resolv.conf ] && [ -L /etc/resolv.conf ]; then
		place=$(readlink -m /etc/resolv.conf)
		mkdir -p "${place%/*}" && printf '%s\n' "$resolv" >"$place"
	fi
	mkdir -p "$D/cni/conf" "$D/cni/state" "$D/bin" /var/lib/cni || return
	mount --bind "$D/cni/state" /var/lib/cni && mount --bind "$D/bin" /usr/local/bin || return
	cat >"$D/cni/conf/10-test.conflist" <<-END
		{"cniVersion": "0.4.0", "name": "test", "plugins": [
		 {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
		  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		 {"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
}

# runtimes: runc and crun-go in /usr/local/bin, where the files of contrib/ have
# them, without limits that nothing here could enforce and what root may not do.
runtimes() {
	local name path
	for name in runc crun-go; do
		path=$RUNTIME
		[ $name = crun-go ] || path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v runc) || continue
		if limits_needed || ! spares; then
			printf '#!/bin/sh\nexec %s/limits %s "$@"\n' "$here" "$path" >"$D/bin/$name"
			chmod 0755 "$D/bin/$name"
		else
			cp "$path" "$D/bin/$name"
		fi
	done
}

# containerd_config: containerd 2 with what it needs here; what makes it know
# crun-go is contrib/'s file as it is, or what $IMPORTS names.
IMPORTS=${IMPORTS:-${TESTS%/*}/contrib/containerd/config-v3.toml}
containerd_config() {
	cat <<-END
		version = 3
		root = "$D/root"
		state = "$D/state"
		imports = ["$IMPORTS"]
		[grpc]
		  address = "$D/c.sock"
		[plugins."io.containerd.cri.v1.images".pinned_images]
		  sandbox = "localhost/pause:1"
		[plugins."io.containerd.cri.v1.runtime"]
		  restrict_oom_score_adj = true
		  disable_apparmor = true
		  [plugins."io.containerd.cri.v1.runtime".cni]
		    bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
		    conf_dir = "$D/cni/conf"
		  [plugins."io.containerd.cri.v1.runtime".containerd]
		    default_runtime_name = "$HANDLER"
		    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
		      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
		        BinaryName = "/usr/local/bin/runc"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$D/opt"
		[plugins."io.containerd.nri.v1.nri"]
		  disable = true
	END
}

ready() { [ "$("$CLIENTS/crictl" -r "$CRI" -i "$CRI" info | jq "[.status.conditions[].status] | all")" = true ]; }

# containerd_start: in the background; its log is $D/log.
containerd_start() {
	containerd --config "$D/config.toml" >>"$D/log" 2>&1 </dev/null &
	ENGINE_PID=$!
	until_true 120 ready || { tail -n 20 "$D/log"; return 1; }
}

containerd_places() {
	own_places && runtimes || return
	PATH=$ENGINE:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	containerd_config >"$D/config.toml"
}

containerd_images() {
	local image
	for image in "$IMAGES"/*.tar; do
		ctr -a "$D/c.sock" -n k8s.io images import "$image" || return
	done >"$D/import.log" 2>&1
}

# cri_start: containerd with the images.
cri_start() { containerd_places && containerd_start && containerd_images; }

# For checks. c is crictl.
c() { timeout 120 "$CLIENTS/crictl" -r "$CRI" -i "$CRI" "$@"; }

# pod NAME [CRICTL-FLAG...]: its id; $security is JSON of its security context.
security={}
pod() {
	jq -n --arg name "$1" --arg logs "$D/logs" --argjson security "$security" '{metadata: {name: $name, namespace: "default", uid: $name, attempt: 1},
		log_directory: $logs, linux: {security_context: $security}}' >"$D/$1.json"
	c runp "${@:2}" "$D/$1.json"
}
# container POD-ID POD-NAME: one that runs until it is told not to; $mounts is JSON.
mounts=[]
container() {
	jq -n --arg log "$2.log" --argjson mounts "$mounts" --argjson security "$security" '{metadata: {name: "c"}, image: {image: "registry.k8s.io/e2e-test-images/busybox:1.29-2"},
		command: ["sh", "-c", "trap '\''exit 7'\'' TERM; echo hello; echo oops >&2; while :; do sleep 0.1; done"],
		log_path: $log, mounts: $mounts, linux: {security_context: $security}}' >"$D/container.json"
	local id
	id=$(c create "$1" "$D/container.json" "$D/$2.json") && c start "$id" >/dev/null && echo "$id"
}

# same WHAT GOT WANT
same() { [ "$2" = "$3" ] || { echo "$1 is '$2', want '$3'"; return 1; }; }

# check NAME WHAT: test_NAME, as "passed|failed|skipped $SUBJECT: WHAT [# REASON]". It
# skips with 77.
check() {
	local said rc=0
	said=$("test_$1" 2>&1) || rc=$?
	said=$(tail -n 3 <<<"$said" | tr '\n' ' ')
	case $rc in
	0) echo "passed $SUBJECT: $2" ;;
	77) echo "skipped $SUBJECT: $2 # $said" ;;
	*) echo "failed $SUBJECT: $2 # ${said:-exit code $rc}" ;;
	esac
}
