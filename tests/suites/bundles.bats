#!/usr/bin/env bats
# Bundles that real engines made, as captured, adapted to this machine as little
# as they need, through the whole life of a container; and the container's own
# view against what the config asks for.
load helpers
load bundles

suite_setup() { host_facts; }

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

# wanted FILTER: one value of the process.
wanted() { jq -r "$1" "$BATS_TEST_TMPDIR/process.json"; }

# process NAME: what exec makes of it: arguments and terminal apart, which are the
# probe's, and what this machine does not allow.
process() {
	local want=$BATS_TEST_TMPDIR/process.json
	jq --argjson ours "$(cat "$BATS_FILE_TMPDIR/caps.json")" '.terminal = false | .args = ["/probe", "view"]
		| .capabilities |= map_values(map(select(. as $c | $ours | index($c))))
		| if .rlimits then .rlimits |= map(select(.type == "RLIMIT_NOFILE")) else . end' "$BUNDLES/$1.json" >"$want"
	jq '{process: .}' "$want" >"$BATS_TEST_TMPDIR/as-bundle/config.json"
	ok rt exec --process "$want" "$ID"
	same stderr "$err" ""
	same uid "$(seen '.status.Uid')" "$(wanted '.user.uid | "\(.) \(.) \(.) \(.)"')"
	same gid "$(seen '.status.Gid')" "$(wanted '.user.gid | "\(.) \(.) \(.) \(.)"')"
	same groups "$(seen .status.Groups)" "$(wanted '.user.additionalGids // [] | sort | unique | map(tostring) | join(" ")')"
	same CapBnd "$(seen .status.CapBnd)" "$(BUNDLE=$BATS_TEST_TMPDIR/as-bundle caps_hex .process.capabilities.bounding)"
	[ "$(wanted .user.uid)" = 0 ] || same CapEff "$(seen .status.CapEff)" 0000000000000000
	same NoNewPrivs "$(seen .status.NoNewPrivs)" "$(wanted 'if .noNewPrivileges then 1 else 0 end')"
	same cwd "$(seen .cwd)" "$(wanted .cwd)"
	same environment "$(jq -c --slurpfile v "$OUT" '.env - $v[0].env' "$want")" "[]"
	# The score in the file is ignored, as runc does.
	same oom "$(seen .oom_score_adj)" "$(cat "/proc/$(pid_of)/oom_score_adj")"
}

@test "every captured process is run by exec as it says" {
	ours "1.1 takes the umask and more from elsewhere"
	local file n=0
	up
	for file in "$BUNDLES"/process-*.json; do
		mkdir -p "$BATS_TEST_TMPDIR/as-bundle"
		process "$(basename "$file" .json)"
		n=$((n + 1))
	done
	[ "$n" -ge 5 ]
}

@test "every captured set of resources is what update makes of the cgroup" {
	ours "1.1 says ENOENT where a controller is missing"
	local file cgroup name value n=0 missing saved
	up
	cgroup=$(jq -r '.cgroup_paths[""]' "$ROOT/$ID/state.json")
	for file in "$BUNDLES"/resources-*.json; do
		n=$((n + 1))
		# File of the cgroup, blank, value; zero is no limit given.
		jq -r '(.memory // {}) as $m | (.cpu // {}) as $c | def given: . != null and . != 0;
			(select($m.limit | given) | "memory.max \($m.limit)"),
			(select($m.swap | given) | "memory.swap.max \($m.swap - $m.limit)"),
			(select($c.quota | given) | "cpu.max \($c.quota) \($c.period)"),
			(select($c.cpus // "" | . != "") | "cpuset.cpus \($c.cpus)"),
			(select(.pids.limit | given) | "pids.max \(.pids.limit)"),
			(select($c.shares | given) | "cpu.weight \($c.shares)")' "$file" >"$BATS_TEST_TMPDIR/wants"
		[ -s "$BATS_TEST_TMPDIR/wants" ] || fail "$file: limits nothing"
		missing=
		while read -r name value; do
			grep -qw "${name%%.*}" "$cgroup/cgroup.controllers" || missing+=" ${name%%.*}"
		done <"$BATS_TEST_TMPDIR/wants"
		if [ -n "$missing" ]; then
			# Refused as a whole, and a controller is named.
			saved=$(cat "$ROOT/$ID/limits.json" 2>/dev/null) || true
			no 1 "controller not available" rt update --resources "$file" "$ID"
			grep -qE "$(tr ' ' '|' <<<"${missing# }") controller" "$ERR" || fail "$file: names none of$missing"
			same "what is saved, of $file" "$(cat "$ROOT/$ID/limits.json" 2>/dev/null)" "$saved"
			continue
		fi
		ok rt update --resources "$file" "$ID"
		same output "$out$err" ""
		while read -r name value; do
			# How shares become a weight is for the unit tests: here, not the default.
			[ "$name" != cpu.weight ] || { [ "$(<"$cgroup/$name")" != 100 ] || fail "$file: $name is the default"; continue; }
			[ -e "$cgroup/$name" ] || continue # a kernel without swap accounting
			[ "$name" != memory.max ] || value=$((value / 4096 * 4096))
			same "$file: $name" "$(<"$cgroup/$name")" "$value"
		done <"$BATS_TEST_TMPDIR/wants"
	done
	[ "$n" -ge 5 ]
}

executed() { grep -q sleep "/proc/$(pid_of)/cmdline"; }

# bundle NAME: the view of the adapted bundle, then the life of it.
bundle() {
	adapt "$1"
	args /probe view
	! is_ours || ok rt check --bundle "$BUNDLE"
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
	if is_ours; then
		until_true executed
		try rt inspect --drift "$ID"
		same "what differs of a new container" "$out$err" ""
	fi
	ok rt kill "$ID" KILL
	wait_status stopped
	ok rt delete "$ID"
}

@test "every captured bundle has a test" {
	local file
	for file in "$BUNDLES"/*.json; do
		file=$(basename "$file" .json)
		case $file in process-* | resources-* | by-hand-*) continue ;; esac
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
