package state

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

const keptText = `{"process":{"cwd":"/"},"mounts":[{"destination":"/a"}],"linux":{"seccomp":{}}}`

func keptExample() *Kept {
	mounts, seccomp := strings.Index(keptText, "["), strings.Index(keptText, "{}")
	return &Kept{
		Text:  []byte(keptText),
		Aside: []jsontext.Span{{Start: mounts, End: strings.Index(keptText, "]") + 1}, {Start: seccomp, End: seccomp + 2}},
		Filter: &plan.LoadSeccomp{Flags: 3, Filter: []unix.SockFilter{
			{Code: 0x20, K: 4}, {Code: 0x15, Jt: 1, Jf: 2, K: 0xc000003e}, {Code: 6, K: 0x7fff0000},
		}},
	}
}

func TestKept(t *testing.T) {
	for _, want := range []*Kept{keptExample(), {Text: []byte("{}")}, {Text: []byte("{}"), Filter: &plan.LoadSeccomp{Notify: true, Filter: []unix.SockFilter{{Code: 6}}}}} {
		d := create(t, t.TempDir(), "web")
		if _, err := d.Kept(); err != ErrNotExist {
			t.Errorf("Kept before Keep: %v, want ErrNotExist", err)
		}
		if err := d.Keep(want); err != nil {
			t.Fatal(err)
		}
		got, err := d.Kept()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Kept = %+v, %v, want %+v", got, err, want)
		}
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
}

func TestBrief(t *testing.T) {
	want := `{"process":{"cwd":"/"},"mounts":null,"linux":{"seccomp":null}}`
	if got := string(keptExample().Brief()); got != want {
		t.Errorf("Brief = %s, want %s", got, want)
	}
	if got := string((&Kept{Text: []byte(keptText)}).Brief()); got != keptText {
		t.Errorf("Brief with nothing aside = %s", got)
	}
}

// What the container, or another user, may have put there is not believed.
func TestKeptRefuses(t *testing.T) {
	sound := string(keptExample().encode())
	for name, c := range map[string]struct {
		fill func(path string) error
		want string
	}{
		"of another owner": {func(p string) error { return errors.Join(os.WriteFile(p, []byte(sound), 0o600), os.Chown(p, 1, 1)) }, "owner 1"},
		"others may write": {func(p string) error { return errors.Join(os.WriteFile(p, []byte(sound), 0o600), os.Chmod(p, 0o620)) }, "mode 0620"},
		"a fifo":           {func(p string) error { return unix.Mkfifo(p, 0o600) }, "not a regular file"},
		"a directory":      {func(p string) error { return os.Mkdir(p, 0o700) }, "not a regular file"},
		"a link":           {func(p string) error { return os.Symlink("/etc/passwd", p) }, "too many levels of symbolic links"},
		"empty":            {func(p string) error { return os.WriteFile(p, nil, 0o600) }, "cut off, or damaged"},
		"too large":        {func(p string) error { return errors.Join(os.WriteFile(p, []byte(sound), 0o600), os.Truncate(p, 1<<40)) }, "1099511627776 bytes: it is damaged"},
		"without its end":  {func(p string) error { return os.WriteFile(p, []byte(sound[:len(sound)-1]), 0o600) }, "cut off, or damaged"},
		"with more":        {func(p string) error { return os.WriteFile(p, []byte(sound+"12345678"), 0o600) }, "cut off, or damaged"},
		"no JSON":          {func(p string) error { return os.WriteFile(p, []byte("{\n"), 0o600) }, "config.kept:1:2: "},
		"without a format": {func(p string) error { return os.WriteFile(p, []byte("{}\n"), 0o600) }, "cut off, or damaged"},
		"spans out of order": {func(p string) error {
			return os.WriteFile(p, []byte(`{"format":1,"config":9,"aside":[4,5,1,2]}`+"\n123456789"), 0o600)
		}, "cut off, or damaged"},
		"a span behind the end": {func(p string) error {
			return os.WriteFile(p, []byte(`{"format":1,"config":9,"aside":[4,10]}`+"\n123456789"), 0o600)
		}, "cut off, or damaged"},
		"half a span": {func(p string) error {
			return os.WriteFile(p, []byte(`{"format":1,"config":9,"aside":[4]}`+"\n123456789"), 0o600)
		}, "cut off, or damaged"},
		"a filter of no profile": {func(p string) error { return os.WriteFile(p, []byte(`{"format":1,"config":1}`+"\n123456789"), 0o600) }, "cut off, or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 && strings.Contains(name, "owner") {
				t.Skip("giving files away takes root")
			}
			root := t.TempDir()
			d := create(t, root, "x")
			if err := c.fill(root + "/x/config.kept"); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Kept(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Kept: %v, want %q", err, c.want)
			}
		})
	}
}

