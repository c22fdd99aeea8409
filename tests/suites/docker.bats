#!/usr/bin/env bats
# dockerd with this runtime as its default: what users of Docker do all day.
# The daemon lives in the sandbox, with its own data, its own containerd and a
# cgroup parent of its own, and is stopped by its pid.
load helpers

suite_setup() {
	for command in dockerd docker containerd; do
		command -v $command >/dev/null || skip "$command is not installed"
	done
	D=$BATS_FILE_TMPDIR
	# Sockets below it must stay under 108 bytes.
	RUN=$(mktemp -d /run/crun-go-docker.XXXXXX)
	PARENT=/$(basename "$RUN")
	export D RUN PARENT
	# Docker's containerd shim is found through PATH and so is iptables.
	export PATH=$PATH:/usr/sbin:/sbin
	local firewall=true
	iptables -t nat -L -n >/dev/null 2>&1 || firewall=false
	export FIREWALL=$firewall
	dockerd --data-root "$D/data" --exec-root "$RUN/x" -H "unix://$RUN/d.sock" --pidfile "$RUN/d.pid" --containerd= \
		--cgroup-parent "$PARENT" --exec-opt native.cgroupdriver=cgroupfs --iptables=$firewall --ip6tables=false \
		--add-runtime "under-test=$RUNTIME" --default-runtime under-test >"$D/dockerd.log" 2>&1 </dev/null 3>&- &
	local n
	for ((n = 0; n < 300; n++)); do
		docker -H "unix://$RUN/d.sock" version >/dev/null 2>&1 && break
		sleep 0.1
	done
	tar -C "$D/rootfs" -c . | docker -H "unix://$RUN/d.sock" import -c 'CMD ["sh"]' \
		-c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - bb:1 >/dev/null || {
		tail -n 20 "$D/dockerd.log" >&2
		return 1
	}
}

# The daemon must end on its own, and leave nothing of the containers.
suite_teardown() {
	[ -n "${RUN:-}" ] || return 0
	local pid n
	pid=$(cat "$RUN/d.pid")
	kill "$pid"
	for ((n = 0; n < 150; n++)); do
		[ -d "/proc/$pid" ] || break
		sleep 0.1
	done
	[ ! -d "/proc/$pid" ] || { echo "dockerd does not end" >&2; return 1; }
	for mount in $(awk -v r="$RUN" -v d="$D" 'index($5, r) == 1 || index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
		umount -l "$mount" || true
	done
	rm -rf "$RUN"
	rmdir "/sys/fs/cgroup$PARENT" 2>/dev/null || true
	[ ! -d "/sys/fs/cgroup$PARENT" ] || { echo "cgroups left behind" >&2; return 1; }
}

setup() {
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
	C=c$BATS_TEST_NUMBER
	before_mounts=$(containers_mounts)
}

# containers_mounts: without the mark that libnetwork keeps of the host's network.
containers_mounts() { mounts | grep -v '/netns/default$'; }

teardown() {
	local all left
	all=$(d ps -aq)
	[ -z "$all" ] || d rm -f $all >/dev/null
	# The shim's own clean-up goes on for a moment after the answer.
	until_true quiet || fail "left: cgroups $(docker_cgroups) state $(docker_state) shims $(pgrep -f containerd-shim)"
	left=$(diff <(echo "$before_mounts") <(containers_mounts)) || fail "mounts left behind: $left"
}

docker_cgroups() { find "/sys/fs/cgroup$PARENT" -mindepth 1 -type d 2>/dev/null; }
docker_state() { find "$RUN"/x/runtime-*/moby -mindepth 1 -maxdepth 1 2>/dev/null; }
quiet() { [ -z "$(docker_cgroups)$(docker_state)" ] && ! pgrep -f containerd-shim >/dev/null; }

d() { timeout --foreground -s KILL 60 docker -H "unix://$RUN/d.sock" "$@"; }
drun() { d run --rm --network none "$@"; }

# running NAME
running() { [ "$(d inspect -f '{{.State.Running}}' "$1")" = true ]; }
stopped() { [ "$(d inspect -f '{{.State.Status}}' "$1")" = exited ]; }

@test "docker info knows the runtime" {
	ok d info -f '{{.DefaultRuntime}}'
	same runtime "$out" under-test
}

@test "docs/quickstart.md: an image that Docker exports" {
	[ "$(basename "$RUNTIME")" = crun-go ] || skip "the page is about crun-go"
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$RUNTIME" "$BATS_TEST_TMPDIR/root" >"$BATS_TEST_TMPDIR/bin/crun-go"
	printf '#!/bin/sh\nexec %q -H %q "$@"\n' "$(command -v docker)" "unix://$RUN/d.sock" >"$BATS_TEST_TMPDIR/bin/docker"
	chmod 755 "$BATS_TEST_TMPDIR"/bin/*
	cd "$BATS_TEST_TMPDIR"
	awk '/^## / { on = ($0 == "## With Docker or Podman") } on && /^    / { print substr($0, 5) }' "$TESTS/../docs/quickstart.md" |
		sed 's/busybox/example/' >commands
	d build -q -t example - >/dev/null <<-'EOF'
		FROM bb:1
		ENV GREETING=hello
		WORKDIR /tmp
		ENTRYPOINT ["sh", "-c", "echo $GREETING from $PWD; exit 7"]
		CMD []
	EOF
	PATH=$BATS_TEST_TMPDIR/bin:$PATH no 7 "" timeout -k 5 60 script -qec "sh -ex commands" /dev/null
	[[ $out == *"hello from /tmp"* ]] || fail "not the image's command, environment and directory"
}

@test "docker run: output and exit code" {
	ok drun bb:1 echo hello
	same output "$out" hello
	try drun bb:1 sh -c 'echo out; echo err >&2; exit 42'
	same "exit code" "$rc" 42
	same stdout "$out" out
	same stderr "$err" err
}

@test "docker run -i: standard input" {
	echo input | d run --rm -i --network none bb:1 cat >"$OUT" 3>&-
	same output "$(<"$OUT")" input
}

@test "docker run -t: a terminal" {
	ok drun -t bb:1 sh -c 'tty; ls /dev/console'
	[[ $out == */dev/pts/0* && $out == */dev/console* ]] || fail "no terminal"
}

