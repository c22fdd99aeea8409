package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/criu"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/plan"
)

// ImageOptions is what a checkpoint and a restore have in common.
type ImageOptions struct {
	CRIU  string // the program
	Image string // directory of the image, absolute
	Work  string // directory of CRIU's logs and statistics, absolute; "" is Image

	TCP         bool // established TCP connections
	ExtUnixSock bool // sockets whose other end is outside
	ShellJob    bool // the session or terminal belongs to a process outside
	FileLocks   bool
	AutoDedup   bool // punch holes into older images where a newer one has the page
	LazyPages   bool // memory is moved when the restored container touches it
	CgroupMode  criu.CgroupMode
	NetworkLock criu.NetworkLock
}

// DumpOptions is what a checkpoint is asked for.
type DumpOptions struct {
	ImageOptions
	Root         string // state directory of all containers, absolute
	Parent       string // directory of an earlier image, relative to this one; "" is none
	PreDump      bool   // memory only; the container goes on
	LeaveRunning bool
	LinkRemap    bool // open files that were removed get a name
	SkipInFlight bool // no TCP connection that is being made
	StatusFD     int  // gets a zero byte once a lazy image can be fetched; -1: none
	PageServer   *criu.PageServer

	Warn func(specconv.Warning) // may be nil
}

const (
	dumpLog    = "dump.log"
	restoreLog = "restore.log"

	// logLevel is everything: the log is what is left when something goes wrong.
	logLevel = 4
)

// minCRIU is the first version that freezes cgroups of version 2.
var minCRIU = criu.Version{Major: 3, Minor: 14}

// Dump dumps the container into an image. Unless it is to go on running
// it is deleted then. One that could not be dumped goes on as before.
func Dump(c *libcontainer.Container, o *DumpOptions) error {
	// CRIU must not have descriptors that the caller has leaked.
	if err := sys.FenceFrom(3); err != nil {
		return err
	}
	if err := c.Dir.Lock(); err != nil {
		return err
	}
	status, pid, err := c.Status()
	if err != nil {
		return err
	}
	if status != specs.StateRunning && status != libcontainer.StatePaused {
		return fmt.Errorf("container cannot be checkpointed in the %s state", status)
	}
	if !c.Journal.HasNamespace(specs.MountNamespace) {
		return errors.New("container cannot be checkpointed: it has no mount namespace of its own, and CRIU restores none without")
	}
	// An image could give a container devices that its config.json does not.
	if added, err := c.Dir.AddedDevices(); err != nil || len(added) > 0 {
		return cmp.Or(err, errors.New("container cannot be checkpointed: devices were added to it; remove them before with update --device-remove"))
	}
	d := &dump{Container: c, o: o, pid: pid}
	if err := d.run(); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	return c.Destroy(o.Warn)
}

// dump is a checkpoint that is being made.
type dump struct {
	*libcontainer.Container
	o       *DumpOptions
	pid     int
	process sys.Proc // directory of init in /proc
	request criu.Options
}

func (d *dump) run() error {
	var err error
	if d.process, err = d.Journal.Init.Open(); err != nil {
		return err
	}
	defer d.process.Close()
	server, closeDirs, err := d.start()
	defer closeDirs()
	if err != nil {
		return err
	}
	defer server.Close()
	if err := d.checkFeatures(server); err != nil {
		return err
	}
	if d.o.PreDump {
		return d.o.explain("pre-dump", dumpLog, server.PreDump(&d.request, d.notified))
	}
	return d.o.explain("dump", dumpLog, server.Dump(&d.request, d.notified))
}

// start finds out what CRIU has to know, and starts it in a mount namespace of
// its own, see stageYard.
func (d *dump) start() (server *criu.Process, closeDirs func(), err error) {
	closeDirs = func() {}
	err = sources.OnThread(func() error {
		if err := separateForCRIU(); err != nil {
			return err
		}
		closer, err := d.o.open(&d.request, dumpLog, true)
		if err != nil {
			return err
		}
		closeDirs = closer
		if err := d.fill(); err != nil {
			return err
		}
		if err := d.describe(); err != nil {
			return err
		}
		hierarchy, err := cgroups.Find(cgroups.Root)
		if err != nil {
			return err
		}
		tmpfs, top, err := stageTop(d.Dir, d.o.Root)
		if err != nil {
			return err
		}
		defer unix.Close(tmpfs)
		if d.request.CgroupYard, err = stageYard(tmpfs, top, hierarchy.Path); err != nil {
			return err
		}
		server, err = d.o.start(nil)
		return err
	})
	return server, closeDirs, err
}

