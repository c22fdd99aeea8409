#!/usr/bin/env bats
# crun-go engines: what it says of the engines of a host, what it writes for
# them, and that the engines read it so.
load helpers

suite_setup() { export PATH=$PATH:/usr/sbin:/sbin; }

setup() {
	ours "engines is a command of crun-go's"
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
	H=$BATS_TEST_TMPDIR/host
	mkdir -p "$H"
	before_mounts=$(mounts)
}

teardown() {
	local left
	for mount in $(awk -v d="$BATS_TEST_TMPDIR" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r); do
		umount -l "$mount" || true
	done
	left=$(diff <(echo "${before_mounts:-$(mounts)}") <(mounts)) || fail "mounts left behind: $left"
}

engines() { "$RUNTIME" engines --prefix "$H" "$@"; }

# has FILE TEXT...: a file of the fake host, whole.
has() {
	mkdir -p "$(dirname "$H$1")"
	printf '%s\n' "${@:2}" >"$H$1"
}

program_at() {
	mkdir -p "$(dirname "$H$1")"
	printf '#!/bin/sh\necho must not run >&2; exit 9\n' >"$H$1"
	chmod 0755 "$H$1"
}

@test "a host without engines" {
	ok engines
	same table "$(awk '{ print $1, $2, $3, $4, $5 }' "$OUT")" "ENGINE VERSION FOUND REGISTERED DEFAULT
docker - no no no
containerd - no no no
podman - no no no
buildah - no no no
crio - no no no
kubernetes - no no no"
	ok engines --json
	same json "$(jq -c 'map(select(.found or .registered or .default or .lines == null))' "$OUT")" '[]'
}

@test "engines that are there are told apart, and shown what registers the runtime" {
	program_at /usr/sbin/dockerd
	program_at /usr/bin/podman
	program_at /usr/local/bin/kubelet
	has /etc/containers/containers.conf '[engine]' 'runtime = "crun-go"' '[engine.runtimes]' 'crun-go = ["/opt/old"]'
	ok engines --path /opt/crun-go
	grep -qx 'docker *- *\/usr\/sbin\/dockerd *no *no' "$OUT" || fail "no row for docker"
	grep -qx "podman *- */usr/bin/podman *$H/etc/containers/containers.conf:4 *$H/etc/containers/containers.conf:2" "$OUT" || fail "no row for podman"
	[[ $out == *'docker: crun-go engines --install docker would put into /etc/docker/daemon.json'*'"path": "/opt/crun-go"'*'followed by: systemctl reload docker'* ]] || fail docker
	[[ $out == *'podman: it runs /opt/old'* ]] || fail podman
	[[ $out == *'kubectl apply'*'handler: crun-go'* ]] || fail kubernetes
	[[ $out != *'containerd:'* ]] || fail "lines for what is not there"
	ok engines --json
	same podman "$(jq -c '.[] | select(.engine == "podman") | [.found, .registered, .path, .default]' "$OUT")" '[true,true,"/opt/old",true]'
	same docker "$(jq -c '.[] | select(.engine == "docker") | [.binary, .registered, .restart, .file]' "$OUT")" \
		'["/usr/sbin/dockerd",false,"systemctl reload docker","/etc/docker/daemon.json"]'
}

@test "a file that cannot be read as what it is does not hide the others" {
	program_at /usr/sbin/dockerd
	has /etc/docker/daemon.json '{' '  "debug": true,' '}'
	ok engines
	[[ $out == *"docker: $H/etc/docker/daemon.json:3:1: expected a key"* ]] || fail "no error"
	ok engines --json
	[[ $(jq -r '.[0].error' "$OUT") == *daemon.json:3:1* ]] || fail json
	no 1 "daemon.json:3:1: expected a key" engines --install docker
	one_error
}

@test "install writes the path of the program, says so, and what comes next" {
	ok engines --install docker
	same said "$out" "$H/etc/docker/daemon.json: written"
	same path "$(jq -r '.runtimes["crun-go"].path' "$H/etc/docker/daemon.json")" "$RUNTIME"
	ok engines --install docker
	same again "$out" "nothing to do: docker is as it should be"
	ok engines --install docker --default
	same default "$(jq -r '."default-runtime"' "$H/etc/docker/daemon.json")" crun-go
	ok engines --uninstall docker
	same said "$out" "$H/etc/docker/daemon.json: removed"
	[ ! -e "$H/etc/docker/daemon.json" ] || fail "still there"
	ok engines --uninstall docker
	same again "$out" "nothing to do: docker is as it should be"
}

