# bundles.bash: configurations that real engines made, as captured, adapted to
# this machine as little as they need. Load it after helpers, and have
# suite_setup call host_facts.
# shellcheck shell=bash

BUNDLES=$TESTS/../specconv/testdata/bundles

host_facts() {
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
