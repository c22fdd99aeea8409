package cgroups

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// processes are those in a cgroup: listed, stopped and killed.
type processes struct{ dir }

// Procs lists the processes in the cgroup and in all below it, in no order.
// Processes outside the caller's pid namespace are left out. The list is not a
// snapshot: processes come and go while it is read.
func (p *processes) Procs() ([]int, error) {
	file := "cgroup.procs"
	pids, err := appendProcs(nil, p.fd, file)
	if err == unix.EOPNOTSUPP {
		// It is threaded. Processes are listed in the cgroup above that is not.
		file = "cgroup.threads"
		pids, err = appendProcs(nil, p.fd, file)
	}
	if err == nil {
		err = walk(p.fd, func(parent int, name string) error {
			more, err := appendProcs(pids, parent, name+"/"+file)
			switch err {
			case unix.ENOENT, unix.ENODEV: // removed while we looked: empty
				return nil
			case unix.EOPNOTSUPP: // threaded: p lists its processes
				return nil
			}
			pids = more
			return err
		})
	}
	if err != nil {
		return nil, p.pathError("read", file, err)
	}
	if file == "cgroup.threads" {
		return leaders(pids), nil
	}
	return pids, nil
}

// leaders are the processes that threads are of, each once.
func leaders(threads []int) []int {
	var pids []int
	seen := make(map[int]bool)
	for _, tid := range threads {
		status, err := retry.ReadFile("/proc/" + itoa(tid) + "/status")
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(status), "\nTgid:")
		line, _, _ := strings.Cut(rest, "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err == nil && !seen[pid] {
			seen[pid] = true
			pids = append(pids, pid)
		}
	}
	return pids
}

// Alone is a [*NotEmptyError] if there are other processes in the cgroup than pid,
// those outside the caller's pid namespace included.
func (p *processes) Alone(pid int) error {
	b, err := readAt(p.fd, "cgroup.procs")
	if err == unix.EOPNOTSUPP {
		return p.aloneThreaded(pid)
	}
	if err != nil {
		return p.pathError("read", "cgroup.procs", err)
	}
	others := 0
	for word := range strings.FieldsSeq(string(b)) {
		if word != itoa(pid) {
			others++
		}
	}
	if others > 0 {
		return &NotEmptyError{p.path, others}
	}
	return nil
}

// aloneThreaded is Alone for a cgroup that lists its threads only.
func (p *processes) aloneThreaded(pid int) error {
	pids, err := p.Procs()
	if err != nil {
		return err
	}
	pids = slices.DeleteFunc(pids, func(other int) bool { return other == pid })
	if len(pids) > 0 {
		return &NotEmptyError{p.path, len(pids)}
	}
	return nil
}

func appendProcs(pids []int, dirfd int, name string) ([]int, error) {
	b, err := readAt(dirfd, name)
	if err != nil {
		return pids, err
	}
	for word := range strings.FieldsSeq(string(b)) {
		// A process of a foreign pid namespace reads as 0, and kill(2) of 0
		// would hit the caller's own group.
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// walk calls visit for every cgroup below top, children before parents, with a
// descriptor of the parent and the name in it. It keeps one descriptor open,
// not one per level, because a container with a delegated cgroup decides how
// deep the tree is. ".." is safe to follow: cgroup2 knows no rename.
func walk(top int, visit func(parent int, name string) error) error {
	names, err := subdirs(top)
	if err != nil || len(names) == 0 {
		return err
	}
	fd, err := openBelow(top, ".")
	if err != nil {
		return err
	}
	defer func() { unix.Close(fd) }()
	move := func(to int, err error) error {
		if err == nil {
			unix.Close(fd)
			fd = to
		}
		return err
	}
	stack := [][]string{names} // what is left to visit, per level
	for {
		level := len(stack) - 1
		if len(stack[level]) == 0 {
			if level == 0 {
				return nil
			}
			stack = stack[:level]
			if err := move(retry.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)); err != nil {
				return err
			}
		} else {
			err := move(openBelow(fd, stack[level][0]))
			if err == nil {
				names, err := subdirs(fd)
				if err != nil {
					return err
				}
				stack = append(stack, names)
				continue
			}
			if err != unix.ENOENT && err != unix.ENODEV {
				return err
			}
		}
		// The first name of the level that we are back on is done.
		level = len(stack) - 1
		name := stack[level][0]
		stack[level] = stack[level][1:]
		if err := visit(fd, name); err != nil {
			return err
		}
	}
}

// subdirs lists the directories in dirfd. The kernel counts them as links of
// the directory (2 + one for each), which spares most calls the listing.
func subdirs(dirfd int) ([]string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(dirfd, &st); err != nil {
		return nil, err
	}
	if st.Nlink == 2 {
		return nil, nil
	}
	fd, err := openAt(dirfd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
