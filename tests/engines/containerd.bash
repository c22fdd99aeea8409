# containerd.bash: containerd with ctr, in the sandbox.
# shellcheck shell=bash disable=SC2016,SC2154
UID_OF_ENGINE=0
CONFIG='version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]'
IMAGE=localhost/bb:1

engine_check() { installed containerd ctr containerd-shim-runc-v2; }

# containerd_start: with $CONFIG, which is of its version.
containerd_start() {
	# Shims and runtimes keep their state in fixed places.
	mkdir -p /run/containerd "$D/opt"
	mount -t tmpfs -o mode=711 engines /run/containerd
	cat >"$D/config.toml" <<-END
		$CONFIG
		root = "$D/root"
		state = "$D/state"
		[grpc]
		  address = "$D/c.sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$D/opt"
	END
	containerd --config "$D/config.toml" >"$D/containerd.log" 2>&1 </dev/null &
	echo $! >"$D/containerd.pid"
	CTR=(ctr -a "$D/c.sock" -n engines)
	T=$D until_true "${CTR[@]}" version || return
	"${CTR[@]}" images import "$D/image.tar" && ctr -a "$D/c.sock" -n others images import "$D/image.tar"
}

engine_start() { containerd_start; }

engine_stop() {
	kill "$(<"$D/containerd.pid")"
	T=$D until_true test ! -e "/proc/$(<"$D/containerd.pid")"
	umount /run/containerd
}

# ctr's default of 1024 shares is a limit, which takes a controller.
engine_lane() {
	E=("${CTR[@]}")
	FLAGS=(--runc-binary "$RUNTIME" --runc-root "$D/state-$LANE" --cpu-shares 0 --cgroup "$PARENT/$C")
}

engine_sweep() {
	local id
	for id in $(e containers ls -q | grep -e "-$LANE"); do
		e task rm -f "$id"
		e containers rm "$id"
	done
}

engine_left() {
	T=$D
	none() { ! pgrep -f "containerd-shim.*$D"; }
	until_true none || echo shims
	find "$D"/state-* -mindepth 2 -maxdepth 2 2>/dev/null
	find "/sys/fs/cgroup$PARENT" -mindepth 1 -type d 2>/dev/null
}

# run FLAG... -- COMMAND..., up FLAG... -- COMMAND...: in the foreground, detached.
run() { launch --rm "$@"; }
up() { launch -d "$@" >/dev/null; }
launch() {
	local flags=()
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	shift
	e run "${FLAGS[@]}" "${flags[@]}" $IMAGE "$C" "$@"
}
status() { e task ls | awk -v c="$C" '$1 == c { print $3 }'; }
is() { [ "$(status)" = "$1" ]; }
ended() { e task rm "$C" 2>&1 | grep -o 'exit code [0-9]*'; }
pid() { e task ls | awk -v c="$C" '$1 == c { print $2 }'; }
in_it() { e task exec --exec-id "x$RANDOM" "${AS[@]}" "$C" "$@"; }
AS=()

op_run_output() {
	ok run -- echo hello
	gives 42 run -- sh -c 'echo out; echo err >&2; exit 42'
}

op_run_stdin() {
	printf 'one\ntwo\n' >"$T/in"
	INPUT=$T/in ok run -- sh -c 'read -r a; read -r b; echo $b $a' # ctr keeps it open
}

op_run_pty() {
	try "$PROBE" pty see:ready 'type:hello\r' 'see:got hello' size:50x132 -- "${E[@]}" run --rm -t "${FLAGS[@]}" $IMAGE "$C" \
		sh -c 'sleep 1; echo ready; read -r line; echo "got $line"; tty; until [ "$(stty size)" = "50 132" ]; do sleep 0.1; done; exit 6'
	same "exit code" "$rc" 6
	tell "$out"
}

op_run_signal() {
	local pid code=0
	e run --rm "${FLAGS[@]}" $IMAGE "$C" sh -c 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.1; done' >"$T/client" 2>&1 </dev/null &
	pid=$!
	until_true grep -q ready "$T/client"
	kill -TERM "$(pgrep -P $pid || echo $pid)"
	wait $pid || code=$?
	same "exit code" $code 7
	tell "$(<"$T/client")"
}

op_run_notfound() {
	no 1 'executable file not found in $PATH' run -- nosuch
	no 1 'no such file or directory' run -- /no/such
}

op_run_noexec() { no 1 'permission denied' run -- /etc/passwd; }

op_run_failed() {
	no 1 'nosuch' up -- nosuch
	ok e task ls -q
	quiet e containers rm "$C"
}

op_run_view() { view run -- /probe view; }

