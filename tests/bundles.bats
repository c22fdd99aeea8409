#!/usr/bin/env bats
# Bundles that real engines made, as captured, adapted to this machine as little
# as they need, through the whole life of a container; and the container's own
# view against what the config asks for.
load helpers

BUNDLES=$TESTS/../specconv/testdata/bundles

suite_setup() {
	# What this machine allows: our capabilities, our hard limits, the
	# controllers of cgroup v2.
	HOST=$BATS_FILE_TMPDIR/host.json
	jq -n --arg caps "$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)" \
		--arg controllers "$(cat /sys/fs/cgroup/cgroup.controllers)" \
		--argjson oom "$(cat /proc/self/oom_score_adj)" \
		--arg limits "$(sed -E 's/  +/\t/g' /proc/self/limits | cut -f1,3)" \
		--argjson apparmor "$([ -e /sys/kernel/security/apparmor ] && echo true || echo false)" \
		--argjson selinux "$([ -e /sys/fs/selinux/enforce ] && echo true || echo false)" '{
			caps: $caps, controllers: ($controllers / " "), oom: $oom, apparmor: $apparmor, selinux: $selinux,
			limits: ($limits / "\n" | map(split("\t")) | map({key: .[0], value: .[1]}) | from_entries)}' >"$HOST"
	export HOST
	local i mask
	mask=$((16#$(jq -r .caps "$HOST")))
	for i in "${!CAPS[@]}"; do
		[ $((mask >> i & 1)) = 0 ] || echo "\"CAP_${CAPS[i]}\""
	done | jq -s . >"$BATS_FILE_TMPDIR/caps.json"
}

CAPS=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
	NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
	SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
	MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE)

# caps_hex FILTER: a capability set of the config as /proc/PID/status shows it.
caps_hex() {
	local mask=0 name i
	for name in $(jq -r "($1 // [])[]" "$BUNDLE/config.json"); do
		for i in "${!CAPS[@]}"; do
			[ "CAP_${CAPS[i]}" != "$name" ] || mask=$((mask | 1 << i))
		done
	done
	printf '%016x' $mask
}

