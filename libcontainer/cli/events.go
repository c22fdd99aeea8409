package cli

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

func (inv *invocation) eventsCommand() *Command {
	var once bool
	var triggers pressureTriggers
	o := libcontainer.WatchOptions{Reader: -1}
	return &Command{
		Title: "print resource usage and events of a container",
		Args:  containerArg(),
		Description: `Prints one JSON object per line, with "type", "id" and "data": stats at every interval, and, when they happen, oom (out
of memory), memory (the counters after each oom), pids (pids.max kept a process from being made), pressure (see --pressure)
and exit, which is the last.`,
		Example: "crun-go events --stats web",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "stats", Destination: &once, Usage: "print the current statistics and exit"},
			&cli.DurationFlag{
				Name: "interval", Destination: &o.Interval, Value: 5 * time.Second,
				Usage: "print statistics every `DURATION`",
			},
			&cli.GenericFlag{
				Name: "pressure", Value: &triggers,
				Usage: "report when some (or full) tasks stall for longer than a time in a window: `WHAT` is like memory:some:150ms/2s (repeatable)",
			},
		},
		run: func(c *cli.Context) error {
			return inv.onContainer(c, func(container *libcontainer.Container) error {
				if o.Interval <= 0 {
					return errors.New("duration interval must be greater than 0")
				}
				id := c.Args().First()
				var err error
				if once {
					err = inv.printStats(container, id)
				} else {
					o.Pressure = triggers
					err = inv.watch(container, id, o)
				}
				if errors.Is(err, libcontainer.ErrNotRunning) {
					return &stoppedError{id}
				}
				return err
			})
		},
	}
}

// stoppedError is ErrNotRunning in the words that runc has for it here.
type stoppedError struct{ id string }

func (e *stoppedError) Error() string { return "container with id " + e.id + " is not running" }
func (e *stoppedError) Unwrap() error { return libcontainer.ErrNotRunning }

func (inv *invocation) printStats(container *libcontainer.Container, id string) error {
	stats, err := container.Stats()
	if err != nil {
		return err
	}
	return inv.emit(&libcontainer.Event{Type: libcontainer.EventStats, Stats: stats}, id)
}

// watch prints events until the container ends, or the reader.
func (inv *invocation) watch(container *libcontainer.Container, id string, o libcontainer.WatchOptions) error {
	if f, ok := inv.stdout.(*os.File); ok {
		o.Reader = int(f.Fd())
	}
	o.Warn = func(text string) { inv.note("warning: %s", text) }
	err := container.Watch(o, func(e *libcontainer.Event) error { return inv.emit(e, id) })
	switch {
	case errors.Is(err, unix.EPIPE):
		return nil // the reader has seen what it wanted
	case errors.Is(err, unix.EINVAL) && len(o.Pressure) > 0:
		return withHint(err, "the window must be 500ms to 10s, and longer than the time waited; without CAP_SYS_RESOURCE a multiple of 2s")
	}
	return err
}

// emit writes an event as one line, in one write.
func (inv *invocation) emit(e *libcontainer.Event, id string) error {
	w := jsontext.NewWriter("")
	writeEvent(w, e, id)
	line := shown(inv.stdout, append(w.Bytes(), '\n'))
	f, ok := inv.stdout.(*os.File)
	if !ok {
		_, err := inv.stdout.Write(line)
		return err
	}
	// Not by way of os.File, which turns EPIPE into the end by SIGPIPE.
	for len(line) > 0 {
		n, err := retry.Write(int(f.Fd()), line)
		switch err {
		case unix.EAGAIN: // another process made it non-blocking
			if _, err = retry.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLOUT}}, -1); err == nil {
				continue
			}
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: f.Name(), Err: err}
		}
		line = line[n:]
	}
	return nil
}

// writeEvent writes the envelope. The data of events that runc does not know must be harmless to readers that decode
// every event as statistics, so its keys differ from theirs.
func writeEvent(w *jsontext.Writer, e *libcontainer.Event, id string) {
	w.Object()
	w.Key("type").Text(string(e.Type))
	w.Key("id").Text(id)
	switch {
	case e.Stats != nil:
		w.Key("data")
		writeStats(w, e.Stats)
	case e.Memory != nil:
		w.Key("data")
		object{w}.memoryEvents(e.Memory)
	case e.Pids != nil:
		w.Key("data").Object()
		w.Key("max").Uint(e.Pids.Max)
		w.End()
	case e.Trigger != nil:
		w.Key("data").Object()
		w.Key("trigger").Text(triggerText(*e.Trigger))
		w.End()
	}
	w.End()
}

// pressureTriggers is the value of --pressure, each adds one.
type pressureTriggers []cgroups.PressureTrigger

func (p *pressureTriggers) String() string {
	var list []string
	for _, t := range *p {
		list = append(list, triggerText(t))
	}
	return strings.Join(list, ",")
}

func (p *pressureTriggers) Set(text string) error {
	t, err := parseTrigger(text)
	if err == nil {
		*p = append(*p, t)
	}
	return err
}

func triggerText(t cgroups.PressureTrigger) string {
	kind := "some"
	if t.Full {
		kind = "full"
	}
	return t.Resource + ":" + kind + ":" + t.Stall.String() + "/" + t.Window.String()
}

// parseTrigger reads RESOURCE:some|full:STALL/WINDOW.
func parseTrigger(text string) (t cgroups.PressureTrigger, err error) {
	wrong := errors.New("expected RESOURCE:some|full:STALL/WINDOW, such as memory:some:150ms/2s, with cpu, memory or io")
	resource, rest, _ := strings.Cut(text, ":")
	kind, times, _ := strings.Cut(rest, ":")
	stall, window, _ := strings.Cut(times, "/")
	switch resource {
	case "cpu", "memory", "io":
	default:
		return t, wrong
	}
	if kind != "some" && kind != "full" {
		return t, wrong
	}
	t = cgroups.PressureTrigger{Resource: resource, Full: kind == "full"}
	if t.Stall, err = time.ParseDuration(stall); err != nil || t.Stall < time.Microsecond {
		return t, wrong
	}
	if t.Window, err = time.ParseDuration(window); err != nil || t.Window < t.Stall {
		return t, wrong
	}
	return t, nil
}