op_run_parallel() {
	local n jobs=()
	for n in 1 2 3 4 5 6 7 8 9 10; do
		e run --rm "${FLAGS[@]}" --cgroup "$PARENT/$C-$n" $IMAGE "$C-$n" sh -c "echo $n; exit $n" >"$T/$n" 2>&1 </dev/null &
		jobs+=($!)
	done
	for n in 1 2 3 4 5 6 7 8 9 10; do
		rc=0
		wait "${jobs[n - 1]}" || rc=$?
		same "container $n" "$rc $(<"$T/$n")" "$n $n"
	done
}

op_inspect() {
	up -- sleep 1000
	same status "$(status)" RUNNING
	until_true runs "$(pid)" sleep 1000
	quiet e containers info "$C"
	out=$(jq -c '[.Spec.process.args, .Runtime.Name]' <<<"$out")
	[ "$out" = '[["sleep","1000"],"io.containerd.runc.v2"]' ] || fail "another spec"
}

op_exec_output() {
	up -- sleep 1000
	ok in_it echo hello
	printf 'one\ntwo\n' >"$T/in"
	INPUT=$T/in ok in_it sh -c 'read -r a; read -r b; echo $b $a'
	gives 42 in_it sh -c 'echo out; echo err >&2; exit 42'
}

op_exec_notfound() {
	up -- sleep 1000
	no 1 'executable file not found in $PATH' in_it nosuch
	no 1 'no such file or directory' in_it /no/such
	no 1 'permission denied' in_it /etc/passwd
}

op_exec_user() {
	up -- sleep 1000
	AS=(--user 1000:1000 --cwd /usr/bin)
	ok in_it sh -c 'id; pwd; echo $HOME; grep -E "^(Cap|NoNewPrivs|Seccomp):*" /proc/self/status'
	AS=(--user app)
	ok in_it id
}

op_exec_tty() {
	up -- sleep 1000
	try "$PROBE" pty see:ready 'type:hello\r' 'see:got hello' size:50x132 -- "${E[@]}" task exec -t --exec-id t "$C" \
		sh -c 'sleep 1; echo ready; read -r line; echo "got $line"; tty; until [ "$(stty size)" = "50 132" ]; do sleep 0.1; done; exit 6'
	same "exit code" "$rc" 6
	tell "$out"
}

op_exec_detach() {
	up -- sleep 1000
	AS=(-d)
	quiet in_it sh -c 'echo done >/made; exec sleep 1001'
	AS=()
	until_true in_it grep -q done /made
	ok in_it sh -c 'ps | grep -c "[s]leep 1001"'
	quiet e task ps "$C"
	same processes "$(grep -c '^[0-9]' <<<"$out")" 2
}

op_exec_parallel() {
	up -- sleep 1000
	local n jobs=()
	for n in 1 2 3 4 5 6 7 8 9 10; do
		e task exec --exec-id "p$n" "$C" sh -c "echo $n; exit $n" >"$T/$n" 2>&1 </dev/null &
		jobs+=($!)
	done
	for n in 1 2 3 4 5 6 7 8 9 10; do
		rc=0
		wait "${jobs[n - 1]}" || rc=$?
		same "exec $n" "$rc $(<"$T/$n")" "$n $n"
	done
}

op_exec_view() {
	up -- sleep 1000
	AS=(--user 1000:1000)
	view in_it /probe view
}

op_exec_refused() {
	up -- sleep 1000
	quiet e task pause "$C"
	try in_it true
	[ "$rc" != 0 ] || fail "runs in a paused container"
	tell "paused: exit code $rc"
	quiet e task resume "$C"
	quiet e task kill -s 9 "$C"
	until_true is STOPPED
	try in_it true
	[ "$rc" != 0 ] || fail "runs in an ended container"
	tell "ended: exit code $rc"
}

op_exec_killed() {
	up -- sleep 1000
	gives 137 in_it sh -c 'kill -9 $$'
	e task exec --exec-id one "$C" sleep 1001 >/dev/null 2>&1 </dev/null &
	local code=0 job=$!
	until_true in_it sh -c 'ps | grep "[s]leep 1001"'
	quiet e task kill --exec-id one -s 15 "$C"
	wait $job || code=$?
	same "exit code" $code 143
}

op_top() {
	up -- sh -c 'sleep 1234 & exec sleep 1235'
	two() { [ "$(e task ps "$C" | grep -c '^[0-9]')" = 2 ]; }
	until_true two
	tell two
}

op_stats() {
	local flags=()
	! have memory || flags=(--memory-limit 67108864)
	up "${flags[@]}" -- sleep 1000
	quiet e task metrics "$C"
	tell "$(sed 1,2d <<<"$out" | awk '{ print $1, $1 ~ /limit|current/ ? $2 : "" }')"
}

