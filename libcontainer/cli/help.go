package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

const (
	// helpWidth is how long a line of a help may be, and helpIndent what lines below a heading begin with.
	helpWidth  = 80
	helpIndent = "   "

	helpName = "help"

	programTitle       = "run containers as the Open Container Initiative specifies"
	programDescription = `A container is a bundle, which is a directory with a config.json and a root filesystem:

    # crun-go spec                   write a config.json to start from
    # crun-go plan                   show what a start would do, step by step
    # crun-go run [-b bundle] <id>   start the container and wait for it

It needs Linux ` + sys.OldestKernel + ` or newer and cgroup v2.`
)

// answers are the global flags that take the place of a command.
type answers struct{ help, usage, version bool }

// flags leaves out the one for help, which every command has.
func (a *answers) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "usage", Destination: &a.usage, Usage: "show the global flags in short"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"v", "V"}, Destination: &a.version, Usage: "show the version"},
	}
}

func helpFlag(asked *bool) cli.Flag {
	return &cli.BoolFlag{Name: helpName, Aliases: []string{"h", "?"}, Destination: asked, Usage: "show help"}
}

func (inv *invocation) helpCommand() *Command {
	return &Command{
		Title:       "show what the commands and flags are",
		Args:        []Arg{{Name: "command", Optional: true, kind: kindCommand}},
		Description: "Without a command, the help is that of the program.",
		Example:     "crun-go help exec",
		run:         func(c *cli.Context) error { return inv.showHelp(c.Args().First()) },
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
	return inv.print(c.help())
}

// programHelp lists the commands and the global flags.
func (inv *invocation) programHelp() string {
	self, commands := inv.table()
	var rows [][2]string
	for _, c := range commands {
		name := c.Name
		if c.Alias != "" {
			name += ", " + c.Alias
		}
		rows = append(rows, [2]string{name, c.Title})
	}
	version, _ := inv.build()
	return section("NAME", program+" - "+self.Title) +
		"\n" + section("USAGE", program+" [global options] command [command options]") +
		"\n" + section("VERSION", version) +
		"\n" + section("DESCRIPTION", filled(self.Description)) +
		"\n" + section("COMMANDS", definitions(rows)) +
		"\n" + section("GLOBAL OPTIONS", definitions(flagRows(self)))
}

// programUsage is the program's command line in short, in lines that fit a terminal.
func programUsage() string {
	const head = "Usage: " + program + " "
	var words []string
	for _, f := range programCommand().Flags() {
		words = append(words, "["+strings.TrimSuffix(f.Forms[0]+" "+f.Value, " ")+"]")
	}
	lines := fill(append(words, "COMMAND", "[OPTION...]"), helpWidth-len(head))
	return head + strings.Join(lines, "\n"+strings.Repeat(" ", len(head))) + "\n"
}

// help describes a command and its flags.
func (c *Command) help() string {
	usage := program + " " + c.Name + " [command options]"
	for _, a := range c.Args {
		usage += " " + a.String()
	}
	return section("NAME", program+" "+c.Name+" - "+c.Title) +
		"\n" + section("USAGE", usage) +
		"\n" + section("DESCRIPTION", filled(c.Description)) +
		"\n" + section("EXAMPLE", c.Example) +
		"\n" + section("OPTIONS", definitions(flagRows(c)))
}

// flagRows are the flags of a command, as "--bundle, -b DIR", and their meanings with the default values.
func flagRows(c *Command) [][2]string {
	var rows [][2]string
	for _, f := range c.Flags() {
		meaning := f.Meaning
		if f.Default != "" {
			meaning += " (default: " + f.Default + ")"
		}
		rows = append(rows, [2]string{strings.TrimSuffix(strings.Join(f.Forms, ", ")+" "+f.Value, " "), meaning})
	}
	return rows
}

// section indents lines under a heading.
func section(heading, lines string) string {
	var b strings.Builder
	b.WriteString(heading + ":\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(lines, "\n"), "\n") {
		if line != "" {
			b.WriteString(helpIndent + line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// definitions writes terms in a column as wide as the widest, and beside them their meanings, in as many lines as they take.
func definitions(rows [][2]string) string {
	wide := 0
	for _, row := range rows {
		wide = max(wide, len(row[0]))
	}
	var b strings.Builder
	for _, row := range rows {
		for i, line := range fill(strings.Fields(row[1]), helpWidth-len(helpIndent)-wide-2) {
			term := row[0]
			if i > 0 {
				term = ""
			}
			b.WriteString(term + strings.Repeat(" ", wide+2-len(term)) + line + "\n")
		}
	}
	return b.String()
}

// filled fills the paragraphs of a text; indented lines stay as they are.
func filled(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		if !strings.HasPrefix(paragraph, " ") {
			paragraph = strings.Join(fill(strings.Fields(paragraph), helpWidth-len(helpIndent)), "\n")
		}
		b.WriteString(paragraph + "\n")
	}
	return b.String()
}

// fill puts words into lines of at most width letters.
func fill(words []string, width int) []string {
	var lines []string
	line := ""
	for _, word := range words {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
