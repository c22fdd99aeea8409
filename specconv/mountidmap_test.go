package specconv

import (
	"fmt"
	"reflect"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestIDMappedMounts: a mount's own mapping wins, the option alone takes the
// container's.
func TestIDMappedMounts(t *testing.T) {
	const own = `"uidMappings": [{"hostID": 7, "size": 1}], "gidMappings": [{"hostID": 8, "size": 1}]`
	for _, c := range []struct {
		mount     string
		uid, gid  uint32
		recursive bool
	}{
		{`"options": ["bind", "idmap"]`, 1000, 1000, false},
		{`"options": ["rbind", "ridmap"]`, 1000, 1000, true},
		{`"options": ["rbind"], ` + own, 7, 8, false},
		{`"options": ["rbind", "ridmap"], ` + own, 7, 8, true},
	} {
		p := planOf(t, `{"mounts": [{"destination": "/a", "source": "/b", `+c.mount+`}], "linux": {`+userns+`}}`)
		m := steps[*plan.OpenTree](p)[1].IDMap
		if m == nil || m.UIDs[0].HostID != c.uid || m.GIDs[0].HostID != c.gid || m.Recursive != c.recursive {
			t.Errorf("%s: %+v", c.mount, m)
		}
	}
	p := planOf(t, `{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind", "idmap"]}],
		"linux": {"namespaces": [{"type": "mount"}, {"type": "user", "path": "/u"}]}}`)
	if m := steps[*plan.OpenTree](p)[1].IDMap; m == nil || m.UIDs != nil || m.GIDs != nil {
		t.Errorf("joined user namespace: %+v, want the namespace's own mapping", m)
	}
}

// TestInlineIDMaps: the mapping in the option's own words, see crun(1).
func TestInlineIDMaps(t *testing.T) {
	const container = `"namespaces": [{"type": "mount"}, {"type": "user"}],
		"uidMappings": [{"containerID": 0, "hostID": 7, "size": 1}, {"containerID": 1, "hostID": 200, "size": 1000}],
		"gidMappings": [{"containerID": 0, "hostID": 9, "size": 10}]`
	one := func(container, host, size uint32) specs.LinuxIDMapping {
		return specs.LinuxIDMapping{ContainerID: container, HostID: host, Size: size}
	}
	type maps = []specs.LinuxIDMapping
	for _, c := range []struct {
		word string
		want plan.IDMap
	}{
		{"idmap=uids=0-1000-10;gids=5-6-7", plan.IDMap{UIDs: maps{one(0, 1000, 10)}, GIDs: maps{one(5, 6, 7)}}},
		{"idmap=gids=5-6-7;uids=0-1-10#10-11-10;", plan.IDMap{UIDs: maps{one(0, 1, 10), one(10, 11, 10)}, GIDs: maps{one(5, 6, 7)}}},
		{"ridmap=uids=0-1-1;gids=0-1-1", plan.IDMap{UIDs: maps{one(0, 1, 1)}, GIDs: maps{one(0, 1, 1)}, Recursive: true}},
		{"idmap=uids=@0-0-1#@1-3-997;gids=@50-9-1#0-0-1", plan.IDMap{UIDs: maps{one(0, 7, 1), one(1, 202, 997)}, GIDs: maps{one(50, 18, 1), one(0, 0, 1)}}},
	} {
		p := planOf(t, `{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind", "`+c.word+`"]}], "linux": {`+container+`}}`)
		if got := steps[*plan.OpenTree](p)[1].IDMap; !reflect.DeepEqual(got, &c.want) {
			t.Errorf("%s: %+v", c.word, got)
		}
	}
	for _, c := range []struct{ word, text string }{
		{"idmap=", `found "", expected uids= and gids=`},
		{"idmap=uids=0-1-1", "expected both uids= and gids="},
		{"idmap=gids=0-1-1", "expected both uids= and gids="},
		{"idmap=uids=0-1-1;uids=1-2-1;gids=0-1-1", "uids are given twice"},
		{"idmap=uids=;gids=0-1-1", `uids: "" is not a range`},
		{"idmap=uids=0-1;gids=0-1-1", `uids: "0-1" is not a range`},
		{"idmap=uids=0-1-x;gids=0-1-1", `uids: "0-1-x" is not a range`},
		{"idmap=uids=0-1-4294967296;gids=0-1-1", `uids: "0-1-4294967296" is not a range`},
		{"idmap=uids=0-1-0;gids=0-1-1", "uids[0].size: 0 maps nothing"},
		{"idmap=uids=0-1-5#3-100-1;gids=0-1-1", "uids[1].containerID: 3 and the next 0 ids overlap"},
		{"idmap=pids=0-1-1", `found "pids=0-1-1"`},
		{"idmap=uids=@0-0-2;gids=0-1-1", `uids: "@0-0-2" is not in one of the container's mappings`},
		{"idmap=uids=@0-5000-1;gids=0-1-1", `uids: "@0-5000-1" is not in one of the container's mappings`},
	} {
		spec := decode(t, fmt.Sprintf(`{"mounts": [{"destination": "/a", "source": "/b", "options": ["bind", %q]}], "linux": {%s}}`, c.word, container))
		refused(t, spec, goldenHost, testOptions, "mounts[0].options[1]", c.text)
	}
	for _, c := range []struct{ mount, text string }{
		{`"options": ["bind", "idmap=uids=@0-0-1;gids=0-0-1"]`, "its configuration has no mappings"},
		{`"options": ["bind", "idmap=uids=0-0-1;gids=0-0-1"], "uidMappings": [{"size": 1}]`, "beside uidMappings or gidMappings"},
	} {
		spec := decode(t, `{"mounts": [{"destination": "/a", "source": "/b", `+c.mount+`}]}`)
		refused(t, spec, goldenHost, testOptions, "mounts[0].options[1]", c.text)
	}
}

// TestIDMappedFilesystems: the parent makes them, with all their options, and
// init attaches them.
func TestIDMappedFilesystems(t *testing.T) {
	p := planOf(t, `{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["idmap=uids=0-1-1;gids=0-2-1", "size=4k", "nosuid"]}]}`)
	want := &plan.MakeTree{Slot: 1, Type: "tmpfs", Source: "tmpfs", Params: []string{"size=4k"}, IDMap: &plan.IDMap{
		UIDs: []specs.LinuxIDMapping{{HostID: 1, Size: 1}}, GIDs: []specs.LinuxIDMapping{{HostID: 2, Size: 1}},
	}}
	made := step[*plan.MakeTree](t, p)
	if !reflect.DeepEqual(made, want) {
		t.Errorf("got %+v, want %+v", made, want)
	}
	if got := made.String(); got != "make tmpfs with size=4k, map ids" {
		t.Error(got)
	}
	fs := step[*plan.MountFS](t, p)
	if !fs.Made || fs.Fallback != made.Slot {
		t.Errorf("init has %+v", fs)
	}
	if got := fs.String(); got != `attach tmpfs to "/a" (nosuid)` {
		t.Error(got)
	}
}
