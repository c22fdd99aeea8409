package seccomp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestKernel loads filters into the kernel, each in a process of its own: a
// filter can't be taken off again.
func TestKernel(t *testing.T) {
	if name := os.Getenv("SECCOMP_TEST_PROFILE"); name != "" {
		inside(name)
	}
	for _, name := range []string{"docker", "containerd-2", "podman", "custom"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestKernel$")
			cmd.Env = append(os.Environ(), "SECCOMP_TEST_PROFILE="+name)
			out, err := cmd.CombinedOutput()
			if text, ok := strings.CutPrefix(string(out), "skip: "); ok {
				t.Skip(text)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

const custom = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
	{"names":["umask"],"action":"SCMP_ACT_ERRNO","errnoRet":77,"args":[{"index":0,"value":18,"op":"SCMP_CMP_GE"}]},
	{"names":["getpgid"],"action":"SCMP_ACT_ERRNO","errnoRet":78,"args":[{"index":0,"value":4294967296,"valueTwo":4294967296,"op":"SCMP_CMP_MASKED_EQ"}]}]}`

// inside is the subprocess: it loads a profile, makes syscalls, and exits.
func inside(name string) {
	runtime.LockOSThread()
	cfg := parse(&testing.T{}, custom)
	if name != "custom" {
		cfg = profiles(&testing.T{})[name]
	}
	prog, err := Compile(cfg)
	if err != nil {
		fail("compile: %v", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		fail("set no_new_privs: %v", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(prog.Filter)), Filter: &prog.Filter[0]}
	// TSYNC: the runtime's other threads are to live under the filter, too.
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		uintptr(prog.Flags|unix.SECCOMP_FILTER_FLAG_TSYNC), uintptr(unsafe.Pointer(&fprog)))
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP {
		fmt.Print("skip: this kernel has no seccomp filters")
		os.Exit(0)
	}
	if errno != 0 {
		fail("load: %v", errno)
	}
	if name == "custom" {
		expect("umask(17)", unix.SYS_UMASK, 17, 0)
		expect("umask(18)", unix.SYS_UMASK, 18, 77)
		expect("getpgid(0)", unix.SYS_GETPGID, 0, 0)
		if unsafe.Sizeof(uintptr(0)) == 8 {
			high := uint64(1) << 32
			expect("getpgid(1<<32)", unix.SYS_GETPGID, uintptr(high), 78)
		}
	} else {
		missing := unix.ENOSYS // for a syscall that no profile names
		expect("getpid", unix.SYS_GETPID, 0, 0)
		expect("a new syscall", 1999, 0, missing)
		if name != "podman" {
			expect("add_key", unix.SYS_ADD_KEY, 0, unix.EPERM)
		}
	}
	os.Exit(0)
}

func expect(what string, nr, arg uintptr, want unix.Errno) {
	if _, _, errno := unix.RawSyscall(nr, arg, 0, 0); !errors.Is(errno, want) {
		fail("%s: %v, want %v", what, errno, want)
	}
}

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}