// A file of a newer version is told from a damaged one, whatever else is in it.
func TestKeptFormat(t *testing.T) {
	for _, text := range []string{`{"format":2,"config":2}` + "\n{}", `{"config":{"size":2},"format":2}` + "\nanything"} {
		root := t.TempDir()
		d := create(t, root, "x")
		if err := os.WriteFile(root+"/x/config.kept", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := d.Kept()
		var format *FormatError
		want := "container x was made by a newer version: its config.kept has format 2, and this version knows formats up to 1"
		if !errors.As(err, &format) || err.Error() != want {
			t.Errorf("Kept of %s: %v, want %q", text, err, want)
		}
	}
	// What a version adds without a new format is skipped.
	if k, err := decodeKept([]byte(`{"format":1,"later":[{}],"config":2}` + "\n{}")); err != nil || string(k.Text) != "{}" {
		t.Errorf("with a key that is not known: %+v, %v", k, err)
	}
}

// TestFormer reads the files of versions before this one: testdata has one directory for each format of what is kept, of a
// container of the same configuration that was created, started and updated. Format 0 is that nothing was kept.
func TestFormer(t *testing.T) {
	timeout := 5
	for format, made := range map[string]time.Time{
		"format0": time.Date(2026, 11, 29, 8, 47, 29, 851609405, time.UTC),
		"format1": time.Date(2026, 11, 29, 9, 1, 14, 615813618, time.UTC),
	} {
		root := t.TempDir()
		if err := os.CopyFS(root+"/web", os.DirFS("testdata/"+format)); err != nil {
			t.Fatal(err)
		}
		// Their mode is the checkout's.
		if err := os.Chmod(root+"/web/config.kept", 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		d, err := Open(root, "web")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		got, err := d.Load()
		if err != nil {
			t.Fatal(err)
		}
		want := &State{
			Container: plan.Container{
				ID: "web", Bundle: "/srv/web", Rootfs: "/srv/web/rootfs", OCIVersion: "1.2.0",
				Annotations: map[string]string{"com.example.key": "value"},
			},
			Config: "/srv/web/config.json", Kept: format != "format0", Status: specs.StateCreated, Created: made, Init: got.Init,
			Cgroup: Cgroup{Dir: "/sys/fs/cgroup/web", Made: []string{"/sys/fs/cgroup/web"}},
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace},
			},
			Poststart: []specs.Hook{{Path: "/bin/true", Args: []string{"true", "x"}, Timeout: &timeout}},
			Poststop:  []specs.Hook{{Path: "/bin/true"}},
		}
		if !reflect.DeepEqual(got, want) || got.Init.PID == 0 || got.Init.Start == 0 {
			t.Errorf("%s: %+v, want %+v", format, got, want)
		}
		if text, err := d.Limits(); err != nil || !strings.Contains(string(text), `"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]`) {
			t.Errorf("%s: limits %s, %v", format, text, err)
		}
		kept, err := d.Kept()
		if format == "format0" {
			if err != ErrNotExist {
				t.Errorf("%s: Kept: %v, want ErrNotExist", format, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		checkFormer(t, kept)
	}
}

// checkFormer: the filter answers mkdir and mkdirat with errno 3, and all of config.json is there.
func checkFormer(t *testing.T, k *Kept) {
	t.Helper()
	if brief := string(k.Brief()); !strings.Contains(brief, `"CAP_KILL"`) || strings.Contains(brief, "mkdir") || !strings.Contains(string(k.Text), "mkdir") {
		t.Errorf("kept: %s, and in brief: %s", k.Text, brief)
	}
	found := false
	for _, f := range k.Filter.Filter {
		found = found || f.Code == unix.BPF_RET|unix.BPF_K && f.K == unix.SECCOMP_RET_ERRNO|3
	}
	if !found || k.Filter.Notify {
		t.Errorf("kept filter: %+v", k.Filter)
	}
}

// FuzzKept: whatever can be read can be written, and reads the same then.
func FuzzKept(f *testing.F) {
	f.Add(keptExample().encode())
	f.Add([]byte("{\"format\":1,\"config\":2}\n{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := decodeKept(data)
		if err != nil {
			return
		}
		first.Brief()
		second, err := decodeKept(first.encode())
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%+v became %+v, %v", first, second, err)
		}
	})
}

func BenchmarkKept(b *testing.B) {
	d, err := Create(b.TempDir(), "web")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	k := keptExample()
	k.Text = []byte(strings.Repeat(" ", 14<<10) + keptText)
	k.Aside = nil
	k.Filter.Filter = make([]unix.SockFilter, 500)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			unix.Unlinkat(d.FD(), keptName, 0)
			if err := d.Keep(k); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Kept(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
