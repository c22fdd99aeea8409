package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
)

// program is the name under which the runtime speaks of itself, whatever its file is called.
const program = "crun-go"

// Exit codes of our own. That of a container run in the foreground is passed on as it is.
const (
	exitFailure   = 1
	exitNoCommand = 3
)

// invocation is one run of the program.
type invocation struct {
	argv0           string
	version, commit string
	stdout, stderr  io.Writer
	global          global
	log             log
	code            int // exit code of a command that succeeded
}

// Main runs the command that args, the program's whole argument vector, ask for, and returns the process's exit code. The
// version and commit are those of the build.
func Main(args []string, version, commit string) int {
	inv := &invocation{version: version, commit: commit, stdout: os.Stdout, stderr: os.Stderr}
	return inv.run(args)
}

func (inv *invocation) run(args []string) int {
	inv.argv0 = program
	if len(args) > 0 {
		inv.argv0 = args[0]
	}
	inv.log.stderr = inv.stderr
	// urfave's own idea of a version is one line; engines read four.
	cli.VersionPrinter = func(*cli.Context) { inv.printVersion() }
	if err := inv.app().Run(args); err != nil {
		return inv.fail(err)
	}
	return inv.code
}

// fail reports an error and returns the exit code that goes with it.
func (inv *invocation) fail(err error) int {
	inv.log.fail(err)
	if coder, ok := err.(cli.ExitCoder); ok {
		return coder.ExitCode()
	}
	return exitFailure
}

func (inv *invocation) app() *cli.App {
	return &cli.App{
		Name:           program,
		Usage:          "run containers as the Open Container Initiative specifies",
		Description:    appDescription,
		Version:        inv.version,
		Flags:          plainSwitches(inv.globalFlags()),
		Commands:       inv.commands(),
		Writer:         inv.stdout,
		ErrWriter:      inv.stderr,
		Compiled:       time.Unix(1, 0), // any time will do, except zero: that costs a look at the file
		Before:         func(c *cli.Context) error { return inv.prepare(c) },
		Action:         noCommand,
		OnUsageError:   usageError,
		ExitErrHandler: func(*cli.Context, error) {}, // run reports it
	}
}

func (inv *invocation) commands() []*cli.Command {
	commands := []*cli.Command{
		inv.createCommand(),
		inv.startCommand(),
		inv.stateCommand(),
		inv.killCommand(),
		inv.deleteCommand(),
		inv.runCommand(),
		inv.listCommand(),
		inv.specCommand(),
		inv.planCommand(),
		inv.featuresCommand(),
		inv.versionCommand(),
	}
	for _, c := range commands {
		// Else "help" and "h" would be commands, where they may be ids of containers.
		c.HideHelpCommand = true
		c.OnUsageError = usageError
		plainSwitches(c.Flags)
	}
	return commands
}

// plainSwitches keeps "(default: false)" out of the help.
func plainSwitches(flags []cli.Flag) []cli.Flag {
	for _, f := range flags {
		if f, ok := f.(*cli.BoolFlag); ok {
			f.DisableDefaultText = true
		}
	}
	return flags
}

// noCommand is what happens when the first argument is none of the commands.
func noCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return cli.ShowAppHelp(c)
	}
	return cli.Exit(fmt.Sprintf("No help topic for '%s'", c.Args().First()), exitNoCommand)
}

// usageError answers flags that can't be parsed: the help goes to standard output, where engines that probe for a flag look
// for the message, too.
func usageError(c *cli.Context, err error, isSubcommand bool) error {
	if isSubcommand {
		fmt.Fprintf(c.App.Writer, "Incorrect Usage: %v\n\n", err)
		showCommandHelp(c)
		return err
	}
	fmt.Fprintf(c.App.Writer, "Incorrect Usage. %v\n\n", err)
	cli.ShowAppHelp(c)
	return err
}

// arity checks the number of positional arguments, and answers as usageError does.
func (inv *invocation) arity(c *cli.Context, least, most int) error {
	n := c.NArg()
	var want string
	switch {
	case least <= n && n <= most:
		return nil
	case least == most:
		want = fmt.Sprintf("exactly %d", least)
	case n < least:
		want = fmt.Sprintf("a minimum of %d", least)
	default:
		want = fmt.Sprintf("a maximum of %d", most)
	}
	fmt.Fprint(c.App.Writer, "Incorrect Usage.\n\n")
	showCommandHelp(c)
	return fmt.Errorf("%s: %q requires %s argument(s)", inv.argv0, c.Command.Name, want)
}

func showCommandHelp(c *cli.Context) {
	cli.HelpPrinter(c.App.Writer, cli.CommandHelpTemplate, c.Command)
}

func (inv *invocation) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "show the version",
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 0, 0); err != nil {
				return err
			}
			inv.printVersion()
			return nil
		},
	}
}

// printVersion writes what moby and go-runc parse: "version" must stand in the first line and in no other, and "commit: "
// and "spec: " begin theirs.
func (inv *invocation) printVersion() {
	var b strings.Builder
	fmt.Fprintf(&b, "%s version %s\n", program, inv.version)
	if inv.commit != "" {
		fmt.Fprintf(&b, "commit: %s\n", inv.commit)
	}
	fmt.Fprintf(&b, "spec: %s\ngo: %s\n", specs.Version, runtime.Version())
	io.WriteString(inv.stdout, b.String())
}

const appDescription = `A container is a bundle, which is a directory with a config.json and a root filesystem:

    # crun-go spec                      write a config.json to start from
    # crun-go plan                      show what a start would do, step by step
    # crun-go run [-b bundle] <id>      start the container and wait for it`
