# podman-vm.bash: podman as root, which has systemd make cgroups.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
. "$here/podman.bash"
. "$here/systemd.bash"
PARENT=/machine.slice
UNITS=/etc/containers/systemd
CONFIG=/etc/containers
KEYS=(run_view exec_view stats pause update limits cgroups nocgroups cgroup_conf service restart rm_force health cgroupns pod_cgroup kube_limits)

engine_check() { engine_here podman conmon runc; }
engine_title() { echo "podman $(version podman), systemd"; }

# Services find it where all do.
engine_start() {
	mkdir -p "$CONFIG"
	cat >"$CONFIG/containers.conf" <<-END
		[containers]
		log_driver = "k8s-file"
		$(podman_engine systemd 'runtime_supports_nocgroup = ["crun", "crun-go"]')
	END
	PODMAN=(podman)
	podman_load
}

engine_stop() { :; }

engine_lane() {
	E=(podman --runtime "$LANE")
	BARE=(--label "lane=$LANE")
	FLAGS=("${BARE[@]}" --network none)
	POD=()
}

engine_left() {
	podman pod rm -fa -t 0 >/dev/null || echo "pods that can't be removed"
	podman rm -fa -t 0 >/dev/null || echo "containers that can't be removed"
	units_left 'libpod-*.scope'
	ls -d "${XDG_RUNTIME_DIR:-/run}"/runc/*/ "${XDG_RUNTIME_DIR:-/run}"/crun-go/*/ 2>/dev/null
}

# in_unit COMMAND...: in a unit of its own, whose cgroup is delegated.
in_unit() {
	systemd-run "${AS_USER[@]}" --quiet --collect --wait --pipe -p Delegate=yes -p MemoryMax=256M --unit "engines-$C" -E "HOME=$HOME" "$@"
}
AS_USER=()

op_cgroups() {
	ok in_unit "${E[@]}" run --rm "${FLAGS[@]}" --cgroupns host --cgroups split --memory 64m $IMAGE \
		sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup; cat memory.max 2>/dev/null || cat .$(cut -d: -f3 /proc/self/cgroup)/memory.max'
	[[ $out == *"/engines-$C.service/libpod-payload-"*$'\n67108864' ]] || fail "not below the unit's cgroup"
	local how
	for how in no-conmon enabled; do
		quiet run --cgroupns host --cgroups $how $IMAGE cat /proc/self/cgroup
		tell "$how: $(grep -oE '[^/]+\.scope.*' <<<"$out")"
	done
}

op_nocgroups() {
	quiet in_unit "${E[@]}" run --rm "${FLAGS[@]}" --cgroupns host --cgroups disabled $IMAGE cat /proc/self/cgroup
	[[ $out == *"/engines-$C.service" ]] || fail "in another cgroup"
	tell "in the caller's cgroup"
}

op_cgroup_conf() {
	ok run --cgroup-conf memory.high=33554432 --cgroup-conf pids.max=40 --cgroup-conf cgroup.max.descendants=3 $IMAGE \
		sh -c 'cd /sys/fs/cgroup; cat memory.high pids.max cgroup.max.descendants'
	same values "$out" $'33554432\n40\n3'
	no 126 nosuch run --cgroup-conf nosuch.file=1 $IMAGE true
}

# The service is there when the container says so, which is in the unit's cgroup. It
# does not wait for a network, of which there is none here.
op_service() {
	mkdir -p "$UNITS"
	cat >"$UNITS/engines-$C.container" <<-END
		[Container]
		Image=$IMAGE
		Exec=sh -c '/probe notify READY=1 STATUS=serving; trap "exit 0" TERM; while :; do sleep 0.1; done'
		Notify=true
		ContainerName=$C
		Network=none
		GlobalArgs=--runtime $LANE
		PodmanArgs=--memory 64m
		[Quadlet]
		DefaultDependencies=false
		[Service]
		TimeoutStartSec=120
	END
	quiet "${SYSTEMCTL[@]}" daemon-reload
	quiet "${SYSTEMCTL[@]}" start "engines-$C.service"
	ok "${SYSTEMCTL[@]}" show -p Type,ActiveState,SubState,StatusText,Result,Delegate "engines-$C.service"
	has "cgroup" "$(sed "s/.*engines-$C/engines/" "/proc/$(field .State.Pid)/cgroup")" 'engines.service/libpod-payload-*'
	ok e exec "$C" cat /sys/fs/cgroup/memory.max
	quiet "${SYSTEMCTL[@]}" stop "engines-$C.service"
	ok "${SYSTEMCTL[@]}" show -p ActiveState,SubState,Result "engines-$C.service"
	rm "$UNITS/engines-$C.container"
}

op_kube_limits() {
	cat >"$T/kube.yaml" <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: $C, labels: {lane: $LANE}}
		spec:
		  containers:
		  - name: c
		    image: $IMAGE
		    imagePullPolicy: Never
		    command: ["sleep", "1000"]
		    resources: {limits: {memory: 64Mi, cpu: 500m}, requests: {memory: 32Mi, cpu: 250m}}
	END
	quiet e play kube --network none "$T/kube.yaml"
	ok e exec "$C-c" sh -c 'cd /sys/fs/cgroup; cat memory.max memory.low cpu.max'
	C=$C-c limits
	until_true e play kube --down "$T/kube.yaml"
}
