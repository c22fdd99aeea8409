// Package ocijson decodes the OCI runtime specification's config.json, and the parts of it that come alone, into the
// specification's own Go types.
//
// There is one function per object of the specification, which lists its fields. The result is what encoding/json would
// make of the same document, keys in another case included (see package jsontext for the differences) at a fraction of the
// cost. Fields that are not known are skipped, as the specification demands ("Extensibility"); so are
// the sections for other systems, freebsd, solaris, vm, windows and zos. Values are not checked here beyond their JSON type
// and the range of their Go type.
//
// Errors are [*jsontext.Error]: they name the file, line, column and field.
package ocijson

import (
	"bytes"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// Spec decodes a config.json. The file name is for errors.
func Spec(file string, data []byte) (*specs.Spec, error) {
	return jsontext.DecodeFrom(reader(file, data), spec)
}

// Config decodes a config.json as [Spec] does. aside is where in data the values are that only the making of a container
// needs, and often most of it: mounts, hooks, devices, resources, the seccomp profile, masked and read-only paths. unknown
// are the paths of keys that mean nothing here, without those of other systems.
func Config(file string, data []byte) (s *specs.Spec, aside []jsontext.Span, unknown []string, err error) {
	r := reader(file, data)
	s, err = jsontext.DecodeFrom(r, spec)
	return s, r.Noted(), r.Unknown(), err
}

// Process decodes a process object alone, as engines give it to exec. The file name is for errors.
func Process(file string, data []byte) (*specs.Process, error) {
	return jsontext.DecodeFrom(reader(file, data), process)
}

// Resources decodes a linux.resources object alone, as engines give it to update. The file name is for errors.
func Resources(file string, data []byte) (*specs.LinuxResources, error) {
	return jsontext.DecodeFrom(reader(file, data), resources)
}

// Mounts decodes mounts that come alone: the array, or an object that has it as config.json does. The file name is for
// errors.
func Mounts(file string, data []byte) ([]specs.Mount, error) {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		s, err := Spec(file, data)
		if err != nil {
			return nil, err
		}
		return s.Mounts, nil
	}
	r := reader(file, data)
	var list []specs.Mount
	jsontext.List(r, &list, "objects", mount)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return list, nil
}

func spec(r *jsontext.Reader, s *specs.Spec) {
	for key := range r.Fields() {
		switch key {
		case "ociVersion":
			jsontext.Text(r, &s.Version)
		case "process":
			jsontext.Pointer(r, &s.Process, process)
		case "root":
			jsontext.Pointer(r, &s.Root, root)
		case "hostname":
			jsontext.Text(r, &s.Hostname)
		case "domainname":
			jsontext.Text(r, &s.Domainname)
		case "mounts":
			r.Note(func() { jsontext.List(r, &s.Mounts, "objects", mount) })
		case "hooks":
			r.Note(func() { jsontext.Pointer(r, &s.Hooks, hooks) })
		case "annotations":
			jsontext.Map(r, &s.Annotations, jsontext.Text)
		case "linux":
			jsontext.Pointer(r, &s.Linux, linux)
		default:
			if otherSystem(key) {
				r.Skip()
			}
		}
	}
}
