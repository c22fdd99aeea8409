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

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// The words that flags take.
var (
	logFormats     = []string{"text", "json"}
	logLevels      = []string{"error", "warning", "debug"}
	cgroupManagers = []string{"cgroupfs", "systemd", "disabled"}
	rootlessWords  = []string{"auto", "true", "false"}
)

// global holds the flags that stand before the command.
type global struct {
	root          string
	log           string
	logFormat     string
	logLevel      string
	debug         bool
	systemdCgroup bool
	cgroupManager string
	rootless      string

	rootGiven bool // root was asked for, and is not the default
	rootXDG   bool // root is below $XDG_RUNTIME_DIR
}

func (g *global) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "root", Destination: &g.root,
			Usage:       "keep the state of containers in `DIR`, which should be on a tmpfs",
			DefaultText: "/run/crun-go, or $XDG_RUNTIME_DIR/crun-go for other users than root",
		},
		&cli.StringFlag{
			Name: "log", Destination: &g.log,
			Usage: "append messages to `FILE`, or send them to journald:NAME or syslog:NAME (default: standard error)",
		},
		oneOf(logFormats, &cli.StringFlag{Name: "log-format", Destination: &g.logFormat, Value: "text", Usage: "write messages in `FORMAT`"}),
		oneOf(logLevels, &cli.StringFlag{Name: "log-level", Destination: &g.logLevel, Value: "error", Usage: "write messages of `LEVEL` and above"}),
		&cli.BoolFlag{Name: "debug", Destination: &g.debug, Usage: "report each step of the plan, as --log-level debug does"},
		&cli.BoolFlag{
			Name: "systemd-cgroup", Destination: &g.systemdCgroup,
			Usage: "let systemd make the cgroup; cgroupsPath is then slice:prefix:name",
		},
		oneOf(cgroupManagers, &cli.StringFlag{
			Name: "cgroup-manager", Destination: &g.cgroupManager,
			Usage: "let `MANAGER` make the cgroup, disabled for none",
		}),
		oneOf(rootlessWords, &cli.StringFlag{
			Name: "rootless", Destination: &g.rootless, Value: "auto",
			Usage: "ignore operations that need root if `WORD` is true, for other users than root if it is auto",
		}),
		&cli.StringFlag{Name: "criu", Hidden: true, Usage: "accepted and ignored"},
	}
}

// prepare checks the global flags. Until it has run, errors go to standard error.
func (inv *invocation) prepare(c *cli.Context) error {
	g := &inv.global
	if err := inv.prepareLog(c.IsSet("log-format")); err != nil {
		return err
	}
	switch g.cgroupManager {
	case "", "cgroupfs", "disabled":
	case "systemd":
		g.systemdCgroup = true
	default:
		return withHint(fmt.Errorf("invalid cgroup-manager: %s", g.cgroupManager), choiceHint("--cgroup-manager", g.cgroupManager, cgroupManagers))
	}
	g.rootGiven = c.IsSet("root")
	if !g.rootGiven {
		g.root, g.rootXDG = defaultRoot(os.Geteuid(), os.Getenv, sys.InUserNamespace, ownsDir)
	}
	root, err := absolute(g.root)
	if err != nil {
		return err
	}
	if g.root = root; root == "/" {
		//lint:ignore ST1005 runc's words
		return errors.New("Option --root argument should not be set to /")
	}
	return nil
}

// defaultRoot depends on nothing but the user and two variables: engines create a container with one environment and ask
// for its state with another, nearly empty one. Real root has no use for a directory that goes away with a login session,
// a root in a user namespace no right to /run. Where the variable is missing, as after su(1) or in cron(8), its usual value
// stands in for it.
func defaultRoot(euid int, env func(string) string, inUserNS func() bool, owns func(dir string, uid int) bool) (root string, xdg bool) {
	dir := env("XDG_RUNTIME_DIR")
	if usual := "/run/user/" + strconv.Itoa(euid); dir == "" && euid != 0 && owns(usual, euid) {
		dir = usual
	}
	if dir == "" || euid == 0 && (env("USER") == "root" || !inUserNS()) {
		return "/run/" + program, false
	}
	return dir + "/" + program, true
}

// ownsDir reports whether a directory belongs to a user.
func ownsDir(dir string, uid int) bool {
	var st unix.Stat_t
	return unix.Lstat(dir, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == uid
}

// makeXDGRoot makes the default root of an ordinary user, if that is the one to be used. Its sticky bit keeps those who
// clean up $XDG_RUNTIME_DIR from removing what has not changed for long (XDG Base Directory Specification).
func (inv *invocation) makeXDGRoot() error {
	if !inv.global.rootXDG {
		return nil
	}
	err := os.MkdirAll(inv.global.root, 0o700)
	if err == nil {
		err = os.Chmod(inv.global.root, 0o700|fs.ModeSticky)
	}
	if err != nil {
		return withHint(err, "the path in $XDG_RUNTIME_DIR must be writable by the user")
	}
	return nil
}

// hintRoot adds to an error what to do about a root that is no directory or can't be written to, the default one by other users than root.
func (inv *invocation) hintRoot(err error) error {
	var failed *fs.PathError
	root := inv.global.root
	if !errors.As(err, &failed) || !strings.HasPrefix(failed.Path, root) {
		return err
	}
	switch {
	case errors.Is(failed, unix.ENOTDIR) && inv.global.rootGiven:
		return withHint(err, "--root must name a directory: each container has one below it")
	case errors.Is(failed, unix.ENOSPC):
		return withHint(err, "the filesystem of "+root+" is full: make room, or give --root in another")
	case errors.Is(failed, unix.EROFS):
		return withHint(err, root+" is on a read-only filesystem: give --root on one that can be written, such as a tmpfs")
	case errors.Is(failed, fs.ErrPermission) && !inv.global.rootGiven && !inv.global.rootXDG:
		return withHint(err, "set XDG_RUNTIME_DIR to a directory of the user's own, or give --root")
	}
	return err
}

// absolute makes a path independent of the working directory.
func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", withHint(err, "the working directory has been removed: change to one that exists")
	}
	return abs, nil
}
