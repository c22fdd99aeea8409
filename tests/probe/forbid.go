package main

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbid becomes a command, under a filter that kills the caller of a system call; or, of a listener,
// under one that has a listener, which stays open.
func forbid(call string, command []string) error {
	if call == "listener" {
		return forbidListener(command)
	}
	number := map[string]uint32{"sethostname": unix.SYS_SETHOSTNAME, "setgroups": unix.SYS_SETGROUPS}[call]
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_SECCOMP", err)
	}
	return become(command)
}

func forbidListener(command []string) error {
	filter := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return become(command)
}

func become(command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, command, os.Environ())
}

// hammer makes a system call again and again.
func hammer(number string) error {
	nr, err := strconv.Atoi(number)
	for err == nil {
		unix.RawSyscall(uintptr(nr), 0, 0, 0)
	}
	return err
}
