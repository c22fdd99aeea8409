package initproc

import (
	"bytes"
	"errors"
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
	"github.com/crun-go/crun-go/libcontainer/wire"
)

// findExecutable looks the program up as the process's user will find it, and
// prepares all that execve needs. The words are those of Go's os/exec: engines
// turn them into exit codes 126 and 127.
func (c *container) findExecutable(s *plan.FindExecutable) error {
	if c.chdirErr != nil {
		return &wire.Whole{Err: fmt.Errorf("chdir to cwd set in config.json failed: %w", c.chdirErr)}
	}
	var err error
	if c.path, err = lookPath(s.Name, s.Path); err != nil {
		return &wire.Whole{Err: err}
	}
	last, ok := c.steps[len(c.steps)-1].(*plan.Execute)
	if !ok {
		return errors.New("the plan does not end in execute")
	}
	c.env = last.Env
	if last.Home {
		dir, err := home(c.root.Root(), last.UID)
		if err != nil {
			return &wire.Whole{Err: fmt.Errorf("process.env: HOME is not given, and the container's /etc/passwd, which may tell it: %w", err)}
		}
		c.env = append(c.env[:len(c.env):len(c.env)], "HOME="+dir)
	}
	if last.ListenPID {
		listenPID(c.env)
	}
	if c.program, err = sys.NewProgram(c.path, last.Args, c.env); err != nil {
		return err
	}
	// Nothing of ours is left open anyway; this is for what others left.
	for _, fd := range c.holes {
		unix.CloseOnExec(fd)
	}
	return sys.FenceOwn(3 + c.preserve)
}

// listenPID makes sd_listen_fds(3) believe that the sockets are for this
// process.
func listenPID(env []string) {
	for i, entry := range env {
		if strings.HasPrefix(entry, "LISTEN_PID=") {
			env[i] = "LISTEN_PID=" + strconv.Itoa(os.Getpid())
		}
	}
}

func lookPath(name, path string) (string, error) {
	fail := func(format string, args ...any) (string, error) {
		return "", fmt.Errorf("exec: %q: "+format, append([]any{name}, args...)...)
	}
	if strings.Contains(name, "/") {
		if err := executable(name); err != nil {
			var statErr *os.PathError
			if errors.As(err, &statErr) {
				return fail("stat %s: %w", name, statErr.Err)
			}
			return fail("%w", err)
		}
		return name, nil
	}
	for _, dir := range strings.Split(path, ":") {
		if path == "" {
			break
		}
		if dir == "" {
			dir = "."
		}
		candidate := dir + "/" + name
		if executable(candidate) == nil {
			return candidate, nil
		}
	}
	return fail("executable file not found in $PATH")
}

// executable says whether this user may execute a file: *os.PathError if it
// can't even be looked at.
func executable(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return errors.New("is a directory")
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EACCES
	}
	return nil
}

// home reads the user's home from the container's /etc/passwd, in-root and
// bounded; "/" if it is not told: there is no such file, or none that this user
// may read.
//
// It is looked at before it is opened, but there need not be a procfs through
// which to open the very same file. What a container puts in its place in that
// moment is opened as the container's user and within its device rules: it
// could do that itself.
func home(root int, uid uint32) (string, error) {
	look, err := openPasswd(root, unix.O_PATH)
	if err != nil || look < 0 {
		return "/", err
	}
	defer unix.Close(look)
	fd, err := openPasswd(root, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil || fd < 0 {
		return "/", err
	}
	defer unix.Close(fd)
	data, err := sys.ReadAll(fd, 64<<20)
	if err != nil {
		return "", os.NewSyscallError("read", err)
	}
	return homeIn(data, uid), nil
}

// openPasswd opens /etc/passwd: -1 and no error if it is none that tells anything.
func openPasswd(root, flags int) (int, error) {
	fd, err := sys.OpenInRoot(root, "/etc/passwd", flags)
	switch {
	// The image's links may lead nowhere, or in circles.
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.EACCES):
		return -1, nil
	case err != nil:
		return -1, err
	}
	err = sys.CheckRegular(fd)
	if err == nil {
		return fd, nil
	}
	unix.Close(fd)
	if _, failed := err.(unix.Errno); failed {
		return -1, os.NewSyscallError("stat", err)
	}
	return -1, nil
}

// homeIn finds a user's home by numeric id, see passwd(5).
func homeIn(passwd []byte, uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	for line := range bytes.Lines(passwd) {
		fields := strings.Split(strings.TrimRight(string(line), "\n"), ":")
		if len(fields) >= 6 && fields[2] == id && fields[5] != "" && !strings.ContainsRune(fields[5], 0) {
			return fields[5]
		}
	}
	return "/"
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
		c.refusal.Add("exec ").Add(c.path).Add(": ").Add(sys.RefusalWords(errno)).Add("\n")
	}
	refused := fault.New(errno, "exec %s").Str(c.path)
	refused.Refused = true
	return refused
}

// complain tells who reads the process's output that the program is refused. They
// may let it wait, so whoever waits for this process has been told before.
func (c *container) complain() {
	raw.Close(c.started)
	raw.WriteString(2, c.refusal.String())
}
