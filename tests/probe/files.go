package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A mount is one line of mountinfo (proc_pid_mountinfo(5)).
type mount struct {
	ID          string   `json:"id"`
	Parent      string   `json:"parent"`
	Root        string   `json:"root"`
	Target      string   `json:"target"`
	Options     []string `json:"options"`
	Propagation []string `json:"propagation"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Super       []string `json:"super"`
}

// A file is what an inherited descriptor refers to.
type file struct {
	Target string `json:"target"`
	Kind   string `json:"kind"`   // fifo, socket, character ...
	Access string `json:"access"` // r, w, rw or path
	Flags  string `json:"flags"`  // append, nonblock
}

// descriptors lists what this process inherited, by number and target. It uses
// plain system calls, so that it sees no descriptor of the Go runtime.
func descriptors() map[string]file {
	out := map[string]file{}
	buf := make([]byte, unix.PathMax)
	for fd := range 1024 {
		n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf)
		if err == nil {
			out[strconv.Itoa(fd)] = describe(fd, string(buf[:n]))
		}
	}
	return out
}

func describe(fd int, target string) file {
	f := file{Target: target, Kind: "unknown"}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil {
		f.Kind = kind(st.Mode)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return f
	}
	switch {
	case flags&unix.O_PATH != 0:
		f.Access = "path"
	default:
		f.Access = [...]string{unix.O_RDONLY: "r", unix.O_WRONLY: "w", unix.O_RDWR: "rw", 3: ""}[flags&unix.O_ACCMODE]
	}
	var words []string
	if flags&unix.O_APPEND != 0 {
		words = append(words, "append")
	}
	if flags&unix.O_NONBLOCK != 0 {
		words = append(words, "nonblock")
	}
	f.Flags = strings.Join(words, " ")
	return f
}

func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return "link"
	case unix.S_IFDIR:
		return "dir"
	case unix.S_IFCHR:
		return "c"
	case unix.S_IFBLK:
		return "b"
	case unix.S_IFIFO:
		return "p"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "file"
}

func mountinfo() []mount {
	var out []mount
	for _, line := range lines("/proc/self/mountinfo") {
		f := strings.Fields(line)
		dash := 6
		for dash < len(f) && f[dash] != "-" {
			dash++
		}
		if dash+3 >= len(f) {
			continue
		}
		out = append(out, mount{
			ID: f[0], Parent: f[1], Root: f[3], Target: f[4], Options: strings.Split(f[5], ","),
			Propagation: f[6:dash], Type: f[dash+1], Source: f[dash+2], Super: strings.Split(f[dash+3], ","),
		})
	}
	return out
}

// devices lists /dev: nodes as "c 1:3 0666 0:0", links as "-> target", and
// everything else as "dir" or "file". It does not enter other file systems.
func devices() map[string]string {
	out := map[string]string{}
	entries, _ := os.ReadDir("/dev")
	for _, e := range entries {
		path := filepath.Join("/dev", e.Name())
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil {
			continue
		}
		kind := kind(st.Mode)
		switch kind {
		case "link":
			target, _ := os.Readlink(path)
			out[path] = "-> " + target
			continue
		case "dir":
			out[path] = kind
			continue
		case "c", "b":
			kind += " " + strconv.Itoa(int(unix.Major(st.Rdev))) + ":" + strconv.Itoa(int(unix.Minor(st.Rdev)))
		}
		mode := "0" + strconv.FormatUint(uint64(st.Mode&0o7777), 8)
		owner := strconv.Itoa(int(st.Uid)) + ":" + strconv.Itoa(int(st.Gid))
		out[path] = kind + " " + mode + " " + owner
	}
	return out
}

// cgroupFiles reads the limits of the container's own cgroup, where a cgroup
// namespace puts it at the top of the mount.
func cgroupFiles() map[string]string {
	out := map[string]string{}
	const dir = "/sys/fs/cgroup"
	if len(lines(dir+"/cgroup.procs")) == 0 {
		return out
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name := e.Name()
		_, key, _ := strings.Cut(name, ".")
		switch {
		case strings.HasSuffix(key, "max"), strings.HasSuffix(key, "low"), strings.HasSuffix(key, "min"), strings.HasSuffix(key, "high"),
			strings.HasSuffix(key, "weight"), key == "idle", key == "cpus", key == "mems", key == "subtree_control", key == "type", key == "controllers":
			out[name] = strings.Join(lines(filepath.Join(dir, name)), "\n")
		}
	}
	return out
}