@test "docker run -it: at a terminal" {
	local script='echo ready; read -r line; echo "got $line"; until [ "$(stty size)" = "50 132" ]; do sleep 0.05; done; exit 6'
	try "$PROBE" pty see:ready 'type:hello\r' 'see:got hello' size:50x132 -- \
		"$(command -v docker)" -H "unix://$RUN/d.sock" run --rm -it --network none bb:1 sh -c "$script"
	same "exit code" "$rc" 6
}

@test "docker run: command not found is 127" {
	no 127 "executable file not found" drun bb:1 nosuchcommand
	no 127 "no such file or directory" drun bb:1 /nosuch
}

@test "docker run: command not executable is 126" {
	no 126 "permission denied" drun bb:1 /etc/passwd
}

@test "docker run -d, stop, start, rm" {
	ok d run -d --name $C --network none bb:1 sh -c 'trap "echo bye; exit 3" TERM; while :; do sleep 0.1; done'
	running $C
	sleep 0.5
	ok d stop $C
	same "exit code" "$(d inspect -f '{{.State.ExitCode}}' $C)" 3
	[[ $(d logs $C) == *bye* ]]
	ok d start $C
	running $C
	ok d stop -t 0 $C
	ok d rm $C
}

@test "docker kill" {
	ok d run -d --name $C --network none bb:1 sleep 1000
	ok d kill $C
	until_true stopped $C
	same "exit code" "$(d inspect -f '{{.State.ExitCode}}' $C)" 137
}

@test "docker rm -f of a running container" {
	ok d run -d --name $C --network none bb:1 sleep 1000
	local pid
	pid=$(d inspect -f '{{.State.Pid}}' $C)
	ok d rm -f $C
	[ ! -d "/proc/$pid" ] || fail "still there"
}

