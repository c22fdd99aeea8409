# buildah.bash: buildah as root, with storage of its own.
# shellcheck shell=bash disable=SC2016
UID_OF_ENGINE=0
B=$D/buildah

engine_check() { installed buildah; }

engine_start() {
	private_etc passwd "engines:x:2000:2000::/nonexistent:/bin/sh"
	private_etc group "engines:x:2000:"
	private_etc subuid "engines:300000:65536"
	private_etc subgid "engines:300000:65536"
	chmod 644 "$D/image.tar"
	mount -t tmpfs -o mode=1777 shm /dev/shm
	BUILDAH=(buildah --root "$B/root" --runroot "$B/run")
	mkdir -p "$B/tmp"
	export TMPDIR=$B/tmp BUILDAH_ISOLATION=oci
	"${BUILDAH[@]}" pull "oci-archive:$D/image.tar"
	"${BUILDAH[@]}" images
}

engine_stop() { "${BUILDAH[@]}" rm -a; }

# The parent is where all RUNs of a build are, not beside each other.
engine_lane() {
	E=(env "BUILDAH_RUNTIME=$RUNTIME" "${BUILDAH[@]}")
	PLACE=(--cgroup-parent "$PARENT-$LANE")
}

engine_sweep() {
	local all
	all=$(e containers --format '{{.ContainerName}}' | grep -e "-$LANE\$")
	# shellcheck disable=SC2086 # a list
	[ -z "$all" ] || e rm $all
}

engine_left() {
	"${BUILDAH[@]}" containers -q
	grep -l "$B" /run/runc/*/state.json /run/crun-go/*/state.json 2>/dev/null
	find "/sys/fs/cgroup" -mindepth 1 -type d -path "*buildah-*" 2>/dev/null
}

# build FLAG...: of the Containerfile on standard input.
build() {
	mkdir -p "$T/context"
	cat >"$T/context/Containerfile"
	e build --network none "${PLACE[@]}" --layers=false --quiet=false -t "localhost/$C" "$@" "$T/context"
}

# built FLAG...: what it prints, without the names of images.
built() {
	quiet build "$@"
	tell "$(grep -vE '^(Getting|Writing|COMMIT|Successfully|--> |[0-9a-f]{64}$)' <<<"$out")"
}

from() { quiet e from --name "$C" localhost/bb:1; }
inside() { e run --network none "$@"; }

op_build() {
	INPUT=$T/in
	cat >"$INPUT" <<-'END'
		FROM localhost/bb:1
		ENV A=b
		WORKDIR /made/deep
		RUN echo "in $(pwd) with $A"; id; grep -E "^(Cap|NoNewPrivs|Seccomp):?" /proc/self/status; tty; echo err >&2
		USER app
		RUN id; touch /tmp/of-app; echo $HOME
		RUN ["/bin/busybox", "echo", "exec form"]
	END
	built
	printf 'FROM localhost/bb:1\nRUN echo before; exit 7\nRUN echo after\n' >"$INPUT"
	try build
	has "failing" "exit code $rc $(grep -o 'exit status [0-9]*' <<<"$err" | head -n 1)" 'exit code * exit status 7'
	[[ $out != *after* ]] || fail "goes on"
	printf 'FROM localhost/bb:1\nRUN ["nosuch"]\n' >"$INPUT"
	try build
	[[ $rc != 0 && $err == *'executable file not found in $PATH'* ]] || fail "no reason"
	tell "missing: exit code $rc"
}

op_build_mounts() {
	mkdir -p "$T/context"
	echo context >"$T/context/file"
	INPUT=$T/in
	cat >"$INPUT" <<-'END'
		FROM localhost/bb:1
		RUN --mount=type=tmpfs,target=/t,tmpfs-size=65536 df /t | tail -n 1 | tr -s " "; touch /t/x
		RUN --mount=type=bind,source=file,target=/b cat /b; echo x >/b || true
		RUN --mount=type=bind,source=.,target=/w,rw echo x >/w/new && cat /w/new
		RUN ls -d /t /b 2>&1 || true
	END
	built
	printf 'FROM localhost/bb:1\nRUN --mount=type=cache,target=/c,id=%s echo kept >/c/x\nRUN --mount=type=cache,target=/c,id=%s cat /c/x\n' "$C" "$C" >"$INPUT"
	built
}

op_build_secret() {
	printf hidden >"$T/secret"
	INPUT=$T/in
	printf 'FROM localhost/bb:1\nRUN --mount=type=secret,id=mine cat /run/secrets/mine; stat -c %%a /run/secrets/mine\nRUN cat /run/secrets/mine 2>&1; true\n' >"$INPUT"
	built --secret "id=mine,src=$T/secret"
}

