package cgroups

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Events are the notable things that happened to the cgroup and those below.
type Events struct {
	Populated bool
	Frozen    bool
	Memory    *MemoryEvents // nil without the memory controller
	Pids      *PidsEvents   // nil without the pids controller
}

// PidsEvents is pids.events.
type PidsEvents struct {
	Max uint64 // forks that hit a limit
}

// Events reads cgroup.events, memory.events and pids.events.
func (d *dir) Events() (Events, error) {
	b, err := d.read("cgroup.events")
	if err != nil {
		return Events{}, err
	}
	populated, _ := flatKey(b, "populated")
	frozen, _ := flatKey(b, "frozen")
	e := Events{Populated: populated != 0, Frozen: frozen != 0}
	r := reader{d: d}
	if b := r.text("memory.events"); b != nil {
		m := memoryEvents(b)
		e.Memory = &m
	}
	if b := r.text("pids.events"); b != nil {
		n, _ := flatKey(b, "max")
		e.Pids = &PidsEvents{Max: n}
	}
	return e, r.err
}

// Watch reports when an events file of a cgroup changes.
type Watch struct {
	d    *dir
	fd   int
	file string
}

// Watch begins to watch a file such as "memory.events" or "cgroup.events". The
// error is ErrNotSupported if the cgroup has no such controller. The owner
// calls Close.
func (d *dir) Watch(file string) (*Watch, error) {
	fd, err := openAt(d.fd, file, unix.O_RDONLY)
	if err != nil {
		return nil, d.pathError("open", file, err)
	}
	w := &Watch{d, fd, file}
	if err := w.Seen(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return w, nil
}

// Seen marks what the file says now as seen: poll(2) compares with the last
// read of the descriptor. Wait does it; it is for callers that poll FD. The error
// is ErrNotExist when the cgroup is gone.
func (w *Watch) Seen() error {
	var buf [512]byte
	if _, err := retry.Pread(w.fd, buf[:], 0); err != nil {
		return w.d.pathError("read", w.file, err)
	}
	return nil
}

// Wait returns true when the file changed since the last Wait returned, or
// since Watch, and false after the timeout; a negative one is none. After true
// the caller reads the file, with [Cgroup.Events] say: the kernel merges
// changes that come close to each other. The error is ErrNotExist when the
// cgroup is gone.
func (w *Watch) Wait(timeout time.Duration) (bool, error) {
	n, err := retry.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLPRI}}, timeout)
	if err != nil {
		return false, w.d.pathError("poll", w.file, err)
	}
	if n == 0 {
		return false, nil
	}
	return true, w.Seen()
}

// FD is the descriptor that poll(2) reports POLLPRI for when Wait would return
// at once. It belongs to w.
func (w *Watch) FD() int { return w.fd }

// Close ends the watch.
func (w *Watch) Close() error { return unix.Close(w.fd) }
