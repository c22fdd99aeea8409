package specconv

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestInvalid: each mistake is one error that names the field, and says what
// is there and what was expected.
func TestInvalid(t *testing.T) {
	for _, c := range []struct{ fragment, field, text string }{
		// What nothing works without.
		{`{"process": null}`, "process", "process property must not be empty"},
		{`{"root": null}`, "root", "root must be specified"},
		{`{"root": {"path": ""}}`, "root.path", "empty"},
		{`{"linux": null}`, "linux", "linux must be specified"},

		// process
		{`{"process": {"args": []}}`, "process.args", "args must not be empty"},
		{`{"process": {"args": ["a", "b\u0000"]}}`, "process.args[1]", `"b\x00" contains a null byte`},
		{`{"process": {"cwd": "nosuch"}}`, "process.cwd", `"nosuch": cwd must be an absolute path`},
		{`{"process": {"cwd": ""}}`, "process.cwd", `"": cwd must be an absolute path`},
		{`{"process": {"cwd": "/a\u0000"}}`, "process.cwd", "null byte"},
		{`{"mounts": [{"destination": "/a\u0000", "type": "tmpfs"}]}`, "mounts[0].destination", `"/a\x00" contains a null byte`},
		{`{"mounts": [{"destination": "/a", "type": "tm\u0000pfs"}]}`, "mounts[0].type", "null byte"},
		{`{"mounts": [{"destination": "/a", "type": "bind", "source": "/\u0000"}]}`, "mounts[0].source", "null byte"},
		{`{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["ro", "size=1\u0000"]}]}`, "mounts[0].options[1]", "null byte"},
		{`{"linux": {"namespaces": [{"type": "mount"}], "readonlyPaths": ["/a\u0000"]}}`, "linux.readonlyPaths[0]", "null byte"},
		{`{"linux": {"namespaces": [{"type": "mount"}], "maskedPaths": ["/a", "/\u0000"]}}`, "linux.maskedPaths[1]", "null byte"},
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/\u0000"}]}}`, "linux.namespaces[1].path", "null byte"},
		{`{"hooks": {"poststop": [{"path": "/\u0000"}]}}`, "hooks.poststop[0].path", "null byte"},
		{`{"process": {"env": ["A=1", "B"]}}`, "process.env[1]", `"B": invalid environment variable: missing '='`},
		{`{"process": {"env": ["=1"]}}`, "process.env[0]", "empty name"},
		{`{"process": {"env": ["A=\u0000"]}}`, "process.env[0]", "null byte"},
		{`{"process": {"terminal": true, "consoleSize": {"width": 65536, "height": 1}}}`, "process.consoleSize", "65536x1 is out of range"},
		{`{"process": {"user": {"uid": 4294967295}}}`, "process.user.uid", "4294967295 is not a valid id"},
		{`{"process": {"user": {"gid": 4294967295}}}`, "process.user.gid", "4294967295 is not a valid id"},
		{`{"process": {"user": {"umask": 512}}}`, "process.user.umask", "512 (octal 1000) is out of range"},
		{`{"process": {"oomScoreAdj": 5000}}`, "process.oomScoreAdj", "5000 is out of range, expected -1000 to 1000"},
		{`{"process": {"oomScoreAdj": -1001}}`, "process.oomScoreAdj", "-1001 is out of range"},
		{`{"process": {"rlimits": [{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}]}}`, "process.rlimits[0].type", `unknown rlimit "RLIMIT_FOO"`},
		{`{"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 5}]}}`, "process.rlimits[0].soft",
			"soft limit 10 of RLIMIT_NOFILE exceeds the hard limit 5"},
		{`{"process": {"rlimits": [{"type": "RLIMIT_AS", "soft": 1, "hard": 1}, {"type": "RLIMIT_AS", "soft": 2, "hard": 2}]}}`,
			"process.rlimits[1].type", `duplicated rlimit "RLIMIT_AS"`},
		{`{"process": {"apparmorProfile": "p"}}`, "process.apparmorProfile", `apparmor profile "p" is specified in config, but apparmor is disabled`},
		{`{"process": {"selinuxLabel": "l"}}`, "process.selinuxLabel", `selinux label "l" is specified in config, but selinux is disabled or not supported`},
		{`{"process": {"capabilities": {"effective": ["CAP_CHOWN"]}}}`, "process.capabilities.effective[0]", "CAP_CHOWN is not permitted"},
		{`{"process": {"scheduler": {"policy": "SCHED_NONE"}}}`, "process.scheduler.policy", `"SCHED_NONE"`},
		{`{"process": {"scheduler": {"policy": "SCHED_OTHER", "nice": 20}}}`, "process.scheduler.nice", "20 is out of range"},
		{`{"process": {"scheduler": {"policy": "SCHED_FIFO"}}}`, "process.scheduler.priority", "0 is out of range, expected 1 to 99"},
		{`{"process": {"scheduler": {"policy": "SCHED_OTHER", "priority": 1}}}`, "process.scheduler.priority", "not with SCHED_OTHER"},
		{`{"process": {"scheduler": {"policy": "SCHED_OTHER", "period": 1}}}`, "process.scheduler", "SCHED_DEADLINE, not for SCHED_OTHER"},
		{`{"process": {"scheduler": {"policy": "SCHED_OTHER", "flags": ["F"]}}}`, "process.scheduler.flags[0]", `"F"`},
		{`{"process": {"ioPriority": {"class": "X"}}}`, "process.ioPriority.class", `"X"`},
		{`{"process": {"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}}}`, "process.ioPriority.priority", "8 is out of range, expected 0 to 7"},

		// Namespaces and ids.
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "foo"}]}}`, "linux.namespaces[1].type", `unknown namespace type "foo", expected one of cgroup, ipc`},
		{`{"linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}]}}`, "linux.namespaces[1].type", `duplicated namespace type "pid"`},
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "ns"}]}}`, "linux.namespaces[1].path", `"ns" is not absolute`},
		{`{"linux": {"namespaces": []}, "mounts": [{"destination": "/a", "type": "tmpfs"}]}`, "mounts", "not without a mount namespace"},
		{`{"linux": {"namespaces": [], "maskedPaths": ["/a"]}}`, "linux.maskedPaths", "not without a mount namespace"},
		{`{"linux": {"namespaces": [], "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]}}`, "linux.devices", "not without"},
		{`{"hostname": "h", "linux": {"namespaces": [{"type": "mount"}]}}`, "hostname", `unable to set hostname without a private UTS namespace: "h"`},
		{`{"domainname": "d", "linux": {"namespaces": [{"type": "mount"}]}}`, "domainname", `unable to set domainname without a private UTS namespace: "d"`},
		{`{"hostname": "` + strings.Repeat("h", 65) + `"}`, "hostname", "65 bytes, expected at most 64"},
		{`{"linux": {"timeOffsets": {"monotonic": {"secs": 1}}}}`, "linux.timeOffsets", "new time namespace, found none"},
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "time", "path": "/t"}], "timeOffsets": {"monotonic": {}}}}`,
			"linux.timeOffsets", "new time namespace"},
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "time"}], "timeOffsets": {"realtime": {}}}}`,
			"linux.timeOffsets", `unknown clock "realtime"`},
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "time"}], "timeOffsets": {"boottime": {"nanosecs": 1000000000}}}}`,
			"linux.timeOffsets.boottime.nanosecs", "1000000000 is out of range"},
		{`{"linux": {"uidMappings": [{"size": 1}]}}`, "linux.uidMappings", "no user namespace"},
		{`{"linux": {"gidMappings": [{"size": 1}]}}`, "linux.gidMappings", "no user namespace"},
		{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}]}}`, "linux.uidMappings", "at least one mapping"},
		{`{"linux": {` + userns + `, "gidMappings": []}}`, "linux.gidMappings", "at least one mapping"},
		{`{"linux": {` + userns + `, "uidMappings": [{"containerID": 0, "hostID": 5, "size": 0}]}}`, "linux.uidMappings[0].size", "0 maps nothing"},
		{`{"linux": {` + userns + `, "uidMappings": [{"containerID": 1, "hostID": 0, "size": 4294967295}]}}`, "linux.uidMappings[0].size", "beyond the largest id"},
		{`{"linux": {` + userns + `, "uidMappings": [{"containerID": 0, "hostID": 5, "size": 5}, {"containerID": 4, "hostID": 20, "size": 5}]}}`,
			"linux.uidMappings[1].containerID", "overlap with linux.uidMappings[0]"},
		{`{"linux": {` + userns + `, "gidMappings": [{"containerID": 0, "hostID": 5, "size": 5}, {"containerID": 5, "hostID": 9, "size": 5}]}}`,
			"linux.gidMappings[1].hostID", "overlap with linux.gidMappings[0]"},
		{`{"linux": {` + userns + `, "uidMappings": [` + ranges(341, 1, 1) + `]}}`, "linux.uidMappings", "341 mappings, the kernel takes at most 340"},
		{`{"linux": {` + userns + `, "gidMappings": [` + ranges(200, 10_000_000, 1_000_000) + `]}}`, "linux.gidMappings", "less than a page (4096)"},
		{`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind"], "uidMappings": [` + ranges(341, 1, 1) + `], "gidMappings": [{"size": 1}]}]}`,
			"mounts[0].uidMappings", "341 mappings"},
		{`{"process": {"user": {"uid": 10}}, "linux": {` + userns + `}}`, "process.user.uid", "10 is not mapped in linux.uidMappings"},
		{`{"process": {"user": {"gid": 10}}, "linux": {` + userns + `}}`, "process.user.gid", "10 is not mapped in linux.gidMappings"},
		{`{"process": {"user": {"additionalGids": [1, 50]}}, "linux": {` + userns + `}}`, "process.user.additionalGids[1]", "50 is not mapped"},

		// Mounts.
		{`{"mounts": [{"destination": "", "type": "tmpfs"}]}`, "mounts[0].destination", "empty"},
		{`{"mounts": [{"destination": "/", "source": "/a", "options": ["rbind", "rshared"]}]}`, "mounts[0].options", `a mount on "/" becomes the root`},
		{`{"mounts": [{"destination": "/a/..", "options": ["remount", "ro"]}]}`, "mounts[0].destination", `"/a/.." can't be remounted`},
		{`{"mounts": [{"destination": "/a"}]}`, "mounts[0].type", `"", expected a filesystem type`},
		{`{"mounts": [{"destination": "/a", "type": "none", "source": "/b"}]}`, "mounts[0].type", `"none", expected a filesystem type, or bind`},
		{`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind", "size=4"]}]}`, "mounts[0].options[1]",
			`"size=4": bind mounts cannot have any filesystem-specific options applied`},
		{`{"mounts": [{"destination": "/a", "options": ["bind"]}]}`, "mounts[0].source", "empty, expected the host path"},
		{`{"mounts": [{"destination": "/a", "options": ["remount", "size=4"]}]}`, "mounts[0].options[1]", `"size=4": only a tmpfs or devpts`},
		{`{"mounts": [{"destination": "/a", "type": "tmpfs"}, {"destination": "/a", "source": "/b", "options": ["bind"]}, {"destination": "/a", "options": ["remount", "size=4"]}]}`,
			"mounts[2].options[1]", `"size=4": only a tmpfs or devpts`},
		{`{"mounts": [{"destination": "/a", "type": "sysfs"}, {"destination": "/a", "options": ["remount", "x"]}]}`, "mounts[1].options[1]", `"x": only a tmpfs or devpts`},
		{`{"mounts": [{"destination": "/a", "type": "tmpfs"}, {"destination": "/a", "options": ["remount", "bind", "x"]}]}`, "mounts[1].options[2]", `"x": only`},
		{`{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["idmap"]}]}`, "mounts[0]", "found none"},
		{`{"mounts": [{"destination": "/a", "type": "mqueue", "options": ["idmap=uids=0-0-1;gids=0-0-1"]}]}`, "mounts[0]", "id-mapped mounts of mqueue are not possible"},
		{`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind", "idmap"]}]}`, "mounts[0]", "found none"},
		{`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind"], "uidMappings": [{"size": 1}]}]}`, "mounts[0].gidMappings", "empty"},
		{`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind"], "gidMappings": [{"size": 1}]}]}`, "mounts[0].uidMappings", "empty"},
		{`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind"], "gidMappings": [{"size": 1}], "uidMappings": [{"size": 0}]}]}`,
			"mounts[0].uidMappings[0].size", "0 maps nothing"},
		{`{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["copy-symlink"]}]}`, "mounts[0].options", `are for bind mounts, found type "tmpfs"`},
		{`{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["src-nofollow"]}]}`, "mounts[0].options", `are for bind mounts, found type "tmpfs"`},
		{`{"annotations": {"run.oci.mount_context_type": "mycontext"}}`, "annotations.run.oci.mount_context_type", `"mycontext", expected context, fscontext, defcontext or rootcontext`},
		{`{"mounts": [{"destination": "/a", "type": "ramfs", "options": ["tmpcopyup"]}]}`, "mounts[0].options", `tmpcopyup fills a tmpfs, found type "ramfs"`},
		{`{"mounts": [{"destination": "/proc", "type": "tmpfs"}]}`, "mounts[0].type", `"tmpfs" cannot be mounted on /proc`},
		{`{"mounts": [{"destination": "/proc/sys/x", "type": "tmpfs"}]}`, "mounts[0].destination", `"/proc/sys/x" cannot be mounted because it is inside /proc`},
		{`{"mounts": [{"destination": "/x/../proc/self", "source": "/a", "options": ["bind"]}]}`, "mounts[0].destination", "inside /proc"},
		{`{"linux": {"rootfsPropagation": "sharde"}}`, "linux.rootfsPropagation", `unknown propagation "sharde"`},
		{`{"linux": {"maskedPaths": ["/"]}}`, "linux.maskedPaths[0]", `"/"`},
		{`{"linux": {"readonlyPaths": ["/a", ""]}}`, "linux.readonlyPaths[1]", "empty"},

		// Devices.
		{`{"linux": {"devices": [{"path": "/dev/a", "type": "q"}]}}`, "linux.devices[0].type", `invalid device type "q"`},
		{`{"linux": {"devices": [{"path": "dev/a", "type": "c"}]}}`, "linux.devices[0].path", `"dev/a" is not the absolute path`},
		{`{"linux": {"devices": [{"path": "/dev/a", "type": "c", "major": -1}]}}`, "linux.devices[0].major", "-1 is out of range"},
		{`{"linux": {"devices": [{"path": "/dev/a", "type": "b", "minor": 4294967296}]}}`, "linux.devices[0].minor", "4294967296 is out of range"},
		{`{"linux": {"resources": {"devices": [{"type": "p"}]}}}`, "linux.resources.devices[0].type", `invalid device type "p"`},
		{`{"linux": {"resources": {"devices": [{"access": "rx"}]}}}`, "linux.resources.devices[0].access", `"rx"`},
		{`{"linux": {"resources": {"devices": [{"access": "a"}]}}}`, "linux.resources.devices[0].access", `"a"`},
		{`{"linux": {"resources": {"unified": {"../memory.max": "1"}}}}`, "linux.resources.unified", `"../memory.max" is not the name of a cgroup file`},
		{`{"linux": {"resources": {"unified": {"tasks": "1"}}}}`, "linux.resources.unified", `"tasks"`},

		// Kernel parameters.
		{`{"linux": {"sysctl": {"vm.swappiness": "1"}}}`, "linux.sysctl.vm.swappiness", `sysctl "vm.swappiness" is not in a separate kernel namespace`},
		{`{"linux": {"sysctl": {"kernel.hostname": "h"}}}`, "linux.sysctl.kernel.hostname", `conflicts with the OCI "hostname" field`},
		{`{"linux": {"namespaces": [{"type": "mount"}], "sysctl": {"net.ipv4.ip_forward": "1"}}}`, "linux.sysctl.net.ipv4.ip_forward", "the container has no network namespace"},
		{`{"linux": {"namespaces": [{"type": "mount"}], "sysctl": {"kernel.sem": "1"}}}`, "linux.sysctl.kernel.sem", "no ipc namespace"},
		{`{"linux": {"namespaces": [{"type": "mount"}], "sysctl": {"fs.mqueue.msg_max": "1"}}}`, "linux.sysctl.fs.mqueue.msg_max", "no ipc namespace"},
		{`{"linux": {"namespaces": [{"type": "mount"}], "sysctl": {"kernel.domainname": "1"}}}`, "linux.sysctl.kernel.domainname", "no uts namespace"},
		{`{"linux": {"sysctl": {"user.max_user_namespaces": "1"}}}`, "linux.sysctl.user.max_user_namespaces", "no user namespace"},
		{`{"linux": {"sysctl": {"net.//.kernel.core_pattern": "x"}}}`, "linux.sysctl.net.//.kernel.core_pattern", "is not the name of a kernel parameter"},
		{`{"linux": {"sysctl": {"net/../kernel/core_pattern": "x"}}}`, "linux.sysctl.net/../kernel/core_pattern", "is not the name of a kernel parameter"},
		{`{"linux": {"sysctl": {"": "x"}}}`, "linux.sysctl.", "is not the name of a kernel parameter"},

		// Hooks.
		{`{"hooks": {"prestart": [{"path": "/a"}, {"path": "b"}]}}`, "hooks.prestart[1].path", `"b" is not absolute`},
		{`{"hooks": {"createRuntime": [{"path": ""}]}}`, "hooks.createRuntime[0].path", `"" is not absolute`},
		{`{"hooks": {"createContainer": [{"path": "/a", "timeout": 0}]}}`, "hooks.createContainer[0].timeout", "0, expected a number of seconds greater than 0"},
		{`{"hooks": {"poststop": [{"path": "/a", "timeout": 18446744074}]}}`, "hooks.poststop[0].timeout", "18446744074 is out of range"},
		{`{"hooks": {"startContainer": [{"path": "/a", "args": ["\u0000"]}]}}`, "hooks.startContainer[0].args[0]", "null byte"},
		{`{"hooks": {"poststart": [{"path": "a"}]}}`, "hooks.poststart[0].path", "not absolute"},
		{`{"hooks": {"poststop": [{"path": "a"}]}}`, "hooks.poststop[0].path", "not absolute"},

		// The rest.
		{`{"linux": {"personality": {"domain": "BSD"}}}`, "linux.personality.domain", `unknown domain "BSD"`},
		{`{"linux": {"personality": {"domain": "LINUX", "flags": ["F"]}}}`, "linux.personality.flags", `["F"], but the specification has no flags yet`},
		{`{"linux": {"intelRdt": {"closID": ".."}}}`, "linux.intelRdt.closID", `".." is not the name of a class`},
		{`{"linux": {"intelRdt": {"closID": "a/b"}}}`, "linux.intelRdt.closID", `"a/b" is not the name of a class`},
		{`{"linux": {"intelRdt": {"closID": "mon_groups"}}}`, "linux.intelRdt.closID", `"mon_groups" is not`},
		{`{"linux": {"intelRdt": {"l3CacheSchema": "MB:0=1"}}}`, "linux.intelRdt.l3CacheSchema", "does not begin with L3"},
		{`{"linux": {"intelRdt": {"memBwSchema": "L3:0=1"}}}`, "linux.intelRdt.memBwSchema", "does not begin with MB:"},
		{`{"linux": {"intelRdt": {"memBwSchema": "MB:0=1\nL3:0=1"}}}`, "linux.intelRdt.memBwSchema", "not one line"},
		{`{"linux": {"intelRdt": {"schemata": ["L3:0=1", ""]}}}`, "linux.intelRdt.schemata[1]", "not one line"},
		{`{"linux": {"memoryPolicy": {}}}`, "linux.memoryPolicy.mode", `unknown mode "", expected one of MPOL_DEFAULT, `},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND"}}}`, "linux.memoryPolicy.nodes", "MPOL_BIND needs nodes"},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": "1"}}}`, "linux.memoryPolicy.nodes", "MPOL_LOCAL goes without nodes"},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-"}}}`, "linux.memoryPolicy.nodes", `"0-" is neither a number`},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "3-1"}}}`, "linux.memoryPolicy.nodes", `the range "3-1" ends before it begins`},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "1024"}}}`, "linux.memoryPolicy.nodes", "1024 is above 1023"},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "F"]}}}`, "linux.memoryPolicy.flags[1]", `unknown flag "F"`},
		{`{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}}}`, "linux.memoryPolicy.flags", "exclude each other"},
		{`{"linux": {"namespaces": [{"type": "mount"}], "netDevices": {"eth0": {}}}}`, "linux.netDevices", "without a private NET namespace"},
		{`{"linux": {"netDevices": {"": {}}}}`, "linux.netDevices.", `"" is not the name of a network device`},
		{`{"linux": {"netDevices": {"a/b": {}}}}`, "linux.netDevices.a/b", `"a/b" is not the name`},
		{`{"linux": {"netDevices": {"..": {}}}}`, "linux.netDevices...", `".." is not the name`},
		{`{"linux": {"netDevices": {"a": {"name": "0123456789abcdef"}}}}`, "linux.netDevices.a.name", `"0123456789abcdef" is not the name`},
		{`{"linux": {"netDevices": {"a": {"name": "e%d%d"}}}}`, "linux.netDevices.a.name", `"e%d%d" is not the name`},
		{`{"linux": {"netDevices": {"a": {"name": "e%s"}}}}`, "linux.netDevices.a.name", `"e%s" is not the name`},
		{`{"linux": {"netDevices": {"a": {"name": "c"}, "b": {"name": "c"}}}}`, "linux.netDevices.b.name", `"c" is the name of "a" as well`},
		{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_BOGUS"}}}`, "linux.seccomp.defaultAction", "SCMP_ACT_BOGUS"},
		{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "s", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}}`,
			"linux.seccomp.listenerPath", `"s" is not absolute`},
		{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/s", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}}`,
			"linux.seccomp", "does not allow sendmsg, recvmsg, execve, capset, write, read, close, prctl: with SCMP_ACT_NOTIFY"},
		{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["capset"], "action": "SCMP_ACT_ERRNO"}]}}}`,
			"linux.seccomp", "does not allow capset: without process.noNewPrivileges the filter is loaded while the container's init still needs these"},
	} {
		t.Run(c.field, func(t *testing.T) {
			refused(t, decode(t, c.fragment), goldenHost, testOptions, c.field, c.text)
		})
	}
	refused(t, nil, goldenHost, testOptions, "config.json", "empty")
}

// TestInvalidHere: mistakes only on some host, or with some command line.
func TestInvalidHere(t *testing.T) {
	unprivileged := goldenHost
	unprivileged.EUID = 1000
	single := `"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
		"uidMappings": [{"hostID": 1000, "size": 1}], "gidMappings": [{"hostID": 1000, "size": 1}]}`
	denied := goldenHost
	denied.UserNS, denied.SetgroupsDenied = true, true
	for _, c := range []struct {
		name, fragment string
		host           Host
		opts           Options
		field, text    string
	}{
		{"rootless without user namespace", `{}`, unprivileged, Options{}, "linux.namespaces", "rootless containers require user namespaces"},
		{"groups with a single gid", `{"process": {"user": {"additionalGids": [0]}}, ` + single + `}`, unprivileged, Options{},
			"process.user.additionalGids", "cannot set any additional groups in a rootless container"},
		{"groups where setgroups is denied", `{"process": {"user": {"additionalGids": [0]}}}`, denied, Options{},
			"process.user.additionalGids", "cannot set any additional groups"},
		{"detached terminal", `{"process": {"terminal": true}}`, goldenHost, Options{Detach: true}, "process.terminal",
			"cannot allocate tty if crun-go will detach without setting console socket"},
		{"console socket without terminal", `{}`, goldenHost, Options{Detach: true, ConsoleSocket: true}, "process.terminal",
			"cannot use console socket if crun-go will not detach or allocate tty"},
		{"console socket in the foreground", `{"process": {"terminal": true}}`, goldenHost, Options{Run: true, ConsoleSocket: true}, "process.terminal",
			"cannot use console socket if crun-go will not detach or allocate tty"},
		{"private without pivot", `{"linux": {"rootfsPropagation": "rprivate"}}`, goldenHost, Options{NoPivot: true}, "linux.rootfsPropagation",
			"rootfsPropagation of [r]private is not safe without pivot_root"},
		{"systemd", `{"linux": {"cgroupsPath": "/a/b"}}`, goldenHost, Options{SystemdCgroup: true}, "linux.cgroupsPath", `got "/a/b" instead`},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, decode(t, c.fragment), c.host, c.opts, c.field, c.text)
		})
	}
}

// TestOwnCapabilities: what the runtime lacks it can't give, and the error is
// the one that the kernel would answer.
func TestOwnCapabilities(t *testing.T) {
	host := goldenHost
	host.Caps &^= 1 << unix.CAP_SYS_RESOURCE
	for i, set := range []string{"permitted", "effective", "inheritable"} {
		fragment := `{"process": {"capabilities": {"` + set + `": ["CAP_CHOWN", "CAP_SYS_RESOURCE"]}}}`
		field := "process.capabilities." + set + "[" + strconv.Itoa(1) + "]"
		refused(t, decode(t, fragment), host, testOptions, field, "set CAP_SYS_RESOURCE, which the runtime does not have itself: operation not permitted")
		_, _, err := Plan(decode(t, fragment), host, testOptions)
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%d: %v is not EPERM", i, err)
		}
	}
	// The bounding set can only shrink, and a user namespace has them all.
	planOn(t, `{"process": {"capabilities": {"bounding": ["CAP_SYS_RESOURCE"]}}}`, host, testOptions)
	planOn(t, `{"process": {"capabilities": {"permitted": ["CAP_SYS_RESOURCE"]}}, "linux": {`+userns+`}}`, host, testOptions)
}

// TestWarnings: what has no effect, or another than expected, is told and does
// not stop the container.
func TestWarnings(t *testing.T) {
	for _, c := range []struct{ fragment, field, text string }{
		{`{"ociVersion": "2.0.0"}`, "ociVersion", `"2.0.0"`},
		{`{"ociVersion": ""}`, "ociVersion", `""`},
		{`{"mounts": [{"destination": "tmp", "type": "tmpfs"}]}`, "mounts[0].destination", `"tmp" is not absolute`},
		{`{"process": {"capabilities": {"bounding": ["CAP_KILL", "CAP_FLY"]}}}`, "process.capabilities.bounding[1]", "unknown capability CAP_FLY"},
		{`{"process": {"capabilities": {"ambient": ["KILL"]}}}`, "process.capabilities.ambient[0]", "unknown capability KILL"},
		{`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["nosuch"], "action": "SCMP_ACT_KILL"}]}}}`,
			"linux.seccomp.syscalls", "nosuch"},
		{`{"linux": {"cgroupsPath": "system.slice:crio:x"}}`, "linux.cgroupsPath", `"system.slice:crio:x" is taken for the name of a directory`},
	} {
		_, warnings, err := Plan(decode(t, c.fragment), goldenHost, testOptions)
		if err != nil || len(warnings) != 1 || warnings[0].Field != c.field || !strings.Contains(warnings[0].Text, c.text) {
			t.Errorf("%s: warnings %+v, error %v", c.fragment, warnings, err)
		}
	}
	foreign := `{"process": {"noNewPrivileges": true}, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve", "swapcontext", "timerfd"], "action": "SCMP_ACT_ALLOW"}]}}}`
	for _, dir := range []string{"/a:b:c", "a/b:c:d", "a:b", "pod:1"} {
		if _, warnings, err := Plan(decode(t, `{"linux": {"cgroupsPath": "`+dir+`"}}`), goldenHost, testOptions); err != nil || len(warnings) != 0 {
			t.Errorf("%s: warnings %+v, error %v", dir, warnings, err)
		}
	}
	if _, warnings, err := Plan(decode(t, foreign), goldenHost, testOptions); err != nil || len(warnings) != 0 {
		t.Errorf("syscalls of other architectures, as podman's profile has them: warnings %+v, error %v", warnings, err)
	}
	old := goldenHost
	old.LastCap = 37
	_, warnings, err := Plan(decode(t, `{"process": {"capabilities": {"bounding": ["CAP_BPF"]}}}`), old, testOptions)
	if err != nil || len(warnings) != 1 {
		t.Errorf("capability newer than the kernel: warnings %+v, error %v", warnings, err)
	}
}

// ranges are n id mappings that follow each other.
func ranges(n, step, size int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"containerID": %d, "hostID": %d, "size": %d}`, i*step, i*step, size))
	}
	return strings.Join(list, ",")
}
