package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/criu"
	"github.com/crun-go/crun-go/libcontainer/early"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// RestoreOptions is what a restore is asked for, beside what a run is.
type RestoreOptions struct {
	ImageOptions
	TCPClose     bool   // connections come back closed
	LSMProfile   string // TYPE:NAME in the place of the image's
	MountContext string // SELinux context of mounts in the place of the image's
}

// Restore makes a container of an image. As Run does, it waits for the end of
// the container, whose exit code it returns, or returns once the container runs.
// On error nothing is left.
func Restore(o Options, r RestoreOptions) (int, error) {
	if !o.Detach && !o.NoSubreaper {
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // see Run
	}
	c, err := restore(&o, &r)
	if err != nil {
		return -1, err
	}
	if err := c.fg.start(c.init.PidFD); err != nil {
		return -1, errors.Join(err, c.undo())
	}
	defer c.close()
	container := c.container()
	if o.Detach {
		return 0, nil
	}
	return c.foreground(container)
}

// restoration is a container that comes back: a creation whose init CRIU makes,
// with all that happened to it, in the place of the steps that init would take.
type restoration struct {
	*creation
	o       *RestoreOptions
	request criu.Options
	streams []string                 // of the image
	mounts  []externalMount          // of the image
	staged  []stagedMount            // for these
	places  places                   // of all mounts of config.json
	opened  map[*plan.OpenInRoot]int // sources that are in the container
	top     string                   // directory in which they are
	files   []*os.File               // that CRIU inherits
	server  *criu.Process
}

func restore(o *Options, r *RestoreOptions) (*creation, error) {
	if err := state.CheckID(o.ID); err != nil {
		return nil, err
	}
	if err := sys.CheckKernel(); err != nil {
		return nil, err
	}
	if err := fencePreserved(0); err != nil {
		return nil, err
	}
	streams, mounts, err := readImage(r.Image)
	if err != nil {
		return nil, err
	}
	// Nobody waits for a container that has been ready before. It goes on to have
	// the mount, if it had it.
	o.NotifySocket = ""
	notifies := slices.ContainsFunc(mounts, func(m externalMount) bool { return m.Kind == externalBind && m.Target == specconv.NotifyTarget })
	if notifies {
		o.NotifySocket = specconv.NotifyTarget
	}
	o.restore = true
	b, err := draw(o, true, o.Detach)
	if err != nil {
		return nil, err
	}
	for _, w := range b.warnings {
		o.warn(w)
	}
	if !slices.ContainsFunc(b.spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == specs.MountNamespace }) {
		return nil, fieldError("linux.namespaces", errors.New(`no mount namespace, without which CRIU restores no container: add {"type": "mount"}`))
	}
	c := &restoration{creation: newCreation(b, o), o: r, streams: streams, mounts: mounts}
	if err := c.fg.outputs.open(o.PidFile, "", ""); err != nil {
		return nil, err
	}
	sys.CatchSignals()
	if c.dir, err = state.Create(o.Root, o.ID); err != nil {
		c.fg.outputs.close()
		return nil, err
	}
	if notifies {
		err = c.dir.MakeNotify()
	}
	if err == nil {
		err = c.build()
	}
	for _, f := range c.files {
		f.Close()
	}
	if err == nil {
		err = commit(&c.init, o.Detach)
	}
	if err != nil {
		return nil, c.fail(err)
	}
	return c.creation, nil
}

// build takes the parent's steps up to the one that spawns init, has CRIU take
// the place of that and, while it works, takes the rest.
func (c *restoration) build() error {
	c.journal = c.intent()
	c.nameCgroup()
	if err := errors.Join(c.keep(), c.dir.Save(&c.journal)); err != nil {
		return err
	}
	for i := range c.plan.Parent {
		item := &c.plan.Parent[i]
		switch item.Step.(type) {
		case *plan.CreateCgroup, *plan.StartUnit, *plan.SetResources, *plan.SetDevices, *plan.OpenTree, *plan.MakeTree,
			*plan.OpenPID, *plan.LockTrees, *plan.OpenLog, *plan.MakeRdtGroup:
			if err := c.do(item); err != nil {
				return c.init.Explain(item, err)
			}
		}
	}
	if err := c.revive(); err != nil {
		return err
	}
	if err := c.sendPidfd(); err != nil {
		return err
	}
	return c.fg.outputs.writePidFile(c.init.Pid)
}