@test "docker pause, unpause, kill of a paused container" {
	ok d run -d --name $C --network none bb:1 sh -c 'while :; do echo tick; sleep 0.05; done'
	ok d pause $C
	same status "$(d inspect -f '{{.State.Status}}' $C)" paused
	local lines
	lines=$(d logs $C | wc -l)
	sleep 0.3
	same "lines of log" "$(d logs $C | wc -l)" "$lines"
	no 1 "is already paused" d pause $C
	ok d unpause $C
	until_true sh -c "[ \$(docker -H unix://$RUN/d.sock logs $C | wc -l) -gt $lines ]"
	ok d pause $C
	ok d rm -f $C
}

@test "docker top" {
	ps -eo pid,args >/dev/null 2>&1 || skip "no ps(1) of procps"
	ok d run -d --name $C --network none bb:1 sh -c 'sleep 1234 & exec sleep 1235'
	until_true sh -c "docker -H unix://$RUN/d.sock top $C -o pid,args | grep -q 'sleep 1234'"
	ok d top $C -o pid,args
	same lines "$(wc -l <"$OUT")" 3
	grep -q "^$(d inspect -f '{{.State.Pid}}' $C) .*sleep 1235" "$OUT"
}

@test "docker update" {
	ok d run -d --name $C --network none bb:1 sleep 1000
	ok d update --restart on-failure:1 $C
	running $C
	# Without a cpu controller the daemon discards it.
	ok d update --cpu-shares 512 $C
	running $C
}

@test "docker logs" {
	ok d run --name $C --network none bb:1 sh -c 'echo one; echo two >&2'
	ok d logs $C
	same stdout "$out" one
	same stderr "$err" two
}

@test "docker wait" {
	ok d run -d --name $C --network none bb:1 sh -c 'sleep 1; exit 9'
	ok d wait $C
	same "exit code" "$out" 9
}

@test "a volume, writable and read-only" {
	mkdir "$BATS_TEST_TMPDIR/v"
	echo host >"$BATS_TEST_TMPDIR/v/file"
	ok drun -v "$BATS_TEST_TMPDIR/v:/v" bb:1 sh -c 'cat /v/file; echo container >/v/new'
	same output "$out" host
	same "new file" "$(<"$BATS_TEST_TMPDIR/v/new")" container
	no 1 "Read-only file system" drun -v "$BATS_TEST_TMPDIR/v:/v:ro" bb:1 touch /v/x
	ok drun -v named:/v bb:1 touch /v/x
	ok d volume rm named
}

@test "a file as a volume" {
	echo host >"$BATS_TEST_TMPDIR/file"
	ok drun -v "$BATS_TEST_TMPDIR/file:/etc/motd" bb:1 cat /etc/motd
	same output "$out" host
}

@test "a directory mounted on a file, a file on a directory: Docker recognises the error" {
	touch "$BATS_TEST_TMPDIR/file"
	local volume
	for volume in "$BATS_TEST_TMPDIR:/etc/passwd" "$BATS_TEST_TMPDIR/file:/etc"; do
		try drun -v "$volume" bb:1 true
		# 127 of old daemons, 125 of new ones; the question is the daemon's.
		[[ $rc == 12[57] && $err == *"not a directory"*"Are you trying to mount a directory onto a file"* ]] || fail "exit code $rc"
	done
}

@test "a read-only root, with a tmpfs" {
	no 1 "Read-only file system" drun --read-only bb:1 touch /x
	ok drun --read-only --tmpfs /t:size=1m bb:1 sh -c 'touch /t/x && df /t | tail -n 1'
}

@test "a user, groups, a working directory, an environment" {
	ok drun -u 1000:1000 --group-add 2000 -w /made -e A=b bb:1 sh -c 'id; pwd; echo $A $HOME'
	[[ $out == *"uid=1000(app) gid=1000(app)"*2000* ]] || fail "wrong ids"
	[[ $out == */made$'\n'"b /home/app" ]] || fail "wrong directory or environment"
}

@test "capabilities" {
	ok drun bb:1 grep CapBnd /proc/self/status
	same default "$out" $'CapBnd:\t00000000a80425fb'
	ok drun --cap-drop ALL bb:1 grep CapEff /proc/self/status
	same none "$out" $'CapEff:\t0000000000000000'
	ok drun --cap-add NET_ADMIN --cap-drop CHOWN bb:1 grep CapEff /proc/self/status
	same changed "$out" $'CapEff:\t00000000a80435fa'
}

