package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// callOnce makes one system call and prints what the kernel answered. A call
// that does not return leaves that to the parent to see.
func callOnce(words []string) error {
	number, args, err := parseCall(words)
	if err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall6(number, args[0], args[1], args[2], args[3], args[4], args[5])
	result := "0"
	if errno != 0 {
		result = unix.ErrnoName(errno)
	}
	fmt.Println(number, result)
	return nil
}

func parseCall(words []string) (number uintptr, args [6]uintptr, err error) {
	if len(words) == 0 || len(words) > 7 {
		return 0, args, errors.New("want NR and up to six arguments")
	}
	for i, w := range words {
		v, err := strconv.ParseInt(w, 0, 64)
		if err != nil {
			u, err := strconv.ParseUint(w, 0, 64)
			if err != nil {
				return 0, args, err
			}
			v = int64(u)
		}
		if i == 0 {
			number = uintptr(v)
		} else {
			args[i-1] = uintptr(v)
		}
	}
	return number, args, nil
}

// callEach makes every call in a process of its own: some end it, some block.
func callEach(in io.Reader, out io.Writer) error {
	for s := bufio.NewScanner(in); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) == 0 {
			continue
		}
		result, err := callApart(words)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, words[0], result)
	}
	return nil
}

func callApart(words []string) (string, error) {
	var said strings.Builder
	cmd := exec.Command("/proc/self/exe", append([]string{"syscall"}, words...)...)
	cmd.Stdout = &said
	// A call may end its process, or its session, but no other one's.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return "", err
	}
	blocks := time.AfterFunc(time.Second, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	stopped := !blocks.Stop()
	if _, result, ok := strings.Cut(strings.TrimSpace(said.String()), " "); ok {
		return result, nil
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case stopped:
		return "blocks", nil
	case status.Signaled():
		return "signal " + unix.SignalName(status.Signal()), nil
	case status.Exited():
		return "exit " + strconv.Itoa(status.ExitStatus()), nil
	}
	return "", err
}

// receive plays the engine's end of a console or pidfd socket: one connection,
// one message, one descriptor. A terminal is relayed until its last user is gone.
func receive(path string) error {
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(listener, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	if err := unix.Listen(listener, 1); err != nil {
		return err
	}
	conn, _, err := unix.Accept(listener)
	if err != nil {
		return err
	}
	data := make([]byte, 4096)
	control := make([]byte, unix.CmsgSpace(16*4))
	n, c, _, _, err := unix.Recvmsg(conn, data, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err
	}
	var fds []int
	messages, err := unix.ParseSocketControlMessage(control[:c])
	if err != nil {
		return err
	}
	for _, m := range messages {
		rights, err := unix.ParseUnixRights(&m)
		if err != nil {
			return err
		}
		fds = append(fds, rights...)
	}
	if len(fds) == 0 {
		return fmt.Errorf("data %q without a descriptor", data[:n])
	}
	target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fds[0]))
	if err != nil {
		return err
	}
	fmt.Printf("data %q, %d descriptor: %s\n", data[:n], len(fds), target)
	if strings.Contains(target, "ptmx") {
		_, err = io.Copy(os.Stdout, os.NewFile(uintptr(fds[0]), "terminal"))
		if errors.Is(err, unix.EIO) { // how a master says that its slave is closed
			err = nil
		}
	}
	return err
}
