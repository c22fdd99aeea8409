package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help, manual pages and completions say the same, because they are written from the same descriptions.

// A Description is what there is to say of a command. The program itself is one, without arguments.
type Description struct {
	Name        string
	Aliases     []string
	Title       string // one line: what it is for
	Arguments   string // "<container-id> [signal]"
	Description string
	Flags       []FlagDescription // those that are not hidden
}

// A FlagDescription is what there is to say of a flag.
type FlagDescription struct {
	Forms   []string // "--bundle", "-b"
	Value   string   // what a value is called: "DIR"; empty: there is none
	Meaning string
	Default string
	Choices []string // the values there are, if they are words
}

// Describe returns the descriptions of the program and of its commands.
func Describe() (program Description, commands []Description) {
	inv := new(invocation)
	for _, entry := range commandEntries() {
		commands = append(commands, describeCommand(entry.describe(inv)))
	}
	return Description{
		Name: "crun-go", Title: programTitle, Description: programDescription, Flags: describeFlags(programFlags()),
	}, commands
}

func describeCommand(c *cli.Command) Description {
	return Description{
		Name: c.Name, Aliases: c.Aliases, Title: c.Usage, Arguments: c.ArgsUsage, Description: c.Description,
		Flags: describeFlags(append(slices.Clip(c.Flags), helpFlag(new(bool)))),
	}
}

// describedFlag is what every flag of urfave/cli can say about itself.
type describedFlag interface {
	cli.DocGenerationFlag
	IsVisible() bool
}

// describeFlags describes the flags that are not hidden. The name of a value is the word between backquotes in the flag's
// usage; behind a colon after it are the values there are, if all are words.
func describeFlags(flags []cli.Flag) []FlagDescription {
	var all []FlagDescription
	for _, f := range flags {
		f, ok := f.(describedFlag)
		if !ok || !f.IsVisible() {
			continue
		}
		d := FlagDescription{Meaning: f.GetUsage()}
		if f.TakesValue() {
			d.Value, d.Default = "VALUE", f.GetDefaultText()
			if before, rest, found := strings.Cut(d.Meaning, "`"); found {
				name, after, _ := strings.Cut(rest, "`")
				d.Value, d.Meaning = name, before+name+after
				d.Choices = choices(after)
			}
		}
		for _, name := range f.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			d.Forms = append(d.Forms, dashes+name)
		}
		all = append(all, d)
	}
	return all
}

// choices reads ": table or json" and " and above: error, warning or debug".
func choices(text string) []string {
	_, list, found := strings.Cut(text, ": ")
	words := strings.Split(strings.ReplaceAll(list, " or ", ", "), ", ")
	for _, word := range words {
		if strings.ContainsAny(word, " ;:()") {
			return nil
		}
	}
	if !found || len(words) < 2 {
		return nil
	}
	return words
}

// flagRows are the lines of a help about flags: "--bundle DIR, -b DIR", and their meaning with the default value.
func flagRows(flags []cli.Flag) [][]string {
	var rows [][]string
	for _, f := range describeFlags(flags) {
		meaning, forms := f.Meaning, slices.Clone(f.Forms)
		if f.Default != "" {
			meaning += " (default: " + f.Default + ")"
		}
		for i := range forms {
			if f.Value != "" {
				forms[i] += " " + f.Value
			}
		}
		rows = append(rows, []string{strings.Join(forms, ", "), meaning})
	}
	return rows
}
