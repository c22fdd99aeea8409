package ocijson

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

func hooks(r *jsontext.Reader, h *specs.Hooks) {
	for key := range r.Fields() {
		switch key {
		case "prestart":
			//nolint:staticcheck // deprecated since 1.1.0, and what nvidia-container-toolkit still writes
			jsontext.List(r, &h.Prestart, "objects", hook)
		case "createRuntime":
			jsontext.List(r, &h.CreateRuntime, "objects", hook)
		case "createContainer":
			jsontext.List(r, &h.CreateContainer, "objects", hook)
		case "startContainer":
			jsontext.List(r, &h.StartContainer, "objects", hook)
		case "poststart":
			jsontext.List(r, &h.Poststart, "objects", hook)
		case "poststop":
			jsontext.List(r, &h.Poststop, "objects", hook)
		}
	}
}

func hook(r *jsontext.Reader, h *specs.Hook) {
	for key := range r.Fields() {
		switch key {
		case "path":
			jsontext.Text(r, &h.Path)
		case "args":
			jsontext.Texts(r, &h.Args)
		case "env":
			jsontext.Texts(r, &h.Env)
		case "timeout":
			jsontext.Pointer(r, &h.Timeout, jsontext.Int)
		}
	}
}