op_events() {
	"${E[@]}" events >"$T/events" 2>&1 </dev/null &
	local job=$!
	sleep 0.5
	up -- sh -c 'exit 3'
	exited() { grep -q "tasks/exit.*\"$C\"" "$T/events"; }
	until_true exited
	try e task rm "$C"
	quiet e containers rm "$C"
	over() { grep -q "containers/delete.*\"$C\"" "$T/events"; }
	until_true over
	kill $job
	told() { grep "\"$C\"" "$T/events" | grep -o '/[a-z]*/[a-z-]* .*' | sed -E 's/"pid":[0-9]+/"pid":N/g; s/ \{.*("exit_status":[0-9]+).*/ \1/; s/ \{.*//'; }
	# What the shim tells has an order of its own, and that it deletes is the last it
	# does: containerd 2 may miss that.
	tell "$(told | grep -v '^/tasks/')"
	tell "$(told | grep -E '^/tasks/(start|exit)')"
}

op_pause() {
	up -- sh -c 'while :; do echo x >>/ticks; sleep 0.05; done'
	quiet e task pause "$C"
	same status "$(status)" PAUSED
	local ticks
	ticks=/proc/$(pid)/root/ticks
	local before
	sleep 0.2
	before=$(wc -l <"$ticks")
	sleep 0.3
	same "further ticks" $(($(wc -l <"$ticks") - before)) 0
	quiet e task resume "$C"
	goes_on() { [ "$(wc -l <"$ticks")" -gt "$before" ]; }
	until_true goes_on
	same status "$(status)" RUNNING
}

op_kill() {
	up -- sh -c 'trap "exit 3" USR1; echo ready >/ready; while :; do sleep 0.1; done'
	until_true test -e "/proc/$(pid)/root/ready"
	quiet e task kill -s SIGUSR1 "$C"
	until_true is STOPPED
	try e task kill "$C"
	tell "of an ended one: exit code $rc"
	has "exit code" "$(ended)" '* 3'
	quiet e containers rm "$C"
	up -- sh -c 'sleep 1001 & exec sleep 1002'
	quiet e task kill -a -s 9 "$C"
	until_true is STOPPED
	has "exit code" "$(ended)" '* 137'
}

op_rm_force() {
	up -- sh -c 'sleep 1001 & exec sleep 1002'
	local process
	process=$(pid)
	try e task rm "$C"
	[ "$rc" != 0 ] || fail "removes a running task"
	tell "without force: exit code $rc"
	try e task rm -f "$C"
	tell "with force: exit code $rc"
	[ ! -d "/proc/$process" ] || fail "process is there"
}

op_wait() {
	up -- sh -c 'sleep 0.5; exit 9'
	until_true is STOPPED
	has "exit code" "$(ended)" '* 9'
}

op_tasks() {
	up -- sleep 1000
	quiet e task ls
	has list "$(grep -c "$C" <<<"$out")" 1
	quiet e task kill -s 9 "$C"
	until_true is STOPPED
	has "exit code" "$(ended)" '* 137'
	# The container is there, a new task of it too.
	quiet e task start -d "$C"
	same status "$(status)" RUNNING
	quiet launch -d -- true 2>/dev/null && fail "a name twice"
	tell "a name twice: refused"
}

op_namespaces() {
	local name
	for name in engines others; do
		E=(ctr -a "$D/c.sock" -n $name)
		quiet e run -d "${FLAGS[@]}" --cgroup "$PARENT/$C-$name" $IMAGE "$C" sh -c "echo $name >/name; exec sleep 1000"
	done
	for name in engines others; do
		E=(ctr -a "$D/c.sock" -n $name)
		named() { in_it cat /name | grep -q $name; }
		until_true named
		ok in_it cat /name
	done
	E=(ctr -a "$D/c.sock" -n others)
	try e task rm -f "$C"
	quiet e containers rm "$C"
	E=("${CTR[@]}")
	same "the other" "$(status)" RUNNING
}

op_workdir() { ok run --cwd /usr/bin --env A=b -- sh -c 'pwd; env | sort | grep -v HOSTNAME'; }

op_caps() {
	ok run -- grep Cap /proc/self/status
	ok run --cap-add CAP_NET_ADMIN --cap-drop CAP_CHOWN -- grep Cap /proc/self/status
}

op_privileged() {
	ok run --privileged -- sh -c 'grep Cap /proc/self/status; mkdir /m; mount -t tmpfs x /m && echo mounted; [ -w /proc/sys/kernel ] && echo writable'
}

op_nnp() {
	ok run -- grep NoNewPrivs /proc/self/status
	ok run --allow-new-privs -- grep NoNewPrivs /proc/self/status
}

