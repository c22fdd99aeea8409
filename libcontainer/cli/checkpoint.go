package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/checkpoint"
	"github.com/crun-go/crun-go/libcontainer/criu"
)

func (inv *invocation) checkpointCommand() *Command {
	o := new(checkpoint.DumpOptions)
	var image imageFlags
	var server serverFlag
	return &Command{
		Title: "dump a running container into an image",
		Args:  containerArg(),
		Description: `CRIU does it, see criu(8). The container is then deleted, unless it is left running; restore makes a container from
the image. CRIU's log is dump.log in the work directory.`,
		Example: "crun-go checkpoint --image-path /srv/image web",
		flags: append(image.flags(&o.ImageOptions),
			&cli.StringFlag{Name: "parent-path", Destination: &o.Parent, Usage: "leave out memory that the parent image in `DIR` has, relative to --image-path"},
			&cli.BoolFlag{Name: "pre-dump", Destination: &o.PreDump, Usage: "dump memory only, for a parent image, and leave the container running"},
			&cli.BoolFlag{Name: "leave-running", Destination: &o.LeaveRunning, Usage: "leave the container running"},
			&cli.BoolFlag{Name: "link-remap", Destination: &o.LinkRemap, Usage: "link open files that were removed to a name again"},
			&cli.BoolFlag{Name: "tcp-skip-in-flight", Destination: &o.SkipInFlight, Usage: "leave out TCP connections that are being established"},
			&cli.IntFlag{
				Name: "status-fd", Destination: &o.StatusFD, Value: -1,
				Usage: "write a zero byte to the descriptor `FD`, and close it, when --lazy-pages can serve",
			},
			&cli.GenericFlag{Name: "page-server", Value: &server, Usage: "send memory to the page server at `ADDRESS:PORT`, or serve it there with --lazy-pages"},
		),
		run: func(c *cli.Context) error {
			o.Root, o.PageServer, o.Warn = inv.global.root, server.server, inv.log.warn
			return inv.onContainer(c, func(container *libcontainer.Container) error {
				err := image.complete(&o.ImageOptions)
				if err == nil {
					err = checkParent(o.Parent)
				}
				if err == nil {
					err = checkStatusFD(o.StatusFD)
				}
				if err == nil {
					err = checkpoint.Dump(container, o)
				}
				if err != nil {
					return fmt.Errorf("%s checkpoint failed: %w", program, err)
				}
				return nil
			})
		},
	}
}

// checkParent wants a path that still leads there when the images have moved
// together.
func checkParent(path string) error {
	if filepath.IsAbs(path) {
		return withHint(fmt.Errorf("--parent-path %q is absolute, expected a path relative to that of --image-path", path),
			"images are moved together: --parent-path ../before")
	}
	return nil
}

// checkStatusFD refuses a descriptor that the caller did not open. It must run
// before we open any of our own.
func checkStatusFD(fd int) error {
	if fd == -1 {
		return nil
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 {
		return fmt.Errorf("--status-fd %d: %w", fd, errClosed)
	}
	return nil
}

// imageFlags are those of checkpoint and restore.
type imageFlags struct {
	image, work string
	empty       emptyFlag
}

func (f *imageFlags) flags(o *checkpoint.ImageOptions) []cli.Flag {
	mode, lock := cgroupModes(&o.CgroupMode), lockMethods(&o.NetworkLock)
	o.CgroupMode = criu.CgroupSoft
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Destination: &f.image, Usage: "the image is in `DIR` (default: checkpoint in the current directory)"},
		&cli.StringFlag{Name: "work-path", Destination: &f.work, Usage: "keep CRIU's log and statistics in `DIR` (default: that of the image)"},
		&cli.BoolFlag{Name: "tcp-established", Destination: &o.TCP, Usage: "allow open TCP connections"},
		&cli.BoolFlag{Name: "ext-unix-sk", Destination: &o.ExtUnixSock, Usage: "allow unix sockets that are connected to sockets outside"},
		&cli.BoolFlag{Name: "shell-job", Destination: &o.ShellJob, Usage: "allow the session and terminal of the caller"},
		&cli.BoolFlag{Name: "file-locks", Destination: &o.FileLocks, Usage: "allow file locks"},
		&cli.BoolFlag{Name: "lazy-pages", Destination: &o.LazyPages, Usage: "transfer memory when the restored container needs it"},
		&cli.BoolFlag{Name: "auto-dedup", Destination: &o.AutoDedup, Usage: "free memory in parent images that a newer image has, too"},
		oneOf(mode.words, &cli.GenericFlag{Name: "manage-cgroups-mode", Value: mode, DefaultText: "soft", Usage: "restore cgroups in `MODE`"}),
		oneOf([]string{"network"}, &cli.GenericFlag{
			Name: "empty-ns", Value: &f.empty,
			Usage: "accepted for compatibility, the network namespace is never dumped; `NAME`",
		}),
		oneOf(lock.words, &cli.GenericFlag{Name: "network-lock", Value: lock, Usage: "block connections by `METHOD`"}),
	}
}

