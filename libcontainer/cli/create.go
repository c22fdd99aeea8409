package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/create"
	"github.com/crun-go/crun-go/libcontainer/initlink"
)

func (inv *invocation) createCommand() *Command {
	o := new(bundle.Options)
	return &Command{
		Title:       "create a container",
		Args:        newContainerArg(),
		Description: "Sets the container up; its process does not run until start. The id must not be taken.",
		Example:     "crun-go create --bundle /srv/web web",
		flags:       append(bundleFlags(o), inv.startFlags(o)...),
		run: func(c *cli.Context) error {
			err := inv.complete(o, c.Args().First())
			if err == nil {
				err = inv.makeXDGRoot()
			}
			if err == nil {
				err = create.Create(*o)
			}
			if err != nil {
				return fmt.Errorf("%s create failed: %w", program, err)
			}
			return nil
		},
	}
}

// bundleFlags say what container.
func bundleFlags(o *bundle.Options) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "bundle", Aliases: []string{"b"}, Destination: &o.Bundle,
			Usage: "the bundle is in `DIR` (default: the current directory)",
		},
		&cli.StringFlag{
			Name: "config", Aliases: []string{"f"}, Destination: &o.Config, Value: configName,
			Usage: "read `FILE` in the bundle",
		},
	}
}

// startFlags say how to start it.
func (inv *invocation) startFlags(o *bundle.Options) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{
			Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the terminal's master to the socket at `PATH`",
		},
		&cli.StringFlag{
			Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "send a pidfd of the container's init to the socket at `PATH`",
		},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the process id of init to `FILE`"},
		&cli.BoolFlag{
			Name: "no-pivot", Destination: &o.NoPivot,
			Usage: "change the root without pivot_root(2), which cannot leave a ramdisk",
		},
		&cli.BoolFlag{
			Name: "no-new-keyring", Destination: &o.NoNewKeyring,
			Usage: "share the caller's session keyring with the container",
		},
		&cli.IntFlag{
			Name: "preserve-fds", Destination: &o.PreserveFDs,
			Usage: "pass `N` descriptors to the container, after 0, 1, 2 and those of $LISTEN_FDS",
		},
		&cli.BoolFlag{
			Name: "no-subreaper", Destination: &o.NoSubreaper,
			Usage: "do not adopt processes whose parent has died (for create: ignored)",
		},
	}, traceFlags(&o.Trace)...)
}

func traceFlags(f *initlink.TraceFiles) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "trace", Destination: &f.Events, Usage: "write when each step began and ended to `FILE`, in the Trace Event format; - is standard output"},
		&cli.StringFlag{Name: "trace-otlp", Destination: &f.OTLP, Usage: "write the same to `FILE` as spans of OpenTelemetry (OTLP/JSON), which belong to the span in $TRACEPARENT; - is standard output"},
	}
}

// stepListener receives the steps of a plan, if debug messages are asked for.
func (inv *invocation) stepListener() initlink.Listener {
	if inv.log.level < levelDebug {
		return nil
	}
	return inv.log.step
}

// completeTrace makes paths absolute, and reads of which span the command is a part. A TRACEPARENT that
// is not valid has to be ignored.
func (inv *invocation) completeTrace(f *initlink.TraceFiles) error {
	f.Step = inv.stepListener()
	for _, path := range []*string{&f.Events, &f.OTLP} {
		if *path == "" || *path == "-" {
			continue
		}
		abs, err := absolute(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	parent := os.Getenv("TRACEPARENT")
	if parent == "" {
		return nil
	}
	var ok bool
	if f.Parent, ok = initlink.ParseTraceParent(parent, os.Getenv("TRACESTATE")); !ok {
		inv.log.debug(fmt.Sprintf("TRACEPARENT: %q is not valid, a new trace begins", parent))
	}
	return nil
}

// complete adds to the options what does not come from flags of the command, and makes paths absolute: those of files
// against the current directory, that of the config against the bundle.
func (inv *invocation) complete(o *bundle.Options, id string) error {
	if o.ListenFDs = listenFDs(os.Getenv, os.Getpid()); o.ListenFDs > 0 {
		o.ListenFDNames = os.Getenv("LISTEN_FDNAMES")
	}
	var err error
	if o.PreserveFDs, o.Holes, err = preserved(o.ListenFDs, o.PreserveFDs); err != nil {
		return err
	}
	for _, path := range []*string{&o.Bundle, &o.ConsoleSocket, &o.PidfdSocket, &o.PidFile, &o.Watched.File} {
		if *path == "" && path != &o.Bundle || *path == "-" && path == &o.Watched.File {
			continue
		}
		abs, err := absolute(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	if err := inv.completeTrace(&o.Trace); err != nil {
		return err
	}
	if err := unix.Access(o.Bundle, unix.F_OK); err != nil {
		return withHint(&fs.PathError{Op: "open bundle", Path: o.Bundle, Err: err}, "--bundle names the directory of the bundle, which is the current one without it")
	}
	if !filepath.IsAbs(o.Config) {
		o.Config = filepath.Join(o.Bundle, o.Config)
	}
	o.ID = id
	o.NotifySocket = os.Getenv("NOTIFY_SOCKET")
	o.Root = inv.global.root
	o.SystemdCgroup = inv.global.systemdCgroup
	o.CgroupManager = inv.global.cgroupManager
	o.Warn = inv.log.warn
	if err := inv.completeTrace(&o.Trace); err != nil {
		return err
	}
	o.Rootless, err = rootlessWord(inv.global.rootless)
	return err
}

// rootlessWord reads the value of --rootless as runc does, which asks for it only where it matters.
func rootlessWord(text string) (string, error) {
	if word := strings.ToLower(text); word == "" || word == "auto" {
		return "auto", nil
	}
	is, err := strconv.ParseBool(text)
	if err != nil {
		return "", withHint(fmt.Errorf("invalid rootless: %s", text), choiceHint("--rootless", text, rootlessWords))
	}
	return strconv.FormatBool(is), nil
}

// preserved finds out which descriptors there are to pass on: those of listenFDs, all of which must be open, and of the n
// after them that --preserve-fds asks for those that the caller had open. It returns how many that takes, and the holes among
// them. It must run before we open any of our own. One that is close-on-exec can't have come through our execve: it is one of
// the Go runtime's.
func preserved(listen, n int) (count int, holes []int, err error) {
	if n < 0 {
		return 0, nil, fmt.Errorf("invalid value %q for flag -preserve-fds: must not be negative", strconv.Itoa(n))
	}
	open := func(fd int) bool {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err == nil && flags&unix.FD_CLOEXEC == 0
	}
	for fd := 3; fd < 3+listen; fd++ {
		if !open(fd) {
			return 0, nil, withHint(fmt.Errorf("descriptor %d of LISTEN_FDS: %w", fd, errClosed), "the sockets are consecutive descriptors, beginning with 3")
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, nil, os.NewSyscallError("getrlimit", err)
	}
	first, gap := 3+listen, 0
	for i := range min(n, int(min(limit.Max, 1<<20))) {
		if !open(first + i) {
			gap++
			continue
		}
		for ; gap > 0; gap-- {
			holes = append(holes, first+i-gap)
		}
		count = i + 1
	}
	return count, holes, nil
}

var errClosed = errors.New("not open")

// listenFDs is the number of sockets that the caller passes by the protocol of sd_listen_fds(3).
func listenFDs(env func(string) string, pid int) int {
	n, err := strconv.Atoi(env("LISTEN_FDS"))
	if err != nil || n < 0 || env("LISTEN_PID") != strconv.Itoa(pid) {
		return 0
	}
	return n
}
