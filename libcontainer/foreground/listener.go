package foreground

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TakeListener takes the listener from init, which goes on: the filter is one that asks
// nobody before the process executes.
func TakeListener(init *initlink.Init, listener *int) error {
	var err error
	if *listener, err = init.Listener(); err != nil {
		return err
	}
	return init.Continue()
}

// HandListener hands the listener to the agent.
func HandListener(listener *int, s *plan.SendListener, st *specs.State, pid int) error {
	err := SendDescriptor(s.Path, string(processState(st, pid, s.Metadata)), *listener)
	unix.Close(*listener) // or the agent's end would not be the end of it
	*listener = -1
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
