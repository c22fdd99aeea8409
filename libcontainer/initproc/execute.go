package initproc

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// findExecutable looks the program up as the process's user will find it, and
// prepares all that execve needs.
func (c *container) findExecutable(s *plan.FindExecutable) error {
	if c.chdirErrno != 0 {
		return whole(fault.New(c.chdirErrno, "chdir to cwd set in config.json failed"))
	}
	if err := lookPath(s.Name, s.Path, &c.path); err != nil {
		return err
	}
	at, ok := c.find(plan.KindExecute, c.index, c.count)
	if !ok {
		return fault.New(0, "the plan does not end in execute")
	}
	var last plan.Execute
	last.Code(&at)
	if err := c.prepare(&last, c.root.Root()); err != nil {
		return err
	}
	if c.will(plan.KindCloseOthers) {
		return nil
	}
	// Nothing of ours is left open anyway; this is for what others left.
	for _, fd := range c.opening.Holes {
		sys.CloseOnExec(fd)
	}
	return sys.FenceOwn(3 + c.opening.PreserveFDs)
}

// prepare makes all that execve(2) takes. Where HOME is to be found out the plan has
// room for it at the end of the environment.
func (p *program) prepare(last *plan.Execute, root int) error {
	if last.Home {
		p.home.Truncate(0)
		p.home.Add("HOME=")
		if err := home(root, last.UID, &p.home); err != nil {
			return whole(fault.Of(err).In("process.env: HOME is not given, and the container's /etc/passwd, which could have it"))
		}
		n := len(last.Env)
		last.Env = last.Env[:n+1]
		last.Env[n] = p.home.CString()
	}
	if last.ListenPID {
		listenPID(last.Env, &p.listen)
	}
	p.alone = last.Alone
	p.argv, p.env = codec.Pointers(last.Args), codec.Pointers(last.Env)
	return nil
}

// listenPID makes sd_listen_fds(3) believe that the sockets are for this
// process. The entries are then views of text.
func listenPID(env []string, text *raw.Text) {
	nameListener(text)
	for i := range env {
		if strings.HasPrefix(env[i], listenName) {
			env[i] = text.CString()
		}
	}
}

const listenName = "LISTEN_PID="

// nameListener writes the entry for this process. An environment that has a view of text
// has it, too.
func nameListener(text *raw.Text) {
	text.Truncate(0)
	text.Add(listenName).AddInt(raw.Getpid()).CString()
}

// lookPath finds a program by its name, and PATH's value if there is no slash in it.
// The texts are those of Go's os/exec: engines turn them into exit codes 126 and 127.
func lookPath(name, path string, found *raw.Text) error {
	found.Truncate(0)
	if strings.IndexByte(name, '/') >= 0 {
		found.Add(name)
		return executable(name)
	}
	for more := path != ""; more; {
		var dir string
		if i := strings.IndexByte(path, ':'); i >= 0 {
			dir, path = path[:i], path[i+1:]
		} else {
			dir, more = path, false
		}
		if dir == "" {
			dir = "."
		}
		found.Truncate(0)
		found.Add(dir).Add("/").Add(name)
		if executable(found.String()) == nil {
			return nil
		}
	}
	return whole(fault.New(0, "exec: %q: executable file not found in $PATH").Str(name))
}

// executable reports whether this user may execute a file.
func executable(path string) error {
	var st unix.Statx_t
	if errno := raw.StatPath(unix.AT_FDCWD, path, unix.STATX_TYPE, &st); errno != 0 {
		return whole(fault.New(errno, "exec: %q: stat %s").Str(path).Str(path))
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return whole(fault.New(0, "exec: %q: is a directory").Str(path))
	}
	errno := raw.Access(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
	if errno == unix.ENOSYS || errno == unix.EPERM {
		// A filter may refuse faccessat2(2). The real ids are the effective ones here.
		errno = raw.Access(unix.AT_FDCWD, path, unix.X_OK, 0)
	}
	if errno == 0 && st.Mode&unix.S_IFMT != unix.S_IFREG {
		errno = unix.EACCES
	}
	if errno != 0 {
		return whole(fault.New(errno, "exec: %q").Str(path))
	}
	return nil
}

// waitStart blocks until start writes to exec.fifo. The parent has gone: from here on
// init reports to start.
func (c *container) waitStart() error {
	raw.Close(c.link.fd)
	var word [1]byte
	_, failed := raw.Await(c.fifo, word[:])
	raw.Close(c.fifo)
	c.started = true
	// Before the report: if it is not received, state still shows it.
	if err := sys.SetName(Started); err != nil {
		return err
	}
	word[0] = c.traceStart(word[0])
	if _, errno := raw.Write(c.answer, word[:]); errno != 0 {
		return fault.Call("write", errno)
	}
	return fault.Call("read", failed)
}

// exitRefused is the exit code of a container whose program execve(2) has refused, runc's too.
const exitRefused = 255

// execute becomes the container's program.
func (c *container) execute() error {
	if err := c.endTrace(); err != nil {
		return err
	}
	errno := raw.Execve(c.path.String(), c.argv, c.env)
	refused := fault.New(errno, "exec %s").Str(c.path.String())
	refused.Whole, refused.Refused = true, true
	return refused
}

// complain writes to the process's output that the program is refused. The write can
// block, so start or exec has the report before.
func (c *container) complain(errno unix.Errno) int {
	if c.started {
		raw.Close(c.answer)
	}
	raw.IgnorePipe() // or the exit code would be lost
	c.path.Add(": ").Add(sys.RefusalWords(errno)).Add("\n")
	raw.WriteParts(2, &[...]string{"exec ", c.path.String(), ""})
	return exitRefused
}
