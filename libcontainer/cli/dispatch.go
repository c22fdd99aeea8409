package cli

import (
	"flag"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer"
)

// Commands and flags are described in the types of urfave/cli, but not run by it: its App reaches text/template, and with
// that on board the linker keeps every exported method of every type (TestLinked).

// commandEntry names a command and describes it when it is asked for: an engine that polls the state of a container does not
// pay for the flags of create.
type commandEntry struct {
	name     string
	describe func(*invocation) *cli.Command
}

// commandEntries lists the commands in the order of the help.
func commandEntries() []commandEntry {
	return []commandEntry{
		{"create", (*invocation).createCommand},
		{"start", (*invocation).startCommand},
		{"state", (*invocation).stateCommand},
		{"kill", (*invocation).killCommand},
		{"delete", (*invocation).deleteCommand},
		{"pause", (*invocation).pauseCommand},
		{"resume", (*invocation).resumeCommand},
		{"ps", (*invocation).psCommand},
		{"update", (*invocation).updateCommand},
		{"run", (*invocation).runCommand},
		{"exec", (*invocation).execCommand},
		{"list", (*invocation).listCommand},
		{"events", (*invocation).eventsCommand},
		{"checkpoint", (*invocation).checkpointCommand},
		{"restore", (*invocation).restoreCommand},
		{"mounts", (*invocation).mountsCommand},
		{"spec", (*invocation).specCommand},
		{"plan", (*invocation).planCommand},
		{"features", (*invocation).featuresCommand},
		{"engines", (*invocation).enginesCommand},
		{"completion", (*invocation).completionCommand},
		{"version", (*invocation).versionCommand},
		{"help", (*invocation).helpCommand},
	}
}

// command describes the command of a name. Where there is none, the error is runc's, which engines know.
func (inv *invocation) command(name string) (*cli.Command, error) {
	wanted := name
	if name == helpAlias {
		wanted = helpName
	}
	for _, entry := range commandEntries() {
		if entry.name == wanted {
			return entry.describe(inv), nil
		}
	}
	//lint:ignore ST1005 runc's words
	return nil, withHint(&codedError{fmt.Errorf("No help topic for '%s'", name), exitNoCommand}, inv.argv0+" --help lists the commands")
}

// dispatch carries out the global flags and the command that follows them.
func (inv *invocation) dispatch(args []string) error {
	var asked answers
	set, err := parse(append(inv.global.flags(), asked.flags()...), args, false)
	if err != nil {
		return inv.usageError("Incorrect Usage. "+err.Error(), inv.programHelp(), withFlagHint(err, inv.globalFlagHint(set, args)))
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

// perform parses the flags of a command and runs it.
func (inv *invocation) perform(c *cli.Command, global *cli.Context, args []string) error {
	var help bool
	set, err := parse(append(c.Flags, helpFlag(&help)), args, !takesForeignFlags(c.Name))
	if err != nil {
		return inv.usageError("Incorrect Usage: "+err.Error(), commandHelp(c), withFlagHint(err, inv.commandFlagHint(c.Name, set, args)))
	}
	if help {
		return inv.print(commandHelp(c))
	}
	ctx := cli.NewContext(nil, set, global)
	ctx.Command = c
	return c.Action(ctx)
}

// takesForeignFlags reports whether a command's arguments may be flags of another program: those of the process that exec
// runs, and those of ps(1).
func takesForeignFlags(command string) bool { return command == "exec" || command == "ps" }

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
// probe for a flag look for the message, too.
func (inv *invocation) usageError(complaint, help string, err error) error {
	io.WriteString(inv.stdout, complaint+"\n\n"+help)
	return err
}

// arity checks the number of positional arguments.
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
	err := fmt.Errorf("%s: %q requires %s argument(s)", inv.argv0, c.Command.Name, want)
	return inv.usageError("Incorrect Usage.", commandHelp(c.Command), err)
}

// onContainer does something to the container that is the only argument.
func (inv *invocation) onContainer(c *cli.Context, act func(*libcontainer.Container) error) error {
	if err := inv.arity(c, 1, 1); err != nil {
		return err
	}
	container, err := libcontainer.Open(inv.global.root, c.Args().First())
	if err != nil {
		return err
	}
	defer container.Close()
	return act(container)
}
