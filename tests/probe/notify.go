package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// notify is a service that sends systemd a message, see sd_notify(3).
func notify(messages []string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return errors.New("NOTIFY_SOCKET is not set")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	for _, m := range messages {
		m, err := strconv.Unquote(`"` + m + `"`)
		if err != nil {
			return err
		}
		if err := unix.Sendto(fd, []byte(m), 0, &unix.SockaddrUnix{Name: path}); err != nil {
			return fmt.Errorf("send to %s: %w", path, err)
		}
	}
	return nil
}

// hear is systemd's end: it prints messages until there is a barrier,
// and takes that away.
func hear(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	for {
		buf, control := make([]byte, 4096), make([]byte, 64)
		n, c, _, _, err := unix.Recvmsg(fd, buf, control, 0)
		if err != nil {
			return err
		}
		fmt.Printf("%q %t\n", buf[:n], c > 0)
		if string(buf[:n]) == "BARRIER=1" {
			return nil // with the last of our descriptors
		}
	}
}
