package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initproc/model"
	"github.com/crun-go/crun-go/libcontainer/proc"
)

// seen is what a process is and holds, seen from outside.
type seen struct {
	status map[string]string // /proc/PID/status
	tasks  int
	in     uint64 // CLONE_NEW* of the namespaces that are not the tracer's
	below  uint64 // of those that its children will be in
	root   bool   // its root directory is the tracer's
	cwd    string // whether its working directory is on a mount below its root
	owner  uint32 // of its directory in /proc: the user that may trace it without a capability
	fds    []descriptor
	maps   []mapping
}

type descriptor struct {
	n     int
	link  string
	flags uint64
}

type mapping struct {
	from, to uint64
	path     string
}

// lookAt looks at a process that is stopped.
func lookAt(pid int) (*seen, error) {
	s := &seen{status: map[string]string{}}
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/status")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		s.status[name] = strings.Join(strings.Fields(value), " ")
	}
	s.tasks = len(entries(dir + "/task"))
	var own, root unix.Stat_t
	if err := unix.Stat(dir+"/fd", &own); err != nil {
		return nil, err
	}
	s.owner = own.Uid
	if err := unix.Stat(dir+"/root", &own); err != nil {
		return nil, err
	}
	if err := unix.Stat("/", &root); err != nil {
		return nil, err
	}
	s.root = own.Dev == root.Dev && own.Ino == root.Ino
	if s.cwd, err = place(dir); err != nil {
		return nil, err
	}
	if err := s.lookAtNamespaces(dir); err != nil {
		return nil, err
	}
	if err := s.lookAtDescriptors(dir); err != nil {
		return nil, err
	}
	return s, s.lookAtMappings(dir)
}

// place says where the working directory of a process is.
func place(dir string) (string, error) {
	var cwd unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir+"/cwd/", 0, unix.STATX_MNT_ID, &cwd); err != nil {
		return "", err
	}
	mounts, err := os.ReadFile(dir + "/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		if id, _, _ := strings.Cut(line, " "); id == strconv.FormatUint(cwd.Mnt_id, 10) {
			return "below the root", nil
		}
	}
	return "outside of its mounts", nil
}

func (s *seen) lookAtNamespaces(dir string) error {
	for _, ns := range proc.Namespaces() {
		foreign, err := differ(dir+"/ns/"+ns.File, "/proc/self/ns/"+ns.File)
		if err != nil {
			return err
		}
		if foreign {
			s.in |= uint64(ns.Flag)
		}
	}
	below, err := differ(dir+"/ns/pid_for_children", "/proc/self/ns/pid")
	if below && s.in&unix.CLONE_NEWPID == 0 {
		s.below = unix.CLONE_NEWPID
	}
	return err
}

func differ(one, other string) (bool, error) {
	a, err := os.Readlink(one)
	if err != nil {
		return false, err
	}
	b, err := os.Readlink(other)
	return a != b, err
}

func (s *seen) lookAtDescriptors(dir string) error {
	for _, name := range entries(dir + "/fd") {
		link, err := os.Readlink(dir + "/fd/" + name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // with which this directory was read, of this process itself
		}
		if err != nil {
			return err
		}
		info, err := os.ReadFile(dir + "/fdinfo/" + name)
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(name)
		d := descriptor{n: n, link: link}
		for line := range strings.Lines(string(info)) {
			if value, ok := strings.CutPrefix(line, "flags:"); ok {
				d.flags, _ = strconv.ParseUint(strings.TrimSpace(value), 8, 64)
			}
		}
		s.fds = append(s.fds, d)
	}
	slices.SortFunc(s.fds, func(a, b descriptor) int { return a.n - b.n })
	return nil
}

func (s *seen) lookAtMappings(dir string) error {
	text, err := os.ReadFile(dir + "/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		var m mapping
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &m.from, &m.to); err != nil {
			return err
		}
		m.path = strings.Join(fields[5:], " ")
		s.maps = append(s.maps, m)
	}
	return nil
}

// messages are the mappings that are neither of the program nor the kernel's.
func (s *seen) messages() (found []mapping) {
	var program uint64 // its end, and so the beginning of its memory without a file
	for _, m := range s.maps {
		switch {
		case strings.HasPrefix(m.path, "["):
		case m.path != "" && !strings.HasPrefix(m.path, "/memfd:crun-go:step"):
			program = m.to
		case m.path == "" && m.from == program:
			program = m.to
		default:
			found = append(found, m)
		}
	}
	return found
}

// writable are the mappings in which the program has its variables.
func (s *seen) variables() (found []mapping) {
	var program uint64
	for _, m := range s.maps {
		if m.path != "" && m.path[0] != '[' && !strings.HasPrefix(m.path, "/memfd:crun-go:step") || m.path == "" && m.from == program && program != 0 {
			program = m.to
			found = append(found, m)
		}
	}
	return found
}

const (
	closeOnExec = unix.O_CLOEXEC
	looking     = unix.O_PATH
)

// descriptors says what the descriptors are for, and names those of which that is not known.
func (s *seen) descriptors(preserved int) (set model.Descriptors, others []string) {
	sockets := 0
	for _, d := range s.fds {
		switch {
		case d.n < 3+preserved:
			set |= model.Streams
		case strings.HasPrefix(d.link, "socket:"):
			set |= model.Socket
			if sockets++; sockets > 1 {
				others = append(others, d.String())
			}
		case strings.Contains(d.link, "/exec.fifo"):
			set |= model.Start
		case strings.Contains(d.link, "/answer.fifo"):
			set |= model.Answer
		case d.flags&looking != 0, d.flags&unix.O_DIRECTORY != 0, strings.HasPrefix(d.link, "pid:["):
			set |= model.Trees
		case d.flags&unix.O_APPEND != 0 && d.link[0] == '/':
			set |= model.Logs
		default:
			others = append(others, d.String())
		}
	}
	return set, others
}

func (d descriptor) String() string { return fmt.Sprintf("%d %s flags %#o", d.n, d.link, d.flags) }

// inherited names the descriptors that execve(2) would leave open beside those that it shall.
func (s *seen) inherited(preserved int) (names []string) {
	for _, d := range s.fds {
		if d.n >= 3+preserved && d.flags&closeOnExec == 0 {
			names = append(names, d.String())
		}
	}
	return names
}

// memory reads a process's memory. What is not mapped reads as zero.
func memory(pid int, from, to uint64) []byte {
	b := make([]byte, to-from)
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/mem")
	if err != nil {
		return b
	}
	defer f.Close()
	const page = 4096
	for at := from; at < to; {
		end := min(at/page*page+page, to)
		_, _ = f.ReadAt(b[at-from:end-from], int64(at))
		at = end
	}
	return b
}

func blank(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// words lists where in memory a number stands.
func words(b []byte, number int64) (at []int) {
	for i := 0; i+8 <= len(b); i += 8 {
		if int64(binary.NativeEndian.Uint64(b[i:])) == number {
			at = append(at, i)
		}
	}
	return at
}
