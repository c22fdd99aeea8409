package cli

import "strconv"

// startSpec is the config.json that spec writes: what containers usually get, and a shell on a terminal in it.
func startSpec() string {
	return specHead + specTerminalGroup + specShm + specSysfs + specCgroup + specNoDevices +
		specNamespaces + specNetwork + specMoreNamespaces + specTail
}

// rootlessSpec is that for a user without privileges, whose ids become root's: no network to configure, no sysfs of the
// container's own (for which it would have to own the network), no group 5 to give terminals to, no cgroup to limit.
func rootlessSpec(uid, gid int) string {
	return specHead + specShm + specHostSys + specCgroup + specMapping("uid", uid) + specMapping("gid", gid) +
		specNamespaces + specMoreNamespaces + specUser + specTail
}

func specMapping(kind string, id int) string {
	return "\t\t\"" + kind + "Mappings\": [\n\t\t\t{\n\t\t\t\t\"containerID\": 0,\n\t\t\t\t\"hostID\": " + strconv.Itoa(id) +
		",\n\t\t\t\t\"size\": 1\n\t\t\t}\n\t\t],\n"
}

const specHead = `{
	"ociVersion": "1.3.0",
	"process": {
		"terminal": true,
		"user": {
			"uid": 0,
			"gid": 0
		},
		"args": [
			"sh"
		],
		"env": [
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"TERM=xterm"
		],
		"cwd": "/",
		"capabilities": {
			"bounding": [
				"CAP_AUDIT_WRITE",
				"CAP_KILL",
				"CAP_NET_BIND_SERVICE"
			],
			"effective": [
				"CAP_AUDIT_WRITE",
				"CAP_KILL",
				"CAP_NET_BIND_SERVICE"
			],
			"permitted": [
				"CAP_AUDIT_WRITE",
				"CAP_KILL",
				"CAP_NET_BIND_SERVICE"
			]
		},
		"rlimits": [
			{
				"type": "RLIMIT_NOFILE",
				"hard": 1024,
				"soft": 1024
			}
		],
		"noNewPrivileges": true
	},
	"root": {
		"path": "rootfs",
		"readonly": true
	},
	"hostname": "crun-go",
	"mounts": [
		{
			"destination": "/proc",
			"type": "proc",
			"source": "proc"
		},
		{
			"destination": "/dev",
			"type": "tmpfs",
			"source": "tmpfs",
			"options": [
				"nosuid",
				"strictatime",
				"mode=755",
				"size=65536k"
			]
		},
		{
			"destination": "/dev/pts",
			"type": "devpts",
			"source": "devpts",
			"options": [
				"nosuid",
				"noexec",
				"newinstance",
				"ptmxmode=0666",
				"mode=0620"`

const specTerminalGroup = `,
				"gid=5"`

const specShm = `
			]
		},
		{
			"destination": "/dev/shm",
			"type": "tmpfs",
			"source": "shm",
			"options": [
				"nosuid",
				"noexec",
				"nodev",
				"mode=1777",
				"size=65536k"
			]
		},
		{
			"destination": "/dev/mqueue",
			"type": "mqueue",
			"source": "mqueue",
			"options": [
				"nosuid",
				"noexec",
				"nodev"
			]
		},
`

const specSysfs = `		{
			"destination": "/sys",
			"type": "sysfs",
			"source": "sysfs",
			"options": [
				"nosuid",
				"noexec",
				"nodev",
				"ro"
			]
		},
`

const specHostSys = `		{
			"destination": "/sys",
			"type": "none",
			"source": "/sys",
			"options": [
				"rbind",
				"nosuid",
				"noexec",
				"nodev",
				"ro"
			]
		},
`

const specCgroup = `		{
			"destination": "/sys/fs/cgroup",
			"type": "cgroup",
			"source": "cgroup",
			"options": [
				"nosuid",
				"noexec",
				"nodev",
				"relatime",
				"ro"
			]
		}
	],
	"linux": {
`

const specNoDevices = `		"resources": {
			"devices": [
				{
					"allow": false,
					"access": "rwm"
				}
			]
		},
`

const specNamespaces = `		"namespaces": [
			{
				"type": "pid"
			},
`

const specNetwork = `			{
				"type": "network"
			},
`

const specMoreNamespaces = `			{
				"type": "ipc"
			},
			{
				"type": "uts"
			},
			{
				"type": "mount"
			},
			{
				"type": "cgroup"
			}`

const specUser = `,
			{
				"type": "user"
			}`

const specTail = `
		],
		"maskedPaths": [
			"/proc/acpi",
			"/proc/asound",
			"/proc/kcore",
			"/proc/keys",
			"/proc/latency_stats",
			"/proc/timer_list",
			"/proc/timer_stats",
			"/proc/sched_debug",
			"/sys/firmware",
			"/proc/scsi"
		],
		"readonlyPaths": [
			"/proc/bus",
			"/proc/fs",
			"/proc/irq",
			"/proc/sys",
			"/proc/sysrq-trigger"
		]
	}
}`