@test "a user's file keeps the rest" {
	has /etc/docker/daemon.json '{ "zeta": 1,' '  "alpha": { "beta": [ ] } }'
	local was
	was=$(cat "$H/etc/docker/daemon.json")
	ok engines --install docker --path /opt/x
	same said "$out" "$H/etc/docker/daemon.json: changed"
	same keys "$(jq -c 'keys_unsorted' "$H/etc/docker/daemon.json")" '["runtimes","zeta","alpha"]'
	ok engines --uninstall docker
	same said "$out" "$H/etc/docker/daemon.json: changed"
	same text "$(cat "$H/etc/docker/daemon.json")" "$was"
	same files "$(ls "$H/etc/docker")" daemon.json
}

@test "lines that are not safe to add are printed, with their place" {
	has /etc/docker/daemon.json '{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "/n"}}}'
	local was
	was=$(cat "$H/etc/docker/daemon.json")
	no 1 "change $H/etc/docker/daemon.json: it has runtimes or a default-runtime of its own: add the lines by hand" \
		engines --install docker --default --path /opt/x
	same lines "$(jq -c . "$OUT")" '{"runtimes":{"crun-go":{"path":"/opt/x"}},"default-runtime":"crun-go"}'
	same text "$(cat "$H/etc/docker/daemon.json")" "$was"
	ok engines --install docker --path /opt/x
	same both "$(jq -c '.runtimes | map_values(.path)' "$H/etc/docker/daemon.json")" '{"crun-go":"/opt/x","nvidia":"/n"}'
	ok engines --uninstall docker
	same text "$(cat "$H/etc/docker/daemon.json")" "$was"
	program_at /usr/bin/containerd
	has /etc/containerd/config.toml 'version = 3'
	no 1 'it does not import a directory, as with imports = ["/etc/containerd/conf.d/*.toml"]: add the lines by hand' engines --install containerd
	grep -q '^\[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.crun-go\]' "$OUT" || fail "no lines"
	ok engines
	[[ $out == *'containerd: to be added by hand to /etc/containerd/config.toml, because it does not import'* ]] || fail "not said"
}

@test "dry-run shows the file and writes none" {
	for engine in docker containerd podman buildah crio; do
		ok engines --install $engine --default --dry-run --path /opt/x
		[[ $out == *': would be written'*/opt/x* ]] || fail "$engine"
	done
	same files "$(find "$H" -type f)" ''
}

@test "what is not done is said, with the reason" {
	no 1 'engine "rkt" is not known' engines --install rkt
	no 1 'kubernetes has no file on a node' engines --install kubernetes
	[[ $err == *'hint: crun-go engines --json | jq '*' | kubectl apply -f -'* ]] || fail "no command that does it"
	applied=$(sed -n "s/^hint: crun-go engines --json | jq -r '\(.*\)' .*/\1/p" "$ERR")
	ok engines --json
	same applied "$(jq -r "$applied" "$OUT")" "$(cat "$TESTS/../contrib/kubernetes/runtimeclass.yaml")"
	no 1 'hint: kubectl delete runtimeclass crun-go' engines --uninstall kubernetes
	ok engines --help
	grep -A 1 -- '--install ENGINE' "$OUT" | tr -s ' \n' ' ' | grep -q 'docker, containerd, podman, buildah, crio or kubernetes' || fail "no engines in --help"
	no 1 'exclude each other' engines --install docker --uninstall docker
	no 1 '--dry-run goes with' engines --dry-run
	no 1 'expected an absolute path' engines --install docker --path bin/x
	no 1 'open /nowhere: no such file or directory' "$RUNTIME" engines --prefix /nowhere
	no 1 'requires exactly 0 argument' engines docker
	has /etc/containers 'not a directory'
	no 1 "open $H/etc/containers/containers.conf.d/crun-go.conf: not a directory" engines --install podman
	has /etc/containerd/config.toml 'disabled_plugins = ["cri"]'
	no 1 'it is of version 1 (see containerd config migrate)' engines --install containerd
	ok engines --install crio
	echo '# mine' >>"$H/etc/crio/crio.conf.d/crun-go.conf"
	no 1 'not as --install writes it' engines --uninstall crio
	no 1 'not as --install writes it' engines --install crio --default
	grep -q '^hint: ' "$ERR" || fail "no hint"
}

