package specconv

import (
	"path"
	"slices"
	"strings"

	"github.com/crun-go/crun-go/specconv/plan"
)

// treesAtOnce is how many mount trees the parent and init have open: their limit on
// open files may be as low as 256. Hardly a container has more; for those init asks.
const treesAtOnce = 128

// treeBuilder plans what the parent opens and makes for init, by slot.
type treeBuilder struct {
	*draft
	list []plan.Item         // OpenTree, MakeTree, OpenPID and OpenLog steps, found while planning init's half
	lent map[int][]plan.Item // MapTree steps, by the batch of trees during which init asks for them
}

// slot numbers the next tree, for a step of init's that is planned next. Where a batch
// ends init has to ask for another.
func (b *treeBuilder) slot() int {
	n := len(b.list)
	if n > 0 && n%treesAtOnce == 0 && !b.live {
		b.add("", &plan.Sync{Phase: plan.Empty})
	}
	return n
}

// open has the parent open a tree for init and returns its slot.
func (b *treeBuilder) open(field string, tree *plan.OpenTree) int {
	tree.Slot = b.slot()
	b.list = append(b.list, plan.Item{Field: field, Step: tree})
	return tree.Slot
}

// openSource plans the opening of a bind mount's source and returns its slot. What is
// in the root filesystem init opens, there and when its turn comes: what is mounted
// until then is part of it, and links in an image lead nowhere else.
func (b *mountBuilder) openSource(field string, tree *plan.OpenTree) int {
	within, ok := b.trees.inRoot(tree.Path)
	if !ok {
		return b.trees.open(field, tree)
	}
	b.hostView = true
	b.add(field, &plan.OpenInRoot{Path: within, Recursive: tree.Recursive, NoFollow: tree.NoFollow})
	if tree.IDMap != nil {
		if b.trees.lent == nil {
			b.trees.lent = make(map[int][]plan.Item)
		}
		batch := max(0, len(b.trees.list)-1) / treesAtOnce
		if b.live {
			batch = 0
		}
		b.add(field, &plan.LendTree{})
		b.trees.lent[batch] = append(b.trees.lent[batch], plan.Item{Field: field, Step: &plan.MapTree{IDMap: *tree.IDMap}})
	}
	return -1
}

// inRoot returns where in the container a host path is, if it is below root.path. A root
// that is the host's holds all paths, also those that are not meant to be the container's.
func (b *treeBuilder) inRoot(source string) (string, bool) {
	if b.spec.Root == nil {
		return "", false
	}
	root := path.Clean(b.fromBundle(b.spec.Root.Path))
	within, ok := strings.CutPrefix(path.Clean(source), root+"/")
	return "/" + within, ok && root != "/"
}

// openTrees plans the first batch, which the parent opens before there is an init. A
// helper process has no other: it has to have what it can't open in the container.
func (b *treeBuilder) openTrees(foreign bool) {
	end := len(b.list)
	if !b.live {
		end = min(end, treesAtOnce)
	}
	b.openBatch(0, end, foreign)
}

// openMore plans the batches that init asks for, and what it lends meanwhile.
func (b *treeBuilder) openMore(foreign bool) {
	b.plan.Parent = append(b.plan.Parent, b.lent[0]...)
	for first := treesAtOnce; first < len(b.list) && !b.live; first += treesAtOnce {
		end := min(first+treesAtOnce, len(b.list))
		b.parentAdd("", &plan.Await{Phase: plan.Empty})
		b.openBatch(first, end, foreign)
		b.parentAdd("", &plan.SendTrees{First: first, End: end})
		b.plan.Parent = append(b.plan.Parent, b.lent[first/treesAtOnce]...)
	}
}

// openBatch plans what the parent opens and makes for some slots. In a user namespace
// that is foreign, the container's own, the host's flags have to be locked.
func (b *treeBuilder) openBatch(first, end int, foreign bool) {
	batch := b.list[first:end]
	b.plan.Parent = append(b.plan.Parent, batch...)
	opens := func(item plan.Item) bool { _, ok := item.Step.(*plan.OpenTree); return ok }
	if foreign && slices.ContainsFunc(batch, opens) {
		b.parentAdd("linux.namespaces", &plan.LockTrees{})
	}
}
