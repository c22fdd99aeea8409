package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A job is one run of a scenario: with a fault, or to see which points it has.
type job struct {
	Scenario string
	Fault    *fault // nil: report the points
}

// A report is what came of a job.
type report struct {
	Outcome string
	Detail  string
	Points  []point
	Reached bool
	Took    time.Duration
}

// A worker does jobs, in namespaces of its own in which it is the first process:
// all that a runtime leaves behind is its child.
type worker struct {
	*tracer
	runtime string
	dir     string // a tmpfs: bundles, state, what was printed
	cgroup  string // directory of the containers' cgroups
	limit   time.Duration
	looks   int // so often it is looked what a scenario comes to by itself
	names   *strings.Replacer
	want    map[string]*expectation
	files   []string // what is in dir at the beginning
	mounts  string   // of the worker's own namespace, as they were
}

const workDir = "/run/crun-go-faults"

// work is the worker's main: jobs come on stdin and reports go to stdout, a line each.
func work(runtimePath, cgroup string, limit time.Duration, looks int) error {
	runtime.LockOSThread() // a tracer is a thread
	w := &worker{runtime: runtimePath, dir: workDir, cgroup: cgroup, limit: limit, looks: looks, want: map[string]*expectation{}}
	w.names = strings.NewReplacer(w.dir, "$DIR", filepath.Base(cgroup), "$CGROUP", runtimePath, "$RUNTIME")
	w.tracer = newTracer(stable(w.names))
	if err := w.isolate(); err != nil {
		return err
	}
	if err := w.makeBundles(); err != nil {
		return err
	}
	w.mounts, w.files = w.mountsNow(), entries(w.dir)
	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var j job
		if err := json.Unmarshal(line, &j); err != nil {
			return err
		}
		began := time.Now()
		r, err := w.do(j)
		if err != nil {
			return fmt.Errorf("%s: %w", j.Scenario, err)
		}
		r.Took = time.Since(began)
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

// isolate gives the worker what a runtime could spoil for others: mounts, and
// the nodes of /dev.
func (w *worker) isolate() error {
	if err := errors.Join(
		os.MkdirAll(w.dir, 0o755),
		mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		mount("tmpfs", w.dir, "tmpfs", 0, "mode=711"),
		mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"),
	); err != nil {
		return err
	}
	for name, number := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
		if err := node("/dev/"+name, int(unix.Mkdev(1, number))); err != nil {
			return err
		}
	}
	if err := errors.Join(node("/dev/tty", int(unix.Mkdev(5, 0))), os.MkdirAll("/dev/pts", 0o755), os.MkdirAll("/dev/shm", 0o1777),
		mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666"),
		os.Symlink("pts/ptmx", "/dev/ptmx"), os.Symlink("/proc/self/fd", "/dev/fd")); err != nil {
		return err
	}
	// As on a host where systemd is.
	return errors.Join(mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""), os.MkdirAll(w.cgroup, 0o755), os.Chdir(w.dir))
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return nil
}

func node(path string, number int) error {
	return errors.Join(unix.Mknod(path, unix.S_IFCHR, number), os.Chmod(path, 0o666))
}

// A said is what came of a command.
type said struct {
	code   int         // of exit, or 128 and the signal
	signal unix.Signal // that ended it, 0 without
	stderr string
	late   bool // it had to be killed
}

func (w *worker) path(name string) string { return filepath.Join(w.dir, name) }

