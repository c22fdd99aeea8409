package bare

import (
	"fmt"
	"slices"
	"strings"
)

// A descent finds the deepest stack. Of what is not looked into it knows the frame.
type descent struct {
	w       *walk
	depths  map[*function]int64
	deepest map[*function]*function // the callee that its depth comes from
	done    []*function             // in the order in which their depths were found
	stack   []*function
	out     []string
}

// stack complains of roots that may need more stack than there is, and of recursion.
func (w *walk) stack(roots []*function) []string {
	d := &descent{w: w, depths: map[*function]int64{}, deepest: map[*function]*function{}}
	for _, f := range roots {
		if depth := d.depth(f); depth > w.rules.stack {
			d.out = append(d.out, fmt.Sprintf("%s may need %d bytes of stack, there are %d: %s", plain(f.name), depth, w.rules.stack, d.path(f)))
		}
	}
	return d.out
}

func (d *descent) depth(f *function) int64 {
	if depth, known := d.depths[f]; known {
		return depth
	}
	mark := len(d.done)
	d.stack = append(d.stack, f)
	var below int64
	for _, callee := range d.w.edges[f] {
		if at := slices.Index(d.stack, callee); at >= 0 {
			d.recursion(d.stack[at:], callee)
			continue
		}
		if depth := d.depth(callee); depth > below {
			below, d.deepest[f] = depth, callee
		}
	}
	d.stack = d.stack[:len(d.stack)-1]
	depth := f.frame + below
	if rounds, ok := d.w.rules.rounds[plain(f.name)]; ok {
		depth *= rounds
		// What it calls was measured without what that calls again.
		for _, g := range d.done[mark:] {
			delete(d.depths, g)
		}
		d.done = d.done[:mark]
	}
	d.depths[f] = depth
	d.done = append(d.done, f)
	return depth
}

// recursion complains of a function that calls itself again, by others or not.
func (d *descent) recursion(cycle []*function, again *function) {
	if lets(d.w.rules, "recursion", d.w.rules.rounds, again.name) {
		return
	}
	names := make([]string, 0, len(cycle))
	for _, f := range cycle {
		names = append(names, plain(f.name))
	}
	if complaint := fmt.Sprintf("%s → %s: no bound for the stack", strings.Join(names, " → "), plain(again.name)); !slices.Contains(d.out, complaint) {
		d.out = append(d.out, complaint)
	}
}

// path returns the frames of the deepest stack, of a recursion one round.
func (d *descent) path(f *function) string {
	var frames []string
	seen := map[*function]bool{}
	for ; f != nil && !seen[f]; f = d.deepest[f] {
		seen[f] = true
		frames = append(frames, fmt.Sprintf("%s (%d)", plain(f.name), f.frame))
	}
	return strings.Join(frames, " → ")
}
