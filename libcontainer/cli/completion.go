package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func (inv *invocation) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what completes the command line in a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: `Prints a script for the shell: commands, flags, their values, and the ids of the
containers below --root. bash: source it; zsh: call it _crun-go, in a directory of
$fpath; fish: crun-go.fish in ~/.config/fish/completions. Packages install it.`,
		Action: func(c *cli.Context) error {
			if err := inv.arity(c, 1, 1); err != nil {
				return err
			}
			program, commands := Describe()
			switch shell := c.Args().First(); shell {
			case "bash":
				return inv.print(bashCompletion(program, commands))
			case "zsh":
				return inv.print(zshCompletion(program, commands))
			case "fish":
				return inv.print(fishCompletion(program, commands))
			default:
				return fmt.Errorf("no completion for %q: expected bash, zsh or fish", shell)
			}
		},
	}
}

// A candidate is what may stand in a place of the command line.
type candidate struct {
	kind  string
	words []string // of kindWord
}

const (
	kindAny       = "any" // nobody knows
	kindFile      = "file"
	kindDirectory = "dir"
	kindContainer = "container"
	kindWord      = "word"
)

// candidateOf is for the value of a flag.
func candidateOf(f FlagDescription) candidate {
	switch {
	case len(f.Choices) > 0:
		return candidate{kindWord, f.Choices}
	case f.Value == "DIR":
		return candidate{kind: kindDirectory}
	case f.Value == "FILE", f.Value == "PATH":
		return candidate{kind: kindFile}
	}
	return candidate{kind: kindAny}
}

// candidatesOf are for the arguments of a command, up to the last of which something is known.
func candidatesOf(d Description, commands []Description) []candidate {
	var list []candidate
	arguments, _, _ := strings.Cut(d.Arguments, ",")
	known := 0
	for word := range strings.FieldsSeq(arguments) {
		c := candidate{kind: kindAny}
		switch {
		case word == "<container-id>" && !makes(d):
			c.kind = kindContainer
		case word == "FILE":
			c.kind = kindFile
		case word == "[signal]":
			c = candidate{kindWord, signalNames()}
		case word == "[command]":
			c = candidate{kindWord, names(commands)}
		case strings.Contains(word, "|"):
			c = candidate{kindWord, strings.Split(word, "|")}
		}
		list = append(list, c)
		if c.kind != kindAny {
			known = len(list)
		}
	}
	return list[:known]
}

// makes reports whether the command makes the container that it names, so that no id of one there is any good.
func makes(d Description) bool {
	for _, f := range d.Flags {
		if f.Forms[0] == "--bundle" {
			return true
		}
	}
	return false
}

func names(commands []Description) []string {
	var list []string
	for _, c := range commands {
		list = append(list, c.Name)
	}
	return list
}

// signalNames are the usual signals without SIG.
func signalNames() []string {
	var list []string
	for n := unix.Signal(1); n < 32; n++ {
		if name := unix.SignalName(n); name != "" {
			list = append(list, strings.TrimPrefix(name, "SIG"))
		}
	}
	return list
}
