package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

const (
	helpName, helpAlias = "help", "h"

	programTitle       = "run containers as the Open Container Initiative specifies"
	programDescription = `A container is a bundle, which is a directory with a config.json and a root filesystem:

    # crun-go spec                      write a config.json to start from
    # crun-go plan                      show what a start would do, step by step
    # crun-go run [-b bundle] <id>      start the container and wait for it

It needs Linux ` + sys.OldestKernel + ` or newer and cgroup v2.`
)

// answers are the global flags that take the place of a command.
type answers struct{ help, usage, version bool }

func (a *answers) flags() []cli.Flag {
	return []cli.Flag{
		helpFlag(&a.help),
		&cli.BoolFlag{Name: "usage", Destination: &a.usage, Usage: "show the global flags in short"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"v", "V"}, Destination: &a.version, Usage: "show the version"},
	}
}

func helpFlag(asked *bool) cli.Flag {
	return &cli.BoolFlag{Name: helpName, Aliases: []string{helpAlias, "?"}, Destination: asked, Usage: "show help"}
}

func (inv *invocation) helpCommand() *cli.Command {
	return &cli.Command{
		Name:        helpName,
		Aliases:     []string{helpAlias},
		Usage:       "show what the commands and flags are",
		ArgsUsage:   "[command]",
		Description: "Without a command, the help is that of the program.",
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 0, 1); err != nil {
				return err
			}
			return inv.showHelp(c.Args().First())
		},
	}
}

// showHelp prints the help of a command; of the program, if topic is empty.
func (inv *invocation) showHelp(topic string) error {
	if topic == "" {
		return inv.print(inv.programHelp())
	}
	c, err := inv.command(topic)
	if err != nil {
		return err
	}
	return inv.print(commandHelp(c))
}

// programHelp lists the commands and the global flags.
func (inv *invocation) programHelp() string {
	var commands [][]string
	for _, entry := range commandEntries() {
		c := entry.describe(inv)
		commands = append(commands, []string{strings.Join(c.Names(), ", "), c.Usage})
	}
	return section("NAME", program+" - "+programTitle) +
		"\n" + section("USAGE", program+" [global options] command [command options]") +
		"\n" + section("VERSION", inv.version) +
		"\n" + section("DESCRIPTION", programDescription) +
		"\n" + section("COMMANDS", columns(commands, 0, 2)) +
		"\n" + section("GLOBAL OPTIONS", columns(flagRows(programFlags()), 0, 2))
}

// programFlags are the global flags, to be described and not parsed.
func programFlags() []cli.Flag { return append(new(global).flags(), new(answers).flags()...) }

// programUsage is the program's command line in short, in lines that fit a terminal.
func programUsage() string {
	const (
		head  = "Usage: " + program
		width = 79
	)
	var b strings.Builder
	column := len(head)
	b.WriteString(head)
	add := func(word string) {
		if column+1+len(word) > width {
			b.WriteString("\n" + strings.Repeat(" ", len(head)))
			column = len(head)
		}
		b.WriteString(" " + word)
		column += 1 + len(word)
	}
	for _, f := range flagRows(programFlags()) {
		first, _, _ := strings.Cut(f[0], ",")
		add("[" + first + "]")
	}
	add("COMMAND")
	add("[OPTION...]")
	return b.String() + "\n"
}

// commandHelp describes a command and its flags.
func commandHelp(c *cli.Command) string {
	usage := program + " " + c.Name + " [command options]"
	if c.ArgsUsage != "" {
		usage += " " + c.ArgsUsage
	}
	flags := append(slices.Clip(c.Flags), helpFlag(new(bool)))
	return section("NAME", program+" "+c.Name+" - "+c.Usage) +
		"\n" + section("USAGE", usage) +
		"\n" + section("DESCRIPTION", c.Description) +
		"\n" + section("OPTIONS", columns(flagRows(flags), 0, 2))
}

// section indents lines under a heading.
func section(heading, lines string) string {
	var b strings.Builder
	b.WriteString(heading + ":\n")
	for line := range strings.Lines(lines) {
		if line != "\n" {
			b.WriteString("   ")
		}
		b.WriteString(line)
	}
	if !strings.HasSuffix(lines, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}