@test "no-new-privileges" {
	ok drun --security-opt no-new-privileges bb:1 grep NoNewPrivs /proc/self/status
	same nnp "$out" $'NoNewPrivs:\t1'
}

@test "the default seccomp profile" {
	ok drun bb:1 grep Seccomp: /proc/self/status
	same seccomp "$out" $'Seccomp:\t2'
	no 1 "Operation not permitted" drun bb:1 unshare -U true
}

@test "a custom seccomp profile, and none" {
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$BATS_TEST_TMPDIR/p.json"
	no 1 "No space left on device" drun --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" bb:1 mkdir /x
	ok drun --security-opt seccomp=unconfined bb:1 grep Seccomp: /proc/self/status
	same seccomp "$out" $'Seccomp:\t0'
}

@test "masked and read-only paths" {
	ok drun bb:1 sh -c 'wc -c </proc/keys; ls /sys/firmware | wc -l'
	same sizes "$out" $'0\n0'
	no 1 "Read-only file system" drun bb:1 sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

@test "--network none" {
	ok drun bb:1 ip -o link
	same links "$(wc -l <"$OUT")" 1
	[[ $out == *"lo: <LOOPBACK,UP"* ]] || fail "lo is not up"
}

@test "a bridge network" {
	ok d run -d --name $C bb:1 sh -c 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
	local address
	address=$(d inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' $C)
	[ -n "$address" ] || fail "no address"
	until_true sh -c "[ \"\$(busybox wget -q -O - http://$address/index.html)\" = hello ]"
	ok d run --rm bb:1 ping -c 1 -W 5 "$address"
}

@test "a published port" {
	[ "$FIREWALL" = true ] || skip "iptables does not work here"
	ok d run -d --name $C -p 127.0.0.1:18080:80 bb:1 sh -c 'echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp'
	until_true sh -c '[ "$(busybox wget -q -O - http://127.0.0.1:18080/index.html)" = hello ]'
}

@test "--network host, --uts host, --ipc host" {
	ok d run --rm --network host --uts host --ipc host bb:1 sh -c 'for n in net uts ipc; do readlink /proc/self/ns/$n; done'
	same namespaces "$out" "$(readlink /proc/self/ns/net /proc/self/ns/uts /proc/self/ns/ipc)"
}

@test "--network container:NAME" {
	ok d run -d --name $C bb:1 sleep 1000
	ok d run --rm --network container:$C bb:1 readlink /proc/self/ns/net
	same namespace "$out" "$(readlink "/proc/$(d inspect -f '{{.State.Pid}}' $C)/ns/net")"
}

@test "--pid host: stop ends every process" {
	ok d run -d --name $C --network none --pid host bb:1 sh -c 'sleep 1234 & exec sleep 1235'
	local pid
	pid=$(d inspect -f '{{.State.Pid}}' $C)
	same namespace "$(readlink "/proc/$pid/ns/pid")" "$(readlink /proc/self/ns/pid)"
	ok d stop -t 1 $C
	until_true sh -c "! pgrep -f 'sleep 123[45]'"
}

@test "docker exec: output, input, exit code" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	ok d exec "$C" echo hello
	same output "$out" hello
	same reads "$(echo input | d exec -i "$C" cat 3>&-)" input
	no 42 "" d exec "$C" sh -c 'exit 42'
	no 137 "" d exec "$C" sh -c 'kill -9 $$'
}

@test "docker exec: not found, not executable" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	try d exec "$C" nosuchcommand
	# Docker makes 126 of both, unlike in docker run.
	[ "$rc" = 126 ] || [ "$rc" = 127 ] || fail "exit code $rc"
	[[ $out$err == *"executable file not found"* ]] || fail "no reason"
	try d exec "$C" /etc/passwd
	same "exit code" "$rc" 126
}

@test "docker exec: user, working directory, environment" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	ok d exec -u 1000:2000 -w /usr/bin -e A=1 "$C" sh -c 'id -u; id -g; pwd; echo $A $HOME'
	same view "$(tr '\n' ' ' <"$OUT")" "1000 2000 /usr/bin 1 /home/app "
	ok d exec -u app "$C" id -un
	same name "$out" app
	ok d exec "$C" sh -c 'grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status | tr -s "\t\n" "  "'
	same confinement "$out" "CapEff: 00000000a80425fb NoNewPrivs: 0 Seccomp: 2 "
}