@test "only root writes the system's files; other users have their own" {
	chmod 0755 "$H"
	install -m 0755 "$RUNTIME" "$H/crun-go"
	as() { setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_CONFIG_HOME="$H/config" "$H/crun-go" engines "$@"; }
	no 1 'permission denied' as --prefix "$H" --install docker
	grep -q "^hint: the files of engines are root's" "$ERR" || fail "no hint"
	mkdir -m 0777 "$H/config"
	ok as --install podman --default
	same said "$out" "$H/config/containers/containers.conf.d/crun-go.conf: written"
	ok as --json
	same default "$(jq -r '.[] | select(.engine == "podman").defaultAt' "$OUT")" "$H/config/containers/containers.conf.d/crun-go.conf:5"
	ok as --install docker
	same said "$(head -n 1 "$OUT")" "$H/config/docker/daemon.json: written"
}

@test "a binary that others can replace is registered with a warning" {
	local etc=$BATS_TEST_TMPDIR/etc
	install -D -m 0777 "$RUNTIME" "$BATS_TEST_TMPDIR/crun-go"
	mkdir -p "$etc" /etc/crio
	mount --bind "$etc" /etc/crio
	try "$BATS_TEST_TMPDIR/crun-go" engines --install crio
	umount /etc/crio
	rmdir --ignore-fail-on-non-empty /etc/crio
	same "exit code" "$rc" 0
	[[ $err == *"warning: others than root can change $BATS_TEST_TMPDIR/crun-go"* ]] || fail "no warning"
	same said "$out" '/etc/crio/crio.conf.d/crun-go.conf: written
next: systemctl restart crio'
	grep -q "^runtime_path = \"$BATS_TEST_TMPDIR/crun-go\"" "$etc/crio.conf.d/crun-go.conf" || fail "another path"
}

# Real engines.

@test "dockerd reads it" {
	for command in dockerd docker containerd; do
		command -v $command >/dev/null || skip "$command is not installed"
	done
	has /etc/docker/daemon.json '{ "labels": ["a=b"] }'
	ok engines --install docker --default
	local run pid n
	run=$(mktemp -d /run/crun-go-engines.XXXXXX)
	dockerd --config-file "$H/etc/docker/daemon.json" --data-root "$H/data" --exec-root "$run/x" -H "unix://$run/d.sock" --pidfile "$run/d.pid" \
		--containerd= --iptables=false --ip6tables=false --bridge=none --exec-opt native.cgroupdriver=cgroupfs >"$H/log" 2>&1 </dev/null 3>&- &
	pid=$!
	for ((n = 0; n < 300; n++)); do
		docker -H "unix://$run/d.sock" version >/dev/null 2>&1 && break
		sleep 0.1
	done
	try docker -H "unix://$run/d.sock" info --format '{{.DefaultRuntime}} {{(index .Runtimes "crun-go").Path}} {{.Labels}}'
	kill "$pid"
	wait "$pid" || true
	awk -v r="$run" -v d="$H" 'index($5, r) == 1 || index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l
	rm -rf "$run"
	same info "$out" "crun-go $RUNTIME [a=b]"
}

