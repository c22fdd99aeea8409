package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initproc"
	"github.com/crun-go/crun-go/libcontainer/initproc/model"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/wire"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// A watch follows the init of commands of a container and compares what it is at each
// system call with the model.
type watch struct {
	*tracer
	spec specs.Spec // of the container
	exec bool       // the process is one of exec
	own  *seen      // of this process, from whose namespaces all is seen

	init     string // role of init; empty: not yet
	origin   model.Origin
	opening  wire.Opening
	steps    []plan.InitStep
	offsets  []int // in the plan, of each step
	size     int   // of the plan
	lines    []model.Line
	plan     uint64         // where init has it
	index    map[string]int // by role, the last one seen
	at       []uint64       // where init may have the index of the step under way
	counted  bool
	executed bool
	looks    int
	found    map[string]bool
}

// begun are the lines before the first step.
const begun = 3

// watchCommands runs commands of a runtime, between which there is a comma.
func watchCommands(runtimePath, root, config string, words []string) error {
	runtime.LockOSThread()
	w := &watch{index: map[string]int{}, found: map[string]bool{}}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &w.spec); err != nil {
		return err
	}
	if w.own, err = lookAt(os.Getpid()); err != nil {
		return err
	}
	w.tracer = newTracer(func(s string) string { return s })
	w.every, w.tracer.look = true, w.look
	for len(words) > 0 {
		end := slices.Index(words, ",")
		if end < 0 {
			end = len(words)
		}
		if err := w.runs(append([]string{runtimePath, "--root", root}, words[:end]...)); err != nil {
			return err
		}
		words = words[min(end+1, len(words)):]
	}
	for !w.executed {
		if err := w.next(); err == unix.ECHILD {
			break
		} else if err != nil {
			return err
		}
	}
	if !w.executed {
		w.complain("", "the program", "not executed", string(model.Process))
	}
	if len(w.found) > 0 {
		return errors.New("init is not what the model says")
	}
	fmt.Printf("%d looks at %d steps\n", w.looks, len(w.steps))
	return nil
}

// runs runs a command to its end. Init, which may live longer, goes on to be watched.
func (w *watch) runs(words []string) error {
	w.exec = w.exec || slices.Contains(words, "exec")
	pid, err := w.start(words, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}, Env: os.Environ()}, w.init == "")
	if err != nil {
		return err
	}
	for {
		if status, over := w.ended[pid]; over {
			if status.ExitStatus() != 0 {
				return fmt.Errorf("%s: exit status %d", strings.Join(words[3:], " "), status.ExitStatus())
			}
			return nil
		}
		if err := w.next(); err != nil {
			return err
		}
	}
}

// look is called at the entry of each system call and, with nil, at the end of each execve.
func (w *watch) look(_ int, th *thread, call *callInfo) error {
	p := th.process
	switch {
	case call == nil:
		return w.execed(p)
	case p.role == "runtime":
		return w.toldBy(p.pid, call)
	case w.init == "" && !strings.Contains(p.role, "*"):
		return w.rawChild(p)
	case p.role == w.init, p.role == w.init+".1" && w.cloned():
		return w.atCall(p, call)
	}
	return nil
}

// cloned reports whether init's first child is the one that takes the rest of its steps.
func (w *watch) cloned() bool {
	return slices.ContainsFunc(w.steps, func(s plan.InitStep) bool { return s.InitKind() == plan.KindCloneInside })
}

// rawChild: root of a user namespace that is joined must not trace a copy of the runtime.
func (w *watch) rawChild(p *process) error {
	s, err := lookAt(p.pid)
	if err != nil {
		return unix.ESRCH
	}
	w.looks++
	if s.in&unix.CLONE_NEWUSER != 0 && w.joins(specs.UserNamespace) && s.owner != w.own.owner {
		w.complain("before execveat of the sealed binary", "its owner in /proc", fmt.Sprint("user ", s.owner), "the runtime's user: it is not dumpable")
	}
	return nil
}

// joins reports whether a namespace of the container's is there before init.
func (w *watch) joins(kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(w.spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool {
		return ns.Type == kind && (ns.Path != "" || w.exec)
	})
}

// execed is the end of an execve of a process of the runtime's.
func (w *watch) execed(p *process) error {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/cmdline")
	if err != nil {
		return unix.ESRCH
	}
	switch {
	case strings.HasPrefix(string(text), initproc.Name+"\x00"):
		w.init = p.role + "*"
		w.origin.Exec = w.exec
		for _, ns := range w.spec.Linux.Namespaces {
			if ns.Type != specs.CgroupNamespace || ns.Path != "" || w.exec {
				w.origin.In |= uint64(proc.NamespaceOf(ns.Type).Flag)
			}
		}
		s, err := lookAt(p.pid)
		if err != nil {
			return unix.ESRCH
		}
		if w.joins(specs.PIDNamespace) {
			w.origin.In &^= unix.CLONE_NEWPID &^ s.in
			w.origin.Seen = s.in&unix.CLONE_NEWPID != 0
		} else {
			w.origin.Seen = w.origin.In&unix.CLONE_NEWPID == 0
		}
		w.origin.Hidden = w.origin.Seen && w.joins(specs.UserNamespace)
		w.fold()
	case p.role == w.init, p.role == w.init+".1":
		i, ok := w.index[p.role]
		if !ok || i < 0 || w.steps[i].InitKind() != plan.KindExecute {
			return nil // a hook
		}
		s, err := lookAt(p.pid)
		if err != nil {
			return unix.ESRCH
		}
		w.executed = true
		w.compare(p.pid, s, i, &w.lines[begun+i], &w.lines[begun+i], false)
	}
	return nil
}

