package main

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// account is the view without what differs between two containers of one
// bundle, one fact a line: what is left has to be the same.
func account(v view) []string {
	var out []string
	say := func(words ...string) { out = append(out, strings.Join(words, " ")) }
	say("args", strings.Join(v.Args, " "))
	for _, e := range v.Env {
		say("env", e)
	}
	say("cwd", v.Cwd)
	say("first process", strconv.FormatBool(v.Pid == 1), "leads a session", strconv.FormatBool(v.Session == v.Pid), "a group", strconv.FormatBool(v.Group == v.Pid))
	say("names", v.Hostname, v.Domainname)
	say("keyring", v.Keyring, v.KeyAccess)
	for name, link := range v.Namespaces {
		say("namespace", name, link)
	}
	for _, m := range v.UIDMap {
		say("uid_map", m)
	}
	for _, m := range v.GIDMap {
		say("gid_map", m)
	}
	for _, key := range []string{"Uid", "Gid", "Groups", "Umask", "NoNewPrivs", "Seccomp", "Seccomp_filters", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "TracerPid"} {
		say("status", key, v.Status[key])
	}
	say("signals", v.Signals["ignored"], v.Signals["blocked"])
	for name, limit := range v.Limits {
		say("limit", name, limit)
	}
	for name, value := range v.Attributes {
		say("attribute", name, strconv.Itoa(value))
	}
	say("scheduling", v.Scheduling.Policy, strconv.Itoa(int(v.Scheduling.Nice)), v.Scheduling.IOPriority)
	say("oom_score_adj", v.OOMScoreAdj)
	say("cgroup", v.Cgroup)
	for name, value := range v.CgroupFiles {
		say("cgroup file", name, value)
	}
	say("interfaces", strings.Join(v.Interfaces, " "))
	targets := map[string]string{}
	for _, m := range v.Mounts {
		targets[m.ID] = m.Target
	}
	for _, m := range v.Mounts {
		shared := 0
		for _, p := range m.Propagation {
			shared += len(strings.TrimRight(p, "0123456789"))
		}
		say("mount", m.Target, "on", targets[m.Parent], m.Root, m.Type, m.Source, strings.Join(m.Options, ","), strings.Join(m.Super, ","), strconv.Itoa(shared))
	}
	for path, d := range v.Devices {
		say("device", path, d)
	}
	for fd, f := range v.Opened {
		say("descriptor", fd, f.Kind, f.Access, f.Flags, f.Target, inHere(fd, f.Target))
	}
	for name, value := range v.Sysctls {
		say("sysctl", name, value)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SWAPON, 0, 0, 0)
	say("swapon", strconv.Itoa(int(errno)))
	return out
}

// inHere reports whether a descriptor is of the file that its name leads to in here.
func inHere(fd, target string) string {
	number, err := strconv.Atoi(fd)
	var open, named unix.Stat_t
	if err != nil || unix.Fstat(number, &open) != nil {
		return "closed"
	}
	if unix.Stat(target, &named) != nil || open.Dev != named.Dev || open.Ino != named.Ino {
		return "foreign"
	}
	return "own"
}
