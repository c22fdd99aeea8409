package cli

import (
	"time"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) stateCommand() *Command {
	return inv.simpleCommand("show the state of a container",
		"Prints the state document of the runtime specification, and rootfs and created.",
		"crun-go state web", inv.printState)
}

func (inv *invocation) printState(container *libcontainer.Container) error {
	s, err := statusOf(container)
	if err != nil {
		return err
	}
	w := jsontext.NewWriter("  ")
	s.write(w)
	return inv.printJSON(w.Bytes()) // no newline: so it is with runc
}

// status is what state and list show of a container.
type status struct {
	ociVersion, id string
	pid            int // 0 if there is no process
	word           string
	bundle, rootfs string
	created        time.Time
	annotations    map[string]string
	owner          string
	usage          *usage // nil: not asked for
}

func statusOf(container *libcontainer.Container) (*status, error) {
	word, pid, err := container.Status()
	if err != nil {
		return nil, err
	}
	s := container.Journal
	return &status{
		ociVersion:  s.Container.OCIVersion,
		id:          s.Container.ID,
		pid:         pid,
		word:        string(word),
		bundle:      s.Container.Bundle,
		rootfs:      s.Container.Rootfs,
		created:     s.Created,
		annotations: s.Container.Annotations,
	}, nil
}

// write writes the status as runc does, keys in its order.
func (s *status) write(w *jsontext.Writer) {
	w.Object()
	w.Key("ociVersion").Text(s.ociVersion)
	w.Key("id").Text(s.id)
	w.Key("pid").Int(int64(s.pid))
	w.Key("status").Text(s.word)
	w.Key("bundle").Text(s.bundle)
	w.Key("rootfs").Text(s.rootfs)
	w.Key("created").Text(s.createdText())
	if len(s.annotations) > 0 {
		w.Key("annotations").TextMap(s.annotations)
	}
	w.Key("owner").Text(s.owner)
	if u := s.usage; u != nil {
		number := func(key string, n int64) {
			if n >= 0 {
				w.Key(key).Int(n)
			}
		}
		number("cpuMilliseconds", u.cpu.Milliseconds())
		number("memory", u.memory)
		number("processes", u.pids)
	}
	w.End()
}

func (s *status) createdText() string { return s.created.UTC().Format(time.RFC3339Nano) }