// toldBy reads the plan, when the runtime sends it.
func (w *watch) toldBy(pid int, call *callInfo) error {
	if call.nr != unix.SYS_SENDMSG || w.steps != nil {
		return nil
	}
	header := memory(pid, call.args[1], call.args[1]+32) // struct msghdr
	vector := memory(pid, binary.NativeEndian.Uint64(header[16:]), binary.NativeEndian.Uint64(header[16:])+16)
	from, size := binary.NativeEndian.Uint64(vector), binary.NativeEndian.Uint64(vector[8:])
	if size < wire.HeaderSize || size > 64<<20 {
		return nil
	}
	frame := memory(pid, from, from+size)
	if head := codec.Values[wire.Header](frame[:wire.HeaderSize])[0]; head.Kind != wire.Plan || uint64(head.Size) != size-wire.HeaderSize {
		return nil
	}
	payload := codec.Aligned(int(size) - wire.HeaderSize)
	copy(payload, frame[wire.HeaderSize:])
	return w.decode(payload)
}

func (w *watch) decode(payload []byte) error {
	w.size = len(payload)
	from := codec.Reader(payload)
	w.opening.Code(&from)
	var count int
	from.Num(&count)
	for range count {
		w.offsets = append(w.offsets, from.Len())
		head := from.Next()
		next := from.Len() + int(head.Size)
		step := newStep(plan.Kind(head.Kind))
		if step == nil {
			return fmt.Errorf("there is a step of kind %d, which is not in newStep", head.Kind)
		}
		step.Code(&from)
		from.Seek(next)
		w.steps = append(w.steps, step)
		if hooks, ok := step.(*plan.Hooks); ok {
			w.origin.Logs = w.origin.Logs || hooks.Log != plan.HookLog{}
		}
	}
	if !from.End() {
		return errors.New("the plan that the runtime sends can't be read")
	}
	w.origin.Fifos = w.opening.Fifos
	w.fold()
	return nil
}

func (w *watch) fold() { w.lines = model.Fold(model.Begin(w.origin), w.steps) }

// atCall looks at init, or the process that it has cloned.
func (w *watch) atCall(p *process, call *callInfo) error {
	if w.plan == 0 && call.nr == unix.SYS_READ && len(w.steps) > 0 && call.args[2] == uint64(w.size) {
		w.plan = call.args[1]
	}
	s, err := lookAt(p.pid)
	if err != nil {
		return unix.ESRCH
	}
	w.looks++
	i, err := w.underWay(p, s)
	if err != nil {
		return err
	}
	last, known := w.index[p.role]
	w.index[p.role] = i
	before, after := &w.lines[begun-2], &w.lines[begun-1]
	if i >= 0 {
		before, after = &w.lines[begun+i-1], &w.lines[begun+i]
	}
	if i >= 0 && w.steps[i].InitKind() == plan.KindCloneInside && p.role == w.init {
		still := *before
		still.Memory &^= model.Progress
		after = &still
	} else if !known && i >= 0 {
		before = after // it was cloned
	}
	w.compare(p.pid, s, i, before, after, !known || last != i)
	return nil
}

// underWay finds the index of the step under way. While init shares it, it is read there, and by that the
// place is found where init has it for itself.
func (w *watch) underWay(p *process, s *seen) (int, error) {
	shared := slices.IndexFunc(s.maps, func(m mapping) bool { return strings.HasPrefix(m.path, "/memfd:crun-go:step") })
	if shared >= 0 {
		m := s.maps[shared]
		i := int64(binary.NativeEndian.Uint32(memory(p.pid, m.from, m.from+4))) - 1
		if i >= 0 && (w.index[p.role] != int(i) || !w.counted) {
			w.narrow(p.pid, s, i)
		}
		return int(i), nil
	}
	if !w.counted {
		return -1, nil
	}
	if len(w.at) == 0 {
		return 0, errors.New("init counts its steps nowhere")
	}
	i := codec.Values[int64](memory(p.pid, w.at[0], w.at[0]+8))[0]
	if i < 0 || int(i) >= len(w.steps) {
		return 0, fmt.Errorf("init seems to be at step %d", i)
	}
	return int(i), nil
}

func (w *watch) narrow(pid int, s *seen, i int64) {
	if w.counted {
		w.at = slices.DeleteFunc(w.at, func(at uint64) bool { return codec.Values[int64](memory(pid, at, at+8))[0] != i })
		return
	}
	w.counted = true
	for _, m := range s.variables() {
		for _, at := range words(memory(pid, m.from, m.to), i) {
			w.at = append(w.at, m.from+uint64(at))
		}
	}
}

// complain prints each difference once.
func (w *watch) complain(step, what, got, want string) {
	line := fmt.Sprintf("%s: %s: %s, expected %s", step, what, got, want)
	if !w.found[line] {
		w.found[line] = true
		fmt.Fprintln(os.Stderr, line)
	}
}

// watchMain is main for -watch.
func watchMain(runtimePath string) error {
	root, config := flag.Arg(0), flag.Arg(1)
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	return watchCommands(runtimePath, root, config, flag.Args()[2:])
}
