package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/diagnose"
	"github.com/crun-go/crun-go/libcontainer/inspect"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv"
)

// screen is a terminal, and read returns what it was sent.
func screen(t *testing.T) (terminal *os.File, read func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	peer, err := sys.TerminalPeer(int(master.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	terminal = os.NewFile(uintptr(peer), "terminal")
	t.Cleanup(func() { terminal.Close() })
	return terminal, func() string {
		var text []byte
		for {
			// The kernel passes on what is written a little later.
			if there, err := retry.Readable(int(master.Fd()), 100*time.Millisecond); err != nil || !there {
				return strings.ReplaceAll(string(text), "\r\n", "\n")
			}
			more := make([]byte, 4096)
			n, err := master.Read(more)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, more[:n]...)
		}
	}
}

// A person at a terminal is told in plain text, and of warnings without asking; unless a format is asked for, or the
// messages go to an engine's log.
func TestTerminalLog(t *testing.T) {
	terminal, shown := screen(t)
	t.Setenv("TERM", "dumb")
	failure := withHint(errors.New("crun-go run failed: \x1b[2J\nx"), "look \x9b")
	warning := specconv.Warning{Field: "a.b", Text: "ignored"}
	for _, c := range []struct {
		name      string
		log       log
		term      string
		noColor   string
		warn, err string
	}{
		{"plain", log{}, "dumb", "", "crun-go: warning: a.b: ignored\n", "crun-go: error: run failed: \\x1b[2J\\nx\nhint: look \\x9b\n"},
		{"no TERM", log{}, "", "", "crun-go: warning: a.b: ignored\n", "crun-go: error: run failed: \\x1b[2J\\nx\nhint: look \\x9b\n"},
		{"NO_COLOR", log{}, "xterm", "1", "crun-go: warning: a.b: ignored\n", "crun-go: error: run failed: \\x1b[2J\\nx\nhint: look \\x9b\n"},
		{"color", log{}, "xterm", "", "crun-go: \x1b[33mwarning:\x1b[m a.b: ignored\n",
			"crun-go: \x1b[1;31merror:\x1b[m run failed: \\x1b[2J\\nx\n\x1b[36mhint:\x1b[m look \\x9b\n"},
		{"--log-format", log{chosen: true, now: now}, "xterm", "", `time="` + stamp + `" level=warning msg=ignored field=a.b` + "\n", hinted("look \\x9b", textLine("crun-go run failed: \x1b[2J\nx", ""))},
		{"--log", log{target: filepath.Join(t.TempDir(), "log"), file: -1}, "xterm", "", "", "bad file descriptor\ncrun-go run failed: \\x1b[2J\\nx\n"},
	} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColor)
		c.log.stderr = terminal
		c.log.warn(warning)
		if got := shown(); got != c.warn {
			t.Errorf("%s: the warning is %q, want %q", c.name, got, c.warn)
		}
		c.log.fail(failure)
		if got := shown(); !strings.HasSuffix(got, c.err) || c.log.target == "" && got != c.err {
			t.Errorf("%s: the error is %q, want %q", c.name, got, c.err)
		}
	}
}

func TestWithoutProgram(t *testing.T) {
	for msg, want := range map[string]string{
		"crun-go run failed: x":            "run failed: x",
		"/usr/bin/crun-go: \"kill\" wants": "\"kill\" wants",
		"exec failed: crun-go: x":          "exec failed: crun-go: x",
		"crun-gox":                         "crun-gox",
	} {
		if got := withoutProgram(msg); got != want {
			t.Errorf("%q: %q, want %q", msg, got, want)
		}
	}
}

// Tables and findings have colors, their own escapes aside.
func TestColors(t *testing.T) {
	list := samples()
	list[0].word, list[0].bundle = "stopped", "/a\x1b[2J"
	table := palette(true).paintRows(plainTable(list), func(row int) color { return statusColor(list[row]) })
	lines := strings.Split(table, "\n")
	if !strings.HasPrefix(lines[0], "\x1b[1mID ") || !strings.HasPrefix(lines[1], "\x1b[2mweb ") || !strings.Contains(lines[1], `/a\x1b[2J`) || strings.Contains(lines[2], "\x1b") {
		t.Errorf("%q", lines)
	}
	facts := []inspect.Fact{{Name: "a", Is: "1"}, {Name: "b", Is: "\x1b", Differs: true}}
	if lines := strings.Split(factsTable(true, facts), "\n"); strings.Contains(lines[1], "\x1b") || lines[2] != "\x1b[1;31m! b        -     \\x1b\x1b[m" {
		t.Errorf("%q", lines)
	}
	findings := []diagnose.Finding{{Severity: diagnose.Error, Where: "/a", Text: "no"}, {Severity: diagnose.Note, Text: "so"}}
	if got, want := findingsText(true, findings), "\x1b[1;31merror:\x1b[m /a: no\n\x1b[36mnote:\x1b[m so\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// JSON that a terminal shows does not steer it, and is the same JSON.
func TestShownJSON(t *testing.T) {
	terminal, _ := screen(t)
	text := "{\"a\": \"ä\u009b2J\u202e\U000e0001\x7f\"}\n"
	want := "{\"a\": \"ä\\u009b2J\\u202e\\udb40\\udc01\\u007f\"}\n"
	if got := string(shown(terminal, []byte(text))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := string(shown(os.Stdout, []byte(text))); !isTerminal(os.Stdout) && got != text {
		t.Errorf("%q where there is no terminal", got)
	}
}
