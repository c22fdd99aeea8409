package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func process(r *jsontext.Reader, p *specs.Process) {
	for key := range r.Fields() {
		switch key {
		case "terminal":
			jsontext.Bool(r, &p.Terminal)
		case "consoleSize":
			jsontext.Pointer(r, &p.ConsoleSize, box)
		case "user":
			user(r, &p.User)
		case "args":
			jsontext.Texts(r, &p.Args)
		case "commandLine":
			jsontext.Text(r, &p.CommandLine)
		case "env":
			jsontext.Texts(r, &p.Env)
		case "cwd":
			jsontext.Text(r, &p.Cwd)
		case "capabilities":
			jsontext.Pointer(r, &p.Capabilities, capabilities)
		case "rlimits":
			jsontext.List(r, &p.Rlimits, "objects", rlimit)
		case "noNewPrivileges":
			jsontext.Bool(r, &p.NoNewPrivileges)
		case "apparmorProfile":
			jsontext.Text(r, &p.ApparmorProfile)
		case "oomScoreAdj":
			jsontext.Pointer(r, &p.OOMScoreAdj, jsontext.Int)
		case "scheduler":
			jsontext.Pointer(r, &p.Scheduler, scheduler)
		case "selinuxLabel":
			jsontext.Text(r, &p.SelinuxLabel)
		case "ioPriority":
			jsontext.Pointer(r, &p.IOPriority, ioPriority)
		case "execCPUAffinity":
			jsontext.Pointer(r, &p.ExecCPUAffinity, cpuAffinity)
		}
	}
}

func box(r *jsontext.Reader, b *specs.Box) {
	for key := range r.Fields() {
		switch key {
		case "height":
			jsontext.Uint(r, &b.Height)
		case "width":
			jsontext.Uint(r, &b.Width)
		}
	}
}

func user(r *jsontext.Reader, u *specs.User) {
	for key := range r.Fields() {
		switch key {
		case "uid":
			jsontext.Uint(r, &u.UID)
		case "gid":
			jsontext.Uint(r, &u.GID)
		case "umask":
			jsontext.Pointer(r, &u.Umask, jsontext.Uint)
		case "additionalGids":
			jsontext.List(r, &u.AdditionalGids, "numbers", jsontext.Uint)
		case "username":
			jsontext.Text(r, &u.Username)
		}
	}
}

func capabilities(r *jsontext.Reader, c *specs.LinuxCapabilities) {
	if r.Array() {
		r.Fail(`expected an object, found an array: since version 1.0 there is one for each set, {"bounding": [...], "effective": [...], "permitted": [...]}`)
		return
	}
	for key := range r.Fields() {
		switch key {
		case "bounding":
			jsontext.Texts(r, &c.Bounding)
		case "effective":
			jsontext.Texts(r, &c.Effective)
		case "inheritable":
			jsontext.Texts(r, &c.Inheritable)
		case "permitted":
			jsontext.Texts(r, &c.Permitted)
		case "ambient":
			jsontext.Texts(r, &c.Ambient)
		}
	}
}

func rlimit(r *jsontext.Reader, l *specs.POSIXRlimit) {
	for key := range r.Fields() {
		switch key {
		case "type":
			jsontext.Text(r, &l.Type)
		case "hard":
			jsontext.Uint(r, &l.Hard)
		case "soft":
			jsontext.Uint(r, &l.Soft)
		}
	}
}

func scheduler(r *jsontext.Reader, s *specs.Scheduler) {
	for key := range r.Fields() {
		switch key {
		case "policy":
			jsontext.Text(r, &s.Policy)
		case "nice":
			jsontext.Int(r, &s.Nice)
		case "priority":
			jsontext.Int(r, &s.Priority)
		case "flags":
			jsontext.Texts(r, &s.Flags)
		case "runtime":
			jsontext.Uint(r, &s.Runtime)
		case "deadline":
			jsontext.Uint(r, &s.Deadline)
		case "period":
			jsontext.Uint(r, &s.Period)
		}
	}
}

func ioPriority(r *jsontext.Reader, p *specs.LinuxIOPriority) {
	for key := range r.Fields() {
		switch key {
		case "class":
			jsontext.Text(r, &p.Class)
		case "priority":
			jsontext.Int(r, &p.Priority)
		}
	}
}

func cpuAffinity(r *jsontext.Reader, a *specs.CPUAffinity) {
	for key := range r.Fields() {
		switch key {
		case "initial":
			jsontext.Text(r, &a.Initial)
		case "final":
			jsontext.Text(r, &a.Final)
		}
	}
}
