# kubelet.bash: a kubelet without a cluster, on the containerd of cri.bash, and pods that are
# files in $D/pods, for scripts that run in a sandbox.
#
#   $KUBELET   the directory of its program
# shellcheck shell=bash disable=SC2034,SC2154
. "$(dirname "${BASH_SOURCE[0]}")/cri.bash"
: "${KUBELET:?}"

# kubelet_places: what the kubelet needs of its node.
kubelet_places() {
	mkdir -p "$D/pods" "$D/logs"
	# It links to logs from here, wherever they are.
	mount -t tmpfs -o mode=755 house /var/log
	# A node has an address.
	ip link add node type bridge && ip address add 192.0.2.2/24 dev node && ip link set node up && ip route add default via 192.0.2.1
}

# The kubelet's own ways around a cgroup2 without the controllers: no cgroups for
# pods and classes of them, and nothing evicted or reserved.
kubelet_config() {
	jq -n --arg d "$D" --arg cri "$CRI" '{
		apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration",
		containerRuntimeEndpoint: $cri, staticPodPath: ($d + "/pods"), podLogsDir: ($d + "/logs"), volumePluginDir: ($d + "/plugins"),
		address: "127.0.0.1", readOnlyPort: 10255, authentication: {anonymous: {enabled: true}, webhook: {enabled: false}},
		authorization: {mode: "AlwaysAllow"}, registerNode: false, resolvConf: "",
		cgroupDriver: "cgroupfs", cgroupsPerQOS: false, enforceNodeAllocatable: [], failSwapOn: false, oomScoreAdj: 0,
		evictionHard: {"memory.available": "0%"}, localStorageCapacityIsolation: false, imageGCHighThresholdPercent: 100,
		fileCheckFrequency: "1s", syncFrequency: "1s", crashLoopBackOff: {maxContainerRestartPeriod: "1s"}}'
}
# kubelet_start [FLAG...]
kubelet_start() {
	kubelet_config >"$D/kubelet.json"
	"$KUBELET/kubelet" --config "$D/kubelet.json" --root-dir "$D/kubelet" --cert-dir "$D/cert" --hostname-override house --node-ip 192.0.2.2 -v 2 "$@" >>"$D/kubelet.log" 2>&1 </dev/null &
	kubelet_pid=$!
	until_true 120 api healthz
}

# api PATH [CURL-FLAG...]: the kubelet's own API, which kubectl logs and exec end at.
api() { curl -sSk --fail-with-body --max-time 60 "https://127.0.0.1:10250/$1" "${@:2}"; }
# in_pod POD CONTAINER WORD...: a command that the kubelet has executed; words have
# no blanks.
in_pod() { api "run/${NAMESPACE:-default}/$1-house/$2" -X POST -G --data-urlencode "cmd=${*:3}"; }

# status POD: its status, which has to be there.
status() { api pods | jq -e --arg name "$1-house" '.items // [] | .[] | select(.metadata.name == $name) | .status'; }
# holds POD FILTER: it is true of the status; `of(NAME)` is a container's.
holds() { [ "$(status "$1" 2>/dev/null | jq 'def of(name): (.initContainerStatuses // [], .containerStatuses // []) | .[] | select(.name == name); '"$2")" = true ]; }
becomes() { until_true 120 holds "$@" || { status "$1" | jq -c '[.phase, .message, (.containerStatuses // [] | .[] | [.name, .ready, .restartCount, .state, .lastState])]' | cut -c 1-600; return 1; }; }
container_id() { status "$1" | jq -r --arg name "$2" '(.initContainerStatuses // [], .containerStatuses // []) | .[] | select(.name == $name) | .containerID | sub(".*//"; "")'; }
