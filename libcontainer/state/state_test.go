package state

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
)

func example() *State {
	timeout := 3
	return &State{
		Container: plan.Container{
			ID: "web", Bundle: "/srv/web", Rootfs: "/srv/web/rootfs", OCIVersion: "1.3.0",
			Annotations: map[string]string{"com.example.key": "value", "b=c": "<d>", "empty": "", "bundle": "/elsewhere"},
		},
		Config:  "/srv/web/config.json",
		Status:  specs.StateCreated,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 123456780, time.UTC),
		Init:    Process{PID: 4242, Start: 600000},
		Cgroup:  Cgroup{Dir: "/sys/fs/cgroup/ctr/web", ID: 1<<40 + 7, Made: []string{"/sys/fs/cgroup/ctr", "/sys/fs/cgroup/ctr/web"}, Systemd: true, Unit: "crun-go-web.scope", User: true},
		Namespaces: []specs.LinuxNamespace{
			{Type: specs.MountNamespace}, {Type: specs.NetworkNamespace, Path: "/run/netns/x"}, {Type: specs.PIDNamespace},
			{Type: specs.CgroupNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.UserNamespace},
			{Type: specs.TimeNamespace},
		},
		Poststart: []specs.Hook{{Path: "/bin/a", Args: []string{"a", "b"}, Env: []string{}, Timeout: &timeout}},
		Poststop:  []specs.Hook{{Path: "/bin/z"}},
		Rootless:  true,
	}
}

func TestCheckID(t *testing.T) {
	for id, want := range map[string]string{
		"web": "", "A-z_0.9+": "", "..a": "", "...": "", "-a": "", strings.Repeat("a", 255): "",
		"":  "container id cannot be empty",
		".": "invalid container ID format", "..": "invalid container ID format", "a/b": "invalid container ID format",
		"a b": "invalid container ID format", "ä": "invalid container ID format", "a\x00": "invalid container ID format",
		"a\n": "invalid container ID format",
	} {
		got := ""
		if err := CheckID(id); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("CheckID(%q) = %q, want %q", id, got, want)
		}
	}
}