op_seccomp() {
	ok run -- grep Seccomp: /proc/self/status
	ok run --seccomp -- grep Seccomp: /proc/self/status
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' >"$T/p.json"
	no 1 "Operation not permitted" run --seccomp --seccomp-profile "$T/p.json" -- mkdir /x
	printf '%s\n' 165 155 246 250 304 308 435 >"$T/calls" # mount, pivot_root, kexec_load, keyctl, open_by_handle_at, setns, clone3
	ok run --seccomp --mount "type=bind,src=$T/calls,dst=/calls,options=bind" -- sh -c '/probe syscalls </calls'
}

op_masks() {
	ok run -- sh -c 'wc -c </proc/keys; ls /sys/firmware | wc -l; wc -c </proc/timer_list'
	no 1 "Read-only file system" run -- sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

op_readonly() { no 1 "Read-only file system" run --read-only -- touch /x; }

op_volumes() {
	mkdir "$T/v"
	echo host >"$T/v/file"
	ok run --mount "type=bind,src=$T/v,dst=/v,options=rbind:rw" -- sh -c 'cat /v/file; echo container >/v/new'
	same "new file" "$(<"$T/v/new")" container
	no 1 "Read-only file system" run --mount "type=bind,src=$T/v,dst=/v,options=rbind:ro" -- touch /v/x
	ok run --mount "type=bind,src=$T/v/file,dst=/etc/motd,options=bind:ro" -- cat /etc/motd
	no 1 'no such file or directory' run --mount "type=bind,src=$T/nosuch,dst=/v,options=rbind" -- true
}

op_volume_error() { no 1 'not a directory' run --mount "type=bind,src=$T,dst=/probe,options=rbind" -- true; }

op_tmpfs() { ok run --mount type=tmpfs,src=tmpfs,dst=/t,options=size=64k:mode=700:noexec -- sh -c 'stat -c %a /t; grep " /t " /proc/self/mountinfo | cut -d" " -f6'; }

op_devices() {
	ok run --device /dev/zero -- sh -c 'head -c 3 /dev/zero | wc -c'
	ok run -- sh -c 'ls /dev | sort | tr "\n" " "; for f in /dev/*; do [ ! -c "$f" ] || stat -c "%n %t:%T %a" "$f"; done'
	no 1 "Operation not permitted" run -- sh -c 'mknod /tmp/loop b 7 0 && head -c 1 /tmp/loop'
}

op_net() {
	ok run -- ip -o link
	quiet run --net-host -- readlink /proc/self/ns/net
	same namespace "$out" "$(readlink /proc/self/ns/net)"
}

op_pid() {
	quiet run --with-ns "pid:/proc/self/ns/pid" -- true
	up -- sleep 1003
	ok e run --rm "${FLAGS[@]}" --cgroup "$PARENT/$C-two" --with-ns "pid:/proc/$(pid)/ns/pid" $IMAGE "$C-two" sh -c 'ps -o args | grep "[s]leep"'
}

op_ipc() {
	up -- sleep 1000
	local process
	process=$(pid)
	quiet e run --rm "${FLAGS[@]}" --cgroup "$PARENT/$C-two" --with-ns "ipc:/proc/$process/ns/ipc" --with-ns "uts:/proc/$process/ns/uts" $IMAGE "$C-two" \
		sh -c 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts'
	[ "$out" = "$(readlink "/proc/$process/ns/ipc" "/proc/$process/ns/uts")" ] || fail "other namespaces"
}

op_runtime_path() {
	no 1 '/no/such' e run --rm "${FLAGS[@]}" --runc-binary /no/such $IMAGE "$C" true
	up -- sleep 1000
	same state "$(ls "$D/state-$LANE/engines")" "$C"
}

op_limits() {
	controllers memory cpu
	up --memory-limit 67108864 --cpu-quota 50000 --cpu-period 100000 --cpu-shares 512 -- sleep 1000
	ok in_it sh -c 'cd /sys/fs/cgroup; for f in memory.max cpu.max cpu.weight; do echo $f $(cat $f); done'
	! declare -F unit >/dev/null || tell "$(unit)"
}

op_oom() {
	controllers memory
	up --memory-limit 67108864 -- sleep 1000
	"${E[@]}" events >"$T/events" 2>&1 </dev/null &
	local job=$!
	listening() { e containers label "$C" "n=$RANDOM" && [ -s "$T/events" ]; }
	until_true listening
	code 137 in_it dd if=/dev/zero of=/dev/null bs=256M count=1
	told() { grep "/tasks/oom .*\"$C\"" "$T/events"; }
	until_true told
	kill $job
	same status "$(status)" RUNNING
}

op_checkpoint() {
	! command -v criu >/dev/null || cannot "criu is installed: what it says is its own"
	up -- sleep 1000
	no 1 'criu' e task checkpoint "$C"
	same status "$(status)" RUNNING
}
