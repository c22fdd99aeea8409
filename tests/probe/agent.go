package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structs of linux/seccomp.h.
type (
	notification struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	answer struct {
		id    uint64
		val   int64
		err   int32
		flags uint32
	}
)

// agent plays the seccomp agent: each connection brings a message, which it
// prints, and a listener, whose notifications it answers by its arguments,
// NR=ERRNO, NR=VALUE or NR=continue; other calls go on.
func agent(path string, words []string) error {
	verdicts := map[int32]answer{}
	for _, word := range words {
		name, what, _ := strings.Cut(word, "=")
		nr, err := strconv.Atoi(name)
		if err != nil {
			return err
		}
		verdicts[int32(nr)] = verdict(what)
	}
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Bind(listener, &unix.SockaddrUnix{Name: path}), unix.Listen(listener, 8)); err != nil {
		return err
	}
	for {
		conn, _, err := unix.Accept(listener)
		if err != nil {
			return err
		}
		data, fds, err := takeMessage(conn)
		if err != nil {
			return err
		}
		fmt.Println(data)
		if rest, _, _ := takeMessage(conn); rest != "" || len(fds) != 1 {
			return fmt.Errorf("%d descriptors, then %q", len(fds), rest)
		}
		go answerAll(fds[0], verdicts)
	}
}

func verdict(what string) answer {
	if n, err := strconv.Atoi(what); err == nil {
		return answer{val: int64(n)}
	}
	for errno := unix.Errno(1); errno < 134; errno++ {
		if unix.ErrnoName(errno) == what {
			return answer{err: -int32(errno)}
		}
	}
	return answer{flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
}

// takeMessage receives what one sendmsg sent.
func takeMessage(conn int) (string, []int, error) {
	data, control := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(16*4))
	n, c, _, _, err := unix.Recvmsg(conn, data, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return "", nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:c])
	if err != nil || len(messages) == 0 {
		return string(data[:n]), nil, err
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	return string(data[:n]), fds, err
}

// answerAll goes on until no process is left under the filter.
func answerAll(listener int, verdicts map[int32]answer) {
	for {
		var n notification
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
		if errno == unix.EINTR || errno == unix.ENOENT { // the caller was killed meanwhile
			fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
			if unix.Poll(fds, -1); fds[0].Revents&unix.POLLHUP != 0 {
				return
			}
			continue
		}
		if errno != 0 {
			fmt.Fprintln(os.Stderr, "probe: receive notification:", errno)
			return
		}
		a, told := verdicts[n.nr]
		if !told {
			a = verdict("continue")
		}
		fmt.Println("notified", n.nr, "pid", n.pid)
		a.id = n.id
		unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
	}
}