@test "containerd reads it, and keeps what a user has said of CRI" {
	command -v containerd >/dev/null || skip "containerd is not installed"
	local version=2 plugin=io.containerd.grpc.v1.cri
	[[ $(containerd --version) != *" v2."* && $(containerd --version) != *" 2."* ]] || {
		version=3
		plugin=io.containerd.cri.v1.runtime
	}
	local imports=''
	[ $version = 2 ] || imports="imports = ['conf.d/*.toml']"
	has /etc/containerd/config.toml "version = $version" "$imports" "root = '$H/root'" "state = '$H/state'" \
		"[plugins.'$plugin']" 'enable_selinux = true' \
		"[plugins.'$plugin'.containerd.runtimes.kata]" 'runtime_type = "io.containerd.kata.v2"'
	cp "$H/etc/containerd/config.toml" "$BATS_TEST_TMPDIR/was"
	ok engines --install containerd --default
	ok containerd --config "$H/etc/containerd/config.toml" config dump
	for line in "BinaryName = ['\"]$RUNTIME['\"]" "default_runtime_name = ['\"]crun-go['\"]" 'enable_selinux = true' '\.kata['\''"]?\]'; do
		grep -qE "$line" "$OUT" || fail "containerd has no $line"
	done
	# Not only its parser, but CRI itself.
	local pid
	containerd --config "$H/etc/containerd/config.toml" --address "$H/c.sock" >"$H/log" 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -q 'successfully booted' "$H/log" || true
	kill "$pid"
	wait "$pid" || true
	umount -l "$H/root" "$H/state" 2>/dev/null || true
	grep -iE 'start(ing)? cri plugin' "$H/log" >"$OUT" || fail "containerd without CRI: $(tail -n 3 "$H/log")"
	# containerd 2 logs JSON.
	for word in DefaultRuntimeName:crun-go "BinaryName:$RUNTIME" kata; do tr -d '\\"' <"$OUT" | grep -qi "$word" || fail "CRI has no $word"; done
	ok engines --uninstall containerd
	ok containerd --config "$H/etc/containerd/config.toml" config dump
	! grep -q crun-go "$OUT" || fail "still there"
	cmp "$H/etc/containerd/config.toml" "$BATS_TEST_TMPDIR/was" || fail "not the file that was"
	rm -r "$H/etc/containerd"
	ok engines --install containerd
	ok containerd --config "$H/etc/containerd/config.toml" config dump
	grep -qE "BinaryName = ['\"]$RUNTIME['\"]" "$OUT" || fail "not in a new file"
}

@test "containerd reads it beside the configuration that is its default" {
	command -v containerd >/dev/null || skip "containerd is not installed"
	# Of version 4 with containerd 2.4, which imports what is in /etc/containerd/conf.d. That of containerd 1 has another default.
	local default=--default
	! containerd config default | grep -qx 'version = 2' || default=''
	mkdir -p "$H/etc/containerd" /etc/containerd
	containerd config default >"$H/etc/containerd/config.toml"
	cp "$H/etc/containerd/config.toml" "$BATS_TEST_TMPDIR/was"
	mount --bind "$H/etc/containerd" /etc/containerd
	# shellcheck disable=SC2086 # a flag or none
	try engines --install containerd $default
	local installed=$rc$err
	try containerd --config /etc/containerd/config.toml config dump
	local dump=$out
	try engines --uninstall containerd
	umount /etc/containerd
	rmdir --ignore-fail-on-non-empty /etc/containerd
	same installed "$installed" 0
	grep -qE "BinaryName = ['\"]$RUNTIME['\"]" <<<"$dump" || fail "containerd does not know it"
	[ -z "$default" ] || grep -qE "default_runtime_name = ['\"]crun-go['\"]" <<<"$dump" || fail "not containerd's default"
	same uninstalled "$rc" 0
	same files "$(find "$H/etc/containerd" -type f)" "$H/etc/containerd/config.toml"
	cmp "$H/etc/containerd/config.toml" "$BATS_TEST_TMPDIR/was" || fail "not the file that was"
}

@test "podman and buildah read it" {
	command -v podman >/dev/null || skip "podman is not installed"
	[ -d /etc/containers ] || skip "podman without /etc/containers"
	mkdir -p "$H/etc"
	cp -r /etc/containers "$H/etc/"
	mount --bind "$H/etc/containers" /etc/containers
	p() { podman --root "$H/storage" --runroot "$H/run" --tmpdir "$H/tmp" --storage-driver vfs --cgroup-manager cgroupfs --events-backend file "$@"; }
	try engines --install podman --default
	[ "$rc" != 0 ] || try p info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
	local info=$out
	[ "$rc" != 0 ] || try p --runtime nonsense info --format '{{.Host.OCIRuntime.Name}}'
	local rc_nonsense=$rc
	try p --runtime crun-go info --format '{{.Host.OCIRuntime.Path}}'
	umount /etc/containers
	umount -l "$H/storage/vfs" "$H/storage" 2>/dev/null || true
	same info "$info" "crun-go $RUNTIME"
	same named "$rc $out" "0 $RUNTIME"
	[ "$rc_nonsense" != 0 ] || fail "podman takes any runtime"
}