op_build_add() {
	mkdir -p "$T/context/d" "$T/more"
	echo one >"$T/context/d/one"
	echo two >"$T/more/two"
	tar -C "$T/more" -cf "$T/context/more.tar" two
	INPUT=$T/in
	cat >"$INPUT" <<-'END'
		FROM localhost/bb:1 AS first
		RUN echo first >/from
		FROM localhost/bb:1
		ADD more.tar /added/
		COPY --chown=1000:2000 d /copied
		COPY --from=first /from /from
		RUN cat /added/two /copied/one /from; stat -c "%u:%g" /copied/one
	END
	built
}

op_build_options() {
	INPUT=$T/in
	cat >"$INPUT" <<-'END'
		FROM localhost/bb:1
		RUN grep Cap /proc/self/status; ulimit -n; df /dev/shm | tail -n 1 | tr -s " "; ip -o link | wc -l; cat /proc/1/comm
	END
	built --ulimit nofile=100:200 --shm-size 8m --cap-drop CHOWN --cap-add NET_ADMIN
	printf 'FROM localhost/bb:1\nRUN cat /v/f; echo x >/v/f\n' >"$INPUT"
	mkdir "$T/v"
	echo volume >"$T/v/f"
	try build -v "$T/v:/v:ro"
	tell "read-only volume: exit code $rc $(grep -c volume <<<"$out")"
}

op_from_run() {
	from
	ok inside "$C" echo hello
	gives 42 inside "$C" sh -c 'echo out; exit 42'
	echo input >"$T/in"
	INPUT=$T/in ok inside "$C" cat
	quiet inside "$C" sh -c 'echo kept >/kept'
	quiet e commit "$C" "localhost/$C-image"
	quiet e rm "$C"
	quiet e from --name "$C" "localhost/$C-image"
	ok inside "$C" cat /kept
	try inside "$C" nosuch
	[[ $rc != 0 && $err == *'executable file not found in $PATH'* ]] || fail "no reason"
	tell "missing: exit code $rc"
}

op_run_view() {
	from
	view inside --hostname here "$C" /probe view
}

op_run_options() {
	mkdir "$T/v"
	echo volume >"$T/v/f"
	from
	ok inside --user 1000:2000 "$C" id
	ok inside --hostname here "$C" hostname
	ok inside --cap-add CAP_NET_ADMIN --cap-drop CAP_CHOWN "$C" grep Cap /proc/self/status
	ok inside -v "$T/v:/v:ro" "$C" sh -c 'cat /v/f; touch /v/x 2>&1; true'
	ok inside --workingdir /usr/bin "$C" pwd
	ok inside --env A=b "$C" sh -c 'echo $A'
	try "$PROBE" pty see:ready 'type:hello\r' 'see:got hello' -- "${E[@]}" run --network none --tty "$C" sh -c 'echo ready; read -r line; echo "got $line"; tty; exit 6'
	tell "terminal: exit code $rc"
	tell "$(head -n 4 <<<"$out")"
}

op_isolation() {
	local how
	from
	for how in oci rootless; do
		ok e run --isolation $how "$C" sh -c 'id; pwd; [ -e /proc/self/status ] && echo proc'
	done
}

op_userns() {
	INPUT=$T/in
	printf 'FROM localhost/bb:1\nRUN cat /proc/self/uid_map /proc/self/gid_map; id; touch /x; stat -c %%u:%%g /x /etc\n' >"$INPUT"
	built --userns-uid-map 0:100000:5000 --userns-gid-map 0:100000:5000
}

op_build_user() {
	local how
	PLACE=()
	mkdir "$T/home" "$T/xdg"
	chown -R 2000:2000 "$T"
	E=(setpriv --reuid=2000 --regid=2000 --clear-groups env "HOME=$T/home" "TMPDIR=$T/home" "XDG_RUNTIME_DIR=$T/xdg" "BUILDAH_RUNTIME=$RUNTIME"
		buildah --root "$T/root" --runroot "$T/runroot" --storage-driver vfs)
	quiet e pull "oci-archive:$D/image.tar"
	INPUT=$T/in
	printf 'FROM localhost/bb:1\nRUN id; cat /proc/self/uid_map; touch /x; stat -c %%u:%%g /x /etc\nUSER 1000\nRUN id; grep Cap /proc/self/status\n' >"$INPUT"
	for how in rootless oci; do built --isolation $how; done
}
