package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// sendListener takes the listener from init and hands it to the agent. A
// container without its agent would hang at the first notification, so there
// is none.
func (c *creation) sendListener(s *plan.SendListener) error {
	m, err := c.next(wire.Listener)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := checkListener(m.FDs); err != nil {
		return err
	}
	st := c.plan.Container.HookState(specs.StateCreating, c.init.Pid)
	text := processState(&st, c.init.Pid, s.Metadata)
	if err := sendDescriptor(s.Path, string(text), m.FDs[0]); err != nil {
		return err
	}
	return c.letGo()
}

// checkListener verifies what came as a listener: its agent, who may be privileged, is to
// get nothing else from a container. The name can't be that of a file, which has a slash.
func checkListener(fds []int) error {
	if len(fds) != 1 {
		return errors.New("malformed message from init: no listener")
	}
	name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fds[0]))
	if err == nil && name != "anon_inode:seccomp notify" {
		err = fmt.Errorf("malformed message from init: %q, expected a seccomp listener", name)
	}
	return err
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
