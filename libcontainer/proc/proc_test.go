package proc

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Every type is found by each of its names, and /proc has it by that of its file.
func TestNamespaces(t *testing.T) {
	for _, ns := range Namespaces() {
		if NamespaceOf(ns.Type) != ns || NamespaceOfFlag(ns.Flag) != ns || NamespaceOfFlagName(ns.FlagName) != ns {
			t.Errorf("%+v is not found by all its names", ns)
		}
		if _, err := os.Stat("/proc/self/ns/" + ns.File); err != nil && ns.Type != specs.TimeNamespace { // Linux 5.6
			t.Error(err)
		}
	}
	if ns := NamespaceOf("new"); ns != (Namespace{Type: "new", FlagName: "new", File: "new"}) || NamespaceOfFlagName("new") != ns {
		t.Errorf("an unknown type: %+v", ns)
	}
	if ns := NamespaceOfFlag(1); ns != (Namespace{}) {
		t.Errorf("a flag of no namespace: %+v", ns)
	}
}

func TestParseIDMap(t *testing.T) {
	const table = "         0       1000          1\n         1     100000      65536\n"
	maps, err := ParseIDMap([]byte(table))
	if err != nil || len(maps) != 2 || maps[1] != (specs.LinuxIDMapping{ContainerID: 1, HostID: 100000, Size: 65536}) {
		t.Errorf("%+v, %v", maps, err)
	}
	for _, text := range []string{"", "0 1\n", "x 1 1\n", "0 0 1 1\n", "4294967296 1 1\n", "         0          0 4294967295\nbroken\n"} {
		if maps, err := ParseIDMap([]byte(text)); err == nil {
			t.Errorf("%q was read: %+v", text, maps)
		}
	}
}

func FuzzParseIDMap(f *testing.F) {
	f.Add([]byte("  1000  1000 1\n  0 100000 1000\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if maps, err := ParseIDMap(text); (err == nil) == (len(maps) == 0) {
			t.Errorf("%q: %+v, %v", text, maps, err)
		}
	})
}

func TestHasHostID(t *testing.T) {
	maps := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 1<<32 - 3, Size: 2}}
	for id, want := range map[uint32]bool{0: false, 999: false, 1000: true, 1001: false, 1<<32 - 3: true, 1<<32 - 2: true, 1<<32 - 1: false} {
		if got := HasHostID(maps, id); got != want {
			t.Errorf("%d: %v, want %v", id, got, want)
		}
	}
}

func TestHostID(t *testing.T) {
	ids := []specs.LinuxIDMapping{{ContainerID: 10, HostID: 1000, Size: 5}, {ContainerID: 0, HostID: 500, Size: 1}, {ContainerID: 100, HostID: 4294967290, Size: 5}}
	for id, want := range map[uint32]int{0: 500, 1: -1, 9: -1, 10: 1000, 14: 1004, 15: -1, 104: 4294967294, 105: -1, 4294967295: -1} {
		if got := HostID(ids, id); got != want {
			t.Errorf("HostID(%d) = %d, want %d", id, got, want)
		}
	}
}

func TestFindUser(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\n\n# comment\nbad\njoe:x:1000:100::/home/joe:\nmax:x:100:1::/:\n"
	for uid, want := range map[int]string{0: "root", 1000: "joe", 100: "max", 1: "", 10: ""} {
		if got := findUser(strings.NewReader(passwd), uid); got != want {
			t.Errorf("findUser(%d) = %q, want %q", uid, got, want)
		}
	}
}
