package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// activate plays systemd for a service with one socket, as sd_listen_fds(3) has
// it: the listening socket is descriptor 3 of the program that it becomes.
func activate(path string, command []string) error {
	if len(command) == 0 {
		return errors.New("want SOCKET COMMAND [ARG...]")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	if err := unix.Listen(fd, 1); err != nil {
		return err
	}
	if fd != 3 {
		if err := unix.Dup2(fd, 3); err != nil {
			return err
		}
		unix.Close(fd)
	}
	env := append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "LISTEN_PID="+strconv.Itoa(os.Getpid()))
	return unix.Exec(command[0], command, env)
}

// serve is such a service: it answers one caller with the socket's name.
func serve() error {
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") != "1" {
		return fmt.Errorf("pid %d is not activated: LISTEN_PID=%s LISTEN_FDS=%s", os.Getpid(), pid, os.Getenv("LISTEN_FDS"))
	}
	conn, _, err := unix.Accept(3)
	if err != nil {
		return err
	}
	_, err = unix.Write(conn, []byte("this is "+os.Getenv("LISTEN_FDNAMES")+"\n"))
	return err
}

// call connects to a socket and prints what is said there.
func call(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(buf[:n])
	return err
}
