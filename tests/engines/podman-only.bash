# podman-only.bash: operations of podman that Docker has not, or spells otherwise.
# shellcheck shell=bash disable=SC2016,SC2154

remove() { quiet e rm -f -t 0 "$C"; }

op_runtime_path() {
	local how
	for how in "$LANE" "$RUNTIME"; do
		E=("${PODMAN[@]}" --runtime "$how")
		ok run $IMAGE echo hello
		no 127 'executable file not found in $PATH' run $IMAGE nosuch
	done
	up $IMAGE sleep 1000
	[ "$(field .OCIRuntime)" = "$RUNTIME" ] || fail "another runtime"
	E=("${PODMAN[@]}" --runtime /no/such)
	code 125 run $IMAGE true
}

op_events() {
	up $IMAGE sh -c '[ ! -e /ran ] || exec sleep 1000; touch /ran; exit 3'
	ended() { is .State.Status exited; }
	until_true ended
	quiet e start "$C"
	quiet e kill "$C"
	quiet e wait "$C"
	quiet e rm "$C"
	quiet e events --stream=false --filter "container=$C" --format '{{.Status}}'
	# Who starts and who attaches run at the same time.
	tell "$(sort <<<"$out")"
}

op_exec_privileged() {
	up $IMAGE sleep 1000
	ok e exec --privileged "$C" grep Cap /proc/self/status
}

op_exec_refused() {
	up $IMAGE sleep 1000
	if [ "$UID_OF_ENGINE" = 0 ]; then
		quiet e pause "$C"
		try e exec "$C" true
		[[ $rc != 0 && $err == *"state"* ]] || fail "runs"
		tell "paused: exit code $rc"
		quiet e unpause "$C"
	fi
	quiet e stop -t 0 "$C"
	try e exec "$C" true
	[[ $rc != 0 && $err == *"state"* ]] || fail "runs"
	tell "stopped: exit code $rc"
}

op_top() {
	up $IMAGE sh -c 'sleep 1234 & exec sleep 1235'
	all() { e top "$C" args | grep -q 'sleep 1234'; }
	until_true all
	ok e top "$C" args capeff seccomp
	quiet e top "$C" -o args
	has "by ps" "$out" '*sleep 1234*'
}

op_update() {
	controllers memory pids cpu
	up --memory 64m $IMAGE sleep 1000
	live
}

# Timers are systemd's; the check itself is an exec.
op_health() {
	up --health-cmd 'test -e /healthy' --health-interval disable --health-retries 1 $IMAGE sleep 1000
	code 1 e healthcheck run "$C"
	quiet e exec "$C" touch /healthy
	gives 0 e healthcheck run "$C"
}

op_privileged() {
	ok run --privileged $IMAGE sh -c 'grep Cap /proc/self/status; mkdir /m; mount -t tmpfs x /m && echo mounted; head -c 1 /proc/keys | wc -c; [ -w /proc/sys/kernel ] && echo writable'
	ok run --privileged $IMAGE sh -c 'grep -E " /(proc|sys)(/[^ ]*)? " /proc/self/mountinfo | cut -d" " -f5,6 | sort'
}

op_net_bridge() {
	quiet e run -d --name "$C" "${BARE[@]}" --network podman $IMAGE sh -c 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
	local address
	address=$(field .NetworkSettings.Networks.podman.IPAddress)
	fetch() { e run --rm "${BARE[@]}" --network podman $IMAGE wget -q -O - "http://$address/index.html" >"$T/fetched"; }
	until_true fetch
	same fetched "$(<"$T/fetched")" hello
}

op_masks_podman() {
	ok run --security-opt mask=/etc/passwd:/var --security-opt unmask=/proc/sys $IMAGE sh -c 'wc -c </etc/passwd; ls /var; [ -w /proc/sys/net ] && echo writable'
	ok run --security-opt unmask=ALL $IMAGE sh -c 'grep -c " /proc/" /proc/self/mountinfo; true'
}

op_idmap() {
	[ "$UID_OF_ENGINE" = 0 ] || cannot "only root can map ids of the host's filesystems"
	mkdir "$T/v"
	touch "$T/v/file"
	ok run --uidmap 0:100000:5000 --gidmap 0:100000:5000 -v "$T/v:/v:idmap" $IMAGE sh -c 'touch /v/new; stat -c "%n %u:%g" /v/*'
	same "owner on the host" "$(stat -c %u:%g "$T/v/new" 2>/dev/null)" 0:0
}

