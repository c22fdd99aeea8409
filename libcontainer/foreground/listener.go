package foreground

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// TakeListener takes the listener from init, which goes on: no call is sent to the agent
// before the process executes.
func (f *Side) TakeListener(init *initlink.Init) error {
	var err error
	if f.listener, err = init.Listener(); err != nil {
		return err
	}
	return init.Continue()
}

// SendListener hands the listener to the agent, and takes it from init before if that has
// not been done. A container without its agent would hang at the first notification, so
// there is none. st is the container's state.
func (f *Side) SendListener(init *initlink.Init, s *plan.SendListener, st *specs.State) error {
	waits := f.listener == 0
	if waits {
		var err error
		if f.listener, err = init.Listener(); err != nil {
			return err
		}
	}
	err := SendDescriptor(s.Path, string(processState(st, init.Pid, s.Metadata)), f.listener)
	f.closeListener() // or the agent's end would not be the end of it
	if err != nil || !waits {
		return err
	}
	return init.Continue()
}

func (f *Side) closeListener() {
	if f.listener > 0 {
		unix.Close(f.listener)
		f.listener = 0
	}
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
