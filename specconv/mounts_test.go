package specconv

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestOptionWords: the vocabulary is sorted, or the search in it would miss
// words.
func TestOptionWords(t *testing.T) {
	words := MountOptions()
	if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
		t.Error("option words are not sorted or not unique")
	}
	for _, word := range words {
		if w, err := readOptions("", []string{word}); err != nil || w.param >= 0 {
			t.Errorf("%q is read as the filesystem's, %v", word, err)
		}
	}
}

// TestTypedOptions: what the words of a new filesystem's mount come to.
func TestTypedOptions(t *testing.T) {
	const ro, nosuid, nodev, noexec = unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_NOEXEC
	const atime = unix.MOUNT_ATTR__ATIME
	for _, c := range []struct {
		words  []string
		attr   plan.Attr
		params []string
	}{
		{nil, plan.Attr{}, nil},
		{[]string{"defaults", "silent", "loud", "iversion", "noiversion", ""}, plan.Attr{}, nil},
		{[]string{"ro", "nosuid", "nodev", "noexec"}, plan.Attr{Set: ro | nosuid | nodev | noexec}, []string{"ro"}},
		{[]string{"ro", "nosuid", "rw", "suid"}, plan.Attr{}, nil},
		{[]string{"rw", "ro"}, plan.Attr{Set: ro}, []string{"ro"}},
		{[]string{"rro", "nodev", "rdev"}, plan.Attr{Set: ro}, []string{"ro"}},
		{[]string{"relatime"}, plan.Attr{}, nil},
		{[]string{"strictatime"}, plan.Attr{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: atime}, nil},
		{[]string{"noatime", "strictatime"}, plan.Attr{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: atime}, nil},
		{[]string{"noatime", "atime"}, plan.Attr{}, nil},
		{[]string{"noatime", "nodiratime"}, plan.Attr{Set: unix.MOUNT_ATTR_NOATIME | unix.MOUNT_ATTR_NODIRATIME, Clear: atime}, nil},
		{[]string{"nosymfollow"}, plan.Attr{Set: unix.MOUNT_ATTR_NOSYMFOLLOW}, nil},
		{[]string{"sync", "size=64k", "dirsync"}, plan.Attr{}, []string{"sync", "size=64k", "dirsync"}},
		{[]string{"sync", "lazytime", "async", "nolazytime", "mand"}, plan.Attr{}, []string{"mand"}},
		{[]string{"size=64k,mode=755"}, plan.Attr{}, []string{"size=64k", "mode=755"}},
		{[]string{`context="u:r:t:s0:c1,c2"`, "a,,b,"}, plan.Attr{}, []string{"context=u:r:t:s0:c1,c2", "a", "b"}},
		{[]string{`lowerdir=/a"b:/c,upperdir=/"d",fscontext="x,y",workdir=/w`}, plan.Attr{}, []string{`lowerdir=/a"b:/c`, `upperdir=/"d"`, "fscontext=x,y", "workdir=/w"}},
		{[]string{`lowerdir=/a\,b:/c,x`}, plan.Attr{}, []string{`lowerdir=/a\,b:/c`, "x"}},
		{[]string{"user_xattr"}, plan.Attr{}, []string{"user_xattr"}},
	} {
		p := planOf(t, `{"mounts": [{"destination": "/a", "type": "ext4", "source": "/dev/sda", "options": `+words(c.words)+`}]}`)
		got := step[*plan.MountFS](t, p)
		want := &plan.MountFS{Type: "ext4", Source: "/dev/sda", Target: "/a", Params: c.params, Options: plan.MountOptions{Attr: c.attr}, Fallback: -1}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", c.words, got, want)
		}
	}
}

