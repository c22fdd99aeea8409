package libcontainer

import (
	"errors"
	"io/fs"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/libcontainer/resource"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv"
)

// Leftover is what a runtime that was killed has left of a container.
type Leftover struct {
	ID string
	// Unfinished: the runtime that made the container was killed before it was created.
	// Else nothing but the state directory is left, of a create or a delete.
	Unfinished bool
	Err        error // why it could not be removed, or looked at
}

// youngest is the age of a state directory without a journal that a killed runtime has
// left. A younger one may be of a create that is about to lock it.
const youngest = 5 * time.Second

// CollectGarbage removes what killed runtimes have left below a root: containers whose
// creation will not be finished, with all that their state files name, and state directories
// that have no journal, and nothing that is not crun-go's own. What other commands work
// on, and every container that was created, is left alone. With dryRun nothing is removed. The error is of the root.
func CollectGarbage(root string, dryRun bool, warn func(specconv.Warning)) ([]Leftover, error) {
	ids, err := state.List(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Leftover
	for _, id := range ids {
		l, err := collect(root, id, dryRun, warn)
		switch {
		case errors.Is(err, state.ErrNotExist): // removed meanwhile
		case err != nil:
			all = append(all, Leftover{ID: id, Err: err})
		case l != nil:
			all = append(all, *l)
		}
	}
	return all, nil
}

// collect looks at one container, and removes it if it is garbage: nil if it is not.
func collect(root, id string, dryRun bool, warn func(specconv.Warning)) (*Leftover, error) {
	dir, err := state.Open(root, id)
	if err != nil {
		return nil, err
	}
	c := Of(resource.Of(dir, nil))
	defer c.Close()
	if locked, err := dir.TryLock(); err != nil || !locked {
		return nil, err
	}
	c.Journal, err = dir.Load()
	if errors.Is(err, state.ErrNotExist) {
		if age, err := dir.Age(); err != nil || age < youngest {
			return nil, err
		}
		stray, err := dir.Stray()
		if err != nil || !stray {
			return nil, err
		}
		l := &Leftover{ID: id}
		if !dryRun {
			l.Err = dir.Remove()
		}
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	status, _, err := c.Status()
	if err != nil {
		return nil, err
	}
	// Who makes a container has it locked until it is created.
	if c.Journal.Status != specs.StateCreating && status != specs.StateCreating {
		return nil, nil
	}
	l := &Leftover{ID: id, Unfinished: true}
	if !dryRun {
		l.Err = c.Destroy(warn)
	}
	return l, nil
}
