# docker-only.bash: operations of Docker that podman has not, or spells otherwise.
# shellcheck shell=bash disable=SC2016,SC2154

op_runtime_path() {
	quiet e info -f "{{(index .Runtimes \"lane-$LANE\").Path}}"
	[ "$out" = "$RUNTIME" ] || fail "another path"
	try e run --rm --runtime nosuch --network none $IMAGE true
	[ "$rc" = 125 ] || fail "takes an unknown runtime"
	tell "unknown name: exit code $rc"
	up $IMAGE sleep 1000
	same runtime "$(field .HostConfig.Runtime)" "lane-$LANE"
}

op_events() {
	up $IMAGE sh -c '[ ! -e /ran ] || exec sleep 1000; touch /ran; exit 3'
	ended() { is .State.Status exited; }
	until_true ended
	quiet e start "$C"
	quiet e kill "$C"
	until_true ended
	quiet e rm "$C"
	told() {
		quiet e events --since 10m --until 0s --filter "container=$C" --format '{{.Status}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.signal}}'
		[[ $out == *destroy* ]]
	}
	until_true told # seconds are what it knows
	tell "$out"
}

op_exec_privileged() {
	capability 24 CAP_SYS_RESOURCE
	up $IMAGE sleep 1000
	ok e exec --privileged "$C" grep Cap /proc/self/status
}

op_exec_refused() {
	up $IMAGE sleep 1000
	quiet e pause "$C"
	no 1 'is paused' e exec "$C" true
	quiet e unpause "$C"
	quiet e stop -t 0 "$C"
	no 1 'is not running' e exec "$C" true
}

op_top() {
	command -v ps >/dev/null || cannot "no ps on the host"
	up $IMAGE sh -c 'sleep 1234 & exec sleep 1235'
	all() { e top "$C" -o pid,args | grep -q 'sleep 1234'; }
	until_true all
	quiet e top "$C" -o pid,args
	tell "$(cut -c 8- <<<"$out" | sed "s/^ *//")"
}

op_update() {
	up $IMAGE sleep 1000
	quiet e update --restart on-failure:1 "$C"
	same policy "$(field .HostConfig.RestartPolicy.Name)" on-failure
	try e update --cpu-shares 512 "$C"
	tell "shares: exit code $rc"
	same running "$(field .State.Running)" true
	! have memory pids cpu || live
}

# Of an init that is killed engines may miss it: with the last process goes the
# cgroup that counts it.
op_oom() {
	controllers memory
	up --memory 64m --memory-swap 64m $IMAGE sh -c 'dd if=/dev/zero of=/dev/null bs=256M count=1 2>/dev/null; echo "code $?"; until [ -e /go ]; do sleep 0.1; done; exit 3'
	until_true says code
	same output "$(e logs "$C" 2>/dev/null)" "code 137"
	until_true is .State.OOMKilled true
	quiet e exec "$C" touch /go
	until_true is .State.Status exited
	ok e inspect -f '{{.State.ExitCode}} {{.State.OOMKilled}}' "$C"
	has killed "$out" '3 true'
}

op_health() {
	up --health-cmd 'test -e /healthy' --health-interval 1s --health-retries 1 $IMAGE sleep 1000
	healthy() { is .State.Health.Status healthy; }
	unhealthy() { is .State.Health.Status unhealthy; }
	until_true unhealthy
	quiet e exec "$C" touch /healthy
	until_true healthy
	tell healthy
}

op_privileged() {
	capability 24 CAP_SYS_RESOURCE
	ok run --privileged $IMAGE sh -c 'grep Cap /proc/self/status; mount -t tmpfs x /mnt 2>&1; ls /dev | wc -l'
}

op_net_bridge() {
	quiet e run -d --name "$C" "${BARE[@]}" $IMAGE sh -c 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
	local address
	address=$(field 'range .NetworkSettings.Networks}}{{.IPAddress}}{{end')
	fetch() { [ "$(busybox wget -q -O - "http://$1/index.html")" = hello ]; }
	until_true fetch "$address"
	quiet e run --rm "${BARE[@]}" $IMAGE ping -c 1 -W 5 "$address"
	iptables -t nat -L -n >/dev/null 2>&1 || return 0
	remove
	local port=18080
	[ "$LANE" = runc ] || port=18081
	quiet e run -d --name "$C" "${BARE[@]}" -p 127.0.0.1:$port:80 $IMAGE sh -c 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
	until_true fetch 127.0.0.1:$port
	tell "fetched"
}

op_checkpoint() {
	! command -v criu >/dev/null || cannot "criu is installed: what it says is its own"
	up $IMAGE sleep 1000
	no 1 'criu' e checkpoint create "$C" one
	same running "$(field .State.Running)" true
}
