// Package ocijson decodes the OCI runtime specification's config.json, and the parts of it that come alone, into the
// specification's own Go types.
//
// There is one function per object of the specification, which lists its fields: internal/gen writes it from the
// specification's Go types. The result is what encoding/json would
// make of the same document, keys in another case included (see package jsontext for the differences) at a fraction of the
// cost. Fields that are not known are skipped, as the specification demands ("Extensibility"); so are
// the sections for other systems, freebsd, solaris, vm, windows and zos. Values are not checked here beyond their JSON type
// and the range of their Go type.
//
// Errors are [*jsontext.Error]: they name the file, line, column and field.
package ocijson

//go:generate go run ./internal/gen generated.go

import (
	"bytes"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// Spec decodes a config.json. The file name is for errors.
func Spec(file string, data []byte) (*specs.Spec, error) {
	return jsontext.DecodeFrom(reader(file, data), readSpec)
}

// Config decodes a config.json as [Spec] does. aside is where in data the values are that only the making of a container
// needs, and often most of it: mounts, hooks, devices, resources, the seccomp profile, masked and read-only paths. unknown
// are the paths of keys that mean nothing here, without those of other systems.
func Config(file string, data []byte) (s *specs.Spec, aside []jsontext.Span, unknown []string, err error) {
	r := reader(file, data)
	s, err = jsontext.DecodeFrom(r, readSpec)
	return s, r.Noted(), r.Unknown(), err
}

// Process decodes a process object alone, as engines give it to exec. The file name is for errors.
func Process(file string, data []byte) (*specs.Process, error) {
	return jsontext.DecodeFrom(reader(file, data), readProcess)
}

// Resources decodes a linux.resources object alone, as engines give it to update. The file name is for errors.
func Resources(file string, data []byte) (*specs.LinuxResources, error) {
	return jsontext.DecodeFrom(reader(file, data), readLinuxResources)
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
	jsontext.List(r, &list, "objects", readMount)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return list, nil
}

// Hook reads a hook, for a document that is not the specification's and has one.
func Hook(r *jsontext.Reader, h *specs.Hook) { readHook(r, h) }

// capabilities also knows the form that they had once.
func capabilities(r *jsontext.Reader, c *specs.LinuxCapabilities) {
	if r.Array() {
		r.Fail(`expected an object, found an array: since version 1.0 there is one for each set, {"bounding": [...], "effective": [...], "permitted": [...]}`)
		return
	}
	readLinuxCapabilities(r, c)
}

// reader returns a reader for a document of the specification, which takes keys in any case, as encoding/json does.
func reader(file string, data []byte) *jsontext.Reader {
	r := jsontext.NewReader(file, data)
	r.Respell = spelling
	return r
}

// spelling returns how the specification spells a key; "" if it has none like it.
func spelling(key string) string {
	for name := range strings.FieldsSeq(keys) {
		if strings.EqualFold(name, key) {
			return name
		}
	}
	return ""
}
