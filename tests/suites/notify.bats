#!/usr/bin/env bats
# notify: a container that is a service of systemd's, Type=notify.
load helpers

# systemd [NAME]: listen where NOTIFY_SOCKET is; what comes is in $HEARD.
systemd() {
	ours "1.1 never notices that init is gone"
	NOTIFY_SOCKET=${1:-$BATS_TEST_TMPDIR/systemd}
	export NOTIFY_SOCKET
	HEARD=$BATS_TEST_TMPDIR/heard
	"$PROBE" hear "$NOTIFY_SOCKET" >"$HEARD" 3>&- &
	systemd=$!
	case $NOTIFY_SOCKET in
	@*) until_true grep -q "$NOTIFY_SOCKET" /proc/net/unix ;;
	*) until_true test -S "$NOTIFY_SOCKET" ;;
	esac
}

heard() {
	wait "$systemd"
	same "what systemd heard" "$(<"$HEARD")" "$1"
}

# silence: systemd got no message.
silence() {
	kill "$systemd"
	same "what systemd heard" "$(<"$HEARD")" ""
}

@test "start waits for READY, tells it, the pid, and waits for the barrier" {
	systemd
	script 'probe=/probe; $probe notify STATUS=hi BARRIER=1; sleep 0.2; $probe notify "STATUS=x\\nREADY=1\\nSTATUS=y" STATUS=after; sleep 1000'
	ok create "$ID"
	[ ! -s "$HEARD" ] || fail "told before start"
	ok start "$ID"
	heard "\"READY=1\\n\" false"$'\n'"\"MAINPID=$(pid_of)\\n\" false"$'\n''"BARRIER=1" true'
}

@test "run --detach the same, to an abstract socket, and by an ordinary user" {
	systemd "@crun-go-$ID"
	config '.process.user = {uid: 1000, gid: 1000}'
	script '/probe notify READY=0; sleep 1000'
	ok run_bundle --detach "$ID"
	heard "\"READY=0\\n\" false"$'\n'"\"MAINPID=$(pid_of)\\n\" false"$'\n''"BARRIER=1" true'
}

@test "root of a user namespace is heard, too, whatever the umask" {
	systemd
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	mkdir -p "$BUNDLE/rootfs/run/notify"
	script '/probe notify READY=1; sleep 1000'
	(umask 077 && ok run_bundle --detach "$ID")
	heard "\"READY=1\\n\" false"$'\n'"\"MAINPID=$(pid_of)\\n\" false"$'\n''"BARRIER=1" true'
}

@test "run in the foreground stays systemd's main process" {
	systemd
	script '/probe notify READY=1; sleep 0.2; exit 3'
	try run_bundle "$ID"
	same "exit code" "$rc" 3
	heard '"READY=1\n" false'$'\n''"BARRIER=1" true'
}

@test "the socket's directory in the container: read-only, its own mount" {
	systemd
	config '.root.readonly = true'
	script 'ls /run/notify; touch /run/notify/x; echo $NOTIFY_SOCKET; grep " /run/notify " /proc/self/mountinfo; ls -ln /run/notify/notify.sock'
	mkdir -p "$BUNDLE/rootfs/run"
	try run_bundle "$ID"
	[[ $err == *"Read-only file system"* ]] || fail "it can be written"
	[[ $out == *notify.sock*/run/notify/notify.sock*"ro,nosuid,nodev,noexec"* ]] || fail "not as it should be"
	[[ $out == *"srwxrwxrwx"* ]] || fail "not for everybody"
	[[ $out != *"shared:"* && $out != *"master:"* ]] || fail "mounts on it would spread"
	silence
}

@test "a service that ends before it is ready: an error, and no waiting" {
	systemd
	args false
	ok create "$ID"
	no 1 "exited before it reported that it is ready" start "$ID"
	same status "$(status)" stopped
	rt delete "$ID"
	no 1 "exited before it reported that it is ready" run_bundle --detach "$ID"
	same "state left" "$(ls -A "$ROOT")" ""
	no 1 "exited before it reported that it is ready" run_bundle --detach --keep "$ID"
	same status "$(status)" stopped
	try run_bundle "$ID-2"
	same "exit code in the foreground" "$rc" 1
	same stderr "$err" ""
	silence
}

@test "others may act on the container while start waits" {
	systemd
	ok create "$ID"
	start "$ID" >"$OUT" 2>"$ERR" 3>&- </dev/null &
	local job=$!
	is_running() { [ "$(status)" = running ]; }
	until_true is_running
	ok rt kill "$ID" KILL
	rc=0
	wait $job || rc=$?
	same "exit code of start" "$rc" 1
	silence
}

@test "nobody listens for systemd: told, and the container runs" {
	ours "1.1 words it otherwise"
	script '/probe notify READY=1; sleep 1000'
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/none
	ok create "$ID"
	no 1 "notify systemd that the container is ready: connect $NOTIFY_SOCKET" start "$ID"
	same status "$(status)" running
}

@test "NOTIFY_SOCKET for start only" {
	ours "1.1 words it otherwise"
	ok create "$ID"
	NOTIFY_SOCKET=/nowhere no 1 "NOTIFY_SOCKET must also be set at create" start "$ID"
	same status "$(status)" created
	ok start "$ID"
}

@test "an image's own /run/notify: nothing outside is touched" {
	systemd
	mkdir "$BATS_TEST_TMPDIR/victim" "$BUNDLE/rootfs/run"
	ln -s "../../../../../../../../../..$BATS_TEST_TMPDIR/victim" "$BUNDLE/rootfs/run/notify"
	script '/probe notify READY=1; sleep 1000'
	try run_bundle --detach "$ID"
	same "made outside" "$(ls -A "$BATS_TEST_TMPDIR/victim")" ""
	[ "$rc" = 0 ] || silence
}

@test "without NOTIFY_SOCKET the container has nothing of it" {
	script 'env; ls /run/notify'
	NOTIFY_SOCKET='' try run_bundle "$ID"
	[[ $out != *NOTIFY* && $err == *"No such file"* ]] || fail "there is something"
}
