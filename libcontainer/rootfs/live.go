package rootfs

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan"
)

// live is what changing the mounts of a container that exists takes: its
// processes run meanwhile, and may exchange any name at any time. So whatever
// is attached or detached is named by descriptor.
type live struct {
	exists   bool // false while the container is being made
	proc     int  // this process's directory in /proc
	attached mounts
	found    mounts // to be detached
	made     files
	changed  [2*maxMounts + 2*plan.MaxDevices]uint64 // see Changed
}

// mounts are descriptors of mounts, in order.
type mounts struct {
	fds   [maxMounts]int32
	count int
}

// maxMounts is how many mounts can be added to a container, or taken away, at once.
const maxMounts = 512

// room reports whether there is room for one more.
func (m *mounts) room() error {
	if m.count == len(m.fds) {
		return fault.New(unix.E2BIG, "more than %d mounts at once").Num(maxMounts)
	}
	return nil
}

func (m *mounts) add(fd int) {
	m.fds[m.count] = int32(fd)
	m.count++
}

// EnterContainer joins a container's mount namespace. Until then this process
// has the view of the runtime, and opens what is to be opened there.
func (b *Builder) EnterContainer(s *plan.EnterContainer) error {
	mount, err := b.tree(s.Mount)
	if err != nil {
		return err
	}
	if b.live.proc, err = b.tree(s.Proc); err != nil {
		return err
	}
	b.live.exists = true
	// Afterwards their paths would be the container's. What can't be opened is for the
	// step that needs it.
	for i := range b.trees {
		openTree(&b.trees[i])
	}
	// A process whose threads share their root can't change it.
	if errno := raw.Unshare(unix.CLONE_FS); errno != 0 {
		return fault.Call("unshare", errno)
	}
	if errno := raw.Setns(mount, unix.CLONE_NEWNS); errno != 0 {
		return fault.Call("setns", errno)
	}
	raw.Close(mount)
	return b.Enter()
}

// attach attaches a mount to what is at a path of the container, and remembers it:
// in a container that exists as long as it may have to be taken back, else if it is
// one of systemMounts, or the root from now on.
func (b *Builder) attach(mount, target int, path string) error {
	if !b.live.exists {
		if err := sys.AttachMount(mount, target); err != nil {
			return err
		}
		if path == "/" {
			return b.replaceRoot(mount)
		}
		return b.system.keep(path, mount)
	}
	if err := b.live.attached.room(); err != nil {
		return err
	}
	kept, err := sys.Duplicate(mount)
	if err != nil {
		return err
	}
	if err := sys.AttachMount(mount, target); err != nil {
		raw.Close(kept)
		return err
	}
	b.live.attached.add(kept)
	return nil
}

// replaceRoot makes a mount that covers the container's root its root: what is under it
// goes with the host's mounts.
func (b *Builder) replaceRoot(mount int) error {
	root, err := sys.Duplicate(mount)
	if err != nil {
		return err
	}
	raw.Close(b.root)
	b.root, b.top = root, unix.Statx_t{}
	b.system.release()
	return nil
}

// Undo takes back what has been attached to a container that exists. It returns the
// first failure.
func (l *live) Undo() error {
	attached := &l.attached
	var failed unix.Errno
	for ; attached.count > 0; attached.count-- {
		mount := int(attached.fds[attached.count-1])
		if errno := l.detach(mount); failed == 0 {
			failed = errno
		}
		raw.Close(mount)
	}
	if errno := l.made.undo(); errno != 0 && failed == 0 {
		return fault.Call("unlink", errno)
	}
	return fault.Call("umount", failed)
}

// statxMountIDUnique asks statx(2) for an id that no other mount will ever have
// (Linux 6.8). Kernels that don't know it give one that may come again, but not while
// the container's first mounts are there: they are older.
const statxMountIDUnique = 0x4000

func mountID(mount int) (uint64, error) {
	var st unix.Statx_t
	errno := raw.Stat(mount, unix.STATX_MNT_ID|statxMountIDUnique, &st)
	return st.Mnt_id, fault.Call("statx", errno)
}

// Changed lists the ids of the mounts that were taken away from a container that exists,
// then of those that were added, then device and inode of the files that were made.
func (l *live) Changed() ([]uint64, error) {
	detached := l.found.count
	for i := range l.attached.count {
		id, err := mountID(int(l.attached.fds[i]))
		if err != nil {
			return nil, err
		}
		l.changed[detached+i] = id
	}
	n := detached + l.attached.count
	for i := range l.made.count {
		l.changed[n], l.changed[n+1] = l.made.list[i].dev, l.made.list[i].ino
		n += 2
	}
	return l.changed[:n], nil
}

// detach takes a mount away, whatever its name is by now: that in /proc is the
// kernel's.
func (l *live) detach(mount int) unix.Errno {
	if errno := raw.Fchdir(l.proc); errno != 0 {
		return errno
	}
	var name raw.Text
	name.Add("fd/").AddInt(mount)
	return raw.Unmount(name.String(), unix.MNT_DETACH)
}

// FindMount finds the topmost mount at a path, which must be one that was added.
// By links and renamed directories the container could otherwise have its own masks
// taken away.
func (b *Builder) FindMount(s *plan.FindMount) error {
	found := &b.live.found
	if err := found.room(); err != nil {
		return err
	}
	fd, err := b.openMount(s.Target)
	if err != nil {
		return err
	}
	id, err := mountID(fd)
	if err == nil && !slices.Contains(s.Added, id) {
		err = fault.New(0, "it was not added to the container, but is its own: it may protect something")
	}
	if err != nil {
		raw.Close(fd)
		return err
	}
	b.live.changed[found.count] = id
	found.add(fd)
	return nil
}

func (r *rootdir) openMount(path string) (int, error) {
	if _, name := sys.SplitPath(path); name == "" {
		return -1, fault.New(0, "%q names no mount").Str(path)
	}
	fd, err := sys.OpenPlain(r.root, path, unix.O_PATH)
	if fault.Is(err, unix.ELOOP) {
		fault.Of(err).Text = "%s %s: %e: a symbolic link is on the way: name the place itself"
	}
	if err != nil {
		return -1, err
	}
	if err := checkMount(fd); err != nil {
		raw.Close(fd)
		return -1, err
	}
	return fd, nil
}

// checkMount refuses what is not a mount.
func checkMount(fd int) error {
	var st unix.Statx_t
	if errno := raw.Stat(fd, 0, &st); errno != 0 {
		return fault.Call("statx", errno)
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return fault.New(0, "not a mount point")
	}
	return nil
}

// DetachMounts takes away what has been found.
func (l *live) DetachMounts() error {
	found := &l.found
	for i := range found.count {
		mount := int(found.fds[i])
		if errno := l.detach(mount); errno != 0 {
			return fault.Call("umount", errno)
		}
		raw.Close(mount)
	}
	return nil
}
