package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/plan"
)

// container makes a container's state. If it is alive, its process is that of the test.
func container(t *testing.T, root, id string, alive bool, change func(*state.State)) *state.Dir {
	t.Helper()
	s := &state.State{
		Container: plan.Container{
			ID: id, Bundle: "/srv/web", Rootfs: "/srv/web/rootfs", OCIVersion: "1.3.0",
			Annotations: map[string]string{"com.example.key": "value"},
		},
		Config:  "/srv/web/config.json",
		Status:  specs.StateCreated,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC),
		Init:    state.Process{PID: os.Getpid(), Start: 1}, // somebody else by now
	}
	if alive {
		stat, err := os.ReadFile("/proc/self/stat")
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if s.Init.Start, err = strconv.ParseUint(fields[19], 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(s)
	}
	dir, err := state.Create(root, id)
	if err == nil {
		err = dir.Save(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Commands take the lock.
	if err := unix.Flock(dir.FD(), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

const signalHint = "a signal is a name, such as TERM or SIGTERM, or a number, such as 15"

func TestCommands(t *testing.T) {
	root := t.TempDir()
	container(t, root, "stopped", false, nil)
	container(t, root, "running", true, nil)
	if err := os.Mkdir(root+"/half", 0o711); err != nil {
		t.Fatal(err)
	}
	plain := textLine("container does not exist", " code=not-found")
	missing := missingLine(root)
	half := hinted(root+"/half has no state: a create is at work on it, or was killed; delete --force half removes it", plain)
	stopped := textLine("container not running", " code=not-running")
	invalid := func(why string) string {
		return hinted(`an id is made of letters, digits, "_", "+", "-" and "."`+why, textLine("invalid container ID format", " code=invalid-id"))
	}
	bogus := hinted(signalHint, textLine(`unknown signal "BOGUS"`, ""))
	for _, c := range []struct {
		args   string
		code   int
		errout string
	}{
		{"start none", 1, missing},
		{"state none", 1, missing},
		{"kill none", 1, missing},
		{"kill none BOGUS", 1, missing},
		{"delete none", 1, missing},
		{"delete --force none", 0, ""},
		{"state ''", 1, textLine("container id cannot be empty", "")},
		{"state ..", 1, invalid(`, and is neither "." nor ".."`)},
		{"delete -f a/b", 1, invalid(`, but "a/b" has "/"`)},
		{"start stopped", 1, textLine("cannot start a container that has stopped", "")},
		{"start running", 1, hinted("run has started it; what create has made waits for start", textLine("cannot start an already running container", ""))},
		{"kill stopped", 1, stopped},
		{"kill stopped KILL", 1, stopped},
		{"kill --all stopped KILL", 0, ""},
		{"kill -a stopped 9", 0, ""},
		{"kill KILL stopped", 1, hinted("the id comes before the signal: kill ID KILL", plain)},
		{"kill stopped BOGUS", 1, bogus},
		{"kill running BOGUS", 1, bogus},
		{"kill running 0", 0, ""},
		{"delete running", 1, hinted("end it first, with kill ID KILL, or do both at once, with delete --force ID",
			textLine("cannot delete container running that is not stopped: running", ""))},
		{"state half", 1, half},
		{"delete half", 1, missing},
		{"delete stopped", 0, ""},
		{"delete stopped", 1, missing},
		{"create --bundle /none x", 1, ""},
		{"run --bundle=/none x", 1, ""},
	} {
		got := crun("--root " + root + " " + c.args)
		if c.errout == "" && c.code != 0 { // the command's own prefix, and something of the kernel's
			name, _, _ := strings.Cut(c.args, " ")
			if !strings.Contains(got.errout, `msg="crun-go `+name+` failed: `) || !strings.Contains(got.errout, "no such file or directory") {
				t.Errorf("%s: stderr %q", c.args, got.errout)
			}
			got.errout = ""
		}
		if want := (result{c.code, "", c.errout}); got != want {
			t.Errorf("crun-go %s:\n got %+v\nwant %+v", c.args, got, want)
		}
	}
	if _, err := os.Stat(root + "/half"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("delete left the directory of a half-made container: %v", err)
	}
}

// Whatever is in its directory, delete --force removes a container.
func TestDeleteBroken(t *testing.T) {
	for _, journal := range []string{"", "broken", "{}", `{"id":"other"}`} {
		root := t.TempDir()
		if err := errors.Join(os.Mkdir(root+"/x", 0o711), os.WriteFile(root+"/x/state.json", []byte(journal), 0o600)); err != nil {
			t.Fatal(err)
		}
		if got := crun("--root " + root + " delete x"); got.code != 1 || !strings.Contains(got.errout, "read state of container x: ") ||
			!strings.HasPrefix(got.errout, "hint: the container's state file is damaged: delete --force removes the container") {
			t.Errorf("journal %q, delete: %+v", journal, got)
		}
		if got := crun("--root " + root + " delete --force x"); got.code != 0 || got.errout != "" {
			t.Errorf("journal %q, delete --force: %+v", journal, got)
		}
		if _, err := os.Stat(root + "/x"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("journal %q: directory is still there: %v", journal, err)
		}
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestState(t *testing.T) {
	root := t.TempDir()
	container(t, root, "web", false, nil)
	if got := crun("--root " + root + " state web"); got != (result{0, golden(t, "state-cmd.stopped.json"), ""}) {
		t.Errorf("stopped: %+v", got)
	}
	dir := container(t, root, "live", true, func(s *state.State) { s.Container.Annotations = nil })
	for _, word := range []string{"running", "created"} {
		if word == "created" {
			if err := errors.Join(dir.MakeFifo(), dir.PublishFifo()); err != nil {
				t.Fatal(err)
			}
		}
		var doc struct {
			ID, Status  string
			PID         int
			Annotations map[string]string
		}
		got := crun("--root " + root + " state live")
		if err := json.Unmarshal([]byte(got.out), &doc); err != nil || doc.Status != word || doc.PID != os.Getpid() {
			t.Errorf("%s: %v in %+v", word, err, got)
		}
		if strings.Contains(got.out, "annotations") {
			t.Errorf("empty annotations: %s", got.out)
		}
	}
}
