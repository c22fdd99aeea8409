package initproc

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/plan"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
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
	last, ok := c.steps[len(c.steps)-1].(*plan.Execute)
	if !ok {
		return fault.New(0, "the plan does not end in execute")
	}
	c.env = last.Env
	if last.Home {
		c.home.Truncate(0)
		c.home.Add("HOME=")
		if err := home(c.root.Root(), last.UID, &c.home); err != nil {
			return whole(fault.Of(err).In("process.env: HOME is not given, and the container's /etc/passwd, which may tell it"))
		}
		c.env = append(c.env[:len(c.env):len(c.env)], c.home.String())
	}
	if last.ListenPID {
		listenPID(c.env, &c.listen)
	}
	var err error
	if c.program, err = sys.NewProgram(c.path.String(), last.Args, c.env); err != nil {
		return err
	}
	// Nothing of ours is left open anyway; this is for what others left.
	for _, fd := range c.holes {
		sys.CloseOnExec(int(fd))
	}
	return sys.FenceOwn(3 + c.preserve)
}

// listenPID makes sd_listen_fds(3) believe that the sockets are for this
// process. The entries are then views of text.
func listenPID(env []string, text *raw.Text) {
	const name = "LISTEN_PID="
	text.Truncate(0)
	text.Add(name).AddInt(unix.Getpid())
	for i := range env {
		if strings.HasPrefix(env[i], name) {
			env[i] = text.String()
		}
	}
}

// lookPath finds a program by its name, and PATH's value if there is no slash in it.
// The words are those of Go's os/exec: engines turn them into exit codes 126 and 127.
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

// executable says whether this user may execute a file.
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

// waitStart blocks until someone opens the exec fifo for reading. The parent has
// gone: from here on whoever starts the container hears what becomes of it. A start
// that is killed before it has heard the first word has started nothing.
func (c *container) waitStart() error {
	dir, err := c.openFDs()
	if err != nil {
		return err
	}
	for c.started < 0 {
		if err := c.answerStart(dir); err != nil {
			return err
		}
	}
	unix.Close(dir)
	unix.Close(c.fifo)
	c.conn.Close()
	if c.proc != sys.NoProc { // hooks, which are the image's, may be allowed to look into this process
		c.proc.Close()
		c.proc = sys.NoProc
	}
	return nil
}

// answerStart sets started if who has opened the fifo hears that init goes on. Go
// is told that this thread waits, or it would interrupt it many times a second.
func (c *container) answerStart(dir int) error {
	fifo, err := retry.Openat(dir, strconv.Itoa(c.fifo), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("exec fifo: %w", err)
	}
	// Before the word is out: if nobody else hears of it, state can still tell.
	if err := sys.SetName(Started); err != nil {
		return err
	}
	_, err = retry.Write(fifo, []byte{0})
	if err == unix.EPIPE {
		unix.Close(fifo)
		return sys.SetName(Created)
	}
	c.started = fifo
	return os.NewSyscallError("write", err)
}

// openFDs opens the directory of this thread's descriptors, once.
func (c *container) openFDs() (int, error) {
	if c.fds >= 0 {
		return c.fds, nil
	}
	proc, err := c.procfs()
	if err != nil {
		return -1, err
	}
	return proc.Open("thread-self/fd", unix.O_PATH|unix.O_DIRECTORY)
}

// exitRefused is the exit code of a container whose program execve(2) has refused, runc's too.
const exitRefused = 255

// execute becomes the container's program.
func (c *container) execute(s *plan.Execute) error {
	c.allowHugePages()
	errno := c.program.Execute()
	if s.Alone {
		c.refusal.Add("exec ").Add(c.path.String()).Add(": ").Add(sys.RefusalWords(errno)).Add("\n")
	}
	refused := fault.New(errno, "exec %s").Str(c.path.String())
	refused.Refused = true
	return refused
}

// complain tells who reads the process's output that the program is refused. They
// may let it wait, so whoever waits for this process has been told before.
func (c *container) complain() {
	raw.Close(c.started)
	raw.WriteString(2, c.refusal.String())
}
