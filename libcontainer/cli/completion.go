package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/contrib"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/specconv/spell"
)

// completeName is the hidden command that the shells' completions call, with the words of the command line up to the cursor.
const completeName = "__complete"

// shells are those with a completion.
var shells = []string{"bash", "zsh", "fish"}

func (inv *invocation) completionCommand() *Command {
	return &Command{
		Title: "print a shell completion script",
		Args:  []Arg{{Name: "shell", Choices: shells}},
		Description: `Completes commands, flags, their values, and the ids of the containers below --root. bash: source the script; zsh:
call it _crun-go, in a directory of $fpath; fish: crun-go.fish in ~/.config/fish/completions. Packages install it.`,
		Example: "source <(crun-go completion bash)",
		run: func(c *cli.Context) error {
			switch shell := c.Args().First(); shell {
			case "bash":
				return inv.print(contrib.Bash)
			case "zsh":
				return inv.print(contrib.Zsh)
			case "fish":
				return inv.print(contrib.Fish)
			default:
				err := fmt.Errorf("no completion for %q: expected %s", shell, either(shells))
				return withHint(err, spell.Hint(shell, shells))
			}
		},
	}
}

func (inv *invocation) completeCommand() *Command {
	return &Command{
		Name: completeName,
		Args: []Arg{{Name: "word", Many: true}},
		run:  func(c *cli.Context) error { return inv.print(inv.completions(c.Args().Slice())) },
	}
}

// completions lists what the last of the words may become, one candidate on each line, followed by a tab and its meaning.
// ":file" and ":dir" stand for what the shell can list itself.
func (inv *invocation) completions(words []string) string {
	words = rejoined(words)
	l := commandLine{inv: inv, flags: programCommand().Flags()}
	last := len(words) - 1
	for _, word := range words[:last] {
		l.read(word)
	}
	return l.complete(words[last])
}

// rejoined puts together what bash takes apart: --root=DIR comes as three words.
func rejoined(words []string) []string {
	var list []string
	open := false // the next word belongs to the last one
	for _, word := range words {
		separator := word == "=" || word == ":"
		if n := len(list); n > 0 && (separator || open) {
			list[n-1] += word
		} else {
			list = append(list, word)
		}
		open = separator
	}
	return list
}

// commandLine is what is known of a command line that is read word by word.
type commandLine struct {
	inv     *invocation
	flags   []Flag   // those that may stand here
	closed  bool     // no flags any more
	value   *Flag    // the one whose value is the next word
	command *Command // nil: not yet
	args    int      // how many it has
}

func (l *commandLine) read(word string) {
	switch {
	case l.value != nil:
		l.take(l.value, word)
		l.value = nil
	case !l.closed && word == "--":
		l.closed = true
	case !l.closed && strings.HasPrefix(word, "-"):
		name, value, assigned := strings.Cut(word, "=")
		if f := l.flag(name); f != nil && assigned {
			l.take(f, value)
		} else if f != nil && f.Value != "" {
			l.value = f
		}
	case l.command == nil:
		l.command, l.flags, l.closed = new(Command), nil, false
		if c, err := l.inv.command(word); err == nil {
			l.command, l.flags = c, c.Flags()
		}
	default:
		l.args++
		l.closed = l.closed || takesForeignFlags(l.command.Name)
	}
}

// flag finds a flag, which may have one dash or two.
func (l *commandLine) flag(word string) *Flag {
	for i, f := range l.flags {
		for _, form := range f.Forms {
			if bare(form) == bare(word) {
				return &l.flags[i]
			}
		}
	}
	return nil
}

// take notes the value of a flag: where containers are looked for.
func (l *commandLine) take(f *Flag, value string) {
	if f.Forms[0] == "--root" {
		l.inv.global.root = value
	}
}

func (l *commandLine) complete(word string) string {
	switch {
	case l.value != nil:
		return l.candidates(l.value.kind(), l.value.Choices, word)
	case !l.closed && strings.HasPrefix(word, "-"):
		name, value, assigned := strings.Cut(word, "=")
		if !assigned {
			return l.flagForms(word)
		}
		if f := l.flag(name); f != nil {
			return l.candidates(f.kind(), f.Choices, value)
		}
		return ""
	case l.command == nil:
		return l.candidates(kindCommand, nil, word)
	}
	args := l.command.Args
	at := l.args
	if n := len(args); at >= n && n > 0 && args[n-1].Many {
		at = n - 1
	}
	if at >= len(args) {
		return ""
	}
	return l.candidates(args[at].kind, args[at].Choices, word)
}

func (l *commandLine) flagForms(prefix string) string {
	var b strings.Builder
	for _, f := range l.flags {
		for _, form := range f.Forms {
			if strings.HasPrefix(form, prefix) {
				b.WriteString(form + "\t" + f.Meaning + "\n")
			}
		}
	}
	return b.String()
}

func (l *commandLine) candidates(k kind, words []string, prefix string) string {
	switch k {
	case kindFile:
		return ":file\n"
	case kindDirectory:
		return ":dir\n"
	case kindContainer:
		words, _ = libcontainer.List(l.inv.global.root) // none, if they cannot be listed
	case kindSignal:
		words = signalNames()
	case kindCommand:
		_, commands := l.inv.table()
		for _, c := range commands {
			words = append(words, c.Name+"\t"+c.Title)
		}
	}
	var b strings.Builder
	for _, word := range words {
		if strings.HasPrefix(word, prefix) {
			b.WriteString(word + "\n")
		}
	}
	return b.String()
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