// cgroupMode is the mode for CRIU. With its own mode "ignore" the container would lose its
// cgroup namespace, and be in the host's.
func cgroupMode(asked criu.CgroupMode, namespaces []specs.LinuxNamespace) criu.CgroupMode {
	own := func(ns specs.LinuxNamespace) bool { return ns.Type == specs.CgroupNamespace }
	if asked == criu.CgroupIgnore && slices.ContainsFunc(namespaces, own) {
		return criu.CgroupNone
	}
	return asked
}

// fill turns the options into a request.
func (d *dump) fill() error {
	o, r := d.o, &d.request
	r.PID = d.pid
	r.LeaveRunning = o.LeaveRunning
	r.LinkRemap = o.LinkRemap
	r.SkipInFlight = o.SkipInFlight
	r.PageServer = o.PageServer
	r.CgroupMode = cgroupMode(o.CgroupMode, d.Journal.Namespaces)
	r.FreezeCgroup = d.Journal.Cgroup.Dir
	r.Evasive = true
	r.Config = criuConfig(d.Journal.Container.Annotations)
	r.TrackMemory = o.PreDump || o.Parent != ""
	if o.Parent != "" {
		parent := filepath.Join(o.Image, o.Parent)
		if st, err := os.Stat(parent); err != nil || !st.IsDir() {
			return fmt.Errorf("--parent-path %q: %q is not a directory", o.Parent, parent)
		}
		r.ParentImages = o.Parent
	}
	for _, ns := range d.Journal.Namespaces {
		key := ""
		switch {
		case ns.Type == specs.NetworkNamespace && ns.Path != "":
			key = specconv.KeyNetworkNamespace
		case ns.Type == specs.NetworkNamespace:
			// Whoever made its devices will make them again: a hook, most of
			// the time.
			r.EmptyNS = unix.CLONE_NEWNET
			continue
		case ns.Type == specs.PIDNamespace && ns.Path != "":
			key = specconv.KeyPIDNamespace
		default:
			continue
		}
		external, err := namespaceKey(ns)
		if err != nil {
			return err
		}
		r.External = append(r.External, external+":"+key)
	}
	return nil
}

// namespaceKey is CRIU's name of a namespace: net[4026531840].
func namespaceKey(ns specs.LinuxNamespace) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(ns.Path, &st); err != nil {
		return "", &os.PathError{Op: "stat", Path: ns.Path, Err: err}
	}
	return proc.NamespaceOf(ns.Type).File + "[" + strconv.FormatUint(st.Ino, 10) + "]", nil
}

// describe finds what of the container comes from outside, lists it for CRIU, and records
// it in the image.
func (d *dump) describe() error {
	mounts, err := mountsOf(d.process)
	if err != nil {
		return err
	}
	found, err := d.externalMounts(mounts)
	if err != nil {
		return err
	}
	for _, m := range found {
		d.request.Mounts = append(d.request.Mounts, criu.Mount{Key: m.Point, Value: m.ID})
	}
	streams := make([]string, 3)
	for fd := range streams {
		key, external, err := streamKey(d.process, fd, mounts)
		if err != nil {
			return err
		}
		streams[fd] = key
		if external {
			d.request.External = append(d.request.External, key)
		}
	}
	if err := writeImage(d.request.ImagesDir, streams, found); err != nil {
		return err
	}
	return d.keepLimits()
}

func (d *dump) externalMounts(mounts []proc.Mount) ([]plan.ImageMount, error) {
	o := bundle.Options{Root: d.o.Root, ID: d.Journal.Container.ID, Bundle: d.Journal.Container.Bundle}
	if d.Dir.HasNotify() {
		o.NotifySocket = specconv.NotifyTarget // anything: it adds the mount
	}
	b := new(bundle.Bundle)
	var options specconv.Options
	var externals []specconv.External
	var err error
	if b.Spec, err = d.Config(); err == nil {
		options, err = b.Facts(&o, false, false)
	}
	if err == nil {
		externals, err = specconv.Externals(b.Spec, b.Host, options)
	}
	if err != nil {
		return nil, fmt.Errorf("the container's configuration: %w", err)
	}
	dir, err := d.process.OpenRoot()
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	return findExternals(externals, dir, mounts)
}

