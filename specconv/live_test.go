package specconv

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

var goldenLive = Live{ID: "golden", Bundle: "/bundle", Cgroup: "/c", Joins: []specs.LinuxNamespaceType{specs.UserNamespace, specs.NetworkNamespace}}

const liveFragment = `{"linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "user"}, {"type": "network"}],
	"uidMappings": [{"containerID": 5, "hostID": 1000, "size": 9}], "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 9}]}}`

// TestAddMounts: the whole plan, as "crun-go plan" would print it. What is
// opened on the host comes first, a read-only tmpfs is read-only from the start.
func TestAddMounts(t *testing.T) {
	p, warnings, err := AddMounts(decode(t, liveFragment), []specs.Mount{
		{Destination: "/t", Type: "tmpfs", Options: []string{"ro", "size=1k"}},
		{Destination: "/b", Source: "data", Options: []string{"rbind", "rro", "idmap"}},
		{Destination: "up", Type: "tmpfs", Options: []string{"ro", "tmpcopyup"}},
	}, goldenHost, goldenLive)
	if err != nil || len(warnings) != 1 || warnings[0].Field != "mounts[2].destination" {
		t.Fatalf("%v, %v", warnings, err)
	}
	var text strings.Builder
	if err := plan.Text(&text, p); err != nil {
		t.Fatal(err)
	}
	want := `parent   1  mounts[1].source  open tree "/bundle/data", map ids
parent   2  linux.namespaces  lock the mount flags of the trees that were opened
parent   3                    spawn a helper process, join user network
parent   4                    wait until init is mounted
parent   5                    save which mounts were changed
parent   6                    let init continue
init     1                    join the mount namespace
init     2  mounts[0]         mount tmpfs on "/t" with size=1k (ro)
init     3  mounts[1]         bind "/bundle/data" on "/b" (rro,rslave)
init     4  mounts[2]         mount tmpfs on "/up"
init     5  mounts[2]         remount "/up" (ro)
init     6                    report to the parent: mounted
init     7                    end
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	if enter := step[*plan.EnterContainer](t, p); enter.Mount != 1 || enter.Proc != 2 {
		t.Errorf("%+v, want the slots after that of the tree", enter)
	}
	if maps := step[*plan.OpenTree](t, p).IDMap; maps.UIDs[0].HostID != 1000 {
		t.Errorf("ids are mapped by %+v, want the container's maps", maps)
	}
}

// TestRemoveMounts: what is mounted on another one goes first.
func TestRemoveMounts(t *testing.T) {
	p, _, err := RemoveMounts(decode(t, `{}`), []specs.Mount{
		{Destination: "/a"}, {Destination: "/a/b/c"}, {Destination: "/a-b", Type: "nonsense", Options: []string{"remount"}}, {Destination: "/a/b/"},
	}, goldenHost, Live{ID: "golden", Bundle: "/bundle"})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, s := range steps[*plan.FindMount](p) {
		order = append(order, s.Target)
	}
	if got := strings.Join(order, " "); got != "/a/b/c /a/b /a-b /a" {
		t.Errorf("order %s", got)
	}
	if p.Init[1].Field != "mounts[1].destination" {
		t.Errorf("the first step is of %s", p.Init[1].Field)
	}
}

func TestLiveInvalid(t *testing.T) {
	change := map[string]func(*specs.Spec, []specs.Mount, Host, Live) (*plan.Plan, []Warning, error){"add": AddMounts, "remove": RemoveMounts}
	for _, c := range []struct {
		how   string
		mount specs.Mount
		text  string
	}{
		{"add", specs.Mount{Destination: "/p", Type: "proc"}, `mounts[0].type: "proc" can't be added`},
		{"add", specs.Mount{Destination: "/p", Options: []string{"remount", "ro"}}, "mounts[0].options: remount can't be undone"},
		{"add", specs.Mount{Destination: "/p", Source: "/s", Options: []string{"bind", "copy-symlink"}}, "mounts[0].options: copy-symlink can't be undone"},
		{"add", specs.Mount{Destination: "/proc/keys", Source: "/s", Options: []string{"bind"}}, "inside /proc"},
		{"add", specs.Mount{Type: "tmpfs"}, "mounts[0].destination: empty"},
		{"remove", specs.Mount{}, "mounts[0].destination: empty"},
		{"remove", specs.Mount{Destination: "//"}, "is the root filesystem itself"},
	} {
		_, _, err := change[c.how](decode(t, `{}`), []specs.Mount{c.mount}, goldenHost, goldenLive)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s %+v: %v, want %s", c.how, c.mount, err, c.text)
		}
	}
	_, _, err := RemoveMounts(decode(t, `{}`), []specs.Mount{{Destination: "/a"}, {Destination: "/a/"}}, goldenHost, goldenLive)
	if err == nil || !strings.Contains(err.Error(), `mounts[1].destination: "/a" is there twice`) {
		t.Errorf("the same twice: %v", err)
	}
	// A container whose pid namespace is the runtime's may have its procfs.
	_, _, err = AddMounts(decode(t, `{"linux": {"namespaces": [{"type": "mount"}]}}`), []specs.Mount{{Destination: "/p", Type: "proc"}}, goldenHost, goldenLive)
	if err != nil {
		t.Error(err)
	}
}