// runs executes the runtime with a command's arguments, to its end.
func (w *worker) runs(args []string, traced bool) (said, error) {
	out, err := os.OpenFile(w.path("stdout"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return said{}, err
	}
	defer out.Close()
	errs, err := os.OpenFile(w.path("stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_TRUNC, 0o644)
	if err != nil {
		return said{}, err
	}
	defer errs.Close()
	null, err := os.Open("/dev/null")
	if err != nil {
		return said{}, err
	}
	defer null.Close()
	words := append([]string{w.runtime, "--root", w.path("root")}, args...)
	pid, err := w.start(words, &syscall.ProcAttr{
		Dir: w.dir, Files: []uintptr{null.Fd(), out.Fd(), errs.Fd()},
		Env: []string{"PATH=" + w.path("programs") + ":/usr/bin:/bin"},
	}, traced)
	if err != nil {
		return said{}, err
	}
	s := said{}
	if err := w.wait(w.limit, func() bool { _, over := w.ended[pid]; return over }); err == errLate {
		s.late = true
	} else if err != nil {
		return said{}, err
	}
	status := w.ended[pid]
	delete(w.ended, pid)
	if s.code = status.ExitStatus(); status.Signaled() {
		s.signal, s.code = status.Signal(), 128+int(status.Signal())
	}
	text, err := os.ReadFile(w.path("stderr"))
	s.stderr = string(text)
	return s, err
}

// alone waits until no process is left. It reports whether that happened.
func (w *worker) alone(limit time.Duration) bool {
	return w.wait(limit, func() bool { return false }) == nil
}

// left names what is there of containers: state, cgroups, processes, mounts.
func (w *worker) left() []string {
	var found []string
	for _, e := range entries(w.path("root")) {
		found = append(found, "state "+e)
	}
	for _, e := range cgroupsBelow(w.cgroup) {
		found = append(found, "cgroup "+e)
	}
	for _, pid := range others() {
		text, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		found = append(found, "process "+strings.ReplaceAll(strings.TrimRight(string(text), "\x00"), "\x00", " "))
	}
	if w.mountsNow() != w.mounts {
		found = append(found, "mounts")
	}
	return found
}

// vanished gives what was killed a moment to be gone, then names what is left.
func (w *worker) vanished(want *expectation) []string {
	for deadline := time.Now().Add(500 * time.Millisecond); ; time.Sleep(time.Millisecond) {
		w.reap()
		found := slices.DeleteFunc(w.left(), func(s string) bool { return slices.Contains(want.leaves, s) })
		if len(found) == 0 || time.Now().After(deadline) {
			return found
		}
	}
}

// reap serves what has happened meanwhile, without waiting.
func (w *worker) reap() {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
		if err != nil || info.Signo == 0 || w.next() != nil {
			return
		}
	}
}

// sweepOut removes whatever is there.
func (w *worker) sweepOut() error {
	w.fault, w.saw, w.every, w.hit = nil, nil, false, false
	for range 100 {
		_ = unix.Kill(-1, unix.SIGKILL)
		for _, dir := range cgroupsBelow(w.cgroup) {
			_ = os.WriteFile(filepath.Join(w.cgroup, dir, "cgroup.freeze"), []byte("0"), 0)
			_ = os.WriteFile(filepath.Join(w.cgroup, dir, "cgroup.kill"), []byte("1"), 0)
		}
		if w.alone(5*time.Second) && len(others()) == 0 {
			break
		}
	}
	dirs := cgroupsBelow(w.cgroup)
	slices.Reverse(dirs)
	for _, dir := range dirs {
		for range 100 {
			if err := os.Remove(filepath.Join(w.cgroup, dir)); err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	for w.mountsNow() != w.mounts && w.unmountLast() {
	}
	for _, e := range entries(w.dir) {
		if !slices.Contains(w.files, e) {
			if err := os.RemoveAll(w.path(e)); err != nil {
				return err
			}
		}
	}
	w.seen, w.ended, w.threads = map[int]bool{}, map[int]unix.WaitStatus{}, map[int]*thread{}
	return errors.Join(os.Mkdir(w.path("root"), 0o711), os.WriteFile(w.path("stdout"), nil, 0o644))
}

func entries(dir string) []string {
	list, _ := os.ReadDir(dir)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// cgroupsBelow lists the cgroups in a directory, parents first.
func cgroupsBelow(dir string) []string {
	var found []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != dir {
			found = append(found, strings.TrimPrefix(path, dir+"/"))
		}
		return nil
	})
	return found
}

// others are the processes beside the worker.
func others() []string {
	own := strconv.Itoa(os.Getpid())
	return slices.DeleteFunc(entries("/proc"), func(name string) bool { return name == own || strings.Trim(name, "0123456789") != "" })
}

// mountsNow is what is mounted where, without the ids.
func (w *worker) mountsNow() string {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.Join(strings.Fields(line)[2:6], " "))
	}
	return strings.Join(lines, "\n")
}

// unmountLast takes away what was mounted last. It reports whether it could.
func (w *worker) unmountLast() bool {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return len(all) > strings.Count(w.mounts, "\n")+1 && unix.Unmount(strings.Fields(all[len(all)-1])[4], unix.MNT_DETACH) == nil
}
