# cli.bash: the life of a container, as Docker and podman spell it.
#
#   $IMAGE   what containers are of
#   $FLAGS   for run: the lane's runtime, no network
#   $BARE    the same with the engine's network
#   $LATE    the exit code of a client that missed the container's, if it may
# shellcheck shell=bash disable=SC2016,SC2154
. "$here/cli-inside.bash"
. "$here/cli-limits.bash"

run() { e run --rm "${FLAGS[@]}" "$@"; }
up() { quiet e run -d --name "$C" "${FLAGS[@]}" "$@"; }
field() { e inspect -f "{{$1}}" "${2:-$C}"; }
is() { [ "$(field "$1")" = "$2" ]; }
says() { e logs "$C" 2>&1 | grep -q "$1"; }

remove() { quiet e rm -f "$C"; }

# person ACTION... -- ARG...: at a terminal, see the probe's pty.
person() {
	local actions=()
	while [ "$1" != -- ]; do
		actions+=("$1")
		shift
	done
	shift
	try "$PROBE" pty "${actions[@]}" -- "${E[@]}" "$@"
}

op_run_output() {
	ok run $IMAGE echo hello
	gives 42 run $IMAGE sh -c 'echo out; echo err >&2; exit 42'
	gives 0 run $IMAGE true
}

op_run_stdin() {
	printf 'one\ntwo' >"$T/in"
	INPUT=$T/in
	ok run -i $IMAGE cat
	ok run -i $IMAGE sh -c 'read -r line; echo "got $line"'
}

op_run_tty() {
	ok run -t $IMAGE sh -c 'tty; ls -l /dev/console | cut -c1-10; stat -c %a /dev/console; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal'
	has output "$out" '*/dev/pts/0*terminal*'
}

op_run_pty() {
	# The client needs a moment until it watches for a resize.
	person see:ready 'type:hello\r' 'see:got hello' size:50x132 -- run --rm -it "${FLAGS[@]}" $IMAGE \
		sh -c 'sleep 1; echo ready; read -r line; echo "got $line"; until [ "$(stty size)" = "50 132" ]; do sleep 0.1; done; exit 6'
	same "exit code" "$rc" 6
	tell "$(head -n 3 <<<"$out")" # then podman may forward signals that come too late
	person see:ready 'type:\x03' -- run --rm -it "${FLAGS[@]}" $IMAGE sh -c 'trap "exit 9" INT; echo ready; while :; do sleep 0.1; done'
	same "exit code after ^C" "$rc" 9
}

op_run_signal() {
	local pid code=0
	e run --name "$C" "${FLAGS[@]}" $IMAGE sh -c 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.1; done' >"$T/client" 2>&1 </dev/null &
	pid=$!
	until_true says ready
	kill -TERM "$(pgrep -P $pid || echo $pid)"
	wait $pid || code=$?
	[ "$code" = 7 ] || [ "$code" = "$LATE" ] || fail "exit code $code"
	until_true is .State.Status exited
	same "exit code" "$(field .State.ExitCode)" 7
	tell "$(<"$T/client")"
}

op_run_notfound() {
	no 127 'executable file not found in $PATH' run $IMAGE nosuch
	no 127 'no such file or directory' run $IMAGE /no/such
	no 127 'no such file or directory' run --entrypoint /no/such $IMAGE x
}

op_run_noexec() {
	no 126 'permission denied' run $IMAGE /etc/passwd
	code 126 run $IMAGE /etc
	touch "$T/file"
	no 126 'permission denied' run -v "$T/file:/file" $IMAGE /file
}

op_run_failed() {
	no 127 'nosuch' e run --name "$C" "${FLAGS[@]}" $IMAGE nosuch
	ok e inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}' "$C"
	try e start "$C"
	[ "$rc" != 0 ] || fail "starts"
	tell "start: exit code $rc"
	ok e inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$C"
	quiet e rm "$C"
}

op_run_view() { view run --hostname here $IMAGE /probe view net.ipv4.ping_group_range net.ipv4.ip_unprivileged_port_start; }

