package criu

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// maxMessage bounds a response: the longest thing in it is a line of the log.
const maxMessage = 256 << 10

// ErrRefused means that CRIU could not do what it was asked for. Its log knows
// more than the error does, see [Excerpt].
var ErrRefused = errors.New("criu refused")

// Process is a CRIU that serves this process alone.
type Process struct {
	PID     int
	process *os.Process
	sock    int
	asked   kind // what for; the response to that is the last
	waits   bool // for the answer to a notification
}

// Start executes the program at path. The descriptors files are passed on to it
// as 4, 5 and so on; its standard streams are those of this process's that
// standard names, /dev/null for nil.
//
// It is not ended with this process: a dump that loses its client gives up in
// an orderly way, the dumped processes go on. Killed they would be left with
// CRIU's code in them.
func Start(path string, files []*os.File) (*Process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "criu")
	defer theirs.Close()
	null, err := retry.OpenFile(os.DevNull, unix.O_RDWR, 0)
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	defer null.Close()
	process, err := os.StartProcess(path, []string{"criu", "swrk", "3"}, &os.ProcAttr{
		Files: append([]*os.File{null, null, null, theirs}, files...),
		// A session of its own: keys typed for the container are not for it.
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	return &Process{PID: process.Pid, process: process, sock: pair[0]}, nil
}

// Close ends the conversation and waits for the end of the process.
func (p *Process) Close() error {
	if p.sock >= 0 {
		unix.Close(p.sock)
		p.sock = -1
	}
	if p.process == nil {
		return nil
	}
	_, err := p.process.Wait()
	p.process = nil
	return err
}

// Version asks which CRIU it is.
func (p *Process) Version() (Version, error) {
	r, err := p.call(&request{kind: kindVersion, keepOpen: true}, nil)
	if err != nil {
		return Version{}, err
	}
	return r.version, nil
}

// Features asks which of the features that are wanted CRIU and the kernel have.
func (p *Process) Features(wanted Features) (Features, error) {
	r, err := p.call(&request{kind: kindFeatures, features: wanted, keepOpen: true}, nil)
	if err != nil {
		return Features{}, err
	}
	return r.features, nil
}

// Dump dumps processes. notify is called for each notification; if it returns
// an error, CRIU gives up. It may be nil.
func (p *Process) Dump(o *Options, notify func(Notification) error) error {
	_, err := p.call(&request{kind: kindDump, opts: o}, notify)
	return err
}

// PreDump dumps only memory, and leaves the processes running.
func (p *Process) PreDump(o *Options, notify func(Notification) error) error {
	_, err := p.call(&request{kind: kindPreDump, opts: o}, notify)
	// There may come more before the dump: CRIU waits for it.
	return err
}

// Restore has CRIU begin to restore processes, see Next.
func (p *Process) Restore(o *Options) error { return p.ask(&request{kind: kindRestore, opts: o}) }

// Next waits for the next notification of a restore, which Continue or GiveUp
// answers, or for its end: then pid is the first process's, and else 0.
func (p *Process) Next() (n Notification, pid int, err error) {
	r, err := p.next()
	if err != nil {
		return Notification{FD: -1}, 0, err
	}
	return r.notify, r.pid, nil
}

// Continue lets CRIU continue after a notification.
func (p *Process) Continue() error { return p.answer(true) }

// GiveUp has a CRIU that waits after a notification undo what it has done.
func (p *Process) GiveUp() error {
	for p.waits {
		err := p.answer(false)
		if err != nil {
			return err
		}
		r, err := p.receive()
		if err != nil {
			return p.lost(err)
		}
		if p.waits = r.kind == kindNotify; r.notify.FD >= 0 {
			unix.Close(r.notify.FD)
		}
	}
	return nil
}

// call sends a request and answers notifications until the response comes.
func (p *Process) call(req *request, notify func(Notification) error) (*response, error) {
	err := p.ask(req)
	for err == nil {
		var r *response
		if r, err = p.next(); err != nil || r.kind == req.kind {
			return r, err
		}
		if notify != nil {
			err = notify(r.notify)
		} else if r.notify.FD >= 0 {
			unix.Close(r.notify.FD)
		}
		if err != nil {
			return nil, errors.Join(err, p.GiveUp())
		}
		err = p.Continue()
	}
	return nil, err
}

// ask sends a request.
func (p *Process) ask(r *request) error {
	p.asked = r.kind
	if err := p.send(r); err != nil {
		return p.lost(err)
	}
	return nil
}

// next receives a notification, or the response to what was asked.
func (p *Process) next() (*response, error) {
	r, err := p.receive()
	switch {
	case err != nil:
		return nil, p.lost(err)
	case r.kind == kindNotify:
		p.waits = true
	case !r.success:
		return nil, r.refused()
	case r.kind != p.asked:
		return nil, fmt.Errorf("unexpected response %d from criu to request %d", r.kind, p.asked)
	}
	return r, nil
}

// answer answers a notification.
func (p *Process) answer(goOn bool) error {
	p.waits = false
	if err := p.send(&request{kind: kindNotify, notified: goOn}); err != nil {
		return p.lost(err)
	}
	return nil
}

// refused turns a response into an error, with what it knows of the reason.
func (r *response) refused() error {
	switch {
	case r.message != "":
		return fmt.Errorf("%w: %s", ErrRefused, line(r.message))
	case r.errno != 0:
		return fmt.Errorf("%w: %w", ErrRefused, r.errno)
	}
	return ErrRefused
}

func (p *Process) send(r *request) error {
	return os.NewSyscallError("send", retry.Sendto(p.sock, r.encode(), unix.MSG_NOSIGNAL, nil))
}

func (p *Process) receive() (*response, error) {
	buf := make([]byte, maxMessage)
	n, fds, err := retry.Receive(p.sock, buf, 4)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	if n == 0 {
		err = io.EOF
	}
	var r *response
	if err == nil {
		r, err = decodeResponse(buf[:n])
	}
	if err == nil && len(fds) > 0 && r.kind == kindNotify {
		r.notify.FD, fds = fds[0], fds[1:]
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	return r, err
}

// lost finds out how CRIU ended without an answer. It closes the connection first, so
// that one that still runs exits, too.
func (p *Process) lost(cause error) error {
	if !errors.Is(cause, io.EOF) && !errors.Is(cause, unix.EPIPE) && !errors.Is(cause, unix.ECONNRESET) || p.process == nil {
		return cause
	}
	unix.Close(p.sock)
	p.sock = -1
	state, err := p.process.Wait()
	p.process = nil
	if err != nil {
		return err
	}
	err = fmt.Errorf("%w: it ended without an answer (%s)", ErrRefused, state)
	if errors.Is(cause, unix.ECONNRESET) { // nor heard all
		err = fmt.Errorf("%w: %w", err, unix.ECONNRESET)
	}
	return err
}
