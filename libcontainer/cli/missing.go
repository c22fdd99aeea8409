package cli

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/spell"
)

// otherRoots are patterns of the roots that users and engines have.
var otherRoots = [...]string{
	"/run/" + program, "/run/user/*/" + program, // ours
	"/run/docker/runtime-*/*", "/run/containerd/runc/*", // those of containerd's shim
}

// missing adds to an error that there is no such container where it was searched for, and where there is one.
func (inv *invocation) missing(c *Command, args []string, err error) error {
	at := slices.IndexFunc(c.Args, func(a Arg) bool { return a.kind == kindContainer })
	if at < 0 || !errors.Is(err, state.ErrNotExist) || describe(err).hint != "" {
		return err
	}
	return withHint(err, missingHint(inv.global.root, args[at], otherRoots[:]))
}

func missingHint(root, id string, others []string) string {
	ids, _ := state.List(root) // as good as none if it can't be read
	if slices.Contains(ids, id) {
		return root + "/" + id + " has no state: a create is at work on it, or was killed; delete --force " + id + " removes it"
	}
	hint := "searched in " + root
	if meant := spell.Nearest(id, ids); meant != "" {
		hint += ": did you mean " + meant + "?"
	} else if i := slices.IndexFunc(ids, func(s string) bool { return strings.HasPrefix(s, id) }); i >= 0 {
		hint += ": did you mean " + ids[i] + "?"
	} else if len(ids) == 0 {
		hint += ", which has no containers"
	}
	for _, pattern := range others {
		found, _ := filepath.Glob(pattern + "/" + id + "/state.json") // an id has nothing of a pattern's
		for _, file := range found {
			if other := filepath.Dir(filepath.Dir(file)); other != root {
				return hint + "; there is one in " + other + ": give --root " + other + " before the command"
			}
		}
	}
	return hint
}
