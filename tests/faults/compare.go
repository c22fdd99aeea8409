package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initproc/model"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/specconv/plan"
)

// aspects are what a process is compared in with the model, beside its descriptors.
var aspects = [...]string{"tasks", "root directory", "working directory", "namespaces of the container's", "namespaces of its children", "owner in /proc",
	"Uid", "Gid", "Groups", "Umask", "CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp_filters", "memory"}

// got are the aspects of a process.
func (w *watch) got(pid int, s *seen) []string {
	got := []string{strconv.Itoa(s.tasks), side(s.root), s.cwd, model.Namespaces(s.in), model.Namespaces(s.below), fmt.Sprint(s.owner)}
	for _, name := range aspects[len(got) : len(aspects)-1] {
		got = append(got, s.status[name])
	}
	return append(got, w.memoryOf(pid, s))
}

// want are the aspects as the model has them; "?": it does not say.
func (w *watch) want(pid int, l *model.Line) []string {
	want := []string{"1", side(l.Root == model.Runtime), "below the root", model.Namespaces(l.In), model.Namespaces(l.Children), w.owner(pid, l),
		w.id(pid, "uid_map", l, os.Geteuid(), w.identity().UID), w.id(pid, "gid_map", l, os.Getegid(), w.identity().GID), w.groups(pid, l), w.umask(l)}
	for _, set := range w.capabilities(pid, l) {
		want = append(want, fmt.Sprintf("%016x", set))
	}
	return append(want, more(w.own.status["NoNewPrivs"], l.NoNewPrivs, 1), more(w.own.status["Seccomp_filters"], l.Filter, 1<<10), fmt.Sprint(l.Memory))
}

// compare compares a process that is in a step with what it was before and will be
// after it. At the first system call it is still as before.
func (w *watch) compare(pid int, s *seen, index int, before, after *model.Line, first bool) {
	step := "before the first step"
	if index >= 0 {
		step = fmt.Sprintf("step %d, %s", index+1, w.steps[index])
	}
	got, was, will := w.got(pid, s), w.want(pid, before), w.want(pid, after)
	for i, name := range aspects {
		switch {
		case got[i] == was[i], was[i] == "?", !first && (got[i] == will[i] || will[i] == "?"):
		case !first && strings.HasPrefix(name, "Cap") && onTheWay(i, got, was, will):
		case !first && name == "working directory" && before.Root != after.Root: // on the old root, to unmount it
		case name == "memory" && within(got[i], was[i]+", "+will[i]):
		case first || was[i] == will[i]:
			w.complain(step, name, got[i], was[i])
		default:
			w.complain(step, name, got[i], was[i]+" or "+will[i])
		}
	}
	w.compareDescriptors(s, step, index, before, after, first)
}

// within reports whether all words of a list are in another. A plan that has not come yet
// is as empty as one of which the beginning is forgotten.
func within(list, all string) bool {
	words := strings.Split(all+", "+model.Memory(0).String(), ", ")
	if slices.Contains(words, model.Plan.String()) {
		words = append(words, model.Rest.String())
	}
	return !slices.ContainsFunc(strings.Split(list, ", "), func(word string) bool { return !slices.Contains(words, word) })
}

// onTheWay reports whether a set of capabilities is between two. What is effective may
// be all that is permitted.
func onTheWay(i int, got, was, will []string) bool {
	set := func(text string) uint64 {
		n, _ := strconv.ParseUint(text, 16, 64)
		return n
	}
	least, most := set(was[i])&set(will[i]), set(was[i])|set(will[i])
	if aspects[i] == "CapEff" {
		most |= set(was[i-1])
	}
	return set(got[i])&^most == 0 && least&^set(got[i]) == 0
}

// certain are the descriptors that are there if the model says so; the others may be.
const certain = model.Streams | model.Socket | model.Start | model.Answer | model.Logs

func (w *watch) compareDescriptors(s *seen, step string, index int, before, after *model.Line, first bool) {
	got, others := s.descriptors(w.opening.PreserveFDs)
	may := before.Descriptors | after.Descriptors
	must := before.Descriptors & after.Descriptors & certain
	if first {
		may, must = before.Descriptors, before.Descriptors&certain
	}
	if may&model.Procfs != 0 {
		may |= model.Trees
	}
	if w.opening.PreserveFDs > 0 || len(s.fds) == 0 || s.fds[0].n > 2 {
		must &^= model.Streams // the caller may have had none
	}
	if got&^may != 0 || must&^got != 0 {
		w.complain(step, "descriptors", fmt.Sprintf("%v (%v)", got, s.fds), fmt.Sprintf("at most %v, at least %v", may, must))
	}
	if may&model.Trees == 0 {
		others = slices.DeleteFunc(others, func(d string) bool { return index >= 0 && !first && passing(w.steps[index].InitKind(), d) })
		if len(others) > 0 {
			w.complain(step, "descriptors", strings.Join(others, ", "), "no others")
		}
	} else if first && len(others) > 0 && index >= 0 {
		w.complain(step, "descriptors", strings.Join(others, ", "), "no others")
	}
	if names := s.inherited(w.opening.PreserveFDs); len(names) > 0 && index >= 0 {
		w.complain(step, "descriptors without close-on-exec", strings.Join(names, ", "), "none")
	}
}

// passing reports whether a descriptor is one that a step of a kind opens and closes.
func passing(kind plan.Kind, d string) bool {
	switch kind {
	case plan.KindCloneInside:
		return strings.Contains(d, "[pidfd]")
	case plan.KindLoadSeccomp:
		return strings.Contains(d, "seccomp notify")
	case plan.KindHooks:
		return strings.Contains(d, "[pidfd]") || strings.Contains(d, " pipe:")
	}
	return false
}