// revive has CRIU restore the processes.
func (c *restoration) revive() error {
	closeDirs, err := c.start()
	defer closeDirs()
	if c.server != nil {
		defer c.server.Close()
	}
	if err != nil {
		return err
	}
	criu, err := unix.PidfdOpen(c.server.PID, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(criu)
	defer sys.Forget(criu)
	sys.Victim(criu)
	pid, err := c.server.Restore(&c.request, c.notified)
	if err != nil {
		return c.o.explain("restore", restoreLog, err)
	}
	if c.init.Process == nil || c.init.Pid != pid {
		return fmt.Errorf("criu restored process %d without a word before", pid)
	}
	return nil
}

// start starts CRIU in a mount namespace where everything that is mounted for
// it is, and goes with it. The directories are opened in there, too: CRIU mounts
// in one of them for a while.
func (c *restoration) start() (closeDirs func(), err error) {
	closeDirs = func() {}
	err = onThread(func() error {
		if err := separateForCRIU(); err != nil {
			return err
		}
		closer, err := c.o.open(&c.request, restoreLog, false)
		if err != nil {
			return err
		}
		closeDirs = closer
		if err := c.handOver(c.request.ImagesDir); err != nil {
			return err
		}
		if err := c.fill(); err != nil {
			return err
		}
		if c.server, err = c.o.start(c.files); err != nil {
			return err
		}
		if err := c.place(c.server.PID); err != nil {
			return err
		}
		return c.stage()
	})
	return closeDirs, err
}

// onThread runs a function on a thread that ends with it, and takes along what
// it has joined and unshared.
func onThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked
		early.Unpin()          // CRIU inherits it, and all that it restores
		done <- do()
	}()
	return <-done
}

// place puts CRIU where the container will be: its processes are born there.
func (c *restoration) place(pid int) error {
	if c.unit != nil && c.cgroup == nil {
		if err := c.startUnit(pid); err != nil {
			return err
		}
		if err := c.limit(); err != nil {
			return err
		}
	} else if c.cgroup != nil {
		if err := c.cgroup.Add(pid); err != nil {
			return err
		}
	}
	if c.cgroup != nil {
		// Not where the dumped container was: that may be somebody else's now.
		c.request.CgroupRoots = []criu.CgroupRoot{{Path: c.cgroup.Path()}}
	}
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	return enterRdt(&c.journal.Rdt, pid)
}

// limit takes the steps that could not be taken before there was a cgroup.
func (c *restoration) limit() error {
	for i := range c.plan.Parent {
		item := &c.plan.Parent[i]
		switch item.Step.(type) {
		case *plan.SetResources, *plan.SetDevices:
			if err := c.do(item); err != nil {
				return c.init.Explain(item, err)
			}
		}
	}
	return nil
}

// fill turns the options into a request.
func (c *restoration) fill() error {
	r := &c.request
	r.Sibling = true
	r.OldMounts = true
	r.TCPClose = c.o.TCPClose
	r.LSMProfile = c.o.LSMProfile
	r.MountContext = c.o.MountContext
	r.Config = criuConfig(c.spec.Annotations)
	r.CgroupMode = cgroupMode(c.o.CgroupMode, c.spec.Linux.Namespaces)
	for fd, key := range c.streams {
		if key == "" || fd > 2 {
			continue
		}
		if !strings.HasPrefix(key, "pipe:[") && !strings.HasPrefix(key, "file[") && !strings.HasPrefix(key, "tty[") {
			continue
		}
		if err := c.ownStream(fd); err != nil {
			return err
		}
		if err := c.inherit(key, fd); err != nil {
			return err
		}
	}
	for _, ns := range c.spec.Linux.Namespaces {
		if ns.Path == "" {
			if ns.Type == specs.NetworkNamespace {
				r.EmptyNS = unix.CLONE_NEWNET
			}
			continue
		}
		if err := c.join(ns); err != nil {
			return err
		}
	}
	return nil
}

// ownStream gives a standard stream to the user of the process, as init does:
// CRIU opens files anew, with the rights of the container's root.
func (c *restoration) ownStream(fd int) error {
	spawned := spawnStep(c.plan)
	for _, item := range c.plan.Init {
		s, ok := item.Step.(*plan.OwnStdio)
		if !ok {
			continue
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("standard stream %d: %w", fd, err)
		}
		uid := int(s.UID)
		if spawned != nil && len(spawned.UIDMaps) > 0 {
			uid = proc.HostID(spawned.UIDMaps, s.UID)
		}
		kind := st.Mode & unix.S_IFMT
		if uid < 0 || kind != unix.S_IFIFO && (kind != unix.S_IFREG || s.PipesOnly) {
			continue
		}
		switch err := unix.Fchown(fd, uid, -1); err {
		case nil, unix.EINVAL, unix.EPERM, unix.EROFS:
		default:
			return os.NewSyscallError("fchown", err)
		}
	}
	return nil
}