# node WORD: contrib/kubernetes/node as it is in its image, on the host.
node() { HOST=$H busybox sh "$BATS_TEST_TMPDIR/image/node" "$@"; }

@test "contrib/kubernetes/node installs and uninstalls, and restarts what it has changed" {
	command -v busybox >/dev/null || skip "busybox is not installed"
	mkdir "$BATS_TEST_TMPDIR/image"
	cp "$RUNTIME" "$BATS_TEST_TMPDIR/image/crun-go"
	cp "$TESTS/../contrib/kubernetes/node" "$BATS_TEST_TMPDIR/image"
	mkdir "$H/run"
	no 1 "no containerd and no CRI-O" node install
	program_at /usr/bin/containerd
	has /etc/containerd/config.toml 'version = 3' 'imports = ["/etc/containerd/conf.d/*.toml"]'
	same "no systemd" "$(node install | tail -n 1)" "next, on this node: restart containerd"
	# With systemd, as far as its client is concerned.
	mkdir -p "$H/run/systemd/system"
	program_at /usr/bin/crio
	cp "$(command -v busybox)" "$H/usr/bin/busybox"
	ln -s busybox "$H/usr/bin/sh"
	ln -s usr/bin "$H/bin"
	printf '#!/bin/sh\necho "$@" >>/run/asked\n[ ! -e /run/broken ]\n' >"$H/usr/bin/systemctl"
	chmod 0755 "$H/usr/bin/systemctl"
	touch "$H/run/broken"
	try node install
	same failed "$rc $(tail -n 1 "$OUT")" "1 restarting crio"
	same asked "$(<"$H/run/asked")" "try-restart crio"
	# What failed then is made up for, once.
	rm "$H/run/broken"
	ok node install
	same asked "$(<"$H/run/asked")" $'try-restart crio\ntry-restart crio'
	ok node install
	same again "$out" "nothing to do: /usr/local/bin/crun-go is this one
nothing to do: containerd is as it should be
nothing to do: crio is as it should be"
	cmp "$H/usr/local/bin/crun-go" "$RUNTIME" || fail "another binary"
	mkdir -p "$BATS_TEST_TMPDIR/bundle/rootfs/bin"
	cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/bundle/rootfs/bin/sh"
	"$RUNTIME" spec --bundle "$BATS_TEST_TMPDIR/bundle"
	sed -i 's/"terminal": true/"terminal": false/' "$BATS_TEST_TMPDIR/bundle/config.json"
	"$RUNTIME" --root "$H/run/crun-go" create --bundle "$BATS_TEST_TMPDIR/bundle" web </dev/null >/dev/null
	no 1 "pods of crun-go are left on this node: delete them first (containers: web" node uninstall
	# One of runc's, which containerd keeps in the same place.
	mkdir -p "$H/run/containerd/runc/k8s.io/other"
	cp "$H/run/crun-go/web/state.json" "$H/run/containerd/runc/k8s.io/other"
	"$RUNTIME" --root "$H/run/crun-go" delete --force web
	[ -e "$H/usr/local/bin/crun-go" ] && [ -e "$H/etc/crio/crio.conf.d/crun-go.conf" ] || fail "something was undone"
	ok node uninstall
	same asked "$(tail -n +3 "$H/run/asked")" $'try-restart containerd\ntry-restart crio'
	rm -r "$H/run/containerd"
	same files "$(cd "$H" && find etc run usr/local -type f | sort)" $'etc/containerd/config.toml\nrun/asked'
	# A link of the node's leads to the same place there, and is not followed here.
	rmdir "$H/usr/local/bin"
	ln -s /srv "$H/usr/local/bin"
	no 1 "an absolute symbolic link is on the way" node install
}
