package cli

import (
	"strings"
	"testing"
)

func TestCommandHelp(t *testing.T) {
	want := `NAME:
   crun-go kill - send a signal to a container's init

USAGE:
   crun-go kill [command options] <container-id> [signal]

DESCRIPTION:
   The signal is a name, with or without SIG, or a number (default: SIGTERM). If the
   container has no pid namespace of its own, SIGKILL goes to all its processes.

OPTIONS:
   --all, -a       signal every process of the container; none left is no error
   --regex, -r     treat the id as a POSIX extended regular expression, and apply this to all matching containers
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
		" FORMAT: text or json (default: \"text\")\n",
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

// Every command is found by the name it has, says what it is for, and so does every flag.
func TestDescriptions(t *testing.T) {
	inv := new(invocation)
	flags := flagRows(programFlags())
	for _, entry := range commandEntries() {
		c, err := inv.command(entry.name)
		if err != nil || c.Name != entry.name || c.Usage == "" || c.Description == "" || c.Action == nil {
			t.Errorf("command %s: %v, %+v", entry.name, err, c)
			continue
		}
		rows := flagRows(c.Flags)
		if len(rows) != len(c.Flags) {
			t.Errorf("command %s: %d flags, %d described", entry.name, len(c.Flags), len(rows))
		}
		flags = append(flags, rows...)
		if got := crun(entry.name + " --help"); got.code != 0 || got.errout != "" || got.out != commandHelp(c) {
			t.Errorf("%s --help: %+v", entry.name, got)
		}
	}
	for _, f := range flags {
		if f[1] == "" || strings.Contains(f[0]+f[1], "`") || strings.Contains(f[0], "VALUE") {
			t.Errorf("flag %q: %q", f[0], f[1])
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
