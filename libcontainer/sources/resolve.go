package sources

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// ImageLinkError is a path of the host that leads through a symbolic link of the
// container's root filesystem. Whoever made the image chose the link's target.
type ImageLinkError struct{ Link string }

func (e *ImageLinkError) Error() string {
	return fmt.Sprintf("%q is a symbolic link in the root filesystem, and would be followed on the host", e.Link)
}

// openHost opens a path of the host that config.json names (O_PATH), from the directory
// dir if it is relative. Symbolic links of the host are followed; those of the
// container's root filesystem are an error, by whatever name that is reached. linked
// reports whether there are symbolic links on the way.
func (src *Set) openHost(dir int, name string, noFollow bool) (fd int, linked bool, err error) {
	// O_DIRECTORY triggers an automount at the end of the path, as open_tree(2) does.
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_DIRECTORY, Resolve: unix.RESOLVE_NO_SYMLINKS}
	if noFollow {
		how.Flags |= unix.O_NOFOLLOW
	}
	fd, err = retry.Openat2(dir, name, &how)
	if err == unix.ENOTDIR {
		how.Flags &^= unix.O_DIRECTORY
		fd, err = retry.Openat2(dir, name, &how)
	}
	if err != unix.ELOOP {
		return fd, false, err
	}
	if src.Rootfs < 0 { // the container exists
		if err := src.openRootfs(src.root); err != nil {
			return -1, true, err
		}
	}
	w := hostWalk{root: src.Rootfs}
	if w.cur, err = unix.FcntlInt(uintptr(src.Rootfs), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return -1, true, os.NewSyscallError("fcntl", err)
	}
	if err := w.along(name, noFollow); err != nil {
		unix.Close(w.cur)
		return -1, true, err
	}
	return w.cur, true, nil
}

// hostWalk resolves a path component by component, as the kernel does, to see which
// directory each symbolic link is in.
type hostWalk struct {
	root  int // of the container
	cur   int
	links int
}

const oPath = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC

// along walks a path, from cur if it is relative. With noFollow a symbolic link at its
// end is not followed.
func (w *hostWalk) along(rest string, noFollow bool) error {
	top := strings.HasPrefix(rest, "/")
	for more := true; more; {
		if top {
			if err := w.enter(retry.Open("/", oPath|unix.O_DIRECTORY, 0)); err != nil {
				return err
			}
			top = false
		}
		var name string
		name, rest, more = strings.Cut(rest, "/")
		if name == "" || name == "." {
			continue
		}
		link, err := w.step(name, more)
		if err != nil {
			return err
		}
		if link < 0 {
			continue
		}
		if !more && noFollow {
			return w.enter(link, nil)
		}
		target, err := w.follow(link, name, more)
		unix.Close(link)
		if err != nil {
			return err
		}
		if target != "" {
			if more {
				target += "/" + rest
			}
			rest, more, top = target, true, target[0] == '/'
		}
	}
	return nil
}

// enter replaces cur.
func (w *hostWalk) enter(fd int, err error) error {
	if err == nil {
		unix.Close(w.cur)
		w.cur = fd
	}
	return err
}

// step enters what has a name in cur, which must be a directory if there is more of
// the path. A symbolic link is returned instead.
func (w *hostWalk) step(name string, more bool) (link int, err error) {
	fd, err := retry.Openat(w.cur, name, oPath|unix.O_DIRECTORY, 0)
	if err != unix.ENOTDIR {
		return -1, w.enter(fd, err)
	}
	if fd, err = retry.Openat(w.cur, name, oPath, 0); err != nil {
		return -1, err
	}
	var st unix.Stat_t
	switch err := unix.Fstat(fd, &st); {
	case err != nil:
		unix.Close(fd)
		return -1, os.NewSyscallError("fstat", err)
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return fd, nil
	case more:
		unix.Close(fd)
		return -1, unix.ENOTDIR
	}
	return -1, w.enter(fd, nil)
}

// follow returns the target of the symbolic link with a name in cur; or nothing, if that
// is one of procfs, whose end it enters.
func (w *hostWalk) follow(link int, name string, more bool) (target string, err error) {
	if w.links++; w.links > 40 { // as the kernel has it
		return "", unix.ELOOP
	}
	inside, err := w.inImage()
	if err != nil {
		return "", err
	}
	if inside {
		return "", &ImageLinkError{path.Join(pathOf(w.cur), name)}
	}
	if sys.IsProc(link) == nil { // its text need not be where it leads
		if more {
			name += "/."
		}
		return "", w.enter(retry.Openat(w.cur, name, unix.O_PATH|unix.O_CLOEXEC, 0))
	}
	if err := w.mayFollow(link, !more); err != nil {
		return "", err
	}
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(link, "", text)
	if err != nil {
		return "", os.NewSyscallError("readlink", err)
	}
	return string(text[:n]), nil
}

// mayFollow applies the kernel's rules to a symbolic link in cur: nosymfollow in mount(8)
// and, to the last component of a path, protected_symlinks in proc_sys_fs(5). The kernel
// would apply them to what has the link's name by then.
func (w *hostWalk) mayFollow(link int, last bool) error {
	var fs unix.Statfs_t
	var st, dir unix.Stat_t
	if err := retry.Fstatfs(link, &fs); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if err := errors.Join(unix.Fstat(link, &st), unix.Fstat(w.cur, &dir)); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	const noSymFollow = 0x2000 // ST_NOSYMFOLLOW of statfs(2)
	const sticky = unix.S_ISVTX | unix.S_IWOTH
	switch {
	case fs.Flags&noSymFollow != 0:
		return unix.ELOOP
	case !last || int(st.Uid) == os.Geteuid() || st.Uid == dir.Uid || dir.Mode&sticky != sticky:
		return nil
	}
	on, err := sys.ReadFile("/proc/sys/fs/protected_symlinks", 16)
	if err == nil && strings.TrimSpace(string(on)) != "0" {
		err = unix.EACCES
	}
	return err
}