func side(runtimes bool) string {
	if runtimes {
		return string(model.Runtime)
	}
	return string(model.Container)
}

// more is a number that is more by one if something is so.
func more(own string, is bool, most int) string {
	n, _ := strconv.Atoi(own)
	if is {
		n = min(n+1, most)
	}
	return strconv.Itoa(n)
}

// maps are the id maps of a process; nil where its ids are this process's.
func (w *watch) maps(pid int, file string, l *model.Line) []specs.LinuxIDMapping {
	if l.In&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	maps, _ := proc.ParseIDMap(text)
	return maps
}

func hostID(maps []specs.LinuxIDMapping, id uint32) int {
	if maps == nil {
		return int(id)
	}
	return proc.HostID(maps, id)
}

// id is what Uid or Gid has four times.
func (w *watch) id(pid int, file string, l *model.Line, own int, container uint32) string {
	maps := w.maps(pid, file, l)
	id := own
	switch {
	case l.IDs == model.Container:
		id = hostID(maps, container)
	case maps != nil:
		id = hostID(maps, uint32(spawn.Root(maps)))
	}
	return fmt.Sprintf("%d %d %d %d", id, id, id, id)
}

func (w *watch) identity() *plan.SetIdentity {
	for _, s := range w.steps {
		if s, ok := s.(*plan.SetIdentity); ok {
			return s
		}
	}
	return &plan.SetIdentity{}
}

func (w *watch) groups(pid int, l *model.Line) string {
	maps := w.maps(pid, "gid_map", l)
	s := w.identity()
	switch {
	case s.KeepGroups:
		return "?"
	case l.IDs == model.Runtime && maps != nil:
		return ""
	case l.IDs == model.Runtime:
		return w.own.status["Groups"]
	}
	var ids []int
	for _, g := range s.Groups {
		ids = append(ids, hostID(maps, g))
	}
	slices.Sort(ids)
	return strings.Trim(fmt.Sprint(ids), "[]")
}

func (w *watch) umask(l *model.Line) string {
	switch {
	case l.IDs == model.Container:
		return fmt.Sprintf("%04o", w.identity().Umask)
	case l.Memory == 0:
		return "?" // the caller's
	}
	return "0000"
}

// owner: a process that is not dumpable has that of its user namespace's root, and not its
// own user.
func (w *watch) owner(pid int, l *model.Line) string {
	maps := w.maps(pid, "uid_map", l)
	switch {
	case l.Program == model.Process:
		return "?"
	case l.Hidden:
		return fmt.Sprint(w.own.owner)
	}
	if root := hostID(maps, uint32(spawn.Root(maps))); maps != nil && root >= 0 {
		return fmt.Sprint(root)
	}
	return "0"
}

// capabilities are the five sets, in the order of aspects.
func (w *watch) capabilities(pid int, l *model.Line) [5]uint64 {
	number := func(set string) uint64 {
		n, _ := strconv.ParseUint(w.own.status[set], 16, 64)
		return n
	}
	bounding, permitted, inheritable, ambient := number("CapBnd"), number("CapPrm"), number("CapInh"), number("CapAmb")
	uid, root := w.identity().UID, 0
	if maps := w.maps(pid, "uid_map", l); maps != nil {
		text, _ := os.ReadFile("/proc/sys/kernel/cap_last_cap")
		last, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		bounding, inheritable, ambient = 1<<(last+1)-1, 0, 0
		permitted = bounding
		if root = spawn.Root(maps); root != 0 {
			inheritable, ambient = permitted, permitted
		}
	}
	effective := permitted
	switch l.Caps {
	case model.IdentityCaps:
		if root == 0 && uid != 0 {
			effective, ambient = 0, 0
		}
	case model.AdminCaps, model.ProcessCaps:
		c := w.wantedCaps()
		admin := uint64(0)
		if l.Caps == model.AdminCaps {
			admin = 1 << unix.CAP_SYS_ADMIN & permitted
		}
		bounding, permitted, effective, inheritable, ambient = c.Bounding&bounding, c.Permitted|admin, c.Effective|admin, c.Inheritable, c.Ambient
	}
	if l.Program == model.Process { // see capabilities(7)
		permitted = ambient
		if uid == 0 {
			permitted = inheritable | bounding
		}
		effective = permitted
	}
	return [...]uint64{bounding, permitted, effective, inheritable, ambient}
}

func (w *watch) wantedCaps() *plan.SetCapabilities {
	for _, s := range w.steps {
		if s, ok := s.(*plan.SetCapabilities); ok {
			return s
		}
	}
	return &plan.SetCapabilities{}
}

// memoryOf finds out which of the messages' memory a process has.
func (w *watch) memoryOf(pid int, s *seen) string {
	var set model.Memory
	for _, m := range s.messages() {
		switch {
		case strings.HasPrefix(m.path, "/memfd:crun-go:step"):
			set |= model.Progress
		case w.plan != 0 && m.from < w.plan+uint64(w.size) && m.to > w.plan && m.to-m.from < uint64(w.size)+2*4096:
			if !blank(memory(pid, w.plan, w.plan+uint64(w.forgotten()))) {
				set |= model.Plan
			} else {
				set |= model.Rest
			}
		case m.path == "":
			set |= model.More
		default:
			return fmt.Sprintf("%v and %x-%x %s", set, m.from, m.to, m.path)
		}
	}
	return fmt.Sprint(set)
}

// forgotten is where in the plan the steps begin that are left when the others are forgotten.
func (w *watch) forgotten() int {
	for i := range w.steps {
		if w.lines[begun+i].Memory&model.Rest != 0 {
			return w.offsets[i]
		}
	}
	return w.size
}
