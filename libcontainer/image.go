package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/ocijson"
)

// Files of ours beside CRIU's in the directory of an image.
const (
	// descriptorsName is what standard streams were, a JSON array of three
	// texts as runc has it: keys by which CRIU knows what comes from outside.
	descriptorsName = "descriptors.json"
	// mountsName is what the names of external mounts mean.
	mountsName = "external-mounts.json"
	// limitsName is what the last update left, if there was one.
	limitsName = "limits.json"
)

// maxImageFile bounds these files.
const maxImageFile = 16 << 20

// externalMount is a mount of the container whose content is not its own. CRIU
// knows it by a name that says nothing: names put together from paths can be
// made to mean another mount (CVE-2026-119101, CVE-2026-115520).
type externalMount struct {
	ID     string
	Kind   string // one of the kinds of externals
	Target string // where config.json has it
	Point  string // where it was: the target, without symbolic links
}

// writeImage leaves in an image, a directory that is open, what a restore will
// need to know of the dump.
func writeImage(dir int, streams []string, mounts []externalMount) error {
	w := jsontext.NewWriter("")
	w.Texts(streams)
	if err := sys.ReplaceFile(dir, descriptorsName, w.Bytes(), 0o600, nil); err != nil {
		return err
	}
	w = jsontext.NewWriter("\t")
	w.Object()
	w.Key("mounts").Array()
	for _, m := range mounts {
		w.Object()
		w.Key("id").Text(m.ID)
		w.Key("kind").Text(m.Kind)
		w.Key("target").Text(m.Target)
		w.Key("point").Text(m.Point)
		w.End()
	}
	w.End()
	w.End()
	return sys.ReplaceFile(dir, mountsName, append(w.Bytes(), '\n'), 0o600, nil)
}

// readImage reads what writeImage has written.
func readImage(dir string) (streams []string, mounts []externalMount, err error) {
	data, err := sys.ReadRegular(filepath.Join(dir, descriptorsName), maxImageFile)
	if err != nil {
		return nil, nil, notOurs(dir, err)
	}
	r := jsontext.NewReader(descriptorsName, data)
	jsontext.Texts(r, &streams)
	if err := r.Close(); err != nil {
		return nil, nil, err
	}
	data, err = sys.ReadRegular(filepath.Join(dir, mountsName), maxImageFile)
	if err != nil {
		return nil, nil, notOurs(dir, err)
	}
	list, err := jsontext.Decode(mountsName, data, func(r *jsontext.Reader, list *[]externalMount) {
		for key := range r.Fields() {
			if key == "mounts" {
				jsontext.List(r, list, "objects", readExternalMount)
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	for i, m := range *list {
		if !mountID(m.ID) {
			return nil, nil, fmt.Errorf("%s: mounts[%d].id: expected %q and a number, found %q", mountsName, i, mountPrefix, m.ID)
		}
	}
	return streams, *list, nil
}

// mountPrefix begins the name of an external mount. A number follows.
const mountPrefix = "mount-"

// mountID reports whether a name is one that a dump gives: CRIU takes some
// characters for the end of a name.
func mountID(id string) bool {
	digits, found := strings.CutPrefix(id, mountPrefix)
	return found && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// keepLimits leaves the limits of the last update in the image.
func (d *dump) keepLimits() error {
	image := d.request.ImagesDir
	text, err := d.dir.Limits()
	if err == nil {
		return sys.ReplaceFile(image, limitsName, text, 0o600, nil)
	}
	if !errors.Is(err, state.ErrNotExist) {
		return err
	}
	if err := unix.Unlinkat(image, limitsName, 0); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: limitsName, Err: err}
	}
	return nil
}

// updateFromImage repeats the updates that the dumped container has seen.
func (c *restoration) updateFromImage() error {
	text, err := sys.ReadRegular(filepath.Join(c.o.Image, limitsName), maxImageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	limits, err := ocijson.Resources(limitsName, text)
	if err != nil {
		return err
	}
	container := &Container{dir: c.dir, journal: &c.journal}
	if err := container.updateLimits(limits, func() error { return nil }); err != nil {
		return fmt.Errorf("the limits of the last update: %w", err)
	}
	return nil
}

func notOurs(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%q is not the image of a checkpoint that this runtime has made: %w", dir, err)
	}
	return err
}

func readExternalMount(r *jsontext.Reader, m *externalMount) {
	for key := range r.Fields() {
		switch key {
		case "id":
			jsontext.Text(r, &m.ID)
		case "kind":
			jsontext.Text(r, &m.Kind)
		case "target":
			jsontext.Text(r, &m.Target)
		case "point":
			jsontext.Text(r, &m.Point)
		}
	}
}
