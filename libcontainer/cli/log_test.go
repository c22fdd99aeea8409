package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

func testLog(t *testing.T, target string, asJSON bool) (*log, *bytes.Buffer) {
	t.Helper()
	var stderr bytes.Buffer
	l := &log{
		target: target, json: asJSON, stderr: &stderr,
		now: func() time.Time { return time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600)) },
	}
	if l.toFile() {
		var err error
		if l.file, err = sys.OpenAppend(target, 0o644, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(l.file) })
	}
	return l, &stderr
}

// Where a failure's message and hint go.
func TestFail(t *testing.T) {
	const (
		msg     = `crun-go create failed: exec: "nosuch": executable file not found in $PATH`
		text    = `time="2026-01-02T03:04:05Z" level=error msg="crun-go create failed: exec: \"nosuch\": executable file not found in $PATH"` + "\n"
		object  = `{"level":"error","msg":"crun-go create failed: exec: \"nosuch\": executable file not found in $PATH","time":"2026-01-02T03:04:05Z"}` + "\n"
		hinted  = `{"hint":"look","level":"error","msg":"crun-go create failed: exec: \"nosuch\": executable file not found in $PATH","time":"2026-01-02T03:04:05Z"}` + "\n"
		hint    = "hint: look\n"
		advice  = `time="2026-01-02T03:04:05Z" level=error msg="crun-go create failed: exec: \"nosuch\": executable file not found in $PATH" hint=look` + "\n"
		toFile  = true
		asJSON  = true
		advised = true
	)
	for _, c := range []struct {
		file, json, hint bool
		log, stderr      string
	}{
		{false, false, false, "", text},
		{false, false, advised, "", hint + text},
		{false, asJSON, false, "", object},
		{false, asJSON, advised, "", hinted},
		{toFile, false, false, text, msg + "\n"},
		{toFile, false, advised, advice, msg + "\n"},
		{toFile, asJSON, false, object, msg + "\n"},
		{toFile, asJSON, advised, hinted, msg + "\n"},
	} {
		target := ""
		if c.file {
			target = filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(target, []byte("before\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c.log = "before\n" + c.log
		}
		l, stderr := testLog(t, target, c.json)
		err := errors.New(msg)
		if c.hint {
			err = withHint(err, "look")
		}
		l.fail(err)
		if stderr.String() != c.stderr {
			t.Errorf("%+v: stderr %q", c, stderr)
		}
		if c.file {
			if data, err := os.ReadFile(target); err != nil || string(data) != c.log {
				t.Errorf("%+v: log %q, %v", c, data, err)
			}
		}
	}
}

// An error must be seen even if the log can't be written.
func TestFailUnwritable(t *testing.T) {
	l, stderr := testLog(t, "", false)
	l.target, l.file = "/full/log", -1
	l.fail(errors.New("text"))
	if want := "write /full/log: bad file descriptor\ntext\n"; stderr.String() != want {
		t.Errorf("stderr %q, want %q", stderr, want)
	}
}

// Where --log leads is found out before anything is done.
func TestLogTarget(t *testing.T) {
	top := t.TempDir()
	t.Chdir(top)
	if err := errors.Join(os.Symlink("file", "link"), os.Mkdir("dir", 0o755), unix.Mkfifo("fifo", 0o600)); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"none/log":    "--log: open " + top + "/none/log: no such file or directory",
		"link":        "--log: open " + top + "/link: expected a file to append to, found a symbolic link: name what it leads to",
		"dir":         "--log: open " + top + "/dir: expected a file to append to, found a directory",
		"/dev/zero":   "--log: open /dev/zero: expected a file to append to, found a character device",
		"/dev/fd/999": "--log: open /dev/fd/999: bad file descriptor",
		"log":         "", "file:other": "", "fifo": "", "/dev/null": "",
	} {
		got := crun("--root . --log " + target + " list")
		if want == "" && got.code != 0 || want != "" && (got.code != 1 || !strings.Contains(got.errout, want)) {
			t.Errorf("--log %s: %+v, want %q", target, got, want)
		}
	}
	for _, name := range []string{"log", "other"} {
		if st, err := os.Stat(name); err != nil || st.Size() != 0 {
			t.Errorf("%s is not there and empty: %v", name, err)
		}
	}
	if _, err := os.Stat("file"); err == nil {
		t.Error("the link was followed")
	}
}

// podman reads the whole log as one JSON object: a failure leaves nothing in it but the failure.
func TestOneObject(t *testing.T) {
	defer unix.Umask(unix.Umask(0o022))
	t.Chdir(t.TempDir())
	for _, target := range []string{"log", "file:log"} {
		os.Remove("log")
		got := crun("--root . --log " + target + " --log-format json state none")
		if got.code != 1 || got.errout != "container does not exist\n" {
			t.Errorf("--log %s: %+v", target, got)
		}
		data, err := os.ReadFile("log")
		var doc struct {
			Level, Msg string
			Time       time.Time
		}
		if err := errors.Join(err, json.Unmarshal(data, &doc)); err != nil || doc.Level != "error" || doc.Msg != "container does not exist" {
			t.Errorf("--log %s: %v in %s", target, err, data)
		}
		if st, err := os.Stat("log"); err != nil || st.Mode() != 0o644 {
			t.Errorf("%v, %v, want mode 0644", st, err)
		}
	}
}

// Warnings wait for the command's end. The specification's are written whatever the level.
func TestWarn(t *testing.T) {
	minor := specconv.Warning{Field: "ociVersion", Text: "odd"}
	must := specconv.Warning{Field: "process.capabilities", Text: "ignored", Must: true}
	for _, level := range []level{levelError, levelWarning, levelDebug} {
		l, stderr := testLog(t, "", false)
		l.level = level
		l.warn(minor)
		l.warn(must)
		if stderr.Len() > 0 {
			t.Errorf("--log-level %s: %q before the end", level, stderr)
		}
		l.flush()
		want := ""
		if level > levelError {
			want = `time="2026-01-02T03:04:05Z" level=warning msg=odd field=ociVersion` + "\n"
		}
		want += `time="2026-01-02T03:04:05Z" level=warning msg=ignored field=process.capabilities` + "\n"
		if stderr.String() != want {
			t.Errorf("--log-level %s: %q, want %q", level, stderr, want)
		}
	}
	target := filepath.Join(t.TempDir(), "log")
	l, stderr := testLog(t, target, true)
	l.level = levelDebug
	l.warn(specconv.Warning{Field: "a", Text: "b"})
	l.flush()
	data, err := os.ReadFile(target)
	if want := `{"field":"a","level":"warning","msg":"b","time":"2026-01-02T03:04:05Z"}` + "\n"; err != nil || string(data) != want || stderr.Len() > 0 {
		t.Errorf("log %q, %v, want %q; stderr %q", data, err, want, stderr)
	}
}

func TestShortened(t *testing.T) {
	if got := shortened("short"); got != "short" {
		t.Error(got)
	}
	long := "first" + strings.Repeat("ä", 5000) + "last"
	got := shortened(long)
	if len(got) > maxMessage || len(got) < maxMessage-20 || !utf8.ValidString(got) || !strings.HasPrefix(got, "firstä") || !strings.HasSuffix(got, "älast") || !strings.Contains(got, " bytes left out ") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	// What is escaped is longer when it is written.
	for _, part := range []string{"\x01", "\"", "\\", "\xff", "\u202e", "\n", "\U0001f600", "a"} {
		r := record{level: levelError, msg: shortened(strings.Repeat(part, 3000))}
		for name, line := range map[string][]byte{"text": formatText("", &r), "JSON": formatJSON("", &r)} {
			if len(line) > maxMessage+100 || len(line) < maxMessage/4 {
				t.Errorf("%q as %s: %d bytes", part, name, len(line))
			}
		}
	}
}

// A command that fails has one record, with the warnings in it.
func TestFailWithWarnings(t *testing.T) {
	for _, json := range []bool{true, false} {
		target := filepath.Join(t.TempDir(), "log")
		l, stderr := testLog(t, target, json)
		l.warn(specconv.Warning{Field: "a", Text: "b", Must: true})
		l.warn(specconv.Warning{Text: "c", Must: true})
		l.fail(errors.New("broken"))
		want := `time="2026-01-02T03:04:05Z" level=error msg=broken warnings="a: b; c"` + "\n"
		if json {
			want = `{"level":"error","msg":"broken","time":"2026-01-02T03:04:05Z","warnings":[{"field":"a","msg":"b"},{"msg":"c"}]}` + "\n"
		}
		if data, err := os.ReadFile(target); err != nil || string(data) != want || stderr.String() != "broken\n" {
			t.Errorf("log %q, %v, want %q; stderr %q", data, err, want, stderr)
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		err  error
		want detail
	}{
		{errors.New("x"), detail{}},
		{fmt.Errorf("crun-go create failed: %w", state.ErrExist), detail{code: "exists", hint: "choose another id, or delete the container by that name"}},
		{state.ErrNotExist, detail{code: "not-found"}},
		{state.ErrInvalidID, detail{code: "invalid-id"}},
		{libcontainer.ErrNotRunning, detail{code: "not-running"}},
		{&os.PathError{Op: "open", Path: "x", Err: unix.EACCES}, detail{code: "system", errno: "EACCES"}},
		{&plan.FieldError{Field: "hostname", Err: errors.New("x"), Hint: "h"}, detail{code: "config", field: "hostname", hint: "h"}},
		{&plan.FieldError{Field: "mounts[3]", Err: unix.EINVAL}, detail{code: "system", field: "mounts[3]", errno: "EINVAL"}},
		{&plan.FieldError{Field: "a", Err: withHint(errors.New("x"), "inner")}, detail{code: "config", field: "a", hint: "inner"}},
		{&jsontext.Error{Path: "process.args", Msg: "x"}, detail{code: "config", field: "process.args"}},
		{
			&plan.StepError{Item: plan.Item{Field: "root"}, Err: errors.New("x")},
			detail{code: "step", field: "root"},
		},
		{
			fmt.Errorf("x: %w", &cgroups.Error{Field: "memory.limit", File: "/x/memory.swap.max", Err: cgroups.ErrNotSupported}),
			detail{code: "config", field: "linux.resources.memory.limit", hint: "swap accounting is off: boot with swapaccount=1"},
		},
	} {
		if got := describe(c.err); got != c.want {
			t.Errorf("%v:\n got %+v\nwant %+v", c.err, got, c.want)
		}
	}
}

func TestFormatText(t *testing.T) {
	r := &record{level: levelError, msg: "plain", detail: detail{code: "system", errno: "ENOENT", field: `annotations["a b"]`, hint: "no"}}
	got := string(formatText("T", r))
	if want := `time="T" level=error msg=plain code=system errno=ENOENT field="annotations[\"a b\"]" hint=no` + "\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := string(appendWord(nil, "")); got != `""` {
		t.Errorf("empty word: %s", got)
	}
}

func TestDatagrams(t *testing.T) {
	r := &record{level: levelError, msg: "two\nlines", detail: detail{field: "mounts[1]"}}
	if got, want := string(syslogDatagram("", r)), "<27>crun-go: two\\nlines"; got != want {
		t.Errorf("syslog %q, want %q", got, want)
	}
	want := "MESSAGE\n\x09\x00\x00\x00\x00\x00\x00\x00two\nlines\nPRIORITY=3\nSYSLOG_IDENTIFIER=me\nCRUN_GO_FIELD=mounts[1]\n"
	if got := string(journaldDatagram("me", r)); got != want {
		t.Errorf("journald %q, want %q", got, want)
	}
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), sendDatagram(path, []byte("hello"))); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := unix.Read(fd, buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("received %q, %v", buf[:n], err)
	}
	if err := sendDatagram(path+"x", nil); err == nil || !strings.HasPrefix(err.Error(), "send to ") {
		t.Errorf("no listener: %v", err)
	}
}
