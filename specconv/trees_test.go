package specconv

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/specconv/plan"
)

// TestBatches: the parent opens what init can hold, and more when init asks for it;
// what init lends comes between, in the order in which it does. The root is the first
// tree, six devices are the last.
func TestBatches(t *testing.T) {
	const mapped = `"options": ["bind", "idmap=uids=0-1-1;gids=0-1-1"]`
	for _, c := range []struct {
		binds  []int // how many, each followed by one in the root filesystem whose ids are mapped
		parent string
		init   string
	}{
		{[]int{1}, "8 lock spawn map ready", "1 lend"},
		{[]int{127}, "128 lock spawn map empty 6 lock send ready", "127 lend empty"},
		{[]int{128}, "128 lock spawn empty 7 lock send map ready", "127 empty 1 lend"},
		{[]int{127, 1, 0}, "128 lock spawn map empty 7 lock send map map ready", "127 lend empty 1 lend lend"},
		{[]int{300}, "128 lock spawn empty 128 lock send empty 51 lock send map ready", "127 empty 128 empty 45 lend"},
	} {
		var mounts []string
		for i, n := range c.binds {
			for j := range n {
				mounts = append(mounts, fmt.Sprintf(`{"destination": "/m/%d/%d", "source": "/s", "options": ["bind"]}`, i, j))
			}
			mounts = append(mounts, fmt.Sprintf(`{"destination": "/own/%d", "source": "rootfs/a/b", %s}`, i, mapped))
		}
		p := planOf(t, `{"mounts": [`+strings.Join(mounts, ",")+`], "linux": {`+userns+`}}`)
		if got := outline(p.Parent); got != c.parent {
			t.Errorf("%v: parent: %s, want %s", c.binds, got, c.parent)
		}
		if got := outline(p.Init); !strings.HasPrefix(got, c.init) {
			t.Errorf("%v: init: %s, want %s", c.binds, got, c.init)
		}
	}
}

// outline counts trees, and bind mounts of them, and names what is between.
func outline(items []plan.Item) string {
	var words []string
	n := 0
	say := func(word string) {
		if n > 0 {
			words = append(words, fmt.Sprint(n))
		}
		n = 0
		words = append(words, word)
	}
	for _, item := range items {
		switch s := item.Step.(type) {
		case *plan.OpenTree:
			n++
		case *plan.Bind:
			if s.Slot >= 0 {
				n++
			}
		case *plan.LockTrees:
			say("lock")
		case *plan.Spawn:
			say("spawn")
		case *plan.SendTrees:
			say("send")
		case *plan.MapTree:
			say("map")
		case *plan.LendTree:
			say("lend")
		case *plan.Await:
			say(s.Phase.String())
		case *plan.Sync:
			if s.Phase == plan.Empty {
				say("empty")
			}
		}
	}
	return strings.Join(words, " ")
}

// TestInRoot: what is below root.path, as a path, is opened there; what only looks
// like it is not, nor anything if the root is the host's.
func TestInRoot(t *testing.T) {
	for _, c := range []struct{ root, source, want string }{
		{"/b/rootfs", "/b/rootfs/a/b", "/a/b"},
		{"/b/rootfs", "/b/x/../rootfs//a", "/a"},
		{"/b/rootfs/", "/b/rootfs/a", "/a"},
		{"/b/rootfs", "/b/rootfs", ""},
		{"/b/rootfs", "/b/rootfs2/a", ""},
		{"/b/rootfs", "/b/rootfs/../a", ""},
		{"/", "/etc", ""},
	} {
		p := planOf(t, fmt.Sprintf(`{"root": {"path": %q}, "mounts": [{"destination": "/m", "source": %q, "options": ["rbind"]}]}`, c.root, c.source))
		var got string
		for _, s := range steps[*plan.OpenInRoot](p) {
			got = s.Path
		}
		if got != c.want {
			t.Errorf("root %s, source %s: %q, want %q", c.root, c.source, got, c.want)
		}
		opened := slices.ContainsFunc(steps[*plan.OpenTree](p), func(s *plan.OpenTree) bool { return s.Path == c.source })
		if opened == (c.want != "") {
			t.Errorf("root %s, source %s: opened on the host: %t", c.root, c.source, opened)
		}
	}
}