op_userns() {
	ok run --uidmap $MAP --gidmap $MAP $IMAGE sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id; stat -c %u:%g /etc /proc/self; touch /x'
	ok run --userns host $IMAGE cat /proc/self/uid_map
	up --uidmap $MAP --gidmap $MAP $IMAGE sleep 1000
	ok e exec "$C" sh -c 'id; cat /proc/self/uid_map; grep CapEff /proc/self/status'
	# A user's runc can't always reach the root filesystem by its path.
	[ "$UID_OF_ENGINE" != 0 ] || view run --hostname here --uidmap $MAP --gidmap $MAP $IMAGE /probe view
}

op_userns_auto() {
	grep -q '^containers:' /etc/subuid || cannot "the user has too few subordinate ids"
	quiet run --userns auto:size=3000 $IMAGE cat /proc/self/uid_map
	same "first and size" "$(awk '{ print $1, $3 }' <<<"$out")" "0 3000"
}

op_secrets() {
	printf 'hidden' >"$T/secret"
	quiet e secret create "$C" "$T/secret"
	ok run --secret "$C,target=/run/secrets/mine,mode=400,uid=1000" $IMAGE sh -c 'cat /run/secrets/mine; stat -c "%a %u" /run/secrets/mine'
	ok run --secret "$C,type=env,target=MINE" $IMAGE sh -c 'echo $MINE'
	quiet e secret rm "$C"
}

op_hooks() {
	local kind
	mkdir "$T/hooks.d"
	cat >"$T/hook" <<-'END'
		#!/bin/sh
		# What a hook is told, and where it is.
		{
			printf '%s %s ' "$2" "$FROM"
			jq -c '{status, pid: ((.pid // 0) > 0), keys: (keys - ["annotations"]), id: (.id | length)}'
			case $PWD in */merged | */vfs/dir/*) echo rootfs ;; */userdata) echo bundle ;; *) echo "$PWD" ;; esac
		} >>"$1/log-$2" 2>&1
	END
	chmod 755 "$T/hook"
	for kind in prestart createRuntime createContainer poststart poststop; do
		jq -n --arg kind $kind --arg hook "$T/hook" --arg t "$T" --arg path "$PATH" \
			'{version: "1.0.0", when: {always: true}, stages: [$kind], hook: {path: $hook, args: [$hook, $t, $kind], env: ["FROM=hooks.d", "PATH=\($path)"]}}' >"$T/hooks.d/$kind.json"
	done
	jq -n '{version: "1.0.0", when: {always: true}, stages: ["startContainer"], hook: {path: "/bin/touch", args: ["touch", "/hooked"]}}' >"$T/hooks.d/start.json"
	E=("${E[@]}" --hooks-dir "$T/hooks.d")
	ok run $IMAGE ls /hooked
	ended() { [ -s "$T/log-poststop" ]; }
	until_true ended
	for kind in prestart createRuntime createContainer poststart poststop; do tell "$(cat "$T/log-$kind")"; done
	echo '{"version": "1.0.0", "when": {"always": true}, "stages": ["createRuntime"], "hook": {"path": "/bin/false"}}' >"$T/hooks.d/false.json"
	try run $IMAGE true
	[ "$rc" != 0 ] || fail "goes on after a failed hook"
	tell "failing hook: exit code $rc"
}

op_preserve_fds() {
	echo kept >"$T/kept"
	preserving() { e run --rm "${FLAGS[@]}" --preserve-fds 2 $IMAGE sh -c 'cat <&4; ls /proc/self/fd | tr "\n" " "' 3</dev/null 4<"$T/kept"; }
	ok preserving
}

op_activation() {
	activated() { exec "$PROBE" activate "$T/s" "$(command -v "${E[0]}")" "${E[@]:1}" run --rm --name "$C" "${FLAGS[@]}" $IMAGE /probe serve; }
	(activated) >"$T/served" 2>&1 </dev/null &
	local pid=$!
	listening() { [ -S "$T/s" ] && e ps --filter "name=$C" --format '{{.Status}}' | grep -q Up; }
	until_true listening
	ok "$PROBE" call "$T/s"
	has answer "$out" 'this is *'
	wait $pid
}