# adapt NAME: the captured config in the test's bundle. Engine paths become
# local ones; what this machine lacks goes; the rest stays.
adapt() {
	jq --arg root "$BUNDLE/rootfs" --arg dir "$BUNDLE" --arg cgroup "/x$ID" --argjson ours "$(cat "$BATS_FILE_TMPDIR/caps.json")" --slurpfile host "$HOST" '
		$host[0] as $h
		| def limit_name: {RLIMIT_NOFILE: "Max open files", RLIMIT_NPROC: "Max processes", RLIMIT_CORE: "Max core file size"}[.];
		def at_most(n): if n == null or n == "unlimited" then . else ([., (n | tonumber)] | min) end;
		del(.hooks)
		| .root.path = $root
		| .process.terminal = false
		| .process |= (if .capabilities then .capabilities |= map_values(map(select(. as $c | $ours | index($c)))) else . end)
		| .process |= (if .rlimits then .rlimits |= map((.type | limit_name) as $n | .hard |= at_most($h.limits[$n]) | .hard as $hard | .soft |= ([., $hard] | min)) else . end)
		| .process |= (if .oomScoreAdj then .oomScoreAdj |= ([., $h.oom] | max) else . end)
		| (if $h.apparmor then . else del(.process.apparmorProfile) end)
		| (if $h.selinux then . else del(.process.selinuxLabel, .linux.mountLabel) end)
		| .linux.cgroupsPath = $cgroup
		| .linux.namespaces |= map(del(.path))
		| .linux.resources |= ((. // {}) | {devices: (.devices // [])}
			+ (if $h.controllers | index("memory") then {memory} else {} end) + (if $h.controllers | index("pids") then {pids} else {} end)
			| with_entries(select(.value != null)))
		| .mounts |= map(if (.options // [] | map(select(. == "bind" or . == "rbind")) | length) > 0 and (.source | test("^/(sys|proc|dev)(/|$)") | not)
			then .local = true | .source = "\($dir)/sources\(.destination)" else . end)
	' "$BUNDLES/$1.json" >"$BUNDLE/config.json"
	sources
	owners
}

# sources: what the bind mounts of engines bring: files by their well-known
# names, directories otherwise.
sources() {
	local path
	for path in $(jq -r '.mounts[] | select(.local) | .source' "$BUNDLE/config.json"); do
		mkdir -p "${path%/*}"
		case ${path##*/} in
		resolv.conf | hostname | hosts | .containerenv | termination-log | *.sock | initctl) echo engine >"$path" ;;
		*) mkdir -p "$path" ;;
		esac
	done
	config 'del(.mounts[].local)'
	# Sources in /dev that this host does not have (mqueue, tty3 ...).
	for path in $(jq -r '.mounts[] | select(.type == "bind" or (.options // [] | index("bind") or index("rbind"))) | .source' "$BUNDLE/config.json"); do
		[ -e "$path" ] || config --arg p "$path" 'del(.mounts[] | select(.source == $p))'
	done
}

# owners: in a user namespace its root owns the files, as engines prepare them.
owners() {
	local uid gid
	uid=$(jq -r 'first(.linux.uidMappings[]? | select(.containerID == 0) | .hostID) // 0' "$BUNDLE/config.json")
	gid=$(jq -r 'first(.linux.gidMappings[]? | select(.containerID == 0) | .hostID) // 0' "$BUNDLE/config.json")
	[ "$uid$gid" != 00 ] || return 0
	rm -rf "$BUNDLE/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$BUNDLE/rootfs"
	chown -hR "$uid:$gid" "$BUNDLE/rootfs" "$BUNDLE/sources" 2>/dev/null || true
	# Device nodes cannot be made there: bind only what the host has.
	config --argjson have "$(find /dev -type c -o -type b | jq -R . | jq -s .)" \
		'if .linux.devices then .linux.devices |= map(select(.path as $p | $have | index($p))) else . end'
}

# asked FILTER: one value of the config.
asked() { jq -r "$1" "$BUNDLE/config.json"; }
seen() { jq -r "$1" "$OUT"; }

matches_view() {
	same uid "$(seen '.status.Uid')" "$(asked '.process.user.uid | "\(.) \(.) \(.) \(.)"')"
	same gid "$(seen '.status.Gid')" "$(asked '.process.user.gid | "\(.) \(.) \(.) \(.)"')"
	same groups "$(seen .status.Groups)" "$(asked '.process.user.additionalGids // [] | sort | unique | map(tostring) | join(" ")')"
	same CapBnd "$(seen .status.CapBnd)" "$(caps_hex .process.capabilities.bounding)"
	[ "$(asked .process.user.uid)" != 0 ] || same CapEff "$(seen .status.CapEff)" "$(caps_hex .process.capabilities.bounding)"
	same NoNewPrivs "$(seen .status.NoNewPrivs)" "$(asked 'if .process.noNewPrivileges then 1 else 0 end')"
	same Seccomp "$(seen .status.Seccomp)" "$(asked 'if .linux.seccomp then 2 else 0 end')"
	same Umask "$(seen .status.Umask)" "$(printf '%04o' "$(asked '.process.user.umask // 18')")"
	same cwd "$(seen .cwd)" "$(asked .process.cwd)"
	same environment "$(jq -c --slurpfile v "$OUT" '.process.env // [] | . - $v[0].env' "$BUNDLE/config.json")" "[]"
	[ "$(asked '.hostname // ""')" = "" ] || same hostname "$(seen .hostname)" "$(asked .hostname)"
	[ "$(asked '.process.oomScoreAdj // ""')" = "" ] || same oom "$(seen .oom_score_adj)" "$(asked .process.oomScoreAdj)"
	[ "$(asked '.linux.uidMappings // [] | length')" = 0 ] ||
		same uid_map "$(seen '.uid_map | join(";")')" "$(asked '.linux.uidMappings | map("\(.containerID) \(.hostID) \(.size)") | join(";")')"
	same personality "$(seen .personality)" "$(asked 'if .linux.personality.domain == "LINUX32" then 8 else 0 end')"
	same descriptors "$(seen '.descriptors | keys | join(" ")')" "0 1 2"
	same namespaces "$(for n in cgroup ipc mnt net pid uts user; do
		[ "$(seen ".namespaces.$n")" = "$(readlink /proc/self/ns/$n)" ] || echo $n
	done | sort | tr '\n' ' ')" "$(asked '.linux.namespaces | map(.type | if . == "network" then "net" elif . == "mount" then "mnt" else . end) | sort | map("\(.) ") | join("")')"
	matches_mounts
}

# Every mount of the config is there, with the flags that it asks for; the last
# one on a target is the one that shows.
matches_mounts() {
	local missing
	missing=$(jq -r --slurpfile v "$OUT" "$TOP"'
		[.mounts[] | {destination: (.destination | if length > 1 then rtrimstr("/") else . end), options: (.options // [])}]
		| group_by(.destination) | map(last)[] | . as $m
		| ($v[0] | top($m.destination)) as $got
		| if $got == null then "\($m.destination) is not mounted"
			else ($m.options - ($m.options - ["ro", "nosuid", "nodev", "noexec"])) - $got.options
				| if length > 0 then "\($m.destination) lacks \(join(","))" else empty end end' "$BUNDLE/config.json")
	[ -z "$missing" ] || fail "$missing"
	[ "$(asked .root.readonly)" != true ] || seen "$TOP"'top("/") | .options | index("ro")' | grep -q '[0-9]' || fail "/ is not read-only"
	missing=$(jq -r --slurpfile v "$OUT" "$TOP"'.linux.readonlyPaths // [] | .[] | . as $p
		| $v[0] | top($p) | select(. != null and ((.options | index("ro")) | not)) | $p' "$BUNDLE/config.json")
	[ -z "$missing" ] || fail "not read-only: $missing"
	for path in $(asked '.linux.maskedPaths // [] | .[]'); do
		case $path in
		/proc/keys | /proc/timer_list | /proc/acpi | /sys/firmware)
			[ ! -e "$path" ] || seen '.mounts[].target' | grep -qx "$path" || fail "$path is not masked" ;;
		esac
	done
}

matches_limits() {
	local type soft hard name
	while read -r type soft hard; do
		name=$(case $type in RLIMIT_NOFILE) echo "open files" ;; RLIMIT_NPROC) echo processes ;; RLIMIT_CORE) echo "core file size" ;; *) echo "$type" ;; esac)
		grep -qE "^Max $name +$soft +$hard " "/proc/$(pid_of)/limits" || fail "$type: $(grep "Max $name" "/proc/$(pid_of)/limits"), want $soft $hard"
	done < <(asked '.process.rlimits // [] | .[] | "\(.type) \(.soft) \(.hard)"')
}

