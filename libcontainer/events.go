package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// EventType says what happened.
type EventType string

// The types of events. Only the first two are runc's.
const (
	EventStats    EventType = "stats"
	EventOOM      EventType = "oom"      // the container ran out of memory; without data, as runc has it
	EventMemory   EventType = "memory"   // after each EventOOM: what it counted
	EventPids     EventType = "pids"     // a fork failed because of pids.max
	EventPressure EventType = "pressure" // tasks waited for a resource
	EventExit     EventType = "exit"     // init has ended
)

// Event is something that happened to a container. What belongs to other types
// than its own is nil.
type Event struct {
	Type    EventType
	Stats   *Stats
	Memory  *cgroups.MemoryEvents    // Memory: counted since the cgroup was made
	Pids    *cgroups.PidsEvents      // Pids
	Trigger *cgroups.PressureTrigger // Pressure: the one that went off
}

// WatchOptions say what Watch reports.
type WatchOptions struct {
	Interval time.Duration // between statistics
	Pressure []cgroups.PressureTrigger

	// Reader is the descriptor of a pipe or socket that the events go to, or
	// -1. If it has no reader any more, Watch returns.
	Reader int

	// Warn gets warnings about what cannot be watched here.
	Warn func(text string)
}

// Watch calls tell for the statistics of every interval and for each event in
// between, and returns nil after the container's end. It waits for events: it
// never polls for them. An error of tell ends it. The error is ErrNotRunning
// if the container has stopped already.
func (c *Container) Watch(o WatchOptions, tell func(*Event) error) error {
	m, err := c.meter()
	if err != nil {
		return err
	}
	w := &watcher{meter: m, reader: o.Reader, tell: tell, interval: o.Interval}
	defer w.close()
	if w.group == nil {
		if len(o.Pressure) > 0 {
			return noCgroup()
		}
		o.Warn(ErrNoCgroup.Error() + ": only its exit can be reported")
		return w.run()
	}
	if err := w.watchCounters(o.Warn); err != nil {
		return err
	}
	for i := range o.Pressure {
		watch, err := w.group.WatchPressure(o.Pressure[i])
		if err != nil {
			return err
		}
		w.sources = append(w.sources, source{watch, func() error {
			return tell(&Event{Type: EventPressure, Trigger: &o.Pressure[i]})
		}})
	}
	return w.run()
}

// watcher waits for all that can happen to one container.
type watcher struct {
	*meter
	reader   int
	interval time.Duration
	tell     func(*Event) error
	sources  []source
	seen     cgroups.Events // as last reported
}

// source is a file of the cgroup and what its change means.
type source struct {
	watch   *cgroups.Watch
	changed func() error
}

func (w *watcher) close() {
	for _, s := range w.sources {
		s.watch.Close()
	}
	w.meter.close()
}

// watchCounters watches the counters of memory.events and pids.events. What
// they count already is history.
func (w *watcher) watchCounters(warn func(string)) error {
	for _, file := range [...]string{"memory.events", "pids.events"} {
		watch, err := w.group.Watch(file)
		if errors.Is(err, cgroups.ErrNotSupported) {
			warn(fmt.Sprintf("no events of this kind: %v", err))
			continue
		}
		if err != nil {
			return err
		}
		w.sources = append(w.sources, source{watch, w.compare})
	}
	var err error
	w.seen, err = w.group.Events()
	return err
}

// compare reports which counters have grown. A cgroup that is gone counts
// nothing: the container has ended.
func (w *watcher) compare() error {
	now, err := w.group.Events()
	if errors.Is(err, cgroups.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	before := w.seen
	w.seen = now
	if m, old := now.Memory, before.Memory; m != nil && (old == nil || m.OOM > old.OOM || m.OOMKill > old.OOMKill) {
		if err := errors.Join(w.tell(&Event{Type: EventOOM}), w.tell(&Event{Type: EventMemory, Memory: m})); err != nil {
			return err
		}
	}
	if p, old := now.Pids, before.Pids; p != nil && (old == nil || p.Max > old.Max) {
		return w.tell(&Event{Type: EventPids, Pids: p})
	}
	return nil
}

// run is the loop. It ends with the container or with the reader.
func (w *watcher) run() error {
	fds := []unix.PollFd{{Fd: int32(w.init), Events: unix.POLLIN}, {Fd: int32(w.reader)}}
	for _, s := range w.sources {
		fds = append(fds, unix.PollFd{Fd: int32(s.watch.FD()), Events: unix.POLLPRI})
	}
	next := time.Now().Add(w.interval)
	for {
		if err := w.wait(fds, next); err != nil {
			return err
		}
		if fds[1].Revents != 0 {
			return nil
		}
		for i := range w.sources {
			if fds[2+i].Revents == 0 {
				continue
			}
			if err := w.happened(i, &fds[2+i]); err != nil {
				return err
			}
		}
		if fds[0].Revents != 0 {
			return w.end()
		}
		if w.group == nil || time.Now().Before(next) {
			continue
		}
		next = next.Add(w.interval)
		if now := time.Now(); next.Before(now) { // this machine slept, or the reader did
			next = now.Add(w.interval)
		}
		if err := w.tellStats(); err != nil {
			return err
		}
	}
}

// wait waits until something happens or the next statistics are due.
func (w *watcher) wait(fds []unix.PollFd, next time.Time) error {
	limit := time.Duration(-1)
	if w.group != nil {
		limit = max(time.Until(next), 0)
	}
	for i := range fds {
		fds[i].Revents = 0
	}
	_, err := retry.Poll(fds, limit)
	return os.NewSyscallError("poll", err)
}

// happened reports the event of source i. A source whose cgroup is gone is
// watched no longer.
func (w *watcher) happened(i int, fd *unix.PollFd) error {
	s := w.sources[i]
	err := s.watch.Seen()
	if errors.Is(err, cgroups.ErrNotExist) {
		fd.Fd = -1
		return nil
	}
	if err != nil {
		return err
	}
	return s.changed()
}

// tellStats reports the current statistics, unless the container has just ended.
func (w *watcher) tellStats() error {
	stats, err := w.measure()
	if errors.Is(err, ErrNotRunning) || err != nil && ended(w.init) {
		return nil // the loop will see it
	}
	if err != nil {
		return err
	}
	return w.tell(&Event{Type: EventStats, Stats: stats})
}

// end reports what the container's end has counted, and the end.
func (w *watcher) end() error {
	if w.group != nil {
		if err := w.compare(); err != nil {
			return err
		}
	}
	return w.tell(&Event{Type: EventExit})
}
