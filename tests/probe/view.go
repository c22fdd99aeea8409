package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A view is the container as its process sees it. Limits are missing on
// purpose: Go raises RLIMIT_NOFILE when it starts.
type view struct {
	Args        []string          `json:"args"`
	Env         []string          `json:"env"`
	Cwd         string            `json:"cwd"`
	Pid         int               `json:"pid"`
	Session     int               `json:"session"`
	Group       int               `json:"process_group"`
	Hostname    string            `json:"hostname"`
	Domainname  string            `json:"domainname"`
	Machine     string            `json:"machine"`
	Personality uint64            `json:"personality"`
	Keyring     string            `json:"session_keyring"`
	Namespaces  map[string]string `json:"namespaces"`
	UIDMap      []string          `json:"uid_map"`
	GIDMap      []string          `json:"gid_map"`
	TimeOffsets []string          `json:"time_offsets"`
	Status      map[string]string `json:"status"`
	OOMScoreAdj string            `json:"oom_score_adj"`
	Cgroup      string            `json:"cgroup"`
	Mounts      []mount           `json:"mounts"`
	Devices     map[string]string `json:"devices"`
	Descriptors map[string]string `json:"descriptors"`
}

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

// look collects the view. What cannot be read stays empty: a masked file is
// part of the view too.
func look(fds map[string]string) view {
	v := view{
		Args: os.Args, Env: os.Environ(), Pid: os.Getpid(), Descriptors: fds,
		Namespaces: namespaces(), Mounts: mountinfo(), Devices: devices(), Keyring: sessionKeyring(),
		UIDMap: lines("/proc/self/uid_map"), GIDMap: lines("/proc/self/gid_map"),
		TimeOffsets: lines("/proc/self/timens_offsets"),
		OOMScoreAdj: strings.Join(lines("/proc/self/oom_score_adj"), ""),
		Cgroup:      strings.Join(lines("/proc/self/cgroup"), "\n"),
		Status:      map[string]string{},
	}
	v.Cwd, _ = os.Getwd()
	v.Session, _ = unix.Getsid(0)
	v.Group, _ = unix.Getpgid(0)
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		v.Hostname = unix.ByteSliceToString(uts.Nodename[:])
		v.Domainname = unix.ByteSliceToString(uts.Domainname[:])
		v.Machine = unix.ByteSliceToString(uts.Machine[:])
	}
	personality, _, _ := unix.RawSyscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
	v.Personality = uint64(personality)
	for _, line := range lines("/proc/self/status") {
		if key, value, ok := strings.Cut(line, ":"); ok {
			v.Status[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return v
}

func lines(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var out []string
	for _, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		if line != "" {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return out
}

// descriptors lists what this process inherited, by number and target. It uses
// plain system calls, so that it sees no descriptor of the Go runtime.
func descriptors() map[string]string {
	out := map[string]string{}
	buf := make([]byte, unix.PathMax)
	for fd := range 1024 {
		n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), buf)
		if err == nil {
			out[strconv.Itoa(fd)] = string(buf[:n])
		}
	}
	return out
}

func namespaces() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		out[name], _ = os.Readlink("/proc/self/ns/" + name)
	}
	return out
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
		kind := "file"
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFLNK:
			target, _ := os.Readlink(path)
			out[path] = "-> " + target
			continue
		case unix.S_IFDIR:
			out[path] = "dir"
			continue
		case unix.S_IFCHR:
			kind = "c"
		case unix.S_IFBLK:
			kind = "b"
		case unix.S_IFIFO:
			kind = "p"
		}
		if kind == "c" || kind == "b" {
			kind += " " + strconv.Itoa(int(unix.Major(st.Rdev))) + ":" + strconv.Itoa(int(unix.Minor(st.Rdev)))
		}
		mode := "0" + strconv.FormatUint(uint64(st.Mode&0o7777), 8)
		owner := strconv.Itoa(int(st.Uid)) + ":" + strconv.Itoa(int(st.Gid))
		out[path] = kind + " " + mode + " " + owner
	}
	return out
}

// sessionKeyring is the name of the session keyring (keyctl(2)), empty when
// the kernel or a filter refuses to tell.
func sessionKeyring() string {
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		return ""
	}
	fields := bytes.Split([]byte(text), []byte(";"))
	return string(fields[len(fields)-1])
}
