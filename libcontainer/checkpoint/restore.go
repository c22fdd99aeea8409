package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/builder"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/criu"
	"github.com/crun-go/crun-go/libcontainer/foreground"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/wire"
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
func Restore(o bundle.Options, r RestoreOptions) (int, error) {
	if !o.Detach && !o.NoSubreaper {
		unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // see Run
	}
	b, err := restore(&o, &r)
	if err != nil {
		return -1, err
	}
	if err := b.Caller.Start(b.Init.PidFD); err != nil {
		return -1, b.Fail(err)
	}
	defer b.Close()
	return b.Attend()
}

// restorer is a container that comes back: one in the making whose processes CRIU
// makes, with all that happened to them.
type restorer struct {
	builder   *builder.Builder
	o         *RestoreOptions
	request   criu.Options
	files     []*os.File // that CRIU inherits
	criu      *criu.Process
	pidfd     int // of CRIU; -1: none
	stage     stage
	closeDirs func() // closes the directories of the request
}

func restore(o *bundle.Options, r *RestoreOptions) (*builder.Builder, error) {
	image, err := ReadImage(r.Image)
	if err != nil {
		return nil, err
	}
	b, err := builder.Begin(o, "restore", 3, image)
	if err != nil {
		return nil, err
	}
	c := &restorer{builder: b, o: r, pidfd: -1, stage: stage{sources: &b.Sources, dir: -1}, closeDirs: func() {}}
	if err = c.build(); err == nil {
		err = foreground.Commit(&b.Init, o.Detach)
	}
	if err != nil {
		return nil, b.Fail(err)
	}
	return b, nil
}

// build writes the intent, then takes the steps.
func (c *restorer) build() error {
	if err := errors.Join(c.builder.Owned.Keep(c.builder.Kept()), c.builder.Owned.Save()); err != nil {
		return err
	}
	if err := c.builder.MakeNotify(false); err != nil {
		return err
	}
	err := c.builder.Init.Run(c.do)
	if err != nil && c.criu != nil {
		err = errors.Join(err, c.criu.GiveUp())
	}
	c.end()
	if err != nil {
		return err
	}
	if err := c.builder.SendPidfd(); err != nil {
		return err
	}
	if err := c.builder.WriteTrace(); err != nil {
		return err
	}
	return c.builder.Caller.Outputs.WritePidFile(c.builder.Init.Pid)
}

// end releases what only CRIU needs, and waits for its end.
func (c *restorer) end() {
	if c.pidfd >= 0 {
		sys.Forget(c.pidfd)
		unix.Close(c.pidfd)
	}
	if c.criu != nil {
		c.criu.Close()
	}
	for _, f := range c.files {
		f.Close()
	}
	c.closeDirs()
	c.stage.close()
	c.builder.Sources.Close()
}

// do carries out one step: those that are CRIU's and those of a container that
// CRIU is making. What else there is to be done is as at create.
func (c *restorer) do(item *plan.Item) error {
	switch s := item.Step.(type) {
	case *plan.PassStream:
		return c.passStream(s)
	case *plan.PassNamespace:
		return c.passNamespace(s)
	case *plan.StartCRIU:
		return c.startCRIU()
	case *plan.GiveImage:
		return giveImage(c.request.ImagesDir, s)
	case *plan.MoveInside:
		return c.place()
	case *plan.EnterRdtGroup:
		return c.builder.Owned.Class.Enter(c.criu.PID)
	case *plan.StageRoot:
		return c.stage.thread.Do(func() (err error) {
			c.request.Root, err = c.stage.root(s)
			return err
		})
	case *plan.OpenInTree:
		return c.stage.openInTree(s)
	case *plan.MakeMountPoint:
		return c.stage.makeMountPoint(s)
	case *plan.StageMount:
		return c.stage.thread.Do(func() error {
			m, err := c.stage.mount(item.Field, s)
			if err == nil {
				c.request.Mounts = append(c.request.Mounts, m)
			}
			return err
		})
	case *plan.RestoreProcesses:
		return c.restoreProcesses(s)
	case *plan.Await:
		return c.await(s.Phase)
	case *plan.LoopbackUp:
		return c.inNetwork(sys.LoopbackUp)
	case *plan.Sysctl:
		return c.inNetwork(func() error { return setSysctl(s) })
	case *plan.SetRoot:
		return makeRootReadonly(c.builder.Init.Pid)
	case *plan.CheckMounts:
		return c.stage.check(c.criu.PID, c.builder.Init.Pid)
	case *plan.SaveCreated:
		c.builder.Owned.Journal.Created = time.Now().UTC()
		return c.builder.Owned.Created()
	case *plan.UpdateLimits:
		return c.builder.Container().UpdateLimits(s.Resources, func() error { return nil })
	case *plan.Continue:
		return c.criu.Continue()
	}
	return c.builder.Do(item)
}