// complete finds CRIU, and makes paths absolute.
func (f *imageFlags) complete(o *checkpoint.ImageOptions) error {
	if f.image == "" {
		f.image = "checkpoint"
	}
	for _, path := range []struct {
		given string
		to    *string
	}{{f.image, &o.Image}, {f.work, &o.Work}} {
		if path.given == "" {
			continue
		}
		abs, err := absolute(path.given)
		if err != nil {
			return err
		}
		*path.to = abs
	}
	var err error
	if o.CRIU, err = lookPath("criu", os.Getenv); err != nil {
		return withHint(err, "checkpoint and restore are done by CRIU: install the package criu")
	}
	return nil
}

// cgroupModes are the words of --manage-cgroups-mode.
func cgroupModes(to *criu.CgroupMode) *choiceValue[criu.CgroupMode] {
	return &choiceValue[criu.CgroupMode]{
		to: to, what: "manage cgroups mode", words: []string{"soft", "full", "strict", "ignore"},
		values: []criu.CgroupMode{criu.CgroupSoft, criu.CgroupFull, criu.CgroupStrict, criu.CgroupIgnore},
	}
}

// lockMethods are the words of --network-lock.
func lockMethods(to *criu.NetworkLock) *choiceValue[criu.NetworkLock] {
	return &choiceValue[criu.NetworkLock]{
		to: to, what: "network lock method", words: []string{"iptables", "nftables", "skip"},
		values: []criu.NetworkLock{criu.LockIPTables, criu.LockNFTables, criu.LockSkip},
	}
}

// choiceValue is the value of a flag that takes one of some words, each of which stands for a value of its own.
type choiceValue[T any] struct {
	to     *T
	what   string
	words  []string
	values []T
}

func (v *choiceValue[T]) String() string { return "" }

// Set sets the value.
func (v *choiceValue[T]) Set(word string) error {
	i := slices.Index(v.words, word)
	if i < 0 {
		return fmt.Errorf("invalid %s, expected %s", v.what, either(v.words))
	}
	*v.to = v.values[i]
	return nil
}

// emptyFlag is --empty-ns. Devices in a network namespace are never the
// runtime's business, so there is nothing to remember.
type emptyFlag struct{}

func (f *emptyFlag) String() string { return "" }

// Set checks the namespace's name.
func (f *emptyFlag) Set(value string) error {
	if value != "network" {
		return fmt.Errorf("namespace %s is not supported", value)
	}
	return nil
}

// serverFlag is --page-server.
type serverFlag struct{ server *criu.PageServer }

func (f *serverFlag) String() string { return "" }

// Set splits ADDRESS:PORT. An address of version 6 is in brackets.
func (f *serverFlag) Set(value string) error {
	i := strings.LastIndexByte(value, ':')
	if i <= 0 {
		return errors.New("use --page-server ADDRESS:PORT to specify page server")
	}
	port, err := strconv.ParseUint(value[i+1:], 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("invalid port number %q", value[i+1:])
	}
	address := strings.TrimSuffix(strings.TrimPrefix(value[:i], "["), "]")
	f.server = &criu.PageServer{Address: address, Port: int(port)}
	return nil
}