op_sdnotify() {
	"$PROBE" hear "$T/s" >"$T/heard" 2>&1 &
	local pid=$!
	until_true test -S "$T/s"
	chmod 666 "$T/s"
	notifying() { NOTIFY_SOCKET=$T/s e run --rm --name "$C" "${FLAGS[@]}" --sdnotify container $IMAGE /probe notify READY=1 STATUS=there BARRIER=1; }
	quiet notifying
	heard() { grep -q READY "$T/heard"; }
	until_true heard
	kill $pid 2>/dev/null || true
	tell "$(sed -E 's/MAINPID=[0-9]+/MAINPID/' "$T/heard" | grep -o 'READY=1' | head -n 1)"
}

# pod NAME FLAG...: its processes see each other's namespaces.
pod() {
	quiet e pod create --label "lane=$LANE" "${POD[@]}" --name "$C" --hostname here --network none "$@"
	quiet e run -d --label "lane=$LANE" --pod "$C" --name "$C-a" $IMAGE sleep 1000
	ok e run --rm --pod "$C" $IMAGE sh -c 'hostname; cat /dev/shm/* 2>/dev/null; ip -o link | wc -l'
	local kind a b
	a=$(field .State.Pid "$C-a")
	quiet e run -d --label "lane=$LANE" --pod "$C" --name "$C-b" $IMAGE sleep 1000
	b=$(field .State.Pid "$C-b")
	for kind in net ipc uts pid mnt cgroup; do
		if [ "$(readlink "/proc/$a/ns/$kind")" = "$(readlink "/proc/$b/ns/$kind")" ]; then tell "$kind shared"; else tell "$kind its own"; fi
	done
	ok e exec "$C-b" hostname
	quiet e pod stop -t 0 "$C"
	quiet e pod start "$C"
	ok e pod inspect --format '{{.State}} {{.NumContainers}}' "$C"
	quiet e pod rm -f -t 0 "$C"
}

op_pod() { pod --share ipc,net,uts,pid --share-parent=false; }
op_pod_cgroup() {
	cgroups
	pod
}

op_keep_id() {
	[ "$UID_OF_ENGINE" != 0 ] || cannot "these modes are for ordinary users"
	local how
	for how in keep-id nomap; do
		ok run --userns $how $IMAGE sh -c 'id -u; cat /proc/self/uid_map; stat -c "%u:%g" /etc /proc/self; grep Cap /proc/self/status'
	done
	ok run --userns keep-id --user 0 $IMAGE sh -c 'id -u; touch /x && stat -c "%u" /x'
	mkdir "$T/v"
	chmod 777 "$T/v"
	ok run --userns keep-id -v "$T/v:/v" $IMAGE touch /v/x
	same "owner on the host" "$(stat -c %u "$T/v/x")" "$UID_OF_ENGINE"
	up --userns keep-id $IMAGE sleep 1000
	ok e exec "$C" id -u
}

op_kube() {
	mkdir "$T/h"
	cat >"$T/kube.yaml" <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: $C, labels: {lane: $LANE}}
		spec:
		  hostname: kubehost
		  restartPolicy: Never
		  containers:
		  - name: c
		    image: $IMAGE
		    imagePullPolicy: Never
		    command: ["sh", "-c", "echo kube; id; grep Cap /proc/self/status; sleep 1000"]
		    env: [{name: FOO, value: bar}]
		    securityContext: {runAsUser: 1000, runAsGroup: 2000, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [MKNOD], add: [NET_ADMIN]}}
		    volumeMounts: [{name: e, mountPath: /e}, {name: h, mountPath: /h, readOnly: true}]
		  volumes:
		  - {name: e, emptyDir: {}}
		  - {name: h, hostPath: {path: $T/h, type: Directory}}
	END
	quiet e play kube --network none "$T/kube.yaml"
	there() { e logs "$C-c" | grep -q CapAmb; }
	until_true there
	ok e logs "$C-c"
	ok e exec "$C-c" sh -c 'hostname; echo $FOO; touch /h/x 2>&1; touch /x 2>&1; grep -E "NoNewPrivs|Seccomp:" /proc/self/status'
	# podman 4.3 may stumble over volumes of another pod that go at the same time.
	until_true e play kube --down "$T/kube.yaml"
}

op_checkpoint() {
	! command -v criu >/dev/null || cannot "criu is installed: what it says is its own"
	up $IMAGE sleep 1000
	try e container checkpoint "$C"
	[ "$rc" != 0 ] || fail "makes a checkpoint"
	tell "exit code $rc"
	same running "$(field .State.Running)" true
}