// TestChangeDevices: what is removed goes first, and in a user namespace the host's node is
// opened before there is a helper.
func TestChangeDevices(t *testing.T) {
	remove := []plan.RemoveDevice{{Path: "/dev/old", Type: "c", Major: 1, Minor: 3}}
	add := []LiveDevice{{AddDevice: plan.AddDevice{Node: plan.Node{Path: "/dev/new", Type: "c", Major: 189, Minor: 7}}, Source: "/dev/bus/usb/001/008"}}
	p, err := ChangeDevices(decode(t, liveFragment), remove, add, goldenHost, goldenLive)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := plan.Text(&text, p); err != nil {
		t.Fatal(err)
	}
	want := `parent   1  --device-add      open "/dev/bus/usb/001/008"
parent   2  linux.namespaces  lock the mount flags of the trees that were opened
parent   3                    spawn a helper process, join user network
parent   4                    wait until init is mounted
parent   5                    save which devices were changed
parent   6                    let init continue
init     1                    join the mount namespace
init     2  --device-remove   remove device "/dev/old"
init     3  --device-add      add device "/dev/new" c 189:7
init     4                    report to the parent: mounted
init     5                    end
`
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
	if p, err = ChangeDevices(decode(t, `{}`), nil, add, goldenHost, Live{ID: "golden", Bundle: "/bundle"}); err != nil {
		t.Fatal(err)
	}
	if slot := step[*plan.AddDevice](t, p).Slot; slot != -1 || len(steps[*plan.OpenTree](p)) != 0 {
		t.Errorf("slot %d, want a node of its own", slot)
	}
}

// TestAddedDeviceRules: what was added comes with the container's own rules; a container that may
// use everything needs no filter for more.
func TestAddedDeviceRules(t *testing.T) {
	major, minor := int64(189), int64(-1)
	added := []specs.LinuxDeviceCgroup{{Allow: true, Type: "c", Major: &major, Minor: &minor, Access: "rw"}}
	host := goldenHost
	host.EUID, host.UserNS = 0, false
	own, err := DeviceRules(decode(t, `{}`), nil, host)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := DeviceRules(decode(t, `{}`), added, host)
	if err != nil || len(rules) != len(own)+1 || isEverything(&rules[0]) != isEverything(&own[0]) {
		t.Errorf("%d rules and one: %d, %v", len(own), len(rules), err)
	}
	everything := decode(t, `{"linux": {"resources": {"devices": [{"allow": true, "access": "rwm"}]}}}`)
	if rules, err := DeviceRules(everything, added, host); rules != nil || err != nil {
		t.Errorf("%v, %v, want no filter", rules, err)
	}
	host.UserNS = true
	if rules, err := DeviceRules(decode(t, `{}`), added, host); rules != nil || err != nil {
		t.Errorf("%v, %v, want no filter", rules, err)
	}
}
