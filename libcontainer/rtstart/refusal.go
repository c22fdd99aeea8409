//go:build amd64 || arm64

package rtstart

import "unsafe"

// Go's runtime aborts the program with a dump of all stacks where the system refuses
// it memory or a thread. That is not a bug in the program, so one line says what was
// refused. The runtime has a hook for what it writes; the linker puts it there, so that it
// holds from the first instruction on.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32 = write

// A refusal is something that Go's runtime cannot be without, and how what it says
// begins if it does not get that.
type refusal struct{ begins, call, see string }

var refusals = [...]refusal{
	{"runtime: failed to create new OS thread", "clone", "no thread: see RLIMIT_NPROC (ulimit -u) and pids.max of the caller's cgroup"},
	{"runtime: epollcreate failed", "epoll_create1", "no descriptor: see RLIMIT_NOFILE (ulimit -n)"},
	{"runtime: eventfd failed", "eventfd2", "no descriptor: see RLIMIT_NOFILE (ulimit -n)"},
	{"runtime: mmap: too much locked", "mmap: resource temporarily unavailable", "no locked memory: see RLIMIT_MEMLOCK (ulimit -l)"},
	{"runtime: mmap", "mmap", noMemory},
	{"runtime: out of memory", "mmap: cannot allocate memory", noMemory},
}

const (
	noMemory  = "no memory, or no address space: see RLIMIT_AS (ulimit -v)"
	lastWords = "fatal error: "
)

// lacks are what is in the last words if it was memory.
var lacks = [...]string{"out of memory", "cannot allocate memory", "failed to allocate", "reserve", "cannot map pages", "exceeds address space"}

// errors are the errnos that these calls have, as the runtime writes them.
var errors = [...][2]string{
	{"11", "resource temporarily unavailable"}, {"12", "cannot allocate memory"},
	{"23", "too many open files in system"}, {"24", "too many open files"},
	{"1", "operation not permitted"}, {"38", "function not implemented"},
}

var (
	refused *refusal // what was, once the runtime has begun to say so
	errno   string   // what it may have said so far
	dying   bool     // the last words come next

	line   [512]byte
	filled int
)

// write stands for write(2) where Go's runtime prints messages of its own, in pieces. It
// may be called on any stack, before there is a goroutine: it and what it calls
// allocate nothing, and have no room to grow.
//
//go:nosplit
func write(fd uintptr, p unsafe.Pointer, n int32) int32 {
	text := unsafe.String((*byte)(p), int(n))
	if fd != 2 || n <= 0 {
		return rawWrite(fd, p, n)
	}
	if refused == nil && !dying {
		for i := range refusals {
			if refused == nil && begins(text, refusals[i].begins) {
				refused = &refusals[i]
			}
		}
	}
	switch {
	case refused != nil:
		for i := range errors { // the last number in the line
			if text == errors[i][0] {
				errno = errors[i][1]
			}
		}
		if text[n-1] == '\n' {
			end(refused.call, errno, refused.see)
		}
		return n
	case text == lastWords:
		dying = true
		return n
	case dying:
		dying = false
		for i := range lacks {
			if contains(text, lacks[i]) {
				end("mmap: cannot allocate memory", "", noMemory)
			}
		}
		filled = 0
		add(lastWords)
		rawWrite(fd, unsafe.Pointer(&line), int32(filled))
	}
	return rawWrite(fd, p, n)
}

// end says what was refused, and ends the process: with the exit code of an exec that
// failed, which is none that a program's success or its absence have.
//
//go:nosplit
func end(call, errno, see string) {
	filled = 0
	add(`level=error msg="` + "Go's runtime cannot go on: ")
	add(call)
	if errno != "" {
		add(": ")
		add(errno)
	}
	add(": ")
	add(see)
	add("\"\n")
	rawWrite(2, unsafe.Pointer(&line), int32(filled))
	exit(255)
}

//go:nosplit
func add(s string) {
	for i := 0; i < len(s) && filled < len(line); i++ {
		line[filled] = s[i]
		filled++
	}
}

//go:nosplit
func begins(s, with string) bool {
	if len(s) < len(with) {
		return false
	}
	for i := 0; i < len(with); i++ {
		if s[i] != with[i] {
			return false
		}
	}
	return true
}

//go:nosplit
func contains(s, what string) bool {
	for i := 0; i+len(what) <= len(s); i++ {
		if begins(s[i:], what) {
			return true
		}
	}
	return false
}

// rawWrite is write(2). It returns the negated errno.
//
//go:noescape
func rawWrite(fd uintptr, p unsafe.Pointer, n int32) int32

// exit is exit_group(2).
func exit(code int32)
