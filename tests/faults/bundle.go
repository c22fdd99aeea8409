package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

type object = map[string]any
type list = []any

// makeBundles writes the bundles that scenarios name, each around the same root
// filesystem but for that of the user namespace, whose owner is another.
func (w *worker) makeBundles() error {
	for _, owner := range []struct {
		name string
		id   int
	}{{"rootfs", 0}, {"rootfs-userns", 100000}} {
		if err := w.makeRootfs(w.path(owner.name), owner.id); err != nil {
			return err
		}
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(w.path("programs"), 0o755), os.WriteFile(w.path("programs/criu"), self, 0o755),
		os.MkdirAll(w.path("src"), 0o755), os.WriteFile(w.path("src/file"), []byte("hello\n"), 0o644),
		os.WriteFile(w.path("limits.json"), []byte(`{"unified":{"cgroup.max.depth":"7","cgroup.max.descendants":"8"}}`), 0o644),
		os.WriteFile(w.path("mounts.json"), []byte(`[{"destination":"/mnt/new","type":"tmpfs","source":"t","options":["size=64k"]},
			{"destination":"/mnt/bind","source":"`+w.path("src")+`","options":["rbind","ro"]}]`), 0o644)); err != nil {
		return err
	}
	for name, change := range map[string]func(object){
		"plain": func(object) {},
		"user": func(spec object) {
			p := spec["process"].(object)
			p["user"] = object{"uid": 1000, "gid": 1000, "additionalGids": list{2000}, "umask": 0o27}
			p["noNewPrivileges"] = false
			caps := list{"CAP_NET_BIND_SERVICE", "CAP_KILL"}
			p["capabilities"] = object{"bounding": caps, "permitted": caps, "effective": caps, "inheritable": caps, "ambient": caps}
		},
		"userns": func(spec object) {
			linux := spec["linux"].(object)
			linux["namespaces"] = append(linux["namespaces"].(list), object{"type": "user"})
			ids := list{object{"containerID": 0, "hostID": 100000, "size": 65536}}
			linux["uidMappings"], linux["gidMappings"] = ids, ids
			spec["root"] = object{"path": w.path("rootfs-userns")}
			own := list{object{"containerID": 0, "hostID": 100007, "size": 1000}}
			spec["mounts"] = append(spec["mounts"].(list), object{
				"destination": "/mnt/own", "source": w.path("rootfs-userns/home"), "options": list{"bind"}, "uidMappings": own, "gidMappings": own,
			})
			delete(spec["process"].(object), "oomScoreAdj")
		},
		"hooks": func(spec object) {
			hooks := object{}
			for _, kind := range []string{"createRuntime", "createContainer", "startContainer", "poststart", "poststop"} {
				path := w.path("rootfs/bin/sh")
				if kind == "startContainer" {
					path = "/bin/sh"
				}
				// It reads all of its input: crun dies of SIGPIPE otherwise.
				hooks[kind] = list{object{"path": path, "args": list{"sh", "-c", "while read line; do :; done"}}}
			}
			spec["hooks"] = hooks
		},
		"sleep": func(spec object) { spec["process"].(object)["args"] = list{"/bin/sleep", "1000"} },
	} {
		spec := w.spec()
		change(spec)
		text, err := json.Marshal(spec)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(w.path(name), 0o755), os.WriteFile(filepath.Join(w.path(name), "config.json"), text, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) makeRootfs(dir string, owner int) error {
	for _, d := range []string{"bin", "dev", "etc", "mnt/new", "mnt/bind", "mnt/own", "mnt/src", "proc", "sys", "tmp", "root", "home"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	for name, from := range map[string]string{"probe": probePath, "bin/busybox": busybox} {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Link(filepath.Join(dir, "bin/busybox"), filepath.Join(dir, "bin/sleep")),
		os.Link(filepath.Join(dir, "bin/busybox"), filepath.Join(dir, "bin/sh")),
		os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home:/bin/sh\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "etc/group"), []byte("root:x:0:\napp:x:1000:\n"), 0o644)); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, owner, owner))
	})
}

// spec is a container with everything that a fault could take from it.
func (w *worker) spec() object {
	mount := func(at, kind, source string, options ...any) object {
		return object{"destination": at, "type": kind, "source": source, "options": options}
	}
	caps := list{"CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD", "CAP_DAC_OVERRIDE"}
	var namespaces list
	for _, kind := range []string{"pid", "network", "ipc", "uts", "mount", "cgroup"} {
		namespaces = append(namespaces, object{"type": kind})
	}
	return object{
		"ociVersion": "1.0.2",
		"process": object{
			"user": object{"uid": 0, "gid": 0}, "args": list{"/probe", "describe", "kernel.msgmax"}, "cwd": "/",
			"env":             list{"PATH=/bin", "HOMELESS=1"},
			"capabilities":    object{"bounding": caps, "effective": caps, "permitted": caps},
			"noNewPrivileges": true, "oomScoreAdj": 100,
			"rlimits": list{object{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, object{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 300}},
		},
		"root": object{"path": w.path("rootfs")}, "hostname": "faulty",
		"mounts": list{
			mount("/proc", "proc", "proc"),
			mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
			mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
			mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
			mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
			mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
			mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
			mount("/mnt/src", "bind", w.path("src"), "rbind", "rprivate", "ro", "nosuid"),
		},
		"linux": object{
			"cgroupsPath": "/" + filepath.Base(w.cgroup) + "/c",
			"resources":   object{"devices": list{object{"allow": false, "access": "rwm"}}},
			"namespaces":  namespaces,
			"sysctl":      object{"kernel.msgmax": "12345"},
			"maskedPaths": list{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"}, "readonlyPaths": list{"/proc/bus", "/proc/sys", "/proc/sysrq-trigger"},
			"seccomp": object{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": list{object{"names": list{"swapon"}, "action": "SCMP_ACT_ERRNO", "errnoRet": 77}}},
		},
	}
}
