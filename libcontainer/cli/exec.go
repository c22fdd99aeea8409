package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/exec"
)

// exitExec is what exec returns if it could not run the process: most programs don't return it.
const exitExec = 255

func (inv *invocation) execCommand() *Command {
	o := new(exec.Options)
	user := new(string)
	return &Command{
		Title: "run a process in a container",
		Args:  append(containerArg(), Arg{Name: "command", Optional: true}, Arg{Name: "args", Optional: true, Many: true}),
		Description: `The process is like the container's own, with another command line and what the flags change; or, with --process, all
of it comes from a file, and the flags that change it are ignored. The exit code is that of the process, or 128 and the number
of the signal that ended it, or 255 if it could not be run.`,
		Example: "crun-go exec --tty web sh",
		flags:   append(append(execFlags(o), traceFlags(&o.Trace)...), processFlags(&o.Process, user)...),
		run: func(c *cli.Context) error {
			if err := checkBounds(o, c.IsSet("kill-after")); err != nil {
				return err
			}
			err := setUser(&o.Process, *user)
			if err == nil {
				err = inv.completeExec(o, c.Args().Slice())
			}
			if err == nil {
				inv.code, err = exec.Run(*o)
			}
			if err != nil {
				return &codedError{fmt.Errorf("exec failed: %w", err), exitExec}
			}
			return nil
		},
	}
}

// checkBounds refuses flags that need a caller that waits.
func checkBounds(o *exec.Options, killAfter bool) error {
	switch {
	case o.Timeout < 0:
		return errors.New("--timeout must not be negative")
	case o.KillAfter < 0:
		return errors.New("--kill-after must not be negative")
	case killAfter && o.Timeout == 0:
		return errors.New("--kill-after needs --timeout")
	case o.Detach && o.Timeout > 0:
		return errors.New("--timeout cannot be combined with --detach: no process would enforce it")
	case o.Detach && o.Report != "":
		return errors.New("--report cannot be combined with --detach: no process would write it")
	case o.Detach && o.SeccompLog != "":
		return errors.New("--seccomp-log cannot be combined with --detach: no process would answer the filter and write it")
	}
	return nil
}

// completeExec adds to the options what does not come from flags of the command.
func (inv *invocation) completeExec(o *exec.Options, args []string) error {
	o.Root, o.Warn = inv.global.root, inv.log.warn
	o.ID, o.Process.Args = args[0], args[1:]
	if o.ProcessFile == "" && len(o.Process.Args) == 0 {
		return withHint(errors.New("process args cannot be empty"), "the program and its arguments follow the id; or --process names a file with them")
	}
	var err error
	if o.PreserveFDs, o.Holes, err = preserved(0, o.PreserveFDs); err != nil {
		return err
	}
	for _, path := range []*string{&o.ProcessFile, &o.ConsoleSocket, &o.PidfdSocket, &o.PidFile, &o.Report, &o.SeccompLog} {
		if *path == "" || *path == "-" && (path == &o.Report || path == &o.SeccompLog) {
			continue
		}
		abs, err := absolute(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	return inv.completeTrace(&o.Trace)
}

// execFlags say how to run it.
func execFlags(o *exec.Options) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "process", Aliases: []string{"p"}, Destination: &o.ProcessFile,
			Usage: "read the process from `FILE`, as in config.json",
		},
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, Usage: "do not wait for the process"},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the process id to `FILE`"},
		&cli.StringFlag{
			Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the terminal's master to the socket at `PATH`",
		},
		&cli.StringFlag{
			Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "send a pidfd of the process to the socket at `PATH`",
		},
		&cli.IntFlag{Name: "preserve-fds", Destination: &o.PreserveFDs, Usage: "pass `N` descriptors to the process, after 0, 1, 2"},
		&cli.StringFlag{
			Name: "cgroup", Destination: &o.Cgroup,
			Usage: "run in the cgroup at `PATH` relative to the container's; / for the container's own",
		},
		&cli.DurationFlag{
			Name: "timeout", Destination: &o.Timeout,
			Usage: "kill the process and its descendants after `TIME`, such as 30s, and exit with 124",
		},
		&cli.DurationFlag{
			Name: "kill-after", Destination: &o.KillAfter, Value: 10 * time.Second,
			Usage: "send SIGKILL `TIME` after SIGTERM, and exit with 137",
		},
		&cli.StringFlag{Name: "report", Destination: &o.Report, Usage: "write resource usage to `FILE`, as JSON; - is standard output"},
		seccompLogFlag(&o.SeccompLog),
		&cli.BoolFlag{
			Name: "ignore-paused", Destination: &o.IgnorePaused,
			Usage: "allow a paused container: the process waits until it is resumed",
		},
	}
}

// processFlags change the container's own process.
func processFlags(p *exec.ProcessChanges, user *string) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Destination: &p.Terminal, Usage: "give it a terminal"},
		&cli.StringFlag{Name: "cwd", Destination: &p.Cwd, Usage: "start in `DIR` of the container"},
		&cli.GenericFlag{Name: "env", Aliases: []string{"e"}, Value: (*wordsFlag)(&p.Env), Usage: "add `VAR=TEXT` to the environment (repeatable)"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Destination: user, Usage: "run as `UID[:GID]`, in numbers"},
		&cli.GenericFlag{
			Name: "additional-gids", Aliases: []string{"g"}, Value: (*idsFlag)(&p.Groups),
			Usage: "add the group `GID` (repeatable)",
		},
		&cli.GenericFlag{Name: "cap", Aliases: []string{"c"}, Value: (*wordsFlag)(&p.Capabilities), Usage: "add the capability `CAP` (repeatable)"},
		&cli.BoolFlag{Name: "no-new-privs", Destination: &p.NoNewPrivs, Usage: "forbid gaining privileges by execve(2)"},
		&cli.StringFlag{Name: "apparmor", Destination: &p.AppArmor, Usage: "confine it by `PROFILE`"},
		&cli.StringFlag{Name: "process-label", Destination: &p.SELinux, Usage: "give it the SELinux `LABEL`"},
	}
}

// wordsFlag collects the values of a flag that may be given several times.
type wordsFlag []string

func (f *wordsFlag) String() string { return strings.Join(*f, " ") }

// Set takes one more value.
func (f *wordsFlag) Set(value string) error {
	*f = append(*f, value)
	return nil
}

// idsFlag collects ids.
type idsFlag []uint32

func (f *idsFlag) String() string { return "" }

// Set takes one more id.
func (f *idsFlag) Set(value string) error {
	id, err := parseID(value)
	if err == nil {
		*f = append(*f, id)
	}
	return err
}

// setUser reads UID or UID:GID, strictly: a misread user could be root (CVE-2026-30892). Empty is unset. As in
// other runtimes, an invalid value is a failure of exec and not a usage error.
func setUser(p *exec.ProcessChanges, value string) error {
	if value == "" {
		return nil
	}
	user, group, grouped := strings.Cut(value, ":")
	uid, err := parseID(user)
	if err != nil {
		return fmt.Errorf("--user: bad uid: %w", err)
	}
	p.UID = &uid
	if grouped {
		gid, err := parseID(group)
		if err != nil {
			return fmt.Errorf("--user: bad gid: %w", err)
		}
		p.GID = &gid
	}
	return nil
}

// parseID reads a user or group id: digits only, and not the largest number, which stands for none.
func parseID(text string) (uint32, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a number from 0 to 4294967294", text)
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 1<<32-1 {
		return 0, fmt.Errorf("%q is not a number from 0 to 4294967294", text)
	}
	return uint32(id), nil
}
