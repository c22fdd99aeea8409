package plan

import (
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// HookState is the OCI state document that hooks read from standard input.
func (c *Container) HookState(status specs.ContainerState, pid int) specs.State {
	return specs.State{
		Version:     c.OCIVersion,
		ID:          c.ID,
		Status:      status,
		Pid:         pid,
		Bundle:      c.Bundle,
		Annotations: c.Annotations,
	}
}

// AppendState appends the state document that hooks read.
func AppendState(b []byte, s *specs.State) []byte {
	b = appendBeforePid(b, s)
	if s.Pid != 0 {
		b = strconv.AppendInt(append(b, beforePid...), int64(s.Pid), 10)
	}
	return appendAfterPid(b, s)
}

// StateAround gives what the state document has before a pid that is not known yet,
// and after it.
func (c *Container) StateAround(status specs.ContainerState) (before, after string) {
	s := c.HookState(status, 0)
	return string(append(appendBeforePid(nil, &s), beforePid...)), string(appendAfterPid(nil, &s))
}

const beforePid = `,"pid":`

func appendBeforePid(b []byte, s *specs.State) []byte {
	b = append(b, `{"ociVersion":`...)
	b = jsontext.AppendString(b, s.Version)
	b = append(b, `,"id":`...)
	b = jsontext.AppendString(b, s.ID)
	b = append(b, `,"status":`...)
	return jsontext.AppendString(b, string(s.Status))
}

func appendAfterPid(b []byte, s *specs.State) []byte {
	b = append(b, `,"bundle":`...)
	b = jsontext.AppendString(b, s.Bundle)
	if len(s.Annotations) > 0 {
		keys := make([]string, 0, len(s.Annotations))
		for k := range s.Annotations {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		b = append(b, `,"annotations":{`...)
		for i, k := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = jsontext.AppendString(b, k)
			b = append(b, ':')
			b = jsontext.AppendString(b, s.Annotations[k])
		}
		b = append(b, '}')
	}
	return append(b, '}')
}