// TestSuperWords: what belongs to a filesystem is said to it when it is made,
// in words without recursion, and warned about where it can't be.
func TestSuperWords(t *testing.T) {
	for _, c := range []struct {
		words  []string
		params []string
	}{
		{[]string{"rsync", "rdirsync", "rmand"}, []string{"sync", "dirsync", "mand"}},
		{[]string{"rsync", "rasync", "mand", "rnomand"}, nil},
	} {
		p := planOf(t, `{"mounts": [{"destination": "/a", "type": "tmpfs", "options": `+words(c.words)+`}]}`)
		if got := step[*plan.MountFS](t, p).Params; !slices.Equal(got, c.params) {
			t.Errorf("%q: %q, want %q", c.words, got, c.params)
		}
	}
	for word, warned := range map[string]bool{
		"sync": true, "rsync": true, "dirsync": true, "rdirsync": true, "mand": true, "rmand": true, "lazytime": true,
		"async": false, "rasync": false, "nomand": false, "rnomand": false, "nolazytime": false, "ro": false,
	} {
		for _, how := range []string{"bind", "remount"} {
			_, warnings, err := Plan(decode(t, `{"mounts": [{"destination": "/a", "source": "/b", "options": ["`+how+`", "`+word+`"]}]}`), goldenHost, testOptions)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(warnings) == 1 && warnings[0].Field == "mounts[0].options[1]"; got != warned {
				t.Errorf("%s %s: warnings %v", how, word, warnings)
			}
		}
	}
}

// TestRemount: only a filesystem that the same configuration has made for
// itself can be changed, and it is kept for that.
func TestRemount(t *testing.T) {
	for _, c := range []struct {
		words []string
		kept  bool
		text  string
	}{
		{[]string{"remount", "size=1m", "ro"}, true, `remount "/a" with size=1m (ro)`},
		{[]string{"remount", "sync", "async", "nolazytime", "dirsync"}, true, `remount "/a" with dirsync,async,nolazytime`},
		{[]string{"remount", "ro"}, false, `remount "/a" (ro)`},
	} {
		p := planOf(t, `{"mounts": [{"destination": "/a", "type": "tmpfs"}, {"destination": "/b", "type": "tmpfs"},
			{"destination": "/a/", "type": "tmpfs", "options": `+words(c.words)+`}]}`)
		if fs := steps[*plan.MountFS](p); (fs[0].Keep != 0) != c.kept || fs[1].Keep != 0 {
			t.Errorf("%q: kept %v, %v", c.words, fs[0].Keep, fs[1].Keep)
		}
		remount := step[*plan.Remount](t, p)
		if got := remount.String(); got != c.text {
			t.Errorf("%q: %s, want %s", c.words, got, c.text)
		}
		if remount.Kept != steps[*plan.MountFS](p)[0].Keep {
			t.Errorf("%q: remount of %d", c.words, remount.Kept)
		}
	}
}

// TestRemountOfBind: what is bound over a filesystem of the container's own is another
// mount, which a remount finds by its place.
func TestRemountOfBind(t *testing.T) {
	p := planOf(t, `{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["ro"]},
		{"destination": "/a", "type": "bind", "source": "/srv", "options": ["bind"]},
		{"destination": "/a", "options": ["remount", "bind", "nosuid"]}]}`)
	if r := steps[*plan.Remount](p); len(r) != 2 || r[0].Kept != 0 || r[1].Kept != steps[*plan.MountFS](p)[0].Keep {
		t.Errorf("remounts of %d and %d", r[0].Kept, r[1].Kept)
	}
}

// TestLinkOptions: what becomes of symbolic links at both ends of a mount.
func TestLinkOptions(t *testing.T) {
	for _, c := range []struct {
		options                string
		tree, copied, onTarget bool
	}{
		{`"bind"`, false, false, false},
		{`"bind", "src-nofollow"`, true, false, false},
		{`"bind", "copy-symlink"`, true, true, false},
		{`"rbind", "dest-nofollow"`, false, false, true},
	} {
		p := planOf(t, `{"mounts": [{"destination": "/a", "source": "/b", "options": [`+c.options+`]}]}`)
		bind, tree := step[*plan.Bind](t, p), steps[*plan.OpenTree](p)[1]
		if tree.NoFollow != c.tree || bind.CopyLink != c.copied || bind.Options.NoFollow != c.onTarget {
			t.Errorf("%s: %+v, %+v", c.options, tree, bind)
		}
	}
	p := planOf(t, `{"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["dest-nofollow"]}]}`)
	if got := step[*plan.MountFS](t, p).String(); got != `mount tmpfs on "/a" (dest-nofollow)` {
		t.Error(got)
	}
}

