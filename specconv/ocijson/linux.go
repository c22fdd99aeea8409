package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func linux(r *jsontext.Reader, l *specs.Linux) {
	for key := range r.Fields() {
		switch key {
		case "uidMappings":
			jsontext.List(r, &l.UIDMappings, "objects", idMapping)
		case "gidMappings":
			jsontext.List(r, &l.GIDMappings, "objects", idMapping)
		case "sysctl":
			jsontext.Map(r, &l.Sysctl, jsontext.Text)
		case "resources":
			r.Note(func() { jsontext.Pointer(r, &l.Resources, resources) })
		case "cgroupsPath":
			jsontext.Text(r, &l.CgroupsPath)
		case "namespaces":
			jsontext.List(r, &l.Namespaces, "objects", namespace)
		case "devices":
			r.Note(func() { jsontext.List(r, &l.Devices, "objects", device) })
		case "netDevices":
			jsontext.Map(r, &l.NetDevices, netDevice)
		case "seccomp":
			r.Note(func() { jsontext.Pointer(r, &l.Seccomp, seccomp) })
		case "rootfsPropagation":
			jsontext.Text(r, &l.RootfsPropagation)
		case "maskedPaths":
			r.Note(func() { jsontext.Texts(r, &l.MaskedPaths) })
		case "readonlyPaths":
			r.Note(func() { jsontext.Texts(r, &l.ReadonlyPaths) })
		case "mountLabel":
			jsontext.Text(r, &l.MountLabel)
		case "intelRdt":
			jsontext.Pointer(r, &l.IntelRdt, intelRdt)
		case "memoryPolicy":
			jsontext.Pointer(r, &l.MemoryPolicy, memoryPolicy)
		case "personality":
			jsontext.Pointer(r, &l.Personality, personality)
		case "timeOffsets":
			jsontext.Map(r, &l.TimeOffsets, timeOffset)
		}
	}
}

func namespace(r *jsontext.Reader, n *specs.LinuxNamespace) {
	for key := range r.Fields() {
		switch key {
		case "type":
			jsontext.Text(r, &n.Type)
		case "path":
			jsontext.Text(r, &n.Path)
		}
	}
}

func device(r *jsontext.Reader, d *specs.LinuxDevice) {
	for key := range r.Fields() {
		switch key {
		case "path":
			jsontext.Text(r, &d.Path)
		case "type":
			jsontext.Text(r, &d.Type)
		case "major":
			jsontext.Int(r, &d.Major)
		case "minor":
			jsontext.Int(r, &d.Minor)
		case "fileMode":
			jsontext.Pointer(r, &d.FileMode, jsontext.Uint)
		case "uid":
			jsontext.Pointer(r, &d.UID, jsontext.Uint)
		case "gid":
			jsontext.Pointer(r, &d.GID, jsontext.Uint)
		}
	}
}

func netDevice(r *jsontext.Reader, d *specs.LinuxNetDevice) {
	for key := range r.Fields() {
		if key == "name" {
			jsontext.Text(r, &d.Name)
		}
	}
}

func intelRdt(r *jsontext.Reader, t *specs.LinuxIntelRdt) {
	for key := range r.Fields() {
		switch key {
		case "closID":
			jsontext.Text(r, &t.ClosID)
		case "schemata":
			jsontext.Texts(r, &t.Schemata)
		case "l3CacheSchema":
			jsontext.Text(r, &t.L3CacheSchema)
		case "memBwSchema":
			jsontext.Text(r, &t.MemBwSchema)
		case "enableMonitoring":
			jsontext.Bool(r, &t.EnableMonitoring)
		}
	}
}

func memoryPolicy(r *jsontext.Reader, p *specs.LinuxMemoryPolicy) {
	for key := range r.Fields() {
		switch key {
		case "mode":
			jsontext.Text(r, &p.Mode)
		case "nodes":
			jsontext.Text(r, &p.Nodes)
		case "flags":
			jsontext.Texts(r, &p.Flags)
		}
	}
}

func personality(r *jsontext.Reader, p *specs.LinuxPersonality) {
	for key := range r.Fields() {
		switch key {
		case "domain":
			jsontext.Text(r, &p.Domain)
		case "flags":
			jsontext.Texts(r, &p.Flags)
		}
	}
}

func timeOffset(r *jsontext.Reader, o *specs.LinuxTimeOffset) {
	for key := range r.Fields() {
		switch key {
		case "secs":
			jsontext.Int(r, &o.Secs)
		case "nanosecs":
			jsontext.Uint(r, &o.Nanosecs)
		}
	}
}
