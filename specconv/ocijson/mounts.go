package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func root(r *jsontext.Reader, f *specs.Root) {
	for key := range r.Fields() {
		switch key {
		case "path":
			jsontext.Text(r, &f.Path)
		case "readonly":
			jsontext.Bool(r, &f.Readonly)
		}
	}
}

func mount(r *jsontext.Reader, m *specs.Mount) {
	for key := range r.Fields() {
		switch key {
		case "destination":
			jsontext.Text(r, &m.Destination)
		case "type":
			jsontext.Text(r, &m.Type)
		case "source":
			jsontext.Text(r, &m.Source)
		case "options":
			jsontext.Texts(r, &m.Options)
		case "uidMappings":
			jsontext.List(r, &m.UIDMappings, "objects", idMapping)
		case "gidMappings":
			jsontext.List(r, &m.GIDMappings, "objects", idMapping)
		}
	}
}

// idMapping is a mount's as well as the user namespace's.
func idMapping(r *jsontext.Reader, m *specs.LinuxIDMapping) {
	for key := range r.Fields() {
		switch key {
		case "containerID":
			jsontext.Uint(r, &m.ContainerID)
		case "hostID":
			jsontext.Uint(r, &m.HostID)
		case "size":
			jsontext.Uint(r, &m.Size)
		}
	}
}
