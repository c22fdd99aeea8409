package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

type (
	unixMap        = syscall.SysProcIDMap
	unixCredential = syscall.Credential
)

const readyFd = 3

// initialize makes the container around itself and becomes its process.
func initialize(bundle, fifo string) error {
	spec, err := load(bundle)
	if err != nil {
		return err
	}
	waiting := -1
	if fifo != "" {
		if waiting, err = unix.Open(fifo, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			return err
		}
	}
	rootfs := filepath.Join(bundle, spec.Root.Path)
	if spec.Annotations["run.oci.handler"] == "krun" { // CVE-2025-24965, CVE-2026-84042
		_ = os.WriteFile(filepath.Join(rootfs, ".krun_config.json"), []byte("{}"), 0o644)
		_ = exec.Command(filepath.Join(rootfs, "usr/bin/passt")).Run()
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	if err := unix.Mount(rootfs, rootfs, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	for _, m := range spec.Mounts {
		if err := mount(spec, rootfs, m); err != nil {
			return fmt.Errorf("mount %s: %w", m.Destination, err)
		}
	}
	if err := devices(rootfs, spec.Process.Terminal); err != nil {
		return err
	}
	mask(rootfs, spec.Linux)
	if err := os.Chdir(rootfs); err != nil {
		return err
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	if err := settle(spec); err != nil {
		return err
	}
	// Whatever directory that is (CVE-2024-21626).
	if err := unix.Chdir(spec.Process.Cwd); err != nil {
		return err
	}
	if _, err := unix.Write(readyFd, []byte("x")); err != nil {
		return err
	}
	unix.Close(readyFd)
	return become(spec.Process, spec.Process.Args, waiting)
}

var mountFlags = map[string]uintptr{
	"bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC, "ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV,
	"noexec": unix.MS_NOEXEC, "strictatime": unix.MS_STRICTATIME, "relatime": unix.MS_RELATIME, "rw": 0, "newinstance": 0,
}

// mount joins strings to a path, makes what is missing there, and mounts on it:
// symbolic links of the image lead to the host (CVE-2019-18837, CVE-2021-30465,
// CVE-2024-45310), and anything may be mounted on /proc (CVE-2019-16884,
// CVE-2019-19921).
func mount(spec *specs.Spec, rootfs string, m specs.Mount) error {
	target := filepath.Join(rootfs, m.Destination)
	var flags uintptr
	var data []string
	for _, o := range m.Options {
		if f, known := mountFlags[o]; known {
			flags |= f
		} else {
			data = append(data, o)
		}
	}
	source, kind := m.Source, m.Type
	if kind == "cgroup" {
		kind = "cgroup2"
		if !has(spec, specs.CgroupNamespace) { // the host's, writable (CVE-2023-25809)
			source, flags = "/sys/fs/cgroup", unix.MS_BIND|unix.MS_REC
		}
	}
	if st, err := os.Stat(source); flags&unix.MS_BIND != 0 && err == nil && !st.IsDir() {
		if err := touch(target); err != nil {
			return err
		}
	} else if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return unix.Mount(source, target, kind, flags, strings.Join(data, ","))
}

func has(spec *specs.Spec, kind specs.LinuxNamespaceType) bool {
	for _, ns := range spec.Linux.Namespaces {
		if ns.Type == kind {
			return true
		}
	}
	return false
}

func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		err = f.Close()
	}
	return err
}

// devices makes nodes and links in whatever directory /dev leads to
// (CVE-2026-41579, CVE-2026-47766), and binds whatever is called a terminal over
// whatever is called the console (CVE-2026-88264, CVE-2025-52565).
func devices(rootfs string, terminal bool) error {
	dev := filepath.Join(rootfs, "dev")
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
		path := filepath.Join(dev, name)
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor))); err == unix.EPERM {
			_ = touch(path)
			_ = unix.Mount("/dev/"+name, path, "", unix.MS_BIND, "")
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "ptmx": "pts/ptmx"} {
		_ = os.Remove(filepath.Join(dev, name))
		_ = os.Symlink(target, filepath.Join(dev, name))
	}
	if !terminal {
		return nil
	}
	console := filepath.Join(dev, "console")
	if err := touch(console); err != nil {
		return err
	}
	return unix.Mount(filepath.Join(dev, "pts", "0"), console, "", unix.MS_BIND, "")
}

// mask covers paths with whatever /dev/null of the container is
// (CVE-2025-31133).
func mask(rootfs string, l *specs.Linux) {
	null := filepath.Join(rootfs, "dev/null")
	for _, p := range l.MaskedPaths {
		path := filepath.Join(rootfs, p)
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			_ = unix.Mount(null, path, "", unix.MS_BIND, "")
		} else if err == nil {
			_ = unix.Mount("tmpfs", path, "tmpfs", unix.MS_RDONLY, "")
		}
	}
	for _, p := range l.ReadonlyPaths {
		path := filepath.Join(rootfs, p)
		_ = unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
		_ = unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
}

// settle writes to what the container has at /proc (CVE-2019-16884,
// CVE-2025-52881), makes the root read-only by a path that the container may
// have an own idea of (CVE-2026-115521), and reopens and gives away what it
// calls /dev/null (CVE-2026-88265).
func settle(spec *specs.Spec) error {
	for name, value := range spec.Linux.Sysctl {
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0); err != nil {
			return err
		}
	}
	if score := spec.Process.OOMScoreAdj; score != nil {
		if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(*score)), 0); err != nil {
			return err
		}
	}
	if spec.Root.Readonly {
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		_ = unix.Mount("", "/proc/self/fd/"+strconv.Itoa(fd), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3) {
			continue
		}
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		_ = unix.Dup2(null, fd)
		_ = unix.Fchown(fd, int(spec.Process.User.UID), int(spec.Process.User.GID))
		unix.Close(null)
	}
	return nil
}
