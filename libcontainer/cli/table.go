package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/specconv/spell"
)

// Commands and flags are described in one table, from which the help, the manual pages, the completion and the check of a
// command line are made. The flags are those of urfave/cli, but not run by it: its App reaches text/template, and with that on
// board the linker keeps every exported method of every type (TestLinked).

// A Command is what there is to say of a command, and what it does. The program itself is one, without arguments.
type Command struct {
	Name, Alias string
	Title       string // one line: what it is for
	Args        []Arg
	Description string // paragraphs to be filled, and lines indented by four spaces, which stay as they are
	Example     string // command lines
	flags       []cli.Flag
	run         func(*cli.Context) error
}

// An Arg is an argument of a command.
type Arg struct {
	Name     string
	Optional bool
	Many     bool     // it may be repeated: the last one
	Choices  []string // the values there are
	kind     kind     // what its values are, without choices
}

// kind is what may stand in a place of the command line.
type kind uint8

const (
	kindAny kind = iota // only the user knows
	kindFile
	kindDirectory
	kindContainer
	kindSignal
	kindCommand
)

// A Flag is what there is to say of a flag.
type Flag struct {
	Forms   []string // "--bundle", "-b"
	Value   string   // what a value is called: "DIR"; empty: it takes none
	Meaning string
	Default string
	Choices []string // the values there are
}

func containerArg() []Arg { return []Arg{{Name: "container-id", kind: kindContainer}} }

// newContainerArg is for the id of a container that the command makes.
func newContainerArg() []Arg { return []Arg{{Name: "container-id"}} }

// String is an argument as the help shows it: <container-id>, [signal], add|remove.
func (a Arg) String() string {
	name := a.Name
	if a.Many {
		name += "..."
	}
	switch {
	case len(a.Choices) > 0:
		return strings.Join(a.Choices, "|")
	case a.Optional:
		return "[" + name + "]"
	}
	return "<" + name + ">"
}

// arity is how many arguments a command takes.
func (c *Command) arity() (least, most int) {
	for _, a := range c.Args {
		if !a.Optional {
			least++
		}
		if a.Many {
			return least, math.MaxInt
		}
	}
	return least, len(c.Args)
}

// commandEntry names a command and describes it when it is asked for: an engine that polls the state of a container does not
// pay for the flags of create.
type commandEntry struct {
	name, alias string
	describe    func(*invocation) *Command
}

// commandEntries lists the commands in the order of the help.
func commandEntries() []commandEntry {
	return []commandEntry{
		{"create", "", (*invocation).createCommand},
		{"start", "", (*invocation).startCommand},
		{"state", "", (*invocation).stateCommand},
		{"kill", "", (*invocation).killCommand},
		{"delete", "", (*invocation).deleteCommand},
		{"inspect", "", (*invocation).inspectCommand},
		{"gc", "", (*invocation).gcCommand},
		{"pause", "", (*invocation).pauseCommand},
		{"resume", "", (*invocation).resumeCommand},
		{"ps", "", (*invocation).psCommand},
		{"update", "", (*invocation).updateCommand},
		{"run", "", (*invocation).runCommand},
		{"exec", "", (*invocation).execCommand},
		{"list", "", (*invocation).listCommand},
		{"events", "", (*invocation).eventsCommand},
		{"checkpoint", "", (*invocation).checkpointCommand},
		{"restore", "", (*invocation).restoreCommand},
		{"mounts", "", (*invocation).mountsCommand},
		{"spec", "", (*invocation).specCommand},
		{"check", "", (*invocation).checkCommand},
		{"plan", "", (*invocation).planCommand},
		{"trace", "", (*invocation).traceCommand},
		{"seccomp", "", (*invocation).seccompCommand},
		{"features", "", (*invocation).featuresCommand},
		{"engines", "", (*invocation).enginesCommand},
		{"completion", "", (*invocation).completionCommand},
		{"version", "", (*invocation).versionCommand},
		{"help", "h", (*invocation).helpCommand},
	}
}

func (e commandEntry) command(inv *invocation) *Command {
	c := e.describe(inv)
	c.Name, c.Alias = e.name, e.alias
	return c
}

// command describes the command of a name. Where there is none, the error is runc's, which engines know.
func (inv *invocation) command(name string) (*Command, error) {
	for _, entry := range commandEntries() {
		if entry.name == name || entry.alias == name && name != "" {
			return entry.command(inv), nil
		}
	}
	if name == completeName {
		return inv.completeCommand(), nil
	}
	var names []string
	for _, entry := range commandEntries() {
		names = append(names, entry.name)
	}
	//lint:ignore ST1005 runc's words
	err := &codedError{fmt.Errorf("No help topic for '%s'", name), exitNoCommand}
	return nil, withHint(err, strings.TrimSpace(spell.Hint(name, names)+" "+inv.argv0+" --help lists the commands"))
}

// Table returns the descriptions of the program and of its commands.
func Table() (self *Command, commands []*Command) { return new(invocation).table() }

func (inv *invocation) table() (self *Command, commands []*Command) {
	for _, entry := range commandEntries() {
		commands = append(commands, entry.command(inv))
	}
	return programCommand(), commands
}

// programCommand is the program: its flags are to be described and not parsed.
func programCommand() *Command {
	return &Command{
		Name: program, Title: programTitle, Description: programDescription,
		flags: append(new(global).flags(), new(answers).flags()...),
	}
}

// allFlags are the flags of a command, with the one that asks for its help.
func (c *Command) allFlags(help *bool) []cli.Flag {
	return append(slices.Clip(c.flags), helpFlag(help))
}

// describedFlag is a flag of urfave/cli, which can say all about itself.
type describedFlag interface {
	cli.DocGenerationFlag
	IsVisible() bool
}

// choiceFlag is a flag whose values are known words. It is not the one that refuses others: each command has runc's words
// for that.
type choiceFlag struct {
	describedFlag
	words []string
}

func oneOf(words []string, f describedFlag) cli.Flag { return &choiceFlag{f, words} }

// Flags describes the flags of a command that are not hidden. The name of a value is the word between backquotes in a flag's
// usage, as with Go's package flag.
func (c *Command) Flags() []Flag {
	var all []Flag
	for _, f := range c.allFlags(new(bool)) {
		f, ok := f.(describedFlag)
		if !ok || !f.IsVisible() {
			continue
		}
		d := Flag{Meaning: f.GetUsage()}
		if f.TakesValue() {
			d.Value, d.Default = "VALUE", f.GetDefaultText()
			if before, rest, found := strings.Cut(d.Meaning, "`"); found {
				name, after, _ := strings.Cut(rest, "`")
				d.Value, d.Meaning = name, before+name+after
			}
		}
		if f, ok := f.(*choiceFlag); ok {
			d.Choices = f.words
			d.Meaning += ": " + either(f.words)
		}
		for _, name := range f.Names() {
			d.Forms = append(d.Forms, dashed(name))
		}
		all = append(all, d)
	}
	return all
}

// kind is what the values of a flag are.
func (f *Flag) kind() kind {
	switch f.Value {
	case "DIR":
		return kindDirectory
	case "FILE", "PATH":
		return kindFile
	}
	return kindAny
}