op_run_parallel() {
	local n jobs=()
	for n in 1 2 3 4 5 6 7 8 9 10; do
		e run --name "$C-$n" "${FLAGS[@]}" $IMAGE sh -c "echo $n; exit $n" >/dev/null 2>&1 </dev/null &
		jobs+=($!)
	done
	for n in 1 2 3 4 5 6 7 8 9 10; do
		rc=0
		wait "${jobs[n - 1]}" || rc=$?
		same "container $n" "$rc $(e logs "$C-$n")" "$n $n"
	done
}

op_inspect() {
	up $IMAGE sleep 1000
	same status "$(field .State.Status)" running
	until_true runs "$(field .State.Pid)" sleep 1000
	quiet e stop -t 0 "$C"
	ok e inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Pid}} {{.State.Error}}' "$C"
}

op_logs() {
	quiet e run --name "$C" "${FLAGS[@]}" $IMAGE sh -c 'echo one; echo two >&2'
	ok e logs "$C"
}

op_attach() {
	up -i $IMAGE sh -c 'read -r line; echo "got $line"; exit 5'
	echo hello >"$T/in"
	INPUT=$T/in try e attach "$C"
	tell "$out"
	[ "$rc" = 5 ] || [ "$rc" = "$LATE" ] || fail "exit code $rc" attach
	same "exit code" "$(field .State.ExitCode)" 5
}

op_wait() {
	up $IMAGE sh -c 'sleep 0.7; exit 9'
	ok e wait "$C"
	same "exit code" "$out" 9
}

op_exec_output() {
	up $IMAGE sleep 1000
	ok e exec "$C" echo hello
	printf 'one\ntwo' >"$T/in"
	INPUT=$T/in ok e exec -i "$C" cat
	gives 42 e exec "$C" sh -c 'echo out; echo err >&2; exit 42'
	# A process that stays does not hold up others.
	ok e exec "$C" sh -c 'sleep 1000 >/dev/null 2>&1 & echo started'
}

op_exec_user() {
	up -e B=c $IMAGE sleep 1000
	ok e exec -u 1000:2000 -w /usr/bin -e A=1 "$C" sh -c 'id -u; id -g; pwd; echo $A $B $HOME'
	ok e exec -u app "$C" id
	ok e exec "$C" sh -c 'grep -E "^(Cap|NoNewPrivs|Seccomp):*" /proc/self/status'
	ok e exec -u app "$C" sh -c 'grep -E "^(Cap|Groups|NoNewPrivs|Seccomp):*" /proc/self/status'
	try e exec -u nosuch "$C" true
	tell "unknown user: exit code $rc"
}

op_exec_tty() {
	up $IMAGE sleep 1000
	ok e exec -t "$C" sh -c 'tty; test -t 1 && echo terminal'
	person see:ready 'type:hello\r' 'see:got hello' size:50x132 -- exec -it "$C" \
		sh -c 'sleep 1; echo ready; read -r line; echo "got $line"; until [ "$(stty size)" = "50 132" ]; do sleep 0.1; done; exit 6'
	same "exit code" "$rc" 6
	tell "$out"
}

op_exec_detach() {
	up $IMAGE sleep 1000
	quiet e exec -d "$C" sh -c 'echo done >/made; exec sleep 1001'
	until_true e exec "$C" grep -q done /made
	ok e exec "$C" sh -c 'ps | grep -c "[s]leep 1001"'
}

op_exec_parallel() {
	up $IMAGE sleep 1000
	local n jobs=()
	for n in 1 2 3 4 5 6 7 8 9 10; do
		e exec "$C" sh -c "echo $n; exit $n" >"$T/$n" 2>&1 </dev/null &
		jobs+=($!)
	done
	for n in 1 2 3 4 5 6 7 8 9 10; do
		rc=0
		wait "${jobs[n - 1]}" || rc=$?
		same "exec $n" "$rc $(<"$T/$n")" "$n $n"
	done
}

op_exec_view() {
	up --hostname here -u 1000:1000 -w /tmp -e A=b $IMAGE sleep 1000
	view e exec "$C" /probe view
}

op_exec_killed() {
	up $IMAGE sleep 1000
	gives 137 e exec "$C" sh -c 'kill -9 $$'
	e exec "$C" sleep 1001 >"$T/exec" 2>&1 </dev/null &
	local code=0 pid=$!
	until_true e exec "$C" sh -c 'ps | grep "[s]leep 1001"'
	quiet e exec "$C" sh -c 'kill -15 $(pidof sleep | tr " " "\n" | grep -vx 1)'
	wait $pid || code=$?
	same "exit code" $code 143
}