// passStream gives a standard stream to the user of the process, and passes it on.
func (c *restorer) passStream(s *plan.PassStream) error {
	var st unix.Stat_t
	if err := unix.Fstat(s.FD, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	kind := st.Mode & unix.S_IFMT
	if s.Owner >= 0 && (kind == unix.S_IFIFO || kind == unix.S_IFREG && !s.PipesOnly) {
		switch err := unix.Fchown(s.FD, s.Owner, -1); err {
		case nil, unix.EINVAL, unix.EPERM, unix.EROFS:
		default:
			return os.NewSyscallError("fchown", err)
		}
	}
	return c.inherit(s.Key, s.FD)
}

// passNamespace makes sure that there is such a namespace, and passes it on.
func (c *restorer) passNamespace(s *plan.PassNamespace) error {
	fd, err := sys.OpenNamespace(s.Path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if s.Key != "" {
		return c.inherit(s.Key, fd)
	}
	c.request.Joins = append(c.request.Joins, criu.Join{Namespace: proc.NamespaceOf(s.Type).File, Path: s.Path})
	return nil
}

// inherit passes a descriptor on to CRIU for what the image knows by a key.
func (c *restorer) inherit(key string, fd int) error {
	const first = 4 // see criu.Start
	dup, err := sys.Duplicate(fd)
	if err != nil {
		return err
	}
	c.request.Inherit = append(c.request.Inherit, criu.Inherited{Key: key, FD: first + len(c.files)})
	c.files = append(c.files, os.NewFile(uintptr(dup), key))
	return nil
}

// startCRIU starts CRIU, which finds in its mount namespace what is mounted for it
// there, and opens the directories in it: CRIU mounts in one of them for a while.
func (c *restorer) startCRIU() error {
	c.stage.thread = sources.NewThread()
	err := c.stage.thread.Do(func() error {
		if err := separateForCRIU(); err != nil {
			return err
		}
		closeDirs, err := c.o.open(&c.request, restoreLog, false)
		if err != nil {
			return err
		}
		c.closeDirs = closeDirs
		if c.stage.dir, c.stage.top, err = stageTop(c.builder.Owned.Dir, c.builder.Options.Root); err != nil {
			return err
		}
		if c.request.CgroupYard, err = stageYard(c.stage.dir, c.stage.top, c.builder.Hierarchy.Path); err != nil {
			return err
		}
		c.criu, err = c.o.start(c.files)
		return err
	})
	if err != nil {
		return err
	}
	if c.pidfd, err = unix.PidfdOpen(c.criu.PID, 0); err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	sys.Victim(c.pidfd)
	return nil
}

// place puts CRIU where the container will be: its processes are cloned there.
func (c *restorer) place() error {
	var err error
	if c.builder.Owned.Cgroup.Group != nil {
		err = c.builder.Owned.Cgroup.Group.Add(c.criu.PID)
	} else if c.builder.Owned.Unit.Waits() {
		err = c.builder.StartUnit(c.criu.PID)
	}
	if err != nil {
		return err
	}
	if c.builder.Owned.Cgroup.Group != nil {
		// Not where the dumped container was: that can belong to another container now.
		c.request.CgroupRoots = []criu.CgroupRoot{{Path: c.builder.Owned.Cgroup.Group.Path()}}
	}
	return c.builder.Owned.Save()
}

func (c *restorer) restoreProcesses(s *plan.RestoreProcesses) error {
	r := &c.request
	r.Sibling = true
	r.OldMounts = true
	r.TCPClose = c.o.TCPClose
	r.LSMProfile = c.o.LSMProfile
	r.MountContext = c.o.MountContext
	r.Config = criuConfig(c.builder.Spec.Annotations)
	r.CgroupMode = cgroupMode(c.o.CgroupMode, c.builder.Spec.Linux.Namespaces)
	if s.NewNetwork {
		r.EmptyNS = unix.CLONE_NEWNET
	}
	return c.criu.Restore(r)
}

// await waits until CRIU has come to a phase. It waits then, too.
func (c *restorer) await(phase plan.Phase) error {
	for {
		n, pid, err := c.criu.Next()
		switch {
		case err != nil:
			return &plan.StepError{Err: c.o.explain("restore", restoreLog, err), Whole: true}
		case pid != 0 && (phase != plan.Running || pid != c.builder.Init.Pid):
			return fmt.Errorf("criu has restored process %d and not notified of it", pid)
		case pid != 0:
			return nil
		case n.Script == "setup-namespaces" && phase == plan.Separated:
			return c.takeInit(n.PID)
		case n.Script == "post-restore" && phase == plan.Restored:
			return nil
		case n.Script == "orphan-pts-master" && n.FD < 0:
			return errors.New("criu sent no terminal")
		case n.Script == "orphan-pts-master":
			err = c.builder.TakeTerminal(n.FD)
		case n.FD >= 0:
			unix.Close(n.FD)
		}
		if err == nil {
			err = c.criu.Continue()
		}
		if err != nil {
			return err
		}
	}
}

// takeInit takes over the first process that CRIU has made, in its namespaces.
func (c *restorer) takeInit(pid int) error {
	pidfd, err := unix.PidfdOpen(pid, 0) // our child: the number is not reused
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	c.builder.Init.Process = &spawn.Process{Pid: pid, PidFD: pidfd, Conn: wire.FromFD(-1)}
	if c.builder.Owned.Journal.Init, err = state.Identify(pid); err != nil {
		return err
	}
	return c.builder.Owned.Save()
}

// inNetwork does something in the container's network namespace.
func (c *restorer) inNetwork(do func() error) error {
	netns, err := c.builder.Owned.Devices.Namespace()
	if err != nil {
		return err
	}
	return sources.OnThread(func() error {
		if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return do()
	})
}

func setSysctl(s *plan.Sysctl) error {
	proc, err := sys.HostProc()
	if err != nil {
		return err
	}
	defer proc.Close()
	return proc.Write(s.Path, s.Value)
}