// TestBindOptions: on a bind mount attributes can be taken away too, and one
// that is chosen takes away the others; words of the filesystem's have no
// effect, and nothing stays the host's peer unless that is asked for.
func TestBindOptions(t *testing.T) {
	const ro, rec = unix.MOUNT_ATTR_RDONLY, unix.MS_REC
	const others = ro | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NOSYMFOLLOW
	const atimes = unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_NODIRATIME
	const slave, private, shared = unix.MS_SLAVE | rec, unix.MS_PRIVATE | rec, unix.MS_SHARED | rec
	for _, c := range []struct {
		root    string
		words   []string
		options plan.MountOptions
		tree    plan.OpenTree
	}{
		{"", []string{"bind"}, plan.MountOptions{Propagation: []uint64{slave}}, plan.OpenTree{}},
		{"", []string{"rbind", "ro"}, plan.MountOptions{Attr: plan.Attr{Set: ro}, Others: others &^ ro, Propagation: []uint64{slave}}, plan.OpenTree{Recursive: true}},
		{"", []string{"rbind", "rw"}, plan.MountOptions{Attr: plan.Attr{Clear: ro}, Others: others &^ ro, Propagation: []uint64{slave}}, plan.OpenTree{Recursive: true}},
		{"", []string{"rbind", "rro"}, plan.MountOptions{Recursive: plan.Attr{Set: ro}, Propagation: []uint64{slave}}, plan.OpenTree{Recursive: true}},
		{"", []string{"rbind", "rprivate"}, plan.MountOptions{Propagation: []uint64{private}}, plan.OpenTree{Recursive: true}},
		{"", []string{"bind", "private"}, plan.MountOptions{Propagation: []uint64{unix.MS_PRIVATE}}, plan.OpenTree{}},
		{"", []string{"rbind", "private"}, plan.MountOptions{Propagation: []uint64{slave, unix.MS_PRIVATE}}, plan.OpenTree{Recursive: true}},
		{"", []string{"rbind", "rshared"}, plan.MountOptions{Propagation: []uint64{slave, shared}}, plan.OpenTree{Recursive: true}},
		{"rprivate", []string{"bind"}, plan.MountOptions{Propagation: []uint64{private}}, plan.OpenTree{}},
		{"rslave", []string{"bind"}, plan.MountOptions{Propagation: []uint64{slave}}, plan.OpenTree{}},
		{"unbindable", []string{"bind"}, plan.MountOptions{Propagation: []uint64{private}}, plan.OpenTree{}},
		{"rshared", []string{"rbind", "rshared"}, plan.MountOptions{Propagation: []uint64{shared}}, plan.OpenTree{Recursive: true}},
		{"shared", []string{"rbind", "rslave"}, plan.MountOptions{Propagation: []uint64{slave}}, plan.OpenTree{Recursive: true}},
		{"", []string{"bind", "relatime", "sync", "src-nofollow"},
			plan.MountOptions{Attr: plan.Attr{Clear: unix.MOUNT_ATTR__ATIME}, Others: others | unix.MOUNT_ATTR_NODIRATIME, Propagation: []uint64{slave}},
			plan.OpenTree{NoFollow: true}},
		{"", []string{"bind", "nodiratime", "exec"}, plan.MountOptions{
			Attr:   plan.Attr{Set: unix.MOUNT_ATTR_NODIRATIME, Clear: unix.MOUNT_ATTR_NOEXEC},
			Others: (others | atimes) &^ (unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOEXEC), Propagation: []uint64{slave},
		}, plan.OpenTree{}},
		{"", []string{"bind", "sync", "silent"}, plan.MountOptions{Propagation: []uint64{slave}}, plan.OpenTree{}},
	} {
		p := planOf(t, `{"linux": {"rootfsPropagation": "`+c.root+`"},
			"mounts": [{"destination": "/a", "source": "/b", "options": `+words(c.words)+`}]}`)
		got := step[*plan.Bind](t, p)
		if !reflect.DeepEqual(got, &plan.Bind{Slot: 1, Source: "/b", Target: "/a", Options: c.options}) {
			t.Errorf("%q %q: %+v", c.root, c.words, got)
		}
		c.tree.Slot, c.tree.Path = 1, "/b"
		if tree := steps[*plan.OpenTree](p)[1]; !reflect.DeepEqual(tree, &c.tree) {
			t.Errorf("%q: %+v", c.words, tree)
		}
	}
}