// notified answers CRIU's notifications.
func (d *dump) notified(n criu.Notification) error {
	if n.Script == "status-ready" && d.o.StatusFD >= 0 {
		_, err := retry.Write(d.o.StatusFD, []byte{0})
		unix.Close(d.o.StatusFD)
		d.o.StatusFD = -1
		if err != nil {
			return fmt.Errorf("--status-fd: %w", err)
		}
	}
	return nil
}

// checkFeatures asks for what depends on the kernel, before anything is stopped.
func (d *dump) checkFeatures(server *criu.Process) error {
	wanted := criu.Features{MemoryTracking: d.request.TrackMemory, LazyPages: d.o.LazyPages}
	if wanted == (criu.Features{}) {
		return nil
	}
	have, err := server.Features(wanted)
	switch {
	case err != nil:
		return err
	case wanted.MemoryTracking && !have.MemoryTracking:
		return errors.New("CRIU and this kernel can't track changes of memory, which --pre-dump and --parent-path need")
	case wanted.LazyPages && !have.LazyPages:
		return errors.New("CRIU and this kernel can't move memory later, as --lazy-pages asks for")
	}
	return nil
}

// start starts CRIU and makes sure that it is not too old.
func (o *ImageOptions) start(files []*os.File) (*criu.Process, error) {
	server, err := criu.Start(o.CRIU, files)
	if err != nil {
		return nil, err
	}
	v, err := server.Version()
	if err == nil && (v.Major < minCRIU.Major || v.Major == minCRIU.Major && v.Minor < minCRIU.Minor) {
		err = fmt.Errorf("%s is version %d.%d, expected %d.%d or later", o.CRIU, v.Major, v.Minor, minCRIU.Major, minCRIU.Minor)
	}
	if err != nil {
		server.Close()
		return nil, err
	}
	return server, nil
}

// open opens the directories, which a dump makes, and fills in what dump and
// restore have in common.
func (o *ImageOptions) open(r *criu.Options, log string, dump bool) (closeDirs func(), err error) {
	if o.Work == "" {
		o.Work = o.Image
	}
	var dirs []int
	closeDirs = func() {
		for _, fd := range dirs {
			unix.Close(fd)
		}
	}
	for _, path := range []string{o.Image, o.Work} {
		if dump || path == o.Work {
			if err := os.MkdirAll(path, 0o700); err != nil {
				closeDirs()
				return nil, err
			}
		}
		fd, err := retry.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			closeDirs()
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		dirs = append(dirs, fd)
	}
	// A log of before would explain what happens now.
	if err := unix.Unlinkat(dirs[1], log, 0); err != nil && err != unix.ENOENT {
		closeDirs()
		return nil, &os.PathError{Op: "remove", Path: filepath.Join(o.Work, log), Err: err}
	}
	*r = criu.Options{
		Inherit: r.Inherit, Joins: r.Joins,
		ImagesDir: dirs[0], WorkDir: dirs[1], LogFile: log, LogLevel: logLevel,
		TCP: o.TCP, ExtUnixSock: o.ExtUnixSock, ShellJob: o.ShellJob, FileLocks: o.FileLocks,
		AutoDedup: o.AutoDedup, LazyPages: o.LazyPages, CgroupMode: o.CgroupMode, NetworkLock: o.NetworkLock,
		OrphanMaster: true, NotifyScripts: true, StatusFD: -1,
		Unprivileged: os.Geteuid() != 0,
	}
	return closeDirs, nil
}

// explain adds to an error of CRIU's what its log says.
func (o *ImageOptions) explain(what, log string, err error) error {
	if !errors.Is(err, criu.ErrRefused) {
		return err
	}
	path := filepath.Join(o.Work, log)
	data, readErr := sys.ReadRegular(path, 256<<20)
	if excerpt := criu.Excerpt(data); readErr == nil && excerpt != "" {
		return fmt.Errorf("criu %s: %s (log: %s)", what, excerpt, path)
	}
	return fmt.Errorf("criu %s: %w (log: %s)", what, err, path)
}

// criuConfig is the file with options for CRIU that overrule ours: the one that
// the annotation names, or the host's.
func criuConfig(annotations map[string]string) string {
	if path, ok := annotations[criuConfigKey]; ok {
		return path
	}
	for _, path := range []string{"/etc/criu/crun-go.conf", "/etc/criu/runc.conf"} {
		if sys.Exists(path) {
			return path
		}
	}
	return ""
}

const criuConfigKey = "org.criu.config"
