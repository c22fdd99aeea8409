package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func seccomp(r *jsontext.Reader, s *specs.LinuxSeccomp) {
	for key := range r.Fields() {
		switch key {
		case "defaultAction":
			jsontext.Text(r, &s.DefaultAction)
		case "defaultErrnoRet":
			jsontext.Pointer(r, &s.DefaultErrnoRet, jsontext.Uint)
		case "architectures":
			jsontext.Texts(r, &s.Architectures)
		case "flags":
			jsontext.Texts(r, &s.Flags)
		case "listenerPath":
			jsontext.Text(r, &s.ListenerPath)
		case "listenerMetadata":
			jsontext.Text(r, &s.ListenerMetadata)
		case "syscalls":
			jsontext.List(r, &s.Syscalls, "objects", syscall)
		}
	}
}

func syscall(r *jsontext.Reader, c *specs.LinuxSyscall) {
	for key := range r.Fields() {
		switch key {
		case "names":
			jsontext.Texts(r, &c.Names)
		case "action":
			jsontext.Text(r, &c.Action)
		case "errnoRet":
			jsontext.Pointer(r, &c.ErrnoRet, jsontext.Uint)
		case "args":
			jsontext.List(r, &c.Args, "objects", syscallArg)
		}
	}
}

func syscallArg(r *jsontext.Reader, a *specs.LinuxSeccompArg) {
	for key := range r.Fields() {
		switch key {
		case "index":
			jsontext.Uint(r, &a.Index)
		case "value":
			jsontext.Uint(r, &a.Value)
		case "valueTwo":
			jsontext.Uint(r, &a.ValueTwo)
		case "op":
			jsontext.Text(r, &a.Op)
		}
	}
}
