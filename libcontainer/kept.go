package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Config returns the configuration that the container was made from.
func (c *Container) Config() (*specs.Spec, error) {
	k, err := c.kept()
	if err != nil {
		return nil, err
	}
	return ocijson.Spec(filepath.Base(c.Journal.Config), k.Text)
}

// ExecConfig returns what of the configuration exec needs, and the compiled
// filter, nil if there is none.
func (c *Container) ExecConfig() (*specs.Spec, *plan.LoadSeccomp, error) {
	k, err := c.kept()
	if err != nil {
		return nil, nil, err
	}
	spec, err := ocijson.Spec(filepath.Base(c.Journal.Config), k.Brief())
	if err != nil || c.Journal.Kept || spec.Linux == nil {
		return spec, k.Filter, err
	}
	filter, err := specconv.Filter(spec.Linux.Seccomp)
	return spec, filter, err
}

func (c *Container) kept() (*state.Kept, error) {
	if !c.Journal.Kept {
		text, err := readUnchanged(c.Journal.Config, c.Journal.Created)
		return &state.Kept{Text: text}, err
	}
	k, err := c.Dir.Kept()
	if errors.Is(err, state.ErrNotExist) {
		return nil, fmt.Errorf("what container %s was made from is missing in its state directory", c.Dir.ID())
	}
	return k, err
}

// ErrNotKept is in the chain of the error if there is no copy of the config.json that
// a container was made from, and the file itself may have changed.
var ErrNotKept = errors.New("the container was made by an older version, which kept no copy of config.json")

// readUnchanged reads the config.json of a container that was made by a version
// which kept nothing. A file that was changed, put there or linked since then is
// refused: it may be the container's own work. The time of the last change of an
// inode can't be set, see inode(7).
func readUnchanged(path string, created time.Time) ([]byte, error) {
	text, err := readIfUnchanged(path, created)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	return text, nil
}

func readIfUnchanged(path string, created time.Time) ([]byte, error) {
	fd, err := sys.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var file, name unix.Stat_t
	if err := errors.Join(unix.Fstat(fd, &file), unix.Lstat(path, &name)); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	for _, st := range [...]*unix.Stat_t{&file, &name} {
		if changed := time.Unix(st.Ctim.Unix()); changed.After(created) {
			return nil, fmt.Errorf("%q was changed at %s, after the container was made at %s",
				path, changed.UTC().Format(time.RFC3339), created.UTC().Format(time.RFC3339))
		}
	}
	text, err := sys.ReadAll(fd, bundle.MaxConfig)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return text, nil
}