// inImage reports whether cur is in the container's root filesystem: below it, or below
// another mount of a directory in it. What is on the same filesystem and cannot be
// distinguished counts as in it. A root that is the runtime's own is the whole host, and no
// image's links are in it.
func (w *hostWalk) inImage() (bool, error) {
	var root, st, host unix.Statx_t
	if err := identityOf(w.root, &root); err != nil {
		return false, err
	}
	if err := statxIdentity(unix.AT_FDCWD, "/", &host); err != nil || sameInode(&root, &host) {
		return false, err
	}
	if err := identityOf(w.cur, &st); err != nil {
		return false, err
	}
	if below, err := w.belowRoot(&root); below || err != nil {
		return below, err
	}
	if st.Mnt_id == root.Mnt_id || !sameDevice(&st, &root) {
		return false, nil
	}
	mounts, err := proc.OwnMounts()
	if err != nil {
		return false, err
	}
	image, found := placeOf(w.root, root.Mnt_id, mounts)
	place, known := placeOf(w.cur, st.Mnt_id, mounts)
	// The container may move a directory out of the mount that it was found in: then it
	// has no path there.
	return !found || !known || place == image || strings.HasPrefix(place, strings.TrimSuffix(image, "/")+"/"), nil
}

// belowRoot goes up from cur and looks for the root filesystem.
func (w *hostWalk) belowRoot(root *unix.Statx_t) (bool, error) {
	dir, err := retry.Openat(w.cur, ".", oPath|unix.O_DIRECTORY, 0)
	if err != nil {
		return false, err
	}
	defer func() { unix.Close(dir) }()
	var st, above unix.Statx_t
	if err := identityOf(dir, &st); err != nil {
		return false, err
	}
	for !sameInode(&st, root) {
		parent, err := retry.Openat(dir, "..", oPath|unix.O_DIRECTORY, 0)
		if err != nil {
			return false, err
		}
		unix.Close(dir)
		dir = parent
		if err := identityOf(dir, &above); err != nil {
			return false, err
		}
		if sameInode(&st, &above) && st.Mnt_id == above.Mnt_id {
			return false, nil
		}
		st = above
	}
	return true, nil
}

func identityOf(fd int, st *unix.Statx_t) error { return statxIdentity(fd, "", st) }

func statxIdentity(dir int, name string, st *unix.Statx_t) error {
	err := unix.Statx(dir, name, unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_MNT_ID, st)
	return os.NewSyscallError("statx", err)
}

func sameDevice(a, b *unix.Statx_t) bool {
	return a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor
}

func sameInode(a, b *unix.Statx_t) bool { return sameDevice(a, b) && a.Ino == b.Ino }

// placeOf returns where in its filesystem a directory is.
func placeOf(fd int, mount uint64, mounts []proc.Mount) (string, bool) {
	for i := range mounts {
		m := &mounts[i]
		if uint64(m.ID) != mount {
			continue
		}
		within, ok := strings.CutPrefix(pathOf(fd), m.Point)
		return path.Join(m.Root, within), ok
	}
	return "", false
}

// pathOf returns the path of a descriptor, without symbolic links.
func pathOf(fd int) string {
	name, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	return name
}

// FindLayers has init mount an overlay of layers whose paths it need not resolve.
func (src *Set) FindLayers(s *plan.FindLayers) (err error) {
	s.Mount.Params, err = src.layers(s.Mount.Params)
	return err
}

// layers returns the parameters of an overlay with the paths of its layers as openHost
// finds them. What is not there yet may be on a mount that init makes.
func (src *Set) layers(params []string) ([]string, error) {
	found := slices.Clone(params)
	for i, p := range params {
		key, value, _ := strings.Cut(p, "=")
		var err error
		switch key {
		case "lowerdir":
			value, err = src.lowerLayers(value)
		case "upperdir", "workdir":
			value, err = src.escapedLayer(value)
		case "lowerdir+", "datadir+":
			value, err = src.layer(value)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		found[i] = key + "=" + value
	}
	return found, nil
}

// lowerLayers finds layers with colons between them.
func (src *Set) lowerLayers(value string) (string, error) {
	var all []string
	for start, i := 0, 0; start <= len(value); i++ {
		switch {
		case i < len(value) && value[i] == '\\':
			i++
		case i >= len(value), value[i] == ':':
			dir, err := src.escapedLayer(value[start:min(i, len(value))])
			if err != nil {
				return "", err
			}
			all, start = append(all, dir), i+1
		}
	}
	return strings.Join(all, ":"), nil
}

// escapedLayer finds a layer in whose path backslashes protect what follows.
func (src *Set) escapedLayer(value string) (string, error) {
	var plain strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		plain.WriteByte(value[i])
	}
	dir, err := src.layer(plain.String())
	if err != nil || dir == plain.String() {
		return value, err
	}
	return strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(dir), nil
}

// layer finds a layer; a relative path counts from where init starts.
func (src *Set) layer(dir string) (string, error) {
	fd, linked, err := src.openHost(src.Rootfs, dir, false)
	var link *ImageLinkError
	switch {
	case errors.As(err, &link):
		return "", err
	case err != nil:
		return dir, nil
	}
	defer unix.Close(fd)
	if !linked {
		return dir, nil
	}
	return pathOf(fd), nil
}
