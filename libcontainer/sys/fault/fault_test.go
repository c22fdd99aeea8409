package fault

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func TestError(t *testing.T) {
	for want, f := range map[string]*Fault{
		"mknod: operation not permitted":                        New(unix.EPERM, "mknod"),
		"open /a b: no such file or directory":                  Path("open", "/a b", unix.ENOENT),
		`"a\n" is 3:5`:                                          New(0, "%q is %d:%d").Str("a\n").Num(3).Num(5),
		"signal: hangup, 1":                                     New(0, "signal: %g, %d").Num(1).Num(1),
		"magic 0x9fa0, mode 755":                                New(0, "magic %x, mode %o").Num(0x9fa0).Num(0o755),
		"mkdir: permission denied: it is 7's":                   New(unix.EACCES, "mkdir: %e: it is %d's").Num(7),
		"no profile of that name":                               New(unix.ENOENT, "no profile of that name%n"),
		"create: mkdir /x: permission denied":                   Path("mkdir", "/x", unix.EACCES).In("create"),
		"\"/a\" is there: number is 1:5":                        New(0, "number is %d:%d").Num(1).Num(5).In("%q is there").Str("/a"),
		"7 is no device: %s":                                    New(0, "no device: %s").In("%d is ").Num(7),
		"ro,nosuid: locked: operation not permitted":            New(unix.EPERM, "%s: locked").Str("ro").More(",nosuid"),
		"100%, %s: no more arguments than there are":            New(0, "100%, %s: no more arguments than there are"),
		strings.Repeat("x", maxBytes) + ": file name too long":  New(unix.ENAMETOOLONG, "%s").Str(strings.Repeat("x", 2*maxBytes)),
		"1 2 3 4 5 6 7 8 %d: invalid argument":                  nine(),
		"first second, third: is a directory":                   New(unix.EISDIR, "%s %s, %s").Str("first").Str("second").Str("third"),
		"the end is a percent sign: %: no space left on device": New(unix.ENOSPC, "the end is a percent sign: %"),
	} {
		if got := f.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if f.Errno != 0 && !errors.Is(f, f.Errno) {
			t.Errorf("%q is not %v", f, f.Errno)
		}
	}
	if err := Call("close", 0); err != nil {
		t.Errorf("a success is %v", err)
	}
}

func nine() *Fault {
	f := New(unix.EINVAL, "%d %d %d %d %d %d %d %d %d")
	for i := range 9 {
		f.Num(int64(i + 1))
	}
	return f
}

// TestWithoutRuntime: nothing is allocated, and the last faults are there side by side.
func TestWithoutRuntime(t *testing.T) {
	if !systest.Bare(t) {
		return
	}
	var first, last error
	if n := testing.AllocsPerRun(100, func() {
		first = Path("open", "/first", unix.ENOENT)
		for range len(room) - 1 {
			last = Path("open", "/last", unix.EPERM)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if !Is(first, unix.ENOENT) || Is(first, unix.EPERM) || Errno(last) != unix.EPERM || first.Error() != "open /first: no such file or directory" {
		t.Errorf("%v, %v", first, last)
	}
}