func words(list []string) string {
	if list == nil {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestMountShapes: one line for each way to write a mount.
func TestMountShapes(t *testing.T) {
	for _, c := range []struct{ mount, want string }{
		{`{"destination": "/a/../b/", "type": "tmpfs"}`, `mount tmpfs on "/b"`},
		{`{"destination": "b", "type": "tmpfs"}`, `mount tmpfs on "/b"`},
		{`{"destination": "/a", "type": "tmpfs", "options": ["rprivate"]}`, `mount tmpfs on "/a"`},
		{`{"destination": "/a", "type": "tmpfs", "options": ["private", "rshared"]}`, `mount tmpfs on "/a" (private,rshared)`},
		{`{"destination": "/a", "type": "bind", "source": "vol"}`, `bind "/bundle/vol" on "/a" (rslave)`},
		{`{"destination": "/a", "source": "/x/../y", "options": ["bind"]}`, `bind "/x/../y" on "/a" (rslave)`},
		{`{"destination": "/a", "options": ["remount"]}`, `remount "/a"`},
		{`{"destination": "/a", "source": "/b", "options": ["bind", "remount", "ro", "nodev", "exec"]}`, `remount "/a" (ro,nodev,exec)`},
		{`{"destination": "/proc", "type": "bind", "source": "/proc"}`, `bind "/proc" on "/proc" (rslave)`},
		{`{"destination": "/proc/uptime", "type": "bind", "source": "/x"}`, `bind "/x" on "/proc/uptime" (rslave)`},
		{`{"destination": "/c", "type": "cgroup", "options": ["ro", "rprivate"]}`, `attach cgroup2 to "/c" (ro,private)`},
	} {
		p := planOf(t, `{"mounts": [`+c.mount+`]}`)
		i := slices.IndexFunc(p.Init, func(item plan.Item) bool { return item.Field == "mounts[0]" })
		if i < 0 || p.Init[i].String() != c.want {
			t.Errorf("%s: got %s, want %s", c.mount, p.Init[i], c.want)
		}
	}
}

// TestReadonlyTmpfs: mount points and devices are made before it becomes
// read-only, and the terminal too.
func TestReadonlyTmpfs(t *testing.T) {
	p := planOf(t, `{"process": {"terminal": true}, "mounts": [{"destination": "/dev", "type": "tmpfs", "options": ["ro", "nosuid"]}]}`)
	if fs := step[*plan.MountFS](t, p); fs.Options.Attr.Set != unix.MOUNT_ATTR_NOSUID {
		t.Errorf("mounted with %#x", fs.Options.Attr.Set)
	}
	remount, console := position(p.Init, &plan.Remount{}), position(p.Init, &plan.Console{})
	if got := p.Init[remount].String(); got != `remount "/dev" (ro)` {
		t.Error(got)
	}
	if remount < console || remount < position(p.Init, &plan.MakeDevice{}) {
		t.Error("/dev is read-only too early")
	}
}

// position finds the first step of the type of like; -1: there is none.
func position(items []plan.Item, like plan.Step) int {
	return slices.IndexFunc(items, func(item plan.Item) bool {
		return reflect.TypeOf(item.Step) == reflect.TypeOf(like)
	})
}

// TestMountExtras: what else a typed mount can carry.
func TestMountExtras(t *testing.T) {
	host := goldenHost
	host.SELinux = true
	fragment := `{"linux": {"mountLabel": "u:r:t:s0:c1,c2"}, "mounts": [
		{"destination": "/a", "type": "tmpfs", "options": ["tmpcopyup", "size=1m"]}, {"destination": "/proc", "type": "proc"}]}`
	mounts := steps[*plan.MountFS](planOn(t, fragment, host, testOptions))
	if m := mounts[0]; !m.CopyUp || !slices.Equal(m.Params, []string{"size=1m", "context=u:r:t:s0:c1,c2"}) {
		t.Errorf("tmpfs: %+v", m)
	}
	if m := mounts[1]; m.Params != nil {
		t.Errorf("proc has a label: %+v", m)
	}
	if m := steps[*plan.MountFS](planOf(t, fragment))[0]; !slices.Equal(m.Params, []string{"size=1m"}) {
		t.Errorf("label without SELinux: %+v", m)
	}
	for kind, want := range map[string][]string{
		"context":     {"context=l"},
		"fscontext":   {"fscontext=l"},
		"defcontext":  {"defcontext=l"},
		"rootcontext": {"rootcontext=l"},
	} {
		p := planOn(t, `{"annotations": {"run.oci.mount_context_type": "`+kind+`"}, "linux": {"mountLabel": "l"},
			"mounts": [{"destination": "/a", "type": "tmpfs"}]}`, host, testOptions)
		if m := step[*plan.MountFS](t, p); !slices.Equal(m.Params, want) {
			t.Errorf("%s: %q", kind, m.Params)
		}
	}
	p := planOn(t, `{"linux": {"mountLabel": "l"}, "mounts": [{"destination": "/a", "type": "tmpfs", "options": ["context=own"]}]}`, host, testOptions)
	if m := step[*plan.MountFS](t, p); !slices.Equal(m.Params, []string{"context=own"}) {
		t.Errorf("own context: %q", m.Params)
	}
}

// TestFallbacks: in a user namespace sysfs and cgroup2 may be refused; what
// replaces them is never the host's cgroup hierarchy (CVE-2023-25809).
func TestFallbacks(t *testing.T) {
	const mounts = `"mounts": [{"destination": "/sys", "type": "sysfs"}, {"destination": "/sys/fs/cgroup", "type": "cgroup2"}]`
	const own = `, "linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}`
	for _, m := range steps[*plan.MountFS](planOf(t, `{`+mounts+own+`}`)) {
		if m.Fallback != -1 || m.Made || m.Mask {
			t.Errorf("without user namespace: %+v", m)
		}
	}
	// In the host's cgroup namespace a new mount would change the host's options.
	p := planOf(t, `{`+mounts+`}`)
	fs, trees := steps[*plan.MountFS](p), steps[*plan.OpenTree](p)
	if want := (&plan.OpenTree{Slot: 1, Path: "/sys/fs/cgroup"}); fs[1].Fallback != 1 || !fs[1].Made || !reflect.DeepEqual(trees[1], want) {
		t.Errorf("cgroup2 in the host's namespace: %+v, %+v", fs[1], trees)
	}
	p = planOf(t, `{`+mounts+`, "linux": {`+userns+`, "cgroupsPath": "/c"}}`)
	fs, trees = steps[*plan.MountFS](p), steps[*plan.OpenTree](p)
	if want := (&plan.OpenTree{Slot: 1, Path: "/sys", Recursive: true, Optional: true}); fs[0].Fallback != 1 || !reflect.DeepEqual(trees[1], want) {
		t.Errorf("sysfs: %+v, %+v", fs[0], trees[1])
	}
	if want := (&plan.OpenTree{Slot: 2, Path: "/sys/fs/cgroup/c", Optional: true}); fs[1].Fallback != 2 || !fs[1].Mask || !reflect.DeepEqual(trees[2], want) {
		t.Errorf("cgroup2: %+v, %+v", fs[1], trees[2])
	}
	host := goldenHost
	host.UserNS, host.CgroupRoot = true, ""
	fs = steps[*plan.MountFS](planOn(t, `{`+mounts+`}`, host, testOptions))
	if fs[0].Fallback != -1 || fs[1].Fallback != -1 || !fs[1].Mask {
		t.Errorf("new network namespace, no cgroup2: %+v %+v", fs[0], fs[1])
	}
}

// TestRootPropagation: see planPropagation.
func TestRootPropagation(t *testing.T) {
	const rec = unix.MS_REC
	for _, c := range []struct {
		word          string
		attach, final uint64
	}{
		{"", unix.MS_SLAVE | rec, 0},
		{"slave", unix.MS_SLAVE | rec, 0},
		{"rslave", unix.MS_SLAVE | rec, 0},
		{"private", unix.MS_PRIVATE | rec, 0},
		{"rprivate", unix.MS_PRIVATE | rec, 0},
		{"shared", unix.MS_SLAVE | rec, unix.MS_SHARED},
		{"rshared", unix.MS_SLAVE | rec, unix.MS_SHARED | rec},
		{"unbindable", unix.MS_PRIVATE | rec, unix.MS_UNBINDABLE},
		{"runbindable", unix.MS_PRIVATE | rec, unix.MS_UNBINDABLE | rec},
	} {
		for _, readonly := range []bool{false, true} {
			fragment := `{"linux": {"rootfsPropagation": "` + c.word + `"}}`
			if readonly {
				fragment = `{"root": {"readonly": true}, "linux": {"rootfsPropagation": "` + c.word + `"}}`
			}
			p := planOf(t, fragment)
			if got := step[*plan.SetPropagation](t, p).Flags; got != unix.MS_SLAVE|rec {
				t.Errorf("%q: old root %#x", c.word, got)
			}
			if got := step[*plan.AttachRoot](t, p).Propagation; got != c.attach {
				t.Errorf("%q: attached %#x, want %#x", c.word, got, c.attach)
			}
			final := steps[*plan.SetRoot](p)
			if c.final == 0 && !readonly {
				if len(final) != 0 {
					t.Errorf("%q: %+v", c.word, final[0])
				}
				continue
			}
			if len(final) != 1 || *final[0] != (plan.SetRoot{Readonly: readonly, Propagation: c.final}) {
				t.Errorf("%q: %+v", c.word, final)
			}
		}
	}
}

// TestRootPath: relative to the bundle, or absolute and untouched.
func TestRootPath(t *testing.T) {
	for path, want := range map[string]string{"rootfs": "/bundle/rootfs", "../r": "/r", "/a/../b": "/a/../b"} {
		p := planOf(t, `{"root": {"path": "`+path+`"}}`)
		tree := steps[*plan.OpenTree](p)[0]
		if p.Container.Rootfs != want || !reflect.DeepEqual(tree, &plan.OpenTree{Path: want, Recursive: true, Rootfs: true}) {
			t.Errorf("%q: %q, %+v", path, p.Container.Rootfs, tree)
		}
	}
}

// TestNotify: a service of systemd's has the socket's directory, after all
// mounts of its own, and knows where.
func TestNotify(t *testing.T) {
	p := planOn(t, `{"process": {"env": ["NOTIFY_SOCKET=/other", "A=1"]}, "mounts": [{"destination": "/run", "type": "tmpfs"}]}`,
		goldenHost, Options{NotifyDir: "/state/id/notify"})
	if env := step[*plan.Execute](t, p).Env; !slices.Equal(env, []string{"A=1", "NOTIFY_SOCKET=/run/notify/notify.sock"}) {
		t.Errorf("%q", env)
	}
	bind := step[*plan.Bind](t, p)
	if bind.Target != "/run/notify" || bind.Options.Attr.Set&unix.MOUNT_ATTR_RDONLY == 0 ||
		position(p.Init, &plan.Bind{}) < position(p.Init, &plan.MountFS{}) {
		t.Errorf("%v, at %d", bind, position(p.Init, &plan.Bind{}))
	}
	var sources []string
	for _, tree := range steps[*plan.OpenTree](p) {
		sources = append(sources, tree.Path)
	}
	if !slices.Contains(sources, "/state/id/notify") {
		t.Errorf("opened %q", sources)
	}
}

// TestOwners: a filesystem of a user namespace belongs to ids that it has.
func TestOwners(t *testing.T) {
	const userns = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
		"uidMappings": [{"hostID": 1000, "size": 1}], "gidMappings": [{"hostID": 1000, "size": 1}, {"containerID": 5, "hostID": 2000, "size": 1}]},
		"mounts": [{"destination": "/x", "type": "%s", "options": ["mode=755,%s"]}]}`
	for _, option := range []string{"gid=0", "gid=5", "uid=0", "gid=x", "mode=6"} {
		planOf(t, fmt.Sprintf(userns, "tmpfs", option))
	}
	planOf(t, fmt.Sprintf(userns, "fuse", "gid=6"))
	planOf(t, `{"mounts": [{"destination": "/x", "type": "tmpfs", "options": ["uid=7"]}]}`)
	refused(t, decode(t, fmt.Sprintf(userns, "devpts", "gid=6")), goldenHost, testOptions, "mounts[0].options", "gid=6: 6 is not mapped in linux.gidMappings")
	refused(t, decode(t, fmt.Sprintf(userns, "tmpfs", "uid=1")), goldenHost, testOptions, "mounts[0].options", "uid=1: 1 is not mapped in linux.uidMappings")
}

// TestUsualOptions: devpts, mqueue and /dev/shm without options get those that they are useful with.
func TestUsualOptions(t *testing.T) {
	for _, c := range []struct{ mount, want string }{
		{`{"destination": "/dev/pts", "type": "devpts", "source": "devpts"}`, "ptmxmode=0666"},
		{`{"destination": "/dev/shm/", "type": "tmpfs", "source": "shm"}`, "mode=1777"},
		{`{"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue"}`, "nosuid"},
		{`{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["mode=600"]}`, ""},
		{`{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}`, ""},
	} {
		p, _, err := Plan(decode(t, `{"mounts": [`+c.mount+`]}`), goldenHost, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		text := step[*plan.MountFS](t, p).String()
		if c.want != "" && !strings.Contains(text, c.want) || c.want == "" && (strings.Contains(text, "ptmxmode") || strings.Contains(text, "1777")) {
			t.Errorf("%s: %s", c.mount, text)
		}
	}
}

// TestReadonlyFilesystem: what is on files is read-only as a whole, what the kernel
// shares with the host is not.
func TestReadonlyFilesystem(t *testing.T) {
	for _, c := range []struct {
		kind, source string
		want         bool
	}{
		{"ext4", "/dev/sda", true}, {"overlay", "overlay", true}, {"nfs", "host:/dir", false}, {"devtmpfs", "/dev", false},
		{"debugfs", "debugfs", false}, {"tmpfs", "/x", false}, {"sysfs", "/sys", false}, {"bpf", "bpf", false},
	} {
		p := planOf(t, fmt.Sprintf(`{"mounts": [{"destination": "/a", "type": %q, "source": %q, "options": ["ro"]}]}`, c.kind, c.source))
		if got := slices.Contains(step[*plan.MountFS](t, p).Params, "ro"); got != c.want {
			t.Errorf("%s of %s: %t", c.kind, c.source, got)
		}
	}
}