op_pause() {
	cgroups
	up $IMAGE sh -c 'while :; do echo tick; sleep 0.05; done'
	quiet e pause "$C"
	same status "$(field .State.Status)" paused
	local lines
	sleep 0.3
	lines=$(e logs "$C" | wc -l)
	sleep 0.3
	same "further lines" $(($(e logs "$C" | wc -l) - lines)) 0
	try e pause "$C"
	tell "again: exit code $rc"
	quiet e unpause "$C"
	goes_on() { [ "$(e logs "$C" | wc -l)" -gt "$lines" ]; }
	until_true goes_on
	try e unpause "$C"
	tell "again: exit code $rc"
	quiet e pause "$C"
	remove
}

op_kill() {
	up $IMAGE sh -c 'trap "echo one" USR1; trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
	until_true says ready
	quiet e kill -s USR1 "$C"
	until_true says one
	quiet e kill -s TERM "$C"
	ended() { is .State.Status exited; }
	until_true ended
	same "exit code" "$(field .State.ExitCode)" 3
	try e kill "$C"
	tell "kill of an ended one: exit code $rc"
	quiet e start "$C"
	quiet e kill "$C"
	until_true ended
	same "exit code" "$(field .State.ExitCode)" 137
}

op_stop() {
	up --stop-signal USR1 $IMAGE sh -c 'trap "exit 3" USR1; echo ready; while :; do sleep 0.1; done'
	until_true says ready
	quiet e stop "$C"
	same "exit code" "$(field .State.ExitCode)" 3
	quiet e rm "$C"
	up $IMAGE sleep 1000 # pid 1 without a handler
	quiet e stop -t 1 "$C"
	same "exit code" "$(field .State.ExitCode)" 137
	ok e inspect -f '{{.State.Status}} {{.State.Running}}' "$C"
}

op_restart() {
	up $IMAGE sh -c 'echo start; exec sleep 1000'
	local pid
	pid=$(field .State.Pid)
	quiet e restart -t 0 "$C"
	same running "$(field .State.Running)" true
	[ "$pid" != "$(field .State.Pid)" ] || fail "the same process"
	same starts "$(e logs "$C" | grep -c start)" 2
	quiet e stop -t 0 "$C"
	quiet e start "$C"
	same running "$(field .State.Running)" true
}

op_restart_policy() {
	up --restart on-failure:2 $IMAGE sh -c 'echo start; exit 4'
	thrice() { [ "$(e logs "$C" | grep -c start)" = 3 ] && is .State.Status exited; }
	until_true thrice
	same "exit code" "$(field .State.ExitCode)" 4
}

op_rm_force() {
	up $IMAGE sh -c 'sleep 1002 & exec sleep 1001'
	local pid
	pid=$(field .State.Pid)
	try e rm "$C"
	[ "$rc" != 0 ] || fail "removes a running container"
	tell "without force: exit code $rc"
	remove
	[ ! -d "/proc/$pid" ] || fail "process $pid is there"
}

op_cp() {
	up $IMAGE sleep 1000
	echo there >"$T/f"
	quiet e cp "$T/f" "$C:/tmp/f"
	ok e exec "$C" cat /tmp/f
	quiet e exec "$C" sh -c 'mkdir /d; echo back >/d/x; ln -s x /d/l'
	quiet e cp "$C:/d" "$T/d"
	same copied "$(cat "$T/d/l")" back
	try e cp "$C:/nosuch" "$T/n"
	tell "missing: exit code $rc"
}

op_stats() {
	up $IMAGE sleep 1000
	quiet e stats --no-stream --format '{{.Name}}' "$C"
	same name "$out" "$C"
}

op_exec_notfound() {
	up $IMAGE sleep 1000
	# Docker makes 126 of all three in old releases.
	try e exec "$C" nosuch
	[[ $out$err == *'executable file not found in $PATH'* ]] || fail "no reason"
	tell "exit code $rc"
	try e exec "$C" /no/such
	[[ $out$err == *'no such file or directory'* ]] || fail "no reason"
	tell "exit code $rc"
	no 126 'permission denied' e exec "$C" /etc/passwd
}