// join has CRIU restore into a namespace that is there.
func (c *restoration) join(ns specs.LinuxNamespace) error {
	fd, err := sys.OpenNamespace(ns.Path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch ns.Type {
	case specs.NetworkNamespace:
		return c.inherit(externalNetNS, fd)
	case specs.PIDNamespace:
		return c.inherit(externalPidNS, fd)
	case specs.CgroupNamespace, specs.MountNamespace:
		return fieldError("linux.namespaces", fmt.Errorf("CRIU can't restore into the %s namespace %q", ns.Type, ns.Path))
	}
	c.request.Joins = append(c.request.Joins, criu.Join{Namespace: proc.NamespaceOf(ns.Type).File, Path: ns.Path})
	return nil
}

// inherit passes a descriptor on to CRIU for what the image knows by a key.
func (c *restoration) inherit(key string, fd int) error {
	const first = 4 // see criu.Start
	dup, err := sys.Duplicate(fd)
	if err != nil {
		return err
	}
	c.request.Inherit = append(c.request.Inherit, criu.Inherited{Key: key, FD: first + len(c.files)})
	c.files = append(c.files, os.NewFile(uintptr(dup), key))
	return nil
}

// notified takes the parent's steps when their time has come.
func (c *restoration) notified(n criu.Notification) error {
	switch n.Script {
	case "setup-namespaces":
		return c.setUp(n.PID)
	case "orphan-pts-master":
		if n.FD < 0 {
			return errors.New("criu sent no terminal")
		}
		return c.TakeTerminal(n.FD)
	case "post-restore":
		return c.restored()
	}
	if n.FD >= 0 {
		unix.Close(n.FD)
	}
	return nil
}

// setUp gives the first process, in its namespaces by now, what is the
// runtime's to give: network devices, and what hooks do.
func (c *restoration) setUp(pid int) error {
	pidfd, err := unix.PidfdOpen(pid, 0) // our child: the number is not anybody else's
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	c.init.Process = &spawn.Process{Pid: pid, PidFD: pidfd, Conn: wire.FromFD(-1)}
	if c.journal.Init, err = identify(pid); err != nil {
		return err
	}
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	if err := c.setUpNetwork(); err != nil {
		return err
	}
	for i := range c.plan.Parent {
		item := &c.plan.Parent[i]
		switch item.Step.(type) {
		case *plan.MoveNetDevice, *plan.RunHooks:
			if err := c.do(item); err != nil {
				return c.init.Explain(item, err)
			}
		}
	}
	return nil
}

// setUpNetwork does in a new network namespace, which CRIU leaves empty, what
// init does in one.
func (c *restoration) setUpNetwork() error {
	if c.request.EmptyNS == 0 {
		return nil
	}
	netns, err := sys.OpenNamespace(fmt.Sprintf("/proc/%d/ns/net", c.init.Pid))
	if err != nil {
		return err
	}
	defer unix.Close(netns)
	return onThread(func() error { return c.inNetwork(netns) })
}

func (c *restoration) inNetwork(netns int) error {
	if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	for i := range c.plan.Init {
		item := &c.plan.Init[i]
		switch s := item.Step.(type) {
		case *plan.LoopbackUp:
			err = sys.LoopbackUp()
		case *plan.Sysctl:
			if strings.HasPrefix(s.Key, "net.") {
				err = proc.Write(s.Path, s.Value)
			}
		}
		if err != nil {
			return c.init.Explain(item, err)
		}
	}
	return nil
}

// restored checks what CRIU has made, before any of it runs, and makes it
// official.
func (c *restoration) restored() error {
	if c.init.Process == nil {
		return errors.New("criu restored processes without a word before")
	}
	if err := c.finishRoot(); err != nil {
		return err
	}
	if err := c.checkMounts(); err != nil {
		return err
	}
	for i := range c.plan.Parent {
		item := &c.plan.Parent[i]
		if _, ok := item.Step.(*plan.SetPids); ok {
			if err := c.do(item); err != nil {
				return c.init.Explain(item, err)
			}
		}
	}
	c.journal.Status = specs.StateCreated
	c.journal.Created = time.Now().UTC()
	c.settle()
	if err := c.dir.Save(&c.journal); err != nil {
		return err
	}
	return c.updateFromImage()
}
