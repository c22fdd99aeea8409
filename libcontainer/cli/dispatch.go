package cli

import (
	"flag"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

// dispatch carries out the global flags and the command that follows them.
func (inv *invocation) dispatch(args []string) error {
	var asked answers
	set, err := parse(append(append(inv.global.flags(), asked.flags()...), helpFlag(&asked.help)), args, false)
	if err != nil {
		return inv.usageError("Incorrect Usage. "+err.Error(), inv.programHelp(), program, withHint(err, inv.globalFlagHint(set, args)))
	}
	switch {
	case asked.help:
		return inv.showHelp(set.Arg(0))
	case asked.usage:
		return inv.print(programUsage())
	case asked.version:
		return inv.print(inv.versionText())
	}
	global := cli.NewContext(nil, set, nil)
	if err := inv.prepare(global); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return inv.showHelp("")
	}
	c, err := inv.command(set.Arg(0))
	if err != nil {
		return err
	}
	return inv.perform(c, global, set.Args()[1:])
}

// perform parses the flags of a command, checks the number of its arguments and runs it.
func (inv *invocation) perform(c *Command, global *cli.Context, args []string) error {
	var help bool
	set, err := parse(c.allFlags(&help), args, !takesForeignFlags(c.Name))
	if err != nil {
		return inv.misuse(c, ": "+err.Error(), withHint(err, inv.commandFlagHint(c, set, args)))
	}
	if help {
		return inv.print(c.help())
	}
	if wrong := c.wrongCount(set.NArg()); wrong != "" {
		return inv.misuse(c, ".", fmt.Errorf("%s: %q requires %s argument(s)", inv.argv0, c.Name, wrong))
	}
	return inv.missing(c, set.Args(), inv.hintRoot(c.run(cli.NewContext(nil, set, global))))
}

// wrongCount says how many arguments a command takes, if it is not n.
func (c *Command) wrongCount(n int) string {
	switch least, most := c.arity(); {
	case least <= n && n <= most:
		return ""
	case least == most:
		return fmt.Sprintf("exactly %d", least)
	case n < least:
		return fmt.Sprintf("a minimum of %d", least)
	default:
		return fmt.Sprintf("a maximum of %d", most)
	}
}

// takesForeignFlags reports whether a command's arguments may be flags of another program: those of the process that exec
// runs, those of ps(1), and those to be completed.
func takesForeignFlags(command string) bool {
	return command == "exec" || command == "ps" || command == completeName
}

// parse reads flags up to the first argument that is none, or up to "--". Mixed, flags may also stand between the arguments
// and after them. Flags of any length take one dash or two. A flag that is given twice has its last value.
func parse(flags []cli.Flag, args []string, mixed bool) (*flag.FlagSet, error) {
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {} // the caller shows it
	for _, f := range flags {
		if err := f.Apply(set); err != nil {
			return nil, err
		}
	}
	if err := set.Parse(args); err != nil || !mixed {
		return set, err
	}
	words := []string{"--"}
	for {
		rest := set.Args()
		if len(rest) == 0 || len(rest) < len(args) && args[len(args)-len(rest)-1] == "--" {
			return set, set.Parse(append(words, rest...))
		}
		words = append(words, rest[0])
		if err := set.Parse(rest[1:]); err != nil {
			return set, err
		}
	}
}

// usageError answers a command line that can't be understood: complaint and help go to standard output, where engines that
// probe for a flag look for the message, too. A person at a terminal gets the error alone, and where the help is.
func (inv *invocation) usageError(complaint, help, command string, err error) error {
	if isTerminal(inv.stdout) {
		if describe(err).hint == "" {
			err = withHint(err, "see "+command+" --help")
		}
		return err
	}
	io.WriteString(inv.stdout, complaint+"\n\n"+help)
	return err
}

// misuse is usageError for the flags and arguments of a command.
func (inv *invocation) misuse(c *Command, complaint string, err error) error {
	return inv.usageError("Incorrect Usage"+complaint, c.help(), program+" "+c.Name, err)
}

// onContainer does something to the container that is the only argument.
func (inv *invocation) onContainer(c *cli.Context, act func(*libcontainer.Container) error) error {
	container, err := libcontainer.Open(inv.global.root, c.Args().First())
	if err != nil {
		return err
	}
	defer container.Close()
	return act(container)
}
