# nested.bash: load after helpers in suites that run containers in containers.
# shellcheck shell=bash

ALL='["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
	"NET_ADMIN", "NET_RAW", "IPC_LOCK", "SYS_CHROOT", "SYS_PTRACE", "SYS_ADMIN", "SYS_NICE", "MKNOD", "AUDIT_WRITE", "SETFCAP", "BPF"]
	| map("CAP_" + .)'
USERNS='.linux.namespaces += [{type: "user"}] | .linux.gidMappings = .linux.uidMappings'
MASKED='.linux.maskedPaths = ["/proc/acpi", "/proc/keys", "/sys/firmware"] | .linux.readonlyPaths = ["/proc/sys"]'

# outer [FILTER]: make the bundle one that runs containers: with every capability,
# cgroups it may write, nothing masked. In it there is the runtime, and a bundle.
outer() {
	local all
	all=$(jq -n "$ALL")
	cp "$RUNTIME" "$BUNDLE/rootfs/crun-go"
	inner_bundle "$BUNDLE/rootfs" "$BUNDLE/config.json"
	config --argjson all "$all" '.process.capabilities |= map_values($all) | .process.noNewPrivileges = false
		| del(.linux.maskedPaths, .linux.readonlyPaths, .linux.resources.devices)
		| (.mounts[] | select(.type == "cgroup" or .type == "sysfs") | .options) -= ["ro"]'
	config "${1:-.}"
}

# inner_bundle DIR CONFIG: a bundle in the root filesystem DIR.
inner_bundle() {
	mkdir -p "$1/b"
	cp -al "$BATS_FILE_TMPDIR/rootfs" "$1/b/rootfs"
	cp "$2" "$1/b/config.json"
}

# inner FILTER: edit the bundle in there.
inner() {
	jq "$1" "$BUNDLE/rootfs/b/config.json" >"$BATS_TEST_TMPDIR/inner.json"
	cat "$BATS_TEST_TMPDIR/inner.json" >"$BUNDLE/rootfs/b/config.json"
}

# in_it ARGS: the runtime in the container.
in_it() { rt exec "$ID" /crun-go --root /tmp/state "$@"; }
inner_status() { in_it state "$1" | jq -r .status; }
