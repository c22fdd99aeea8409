package cli

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCommandHelp(t *testing.T) {
	want := `NAME:
   crun-go kill - send a signal to a container's init

USAGE:
   crun-go kill [command options] <container-id> [signal]

DESCRIPTION:
   The signal is a name, with or without SIG, or a number (default: SIGTERM). If
   the container has no pid namespace of its own, SIGKILL goes to all its
   processes.

EXAMPLE:
   crun-go kill web KILL

OPTIONS:
   --all, -a       signal all processes of the container; succeed even if none
                   is left
   --regex, -r     treat the id as a POSIX extended regular expression, and
                   apply this to all matching containers
   --help, -h, -?  show help
`
	if got := crun("kill --help"); got != (result{0, want, ""}) {
		t.Errorf("%+v", got)
	}
}

func TestProgramHelp(t *testing.T) {
	got := crun("help").out
	for _, want := range []string{
		"\n\nVERSION:\n   1.2.3\n\n",
		":\n\n       # crun-go spec     ",
		"\n\nCOMMANDS:\n   create      create a container\n   start       ",
		"\n   help, h     ",
		"\n\nGLOBAL OPTIONS:\n   --root DIR                keep the state of containers in DIR, ",
		" write messages in FORMAT: text or json (default:\n                             \"text\")\n",
		"\n   --version, -v, -V         show the version\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "--criu") {
		t.Error("the help has a hidden flag")
	}
}

// Every command is found by the name it has, says what it is for, with an example that names it, and so does every flag. No
// line is too long for a terminal.
func TestDescriptions(t *testing.T) {
	self, commands := Table()
	rows := flagRows(self)
	for _, c := range commands {
		if c.Title == "" || c.Description == "" || c.run == nil || !strings.Contains(c.Example, program+" "+c.Name) && !strings.Contains(c.Example, program+" --") {
			t.Errorf("command %+v", c)
		}
		if got := len(flagRows(c)); got != len(c.flags)+1 {
			t.Errorf("command %s: %d flags, %d described", c.Name, len(c.flags)+1, got)
		}
		rows = append(rows, flagRows(c)...)
		if got := crun(c.Name + " --help"); got.code != 0 || got.errout != "" || got.out != c.help() {
			t.Errorf("%s --help: %+v", c.Name, got)
		}
	}
	for _, row := range rows {
		if row[1] == "" || strings.Contains(row[0]+row[1], "`") || strings.Contains(row[0], "VALUE") || strings.HasPrefix(row[0], "--,") {
			t.Errorf("flag %q: %q", row[0], row[1])
		}
	}
	pages := crun("help").out
	for _, c := range commands {
		pages += c.help()
	}
	for line := range strings.Lines(pages) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth || strings.HasSuffix(line, " \n") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// The examples are command lines that can be understood: flags and number of arguments.
func TestExamples(t *testing.T) {
	_, commands := Table()
	for _, c := range commands {
		for line := range strings.Lines(c.Example) {
			words := strings.Fields(strings.TrimSuffix(line[strings.Index(line, program):], ")\n"))
			if c.Name != "completion" {
				words = strings.Fields(line)
			}
			set, err := parse(c.allFlags(new(bool)), words[2:], !takesForeignFlags(c.Name))
			if err != nil || words[1] != c.Name || c.wrongCount(set.NArg()) != "" {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

func TestProgramUsage(t *testing.T) {
	got := crun("--usage").out
	for line := range strings.Lines(got) {
		if len(line) > 80 || !strings.HasPrefix(line, "Usage: crun-go [") && !strings.HasPrefix(line, "               [") {
			t.Errorf("line %q", line)
		}
	}
	if !strings.HasSuffix(got, " [--version] COMMAND [OPTION...]\n") && !strings.HasSuffix(got, " [OPTION...]\n") {
		t.Errorf("%q", got)
	}
}
