package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// UnlockTerminal is ioctl(2) with TIOCSPTLCK and 0.
func UnlockTerminal(master int) unix.Errno {
	var locked int32
	_, errno := Ioctl(master, unix.TIOCSPTLCK, uintptr(unsafe.Pointer(&locked)))
	return errno
}

// SetTerminalSize is ioctl(2) with TIOCSWINSZ.
func SetTerminalSize(fd int, width, height uint16) unix.Errno {
	size := unix.Winsize{Col: width, Row: height}
	_, errno := Ioctl(fd, unix.TIOCSWINSZ, uintptr(unsafe.Pointer(&size)))
	return errno
}

// ControlTerminal is ioctl(2) with TIOCSCTTY and 0.
func ControlTerminal(fd int) unix.Errno {
	_, errno := Ioctl(fd, unix.TIOCSCTTY, 0)
	return errno
}

// PlainLines is ioctl(2) with TCGETS and TCSETS: lines end as the program in the
// terminal ends them, without a CR.
func PlainLines(fd int) unix.Errno {
	var t unix.Termios
	_, errno := Ioctl(fd, unix.TCGETS, uintptr(unsafe.Pointer(&t)))
	if errno == 0 {
		t.Oflag &^= unix.ONLCR
		_, errno = Ioctl(fd, unix.TCSETS, uintptr(unsafe.Pointer(&t)))
	}
	return errno
}