@test "docker exec --privileged" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	ok d exec "$C" grep CapEff /proc/self/status
	before=$out
	try d exec --privileged "$C" grep CapEff /proc/self/status
	# Root here may lack some: then Docker asks for more than there is to give.
	[ "$rc" = 0 ] && [ "$out" != "$before" ] || [[ $err$out == *"which the runtime does not have itself"* ]] || fail "exit code $rc"
}

@test "docker exec -t: a terminal" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	ok d exec -t "$C" sh -c 'tty; test -t 1 && echo terminal'
	[[ $out == */dev/pts/* && $out == *terminal* ]] || fail "no terminal"
}

@test "docker exec -d" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	ok d exec -d "$C" sh -c 'echo done >/made; sleep 1000'
	until_true d exec "$C" grep -q done /made
	ok d exec "$C" sh -c 'ps | grep -c "[s]leep 1000"'
	[ "$out" -ge 2 ]
}

@test "docker exec: ten at once" {
	d run -d --network none --name "$C" bb:1 sleep 1000 >/dev/null
	local n pids=()
	for n in $(seq 10); do
		d exec "$C" sh -c "exit $n" </dev/null >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for n in $(seq 10); do
		rc=0
		wait "${pids[n - 1]}" || rc=$?
		same "exit code" $rc "$n"
	done
}

@test "a health check" {
	d run -d --network none --name "$C" --health-cmd 'test -e /healthy' --health-interval 1s --health-retries 1 bb:1 sleep 1000 >/dev/null
	healthy() { [ "$(d inspect -f '{{.State.Health.Status}}' "$C")" = healthy ]; }
	unhealthy() { [ "$(d inspect -f '{{.State.Health.Status}}' "$C")" = unhealthy ]; }
	until_true unhealthy
	ok d exec "$C" touch /healthy
	until_true healthy
}

@test "docker cp, both ways" {
	ok d run -d --name $C --network none bb:1 sleep 1000
	echo there >"$BATS_TEST_TMPDIR/f"
	ok d cp "$BATS_TEST_TMPDIR/f" $C:/tmp/f
	same "file in the container" "$(cat "/proc/$(d inspect -f '{{.State.Pid}}' $C)/root/tmp/f")" there
	ok d cp $C:/etc/hostname "$BATS_TEST_TMPDIR/hostname"
	same hostname "$(<"$BATS_TEST_TMPDIR/hostname")" "$(d inspect -f '{{.Config.Hostname}}' $C)"
}

@test "restart policy" {
	ok d run -d --name $C --network none --restart on-failure:2 bb:1 sh -c 'echo start; exit 1'
	until_true sh -c "[ \$(docker -H unix://$RUN/d.sock inspect -f '{{.RestartCount}}' $C) = 2 ]"
	until_true stopped $C
	same starts "$(d logs $C | grep -c start)" 3
}

@test "sysctl, ulimit, hostname, device, init" {
	ok drun --sysctl net.ipv4.ip_forward=1 --ulimit nofile=100:200 --hostname here --device /dev/null:/dev/also --init \
		bb:1 sh -c 'cat /proc/sys/net/ipv4/ip_forward; ulimit -n; ulimit -Hn; hostname; echo x >/dev/also && stat -c %t:%T /dev/also; cat /proc/1/comm'
	same values "$(tr '\n' ' ' <<<"$out")" "1 100 200 here 1:3 docker-init "
}

@test "ten containers at once" {
	local n jobs=()
	for n in 1 2 3 4 5 6 7 8 9 10; do
		d run --rm --network none bb:1 echo "$n" >"$BATS_TEST_TMPDIR/$n" 2>&1 </dev/null 3>&- &
		jobs+=($!)
	done
	for n in "${jobs[@]}"; do wait "$n"; done
	for n in 1 2 3 4 5 6 7 8 9 10; do same output "$(<"$BATS_TEST_TMPDIR/$n")" "$n"; done
}
