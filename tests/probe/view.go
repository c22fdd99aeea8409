package main

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A view is the container as its process sees it.
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
	KeyAccess   string            `json:"session_keyring_access"`
	Namespaces  map[string]string `json:"namespaces"`
	UIDMap      []string          `json:"uid_map"`
	GIDMap      []string          `json:"gid_map"`
	Setgroups   string            `json:"setgroups"`
	TimeOffsets []string          `json:"time_offsets"`
	Status      map[string]string `json:"status"`
	Signals     map[string]string `json:"signals"`
	Limits      map[string]string `json:"limits"`
	Scheduling  schedule          `json:"scheduling"`
	Attributes  map[string]int    `json:"attributes"`
	OOMScoreAdj string            `json:"oom_score_adj"`
	CoreFilter  string            `json:"coredump_filter"`
	AppArmor    string            `json:"apparmor"`
	Label       string            `json:"label"`
	Cgroup      string            `json:"cgroup"`
	CgroupFiles map[string]string `json:"cgroup_files"`
	Terminal    string            `json:"terminal"`
	Interfaces  []string          `json:"interfaces"`
	Mounts      []mount           `json:"mounts"`
	Devices     map[string]string `json:"devices"`
	Descriptors map[string]string `json:"descriptors"`
	Opened      map[string]file   `json:"opened"`
	Sysctls     map[string]string `json:"sysctls"`
}

// look collects the view, with the named kernel parameters. What cannot be read
// stays empty: a masked file is part of the view too.
func look(opened map[string]file, parameters []string) view {
	v := view{
		Args: os.Args, Env: os.Environ(), Pid: os.Getpid(),
		Namespaces: namespaces(), UIDMap: lines("/proc/self/uid_map"), GIDMap: lines("/proc/self/gid_map"),
		Setgroups: line("/proc/self/setgroups"), TimeOffsets: lines("/proc/self/timens_offsets"),
		Status: map[string]string{}, Signals: signals(), Limits: limits(), Scheduling: scheduling(), Attributes: attributes(),
		OOMScoreAdj: line("/proc/self/oom_score_adj"), CoreFilter: line("/proc/self/coredump_filter"),
		AppArmor: label("apparmor/current"), Label: label("current"),
		Cgroup: strings.Join(lines("/proc/self/cgroup"), "\n"), CgroupFiles: cgroupFiles(),
		Terminal: terminal(), Interfaces: interfaces(), Mounts: mountinfo(), Devices: devices(),
		Descriptors: map[string]string{}, Opened: opened, Sysctls: map[string]string{},
	}
	for fd, f := range opened {
		v.Descriptors[fd] = f.Target
	}
	v.Keyring, v.KeyAccess = sessionKeyring()
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
			v.Status[key] = strings.TrimSpace(value)
		}
	}
	for _, name := range parameters {
		v.Sysctls[name] = line("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	}
	return v
}

// lines reads a file, each line with single blanks.
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

func line(path string) string { return strings.Join(lines(path), "\n") }

func namespaces() map[string]string {
	out := map[string]string{}
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		out[name], _ = os.Readlink("/proc/self/ns/" + name)
	}
	return out
}

// interfaces lists the network interfaces, sorted.
func interfaces() []string {
	var out []string
	for _, line := range lines("/proc/self/net/dev") {
		if name, _, ok := strings.Cut(line, ":"); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
