package hooks

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// keep is how many bytes of both of a hook's outputs its error message has: what a
// message may have, nearly.
const keep = 1700

// said is what a hook has printed: of what is long, the beginning and the end.
type said struct {
	text  [keep]byte
	size  int // of what is kept
	total int
}

// add adds what was printed. Once text is full its second half is the end.
func (s *said) add(p []byte) {
	s.total += len(p)
	n := copy(s.text[s.size:], p)
	s.size += n
	p = p[n:]
	last := s.text[keep/2:]
	if over := len(p) - len(last); over > 0 {
		p = p[over:]
	}
	copy(last, last[len(p):])
	copy(last[len(last)-len(p):], p)
}

// collect reads once, adds it, and copies it to a log, if there is one. It reports
// whether there may be more.
func (s *said) collect(fd *int32, log int) bool {
	var buf [4096]byte
	n, errno := raw.Read(int(*fd), buf[:])
	if errno == unix.EAGAIN {
		return false
	}
	if errno != 0 || n == 0 {
		shut(fd)
		return false
	}
	if log > 0 {
		raw.Write(log, buf[:n])
	}
	s.add(buf[:n])
	return true
}

// drain takes what is still in the pipes, and no more than they can hold: a
// child that the hook left behind may go on writing.
func (r *running) drain() {
	const reads = 64 << 10 / 4096
	for range reads {
		if r.stdout[0] == 0 || !r.out.collect(&r.stdout[0], r.log.Stdout) {
			break
		}
	}
	for range reads {
		if r.stderr[0] == 0 || !r.err.collect(&r.stderr[0], r.log.Stderr) {
			break
		}
	}
}

// saying adds both outputs to a fault. What the one does not need the other may have.
func (r *running) saying(f *fault.Fault) *fault.Fault {
	out := keep - min(r.err.size, keep/2)
	r.out.addTo(f, out)
	r.err.addTo(f, keep-min(r.out.size, out))
	return f
}

// addTo adds an argument of a size: what was printed, without line ends behind it.
func (s *said) addTo(f *fault.Fault, room int) {
	for s.size > 0 && s.text[s.size-1] == '\n' {
		s.size--
		s.total--
	}
	if s.total <= min(room, keep) {
		f.Str(raw.String(s.text[:s.size]))
		return
	}
	room = room/2 - 20         // the rest is for the gap
	begin := min(room, s.size) // of what ends in many line ends hardly more is left
	end := min(room, s.size-begin)
	f.Str(raw.String(s.text[:begin]))
	var gap raw.Text
	gap.Add(" [... ").AddInt(s.total - begin - end).Add(" bytes left out ...] ")
	f.More(gap.String()).More(raw.String(s.text[s.size-end : s.size]))
}