# bundle NAME: the view of the adapted bundle, then the life of it.
bundle() {
	adapt "$1"
	args /probe view
	ok run_bundle "$ID"
	matches_view
	args /bin/sleep 1000
	ok create --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	same status "$(status)" created
	ok start "$ID"
	same status "$(status)" running
	same "pid file" "$(<"$BATS_TEST_TMPDIR/pid")" "$(pid_of)"
	same cgroup "$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")" "/x$ID"
	same annotations "$(rt state "$ID" | jq -cS '.annotations // {}')" "$(jq -cS '.annotations // {}' "$BUNDLE/config.json")"
	matches_limits
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
}

@test "every captured bundle has a test" {
	local file
	for file in "$BUNDLES"/*.json; do
		file=$(basename "$file" .json)
		case $file in process-* | resources-*) continue ;; esac
		grep -qE "\bbundle $file(; })?\$" "$BATS_TEST_FILENAME" || fail "no test for $file"
	done
}

@test "buildah-isolation-rootless" { bundle buildah-isolation-rootless; }
@test "buildah-run" { bundle buildah-run; }
@test "buildah-userns" { bundle buildah-userns; }
@test "cri-container" { bundle cri-container; }
@test "cri-sandbox" { bundle cri-sandbox; }
@test "cri2-container-privileged" { bundle cri2-container-privileged; }
@test "cri2-container" { bundle cri2-container; }
@test "cri2-sandbox-host-privileged" { bundle cri2-sandbox-host-privileged; }
@test "cri2-shared-pid" { bundle cri2-shared-pid; }
@test "ctr-privileged" { bundle ctr-privileged; }
@test "ctr-run" { bundle ctr-run; }
@test "ctr2-opts" { bundle ctr2-opts; }
@test "ctr2-run" { bundle ctr2-run; }
@test "docker-blkio" { bundle docker-blkio; }
@test "docker-cap-add-drop" { bundle docker-cap-add-drop; }
@test "docker-cgroupns-private-v1" { bundle docker-cgroupns-private-v1; }
@test "docker-device" { bundle docker-device; }
@test "docker-ipc-container" { bundle docker-ipc-container; }
@test "docker-limits" { bundle docker-limits; }
@test "docker-net-container" { bundle docker-net-container; }
@test "docker-pid-host" { bundle docker-pid-host; }
@test "docker-privileged" { bundle docker-privileged; }
@test "docker-readonly-tmpfs" { bundle docker-readonly-tmpfs; }
@test "docker-run-v2" { bundle docker-run-v2; }
@test "docker-run" { bundle docker-run; }
@test "docker-seccomp-custom" { bundle docker-seccomp-custom; }
@test "docker-sysctl" { bundle docker-sysctl; }
@test "docker-ulimit" { bundle docker-ulimit; }
@test "docker-user" { bundle docker-user; }
@test "docker-userns-remap" { bundle docker-userns-remap; }
@test "docker-vol-rshared" { bundle docker-vol-rshared; }
@test "docker-volumes" { bundle docker-volumes; }
@test "podman-hooks" { bundle podman-hooks; }
@test "podman-idmap-mount" { bundle podman-idmap-mount; }
@test "podman-listen-fds" { bundle podman-listen-fds; }
@test "podman-mask-unmask" { bundle podman-mask-unmask; }
@test "podman-personality" {
	ours "1.1 ignores the personality"
	bundle podman-personality
}
@test "podman-pod-member" { bundle podman-pod-member; }
@test "podman-preserve-fds" { bundle podman-preserve-fds; }
@test "podman-privileged" { bundle podman-privileged; }
@test "podman-run" { bundle podman-run; }
@test "podman-uidmap" { bundle podman-uidmap; }
@test "rootless-podman-keep-id" { bundle rootless-podman-keep-id; }
@test "rootless-podman-kube" { bundle rootless-podman-kube; }
@test "rootless-podman-privileged" { bundle rootless-podman-privileged; }
@test "rootless-podman-run" { bundle rootless-podman-run; }