// What is wrong with an id is the whole character, of however many bytes.
func TestInvalidID(t *testing.T) {
	for id, want := range map[string]string{".": "", "..": "", "a/b": "/", "a b": " ", "xäü": "ä", "a\xff": "\xff", "\n": "\n"} {
		var bad *IDError
		err := CheckID(id)
		if !errors.As(err, &bad) || !errors.Is(err, ErrInvalidID) || bad.ID != id || bad.Bad != want {
			t.Errorf("CheckID(%q) = %#v, want the character %q", id, err, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	minimal := &State{Container: plan.Container{ID: "m"}, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Namespaces: []specs.LinuxNamespace{}}
	for _, want := range []*State{example(), minimal} {
		got, err := decode(want.encode())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read back\n%+v, want\n%+v", got, want)
		}
	}
}

// The keys that programs other than ours read in runc's state.json.
func TestForeignReaders(t *testing.T) {
	var doc struct {
		ID             string            `json:"id"`
		PID            int               `json:"init_process_pid"`
		Start          uint64            `json:"init_process_start"`
		Created        time.Time         `json:"created"`
		CgroupPaths    map[string]string `json:"cgroup_paths"`
		NamespacePaths map[string]string `json:"namespace_paths"`
		Rootless       bool              `json:"rootless"`
		Config         struct {
			Rootfs     string
			Labels     []string
			Namespaces []struct{ Type, Path string }
			Cgroups    struct{ Systemd bool }
			Version    string
			Hooks      map[string][]specs.Hook
		} `json:"config"`
	}
	s := example()
	if err := json.Unmarshal(s.encode(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.ID != "web" || doc.PID != 4242 || doc.Start != 600000 || !doc.Created.Equal(s.Created) || !doc.Rootless {
		t.Errorf("top level: %+v", doc)
	}
	if want := map[string]string{"": "/sys/fs/cgroup/ctr/web"}; !reflect.DeepEqual(doc.CgroupPaths, want) {
		t.Errorf("cgroup_paths: %v, want %v", doc.CgroupPaths, want)
	}
	if want := map[string]string{
		"NEWCGROUP": "/proc/4242/ns/cgroup", "NEWIPC": "/proc/4242/ns/ipc", "NEWNET": "/proc/4242/ns/net",
		"NEWNS": "/proc/4242/ns/mnt", "NEWPID": "/proc/4242/ns/pid", "NEWTIME": "/proc/4242/ns/time",
		"NEWUSER": "/proc/4242/ns/user", "NEWUTS": "/proc/4242/ns/uts",
	}; !reflect.DeepEqual(doc.NamespacePaths, want) {
		t.Errorf("namespace_paths: %v, want %v", doc.NamespacePaths, want)
	}
	if want := []string{"b=c=<d>", "com.example.key=value", "empty=", "bundle=/srv/web"}; !reflect.DeepEqual(doc.Config.Labels, want) {
		t.Errorf("config.labels: %q, want %q", doc.Config.Labels, want)
	}
	c := doc.Config
	if c.Rootfs != "/srv/web/rootfs" || c.Version != "1.3.0" || !c.Cgroups.Systemd || len(c.Hooks["poststop"]) != 1 {
		t.Errorf("config: %+v", c)
	}
	if len(c.Namespaces) != 8 || c.Namespaces[0].Type != "NEWNS" || c.Namespaces[1].Path != "/run/netns/x" {
		t.Errorf("config.namespaces: %+v", c.Namespaces)
	}
}

func create(t *testing.T, root, id string) *Dir {
	t.Helper()
	d, err := Create(root, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestLifecycle(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b")
	defer unix.Umask(unix.Umask(0o077))
	d := create(t, root, "web")
	for path, want := range map[string]fs.FileMode{root: 0o700, root + "/web": 0o711} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %o", path, st.Mode(), err, want)
		}
	}
	if _, err := Create(root, "web"); err != ErrExist {
		t.Errorf("second Create: %v, want ErrExist", err)
	}
	if _, err := d.Load(); err != ErrNotExist {
		t.Errorf("Load without a journal: %v, want ErrNotExist", err)
	}
	want := example()
	for _, status := range []specs.ContainerState{specs.StateCreating, specs.StateCreated} {
		want.Status = status
		if err := d.Save(want); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Load(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Load = %+v, %v, want %+v", got, err, want)
		}
	}
	if names, _ := os.ReadDir(root + "/web"); len(names) != 1 {
		t.Errorf("directory holds %v, want state.json alone", names)
	}
	if uid, err := d.Owner(); err != nil || uid != os.Getuid() {
		t.Errorf("Owner = %d, %v", uid, err)
	}
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := Open(root, "web"); err != ErrNotExist {
		t.Errorf("Open after Remove: %v, want ErrNotExist", err)
	}
	if err := d.Lock(); err != ErrNotExist {
		t.Errorf("Lock after Remove: %v, want ErrNotExist", err)
	}
	if err := d.Remove(); err != nil {
		t.Errorf("second Remove: %v", err)
	}
}

func TestFifo(t *testing.T) {
	root := t.TempDir()
	d := create(t, root, "web")
	if _, _, err := d.OpenFifos(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenFifos without them: %v, want fs.ErrNotExist", err)
	}
	if err := d.MakeFifo(); err != nil {
		t.Fatal(err)
	}
	if is, err := d.Fifo(); is != NextFifo || err != nil {
		t.Errorf("Fifo = %v, %v, want NextFifo", is, err)
	}
	waits, answers, err := d.InitFifos()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(waits)
	defer unix.Close(answers)
	if err := d.PublishFifo(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(root + "/web/exec.fifo"); err != nil || st.Mode() != fs.ModeNamedPipe|0o600 {
		t.Errorf("exec.fifo: %v, %v, want a fifo of mode 0600", st.Mode(), err)
	}
	if is, err := d.Fifo(); is != ReadyFifo || err != nil {
		t.Errorf("Fifo = %v, %v, want ReadyFifo", is, err)
	}
	start, answer, err := d.OpenFifos()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(start)
	defer unix.Close(answer)
	for from, to := range map[int]int{start: waits, answers: answer} {
		var word [1]byte
		_, err := unix.Write(from, []byte{7})
		if _, readErr := unix.Read(to, word[:]); err != nil || readErr != nil || word[0] != 7 {
			t.Errorf("%v, %v, read %d", err, readErr, word[0])
		}
	}
	// The fifo of a version that had no other.
	if err := os.Remove(root + "/web/answer.fifo"); err != nil {
		t.Fatal(err)
	}
	none, old, err := d.OpenFifos()
	if err != nil || none != -1 || unix.Close(old) != nil {
		t.Errorf("OpenFifos without answer.fifo: %d, %v", none, err)
	}
	for range 2 {
		if err := d.RemoveFifo(); err != nil {
			t.Error(err)
		}
	}
	if is, err := d.Fifo(); is != NoFifo || err != nil {
		t.Errorf("Fifo after RemoveFifo = %v, %v", is, err)
	}
}

func TestRemoveAnything(t *testing.T) {
	outside := t.TempDir()
	precious := filepath.Join(outside, "precious")
	for name, fill := range map[string]func(dir string) error{
		"nothing in it":     func(string) error { return nil },
		"garbage journal":   func(dir string) error { return os.WriteFile(dir+"/state.json", []byte("broken"), 0o600) },
		"journal directory": func(dir string) error { return os.MkdirAll(dir+"/state.json/x", 0o700) },
		"half a save":       func(dir string) error { return os.WriteFile(dir+"/.crun-go-0123456789abcdef", nil, 0o600) },
		"notify directory": func(dir string) error {
			return errors.Join(os.MkdirAll(dir+"/notify/a/b", 0o755), os.WriteFile(dir+"/notify/a/b/c", nil, 0o600))
		},
		"symbolic links": func(dir string) error {
			return errors.Join(os.Symlink(outside, dir+"/state.json"), os.Symlink(outside, dir+"/link"))
		},
		"many files": func(dir string) error {
			for i := range 500 {
				if err := os.WriteFile(dir+"/"+strings.Repeat("x", 1+i/10)+string(rune('0'+i%10)), nil, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(precious, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			if err := errors.Join(os.Mkdir(root+"/x", 0o700), fill(root+"/x")); err != nil {
				t.Fatal(err)
			}
			d, err := Open(root, "x")
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := d.Remove(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(root + "/x"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("directory still there: %v", err)
			}
			if _, err := os.Stat(precious); err != nil {
				t.Errorf("followed a link: %v", err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	root := t.TempDir()
	if err := errors.Join(os.WriteFile(root+"/file", nil, 0o600), os.Symlink(t.TempDir(), root+"/link")); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]error{
		"none": ErrNotExist, "file": ErrNotExist, "link": ErrNotExist, "..": ErrInvalidID, "": errEmptyID, "a/b": ErrInvalidID,
	} {
		if _, err := Open(root, id); !errors.Is(err, want) {
			t.Errorf("Open(%q): %v, want %v", id, err, want)
		}
	}
	if _, err := Open(root+"/missing", "x"); err != ErrNotExist {
		t.Errorf("Open below a missing root: %v, want ErrNotExist", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"broken":            "read state of container x: state.json:1:1: expected an object, found 'b'",
		`{"id":"other"}`:    `read state of container x: it is that of container "other"`,
		`{"id":"x","pid":1`: "read state of container x: state.json:1:18: ",
		`{"id":"x"}{}`:      "read state of container x: state.json:1:11: ",
		`{"id":"x","created":"yesterday","later":{"a":[1]}}`: "",
	} {
		d := create(t, t.TempDir(), "x")
		if err := os.WriteFile("/proc/self/fd/"+itoa(d.FD())+"/state.json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := d.Load()
		if want == "" && err == nil {
			continue
		}
		if err == nil || want == "" || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Load(%s): %v, want %q", text, err, want)
		}
	}
}

// A journal longer than one read's buffer.
func TestLoadLong(t *testing.T) {
	d := create(t, t.TempDir(), "web")
	want := example()
	want.Container.Annotations["long"] = strings.Repeat("x", 100_000)
	if err := d.Save(want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Load(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Load: %v", err)
	}
}

func TestList(t *testing.T) {
	root := t.TempDir()
	for _, id := range []string{"b", "a", "c"} {
		create(t, root, id)
	}
	if err := errors.Join(os.WriteFile(root+"/file", nil, 0o600), os.Mkdir(root+"/not an id", 0o700)); err != nil {
		t.Fatal(err)
	}
	if got, err := List(root); err != nil || !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
		t.Errorf("List = %v, %v", got, err)
	}
	_, err := List(root + "/none")
	if want := "open " + root + "/none: no such file or directory"; !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
		t.Errorf("List of a missing root: %v, want %q", err, want)
	}
}

func TestLock(t *testing.T) {
	root := t.TempDir()
	first := create(t, root, "x") // Create locks
	second, err := Open(root, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	locked := make(chan error)
	go func() { locked <- second.Lock() }()
	select {
	case err := <-locked:
		t.Fatalf("Lock of a locked container: %v at once", err)
	case <-time.After(50 * time.Millisecond):
	}
	unix.Flock(first.FD(), unix.LOCK_UN)
	if err := <-locked; err != nil {
		t.Error(err)
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// FuzzDecode: whatever can be read can be written, and reads the same then.
func FuzzDecode(f *testing.F) {
	f.Add(example().encode())
	f.Add([]byte(`{"config":{"hooks":{"poststop":[{"timeout":null,"env":[]}]},"namespaces":[{"type":"NEWNS"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := decode(data)
		if err != nil {
			return
		}
		if y := first.Created.UTC().Year(); y < 0 || y > 9999 {
			return // RFC 3339 has no such years
		}
		second, err := decode(first.encode())
		if err != nil {
			t.Fatalf("%v in %s", err, first.encode())
		}
		if string(first.encode()) != string(second.encode()) {
			t.Errorf("%s\nbecame\n%s", first.encode(), second.encode())
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	d, err := Create(b.TempDir(), "web")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Save(example()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.Load(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSalvage: what is left of a journal names what was there, or nothing.
func TestSalvage(t *testing.T) {
	root := t.TempDir()
	d := create(t, root, "web")
	whole := State{Init: Process{PID: 4711, Start: 99}, Cgroup: Cgroup{Dir: "/sys/fs/cgroup/web"}}
	whole.Container.ID = "web"
	whole.Container.Annotations = map[string]string{"k": `"cgroup_paths":{"":"/evil"`, "l": `"init_process_pid":1,`}
	text := string(whole.encode())
	other := strings.Replace(text, `"id":"web"`, `"id":"other"`, 1)
	init, cgroup := whole.Init, Cgroup{Dir: "/sys/fs/cgroup/web", Made: []string{"/sys/fs/cgroup/web"}}
	at := func(key string) int { return strings.Index(text, key) }
	for name, c := range map[string]struct {
		text   string
		init   Process
		cgroup Cgroup
	}{
		"nothing":              {"", Process{}, Cgroup{}},
		"no journal":           {"broken", Process{}, Cgroup{}},
		"another's":            {other, Process{}, Cgroup{}},
		"the end is gone":      {text[:at(`,"namespace_paths"`)], init, cgroup},
		"half is gone":         {text[:at(`,"config"`)], init, Cgroup{}},
		"in the number":        {text[:at(`711`)], Process{}, Cgroup{}},
		"in the start time":    {text[:at(`9,"created"`)], Process{}, Cgroup{}},
		"in the cgroup's path": {text[:at(`/web"}`)], init, Cgroup{}},
		"a byte is wrong":      {"x" + text[1:], init, cgroup},
	} {
		systest.MustDo(t, os.WriteFile(root+"/web/state.json", []byte(c.text), 0o600))
		if _, err := d.Load(); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: Load: %v, want ErrBroken", name, err)
		}
		s, err := d.Salvage()
		if err != nil || s.Init != c.init || !reflect.DeepEqual(s.Cgroup, c.cgroup) {
			t.Errorf("%s: %+v %+v, %v", name, s.Init, s.Cgroup, err)
		}
	}
	systest.MustDo(t, os.Truncate(root+"/web/state.json", 3*maxKept))
	if _, err := d.Load(); !errors.Is(err, unix.EFBIG) {
		t.Errorf("a journal without end: %v", err)
	}
	systest.MustDo(t, os.Remove(root+"/web/state.json"))
	systest.MustDo(t, os.Mkdir(root+"/web/state.json", 0o700))
	if _, err := d.Load(); err == nil || errors.Is(err, ErrBroken) || errors.Is(err, ErrNotExist) {
		t.Errorf("a journal that can't be read: %v", err)
	}
}
