package libcontainer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// ErrNoCgroup means that nothing measures the container: it has no cgroup of
// its own.
var ErrNoCgroup = errors.New("container has no cgroup of its own")

// Stats is what a container uses.
type Stats struct {
	cgroups.Stats
	Interfaces []Interface    // empty if the network is the host's
	Rdt        *resctrl.Stats // nil without a class of service
}

// Interface counts what a network interface has sent and received.
type Interface struct {
	Name                                    string
	RxBytes, RxPackets, RxErrors, RxDropped uint64
	TxBytes, TxPackets, TxErrors, TxDropped uint64
}

// Stats measures the container. The error is ErrNotRunning if it has stopped.
func (c *Container) Stats() (*Stats, error) {
	m, err := c.meter()
	if err != nil {
		return nil, err
	}
	defer m.close()
	if m.group == nil {
		return nil, noCgroup()
	}
	return m.measure()
}

// meter reads what a container that lives uses.
type meter struct {
	journal *state.State
	init    int             // pidfd
	group   *cgroups.Cgroup // nil: it has none
}

// meter opens the files with the container's usage. The error is ErrNotRunning if it has stopped.
func (c *Container) meter() (*meter, error) {
	init, err := c.Journal.Init.Pidfd()
	if err != nil {
		return nil, err
	}
	m := &meter{journal: c.Journal, init: init}
	m.group, err = c.OpenCgroup()
	if err == nil && m.group == nil && c.Journal.Cgroup.Dir != "" {
		err = c.CgroupGone(ErrNotRunning)
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *meter) close() {
	unix.Close(m.init)
	if m.group != nil {
		m.group.Close()
	}
}

// measure reads the statistics.
func (m *meter) measure() (*Stats, error) {
	s := new(Stats)
	var err error
	if s.Stats, err = m.group.Stats(); err != nil {
		return nil, err
	}
	if s.Pids == nil {
		// Without the controller threads are not counted, but processes can be listed.
		pids, err := m.group.Procs()
		if err != nil {
			return nil, err
		}
		s.Pids = &cgroups.PidsStats{Current: uint64(len(pids)), Limit: cgroups.Max}
	}
	if s.Interfaces, err = m.interfaces(); err != nil {
		return nil, err
	}
	if rdt := &m.journal.Rdt; rdt.Dir != "" {
		root, err := resctrl.Find()
		if err != nil {
			return nil, err
		}
		if s.Rdt, err = root.Stats(rdt.Dir, rdt.Monitor); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// interfaces reads the counters of the container's network namespace, which
// init's procfs directory shows without joining it.
func (m *meter) interfaces() ([]Interface, error) {
	if !m.journal.HasNamespace(specs.NetworkNamespace) {
		return nil, nil
	}
	proc, err := sys.HostProc()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	text, err := proc.Read(strconv.Itoa(m.journal.Init.PID) + "/net/dev")
	if ended(m.init) {
		return nil, ErrNotRunning // and the pid may have been reused
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return nil, ErrNotRunning // it is about to: it has left its namespaces
	}
	if err != nil {
		return nil, err
	}
	return parseNetDev(string(text))
}

// ended reports whether the process of a pidfd has ended.
func ended(pidfd int) bool {
	gone, err := retry.Readable(pidfd, 0)
	return err == nil && gone
}

// parseNetDev reads /proc/net/dev (proc_pid_net(5)): two lines of headings,
// then one for each interface, "NAME: " and eight counters for each direction.
// The loopback interface is left out: it moves nothing anywhere.
func parseNetDev(text string) ([]Interface, error) {
	var list []Interface
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		if !ok { // a heading
			continue
		}
		var n [16]uint64
		fields := strings.Fields(rest)
		if len(fields) < len(n) {
			return nil, fmt.Errorf("read /proc/net/dev: malformed line %q", line)
		}
		for i := range n {
			var err error
			if n[i], err = strconv.ParseUint(fields[i], 10, 64); err != nil {
				return nil, fmt.Errorf("read /proc/net/dev: malformed line %q", line)
			}
		}
		if name = strings.TrimSpace(name); name == "lo" {
			continue
		}
		list = append(list, Interface{name, n[0], n[1], n[2], n[3], n[8], n[9], n[10], n[11]})
	}
	return list, nil
}
