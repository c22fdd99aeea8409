package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// interfaceFlags is struct ifreq with the member ifr_flags, see netdevice(7).
type interfaceFlags struct {
	name  [unix.IFNAMSIZ]byte
	flags uint16
	_     [22]byte
}

// LoopbackUp brings up lo in this thread's network namespace.
func LoopbackUp() error {
	sock, _, errno := unix.RawSyscall(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return fault.Call("socket", errno)
	}
	request := interfaceFlags{name: [unix.IFNAMSIZ]byte{'l', 'o'}, flags: unix.IFF_UP | unix.IFF_RUNNING}
	_, errno = raw.Ioctl(int(sock), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	raw.Close(int(sock))
	return fault.Call("ioctl SIOCSIFFLAGS", errno)
}
