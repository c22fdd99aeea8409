package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/criu"
)

func (inv *invocation) checkpointCommand() *cli.Command {
	o := new(libcontainer.CheckpointOptions)
	var image imageFlags
	var server serverFlag
	return &cli.Command{
		Name:      "checkpoint",
		Usage:     "dump a running container into an image",
		ArgsUsage: "<container-id>",
		Description: `CRIU does it, see criu(8). The container is deleted then, unless it is to go on
running; restore makes one of the image. CRIU's log is dump.log in the work
directory.`,
		Flags: append(image.flags(&o.ImageOptions),
			&cli.StringFlag{Name: "parent-path", Destination: &o.Parent, Usage: "leave out memory that the image in `DIR` has, relative to this one's"},
			&cli.BoolFlag{Name: "pre-dump", Destination: &o.PreDump, Usage: "dump memory only, as a parent for later ones, and let the container go on"},
			&cli.BoolFlag{Name: "leave-running", Destination: &o.LeaveRunning, Usage: "let the container go on"},
			&cli.BoolFlag{Name: "link-remap", Destination: &o.LinkRemap, Usage: "give open files that were removed a name again"},
			&cli.BoolFlag{Name: "tcp-skip-in-flight", Destination: &o.SkipInFlight, Usage: "leave out TCP connections that are being made"},
			&cli.IntFlag{
				Name: "status-fd", Destination: &o.StatusFD, Value: -1,
				Usage: "write a zero byte to the descriptor `FD`, and close it, when --lazy-pages can serve",
			},
			&cli.GenericFlag{Name: "page-server", Value: &server, Usage: "send memory to the page server at `ADDRESS:PORT`, or serve it there with --lazy-pages"},
		),
		Action: func(c *cli.Context) error {
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
					err = container.Checkpoint(o)
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
	mode        cgroupModeFlag
	lock        lockFlag
	empty       emptyFlag
}

func (f *imageFlags) flags(o *libcontainer.ImageOptions) []cli.Flag {
	f.mode = cgroupModeFlag{&o.CgroupMode}
	f.lock = lockFlag{&o.NetworkLock}
	o.CgroupMode = criu.CgroupSoft
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Destination: &f.image, Usage: "the image is in `DIR` (default: checkpoint in the current directory)"},
		&cli.StringFlag{Name: "work-path", Destination: &f.work, Usage: "keep CRIU's log and statistics in `DIR` (default: that of the image)"},
		&cli.BoolFlag{Name: "tcp-established", Destination: &o.TCP, Usage: "allow open TCP connections"},
		&cli.BoolFlag{Name: "ext-unix-sk", Destination: &o.ExtUnixSock, Usage: "allow unix sockets that are connected with others outside"},
		&cli.BoolFlag{Name: "shell-job", Destination: &o.ShellJob, Usage: "allow a session and a terminal that are the caller's"},
		&cli.BoolFlag{Name: "file-locks", Destination: &o.FileLocks, Usage: "allow file locks"},
		&cli.BoolFlag{Name: "lazy-pages", Destination: &o.LazyPages, Usage: "move memory only when the restored container needs it"},
		&cli.BoolFlag{Name: "auto-dedup", Destination: &o.AutoDedup, Usage: "free what an older image holds if a newer one has it, too"},
		&cli.GenericFlag{Name: "manage-cgroups-mode", Value: &f.mode, Usage: "what to do about cgroups: `MODE` is soft (default), full, strict or ignore"},
		&cli.GenericFlag{Name: "empty-ns", Value: &f.empty, Usage: "leave out what is in a namespace: `NAME` is network, which always is left out"},
		&cli.GenericFlag{Name: "network-lock", Value: &f.lock, Usage: "keep connections quiet by `METHOD`: iptables, nftables or skip"},
	}
}

// complete finds CRIU, and makes paths absolute.
func (f *imageFlags) complete(o *libcontainer.ImageOptions) error {
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

// cgroupModeFlag is --manage-cgroups-mode.
type cgroupModeFlag struct{ mode *criu.CgroupMode }

func (f *cgroupModeFlag) String() string { return "" }

// Set reads the mode's name.
func (f *cgroupModeFlag) Set(value string) error {
	switch value {
	case "soft":
		*f.mode = criu.CgroupSoft
	case "full":
		*f.mode = criu.CgroupFull
	case "strict":
		*f.mode = criu.CgroupStrict
	case "ignore":
		*f.mode = criu.CgroupIgnore
	default:
		return errors.New("invalid manage cgroups mode, expected soft, full, strict or ignore")
	}
	return nil
}

// lockFlag is --network-lock.
type lockFlag struct{ lock *criu.NetworkLock }

func (f *lockFlag) String() string { return "" }

// Set reads the method's name.
func (f *lockFlag) Set(value string) error {
	switch value {
	case "iptables":
		*f.lock = criu.LockIPTables
	case "nftables":
		*f.lock = criu.LockNFTables
	case "skip":
		*f.lock = criu.LockSkip
	default:
		return errors.New("invalid network lock method, expected iptables, nftables or skip")
	}
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
