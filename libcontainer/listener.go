package libcontainer

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// sendListener takes the listener from init and hands it to the agent. A
// container without its agent would hang at the first notification, so there
// is none.
func (c *creation) sendListener(s *plan.SendListener) error {
	listener, err := c.init.Listener()
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	st := c.plan.Container.HookState(specs.StateCreating, c.init.Pid)
	text := processState(&st, c.init.Pid, s.Metadata)
	if err := sendDescriptor(s.Path, string(text), listener); err != nil {
		return err
	}
	return c.init.Continue()
}

// processState writes the ContainerProcessState that comes to the agent with
// the listener: pid is the process under the filter, st its container.
func processState(st *specs.State, pid int, metadata string) []byte {
	b := append([]byte(nil), `{"ociVersion":`...)
	b = jsontext.AppendString(b, st.Version)
	b = append(b, `,"fds":["`+specs.SeccompFdName+`"],"pid":`...)
	b = strconv.AppendInt(b, int64(pid), 10)
	if metadata != "" {
		b = append(b, `,"metadata":`...)
		b = jsontext.AppendString(b, metadata)
	}
	b = append(b, `,"state":`...)
	b = plan.AppendState(b, st)
	return append(b, '}')
}
