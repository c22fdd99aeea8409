package checkpoint

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
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/ocijson"
	"github.com/crun-go/crun-go/specconv/plan"
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

// writeImage leaves in an image, a directory that is open, what a restore will
// need to know of the dump.
func writeImage(dir int, streams []string, mounts []plan.ImageMount) error {
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

// ReadImage reads what a dump has written.
func ReadImage(dir string) (*specconv.Image, error) {
	image := new(specconv.Image)
	data, err := sys.ReadRegular(filepath.Join(dir, descriptorsName), maxImageFile)
	if err != nil {
		return nil, notOurs(dir, err)
	}
	r := jsontext.NewReader(descriptorsName, data)
	jsontext.Texts(r, &image.Streams)
	if err := r.Close(); err != nil {
		return nil, err
	}
	data, err = sys.ReadRegular(filepath.Join(dir, mountsName), maxImageFile)
	if err != nil {
		return nil, notOurs(dir, err)
	}
	list, err := jsontext.Decode(mountsName, data, func(r *jsontext.Reader, list *[]plan.ImageMount) {
		for key := range r.Fields() {
			if key == "mounts" {
				jsontext.List(r, list, "objects", readImageMount)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	image.Mounts = *list
	for i, m := range image.Mounts {
		if !mountID(m.ID) {
			return nil, fmt.Errorf("%s: mounts[%d].id: expected %q and a number, found %q", mountsName, i, mountPrefix, m.ID)
		}
	}
	text, err := sys.ReadRegular(filepath.Join(dir, limitsName), maxImageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return image, nil
	}
	if err == nil {
		image.Limits, err = ocijson.Resources(limitsName, text)
	}
	return image, err
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
	text, err := d.Dir.Limits()
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

func notOurs(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%q is not the image of a checkpoint that this runtime has made: %w", dir, err)
	}
	return err
}

func readImageMount(r *jsontext.Reader, m *plan.ImageMount) {
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

// giveImage gives an image, and those that it stands on, to the root of the
// container's user namespace.
func giveImage(image int, s *plan.GiveImage) error {
	var st unix.Stat_t
	if err := unix.Fstat(image, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	return handOverChain(image, st.Uid, s.UID, s.GID)
}

// handOverChain gives an image to a user, and those that it stands on, if they
// belong to the caller or, like the image itself, to owner.
func handOverChain(image int, owner uint32, uid, gid int) error {
	dir := image
	defer func() {
		if dir != image {
			unix.Close(dir)
		}
	}()
	for range maxParents {
		parent, err := handOverOne(dir, owner, uid, gid)
		if err != nil || parent < 0 {
			return err
		}
		if dir != image {
			unix.Close(dir)
		}
		dir = parent
	}
	return fmt.Errorf("the image stands on more than %d others", maxParents)
}

// handOverOne gives one image to a user and opens the one that it stands on; -1
// if there is none.
func handOverOne(dir int, owner uint32, uid, gid int) (parent int, err error) {
	// An image from elsewhere may call anything its parent.
	var st unix.Stat_t
	if err := unix.Fstatat(dir, descriptorsName, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, errors.New("the parent image was not written by crun-go")
	}
	if err := unix.Fstat(dir, &st); err != nil {
		return -1, os.NewSyscallError("fstat", err)
	}
	if st.Uid != owner && int(st.Uid) != os.Geteuid() {
		return -1, fmt.Errorf("what the image has as its parent belongs to user %d, expected the caller or the owner of the image", st.Uid)
	}
	if err := unix.Fchown(dir, uid, gid); err != nil {
		return -1, os.NewSyscallError("fchown", err)
	}
	return openParent(dir)
}

// openParent opens the image that an image stands on; -1 if there is none.
// CRIU makes a link to it, as --parent-path has it: relative, and, as is insisted
// here, without further links on its way.
func openParent(dir int) (int, error) {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, "parent", target)
	if err == unix.ENOENT {
		return -1, nil
	}
	if err == nil && target[0] == '/' {
		err = errors.New("expected a relative link")
	}
	fd := -1
	if err == nil {
		fd, err = retry.Openat2(dir, string(target[:n]), &unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_NO_SYMLINKS,
		})
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "parent", Err: err}
	}
	return fd, nil
}

// maxParents bounds the images that an image stands on.
const maxParents = 1000
