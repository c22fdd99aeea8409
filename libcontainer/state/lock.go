package state

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// lock is a directory that can be locked.
type lock struct {
	directory
	locked bool // by this Dir
}

// Unlock lets others lock the container again.
func (d *lock) Unlock() error {
	if err := retry.Flock(d.fd, unix.LOCK_UN); err != nil {
		return d.failed("unlock", "", err)
	}
	d.locked = false
	return nil
}

// Lock waits until no other process has the container locked, and locks it until Close or the end of the process. The error is
// [ErrNotExist] if the container was removed meanwhile.
//
// The lock belongs to the open file (flock(2)): a child that inherited the descriptor would hold it, too.
func (d *lock) Lock() error {
	if err := retry.Flock(d.fd, unix.LOCK_EX); err != nil {
		return d.failed("lock", "", err)
	}
	d.locked = true
	return d.linked()
}

// TryLock is Lock if no other process has the container locked; else it is false, at once.
func (d *lock) TryLock() (bool, error) {
	err := retry.Flock(d.fd, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil && err != unix.EWOULDBLOCK {
		return false, d.failed("lock", "", err)
	}
	d.locked = d.locked || err == nil
	return err == nil, d.linked()
}

// Busy reports whether another process has the container locked now.
func (d *lock) Busy() (bool, error) {
	if d.locked {
		return false, nil
	}
	// Another open file: to lock this one would be to take the lock.
	fd, err := retry.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return false, ErrNotExist // removed, and only still open
	}
	if err != nil {
		return false, d.failed("open", "", err)
	}
	defer unix.Close(fd)
	err = retry.Flock(fd, unix.LOCK_SH|unix.LOCK_NB)
	if err != nil && err != unix.EWOULDBLOCK {
		return false, d.failed("lock", "", err)
	}
	return err == unix.EWOULDBLOCK, nil
}

// linked is [ErrNotExist] if the directory was removed, and is only still open.
func (d *lock) linked() error {
	var held, named unix.Stat_t
	if err := unix.Fstat(d.fd, &held); err != nil {
		return d.failed("stat", "", err)
	}
	err := unix.Fstatat(d.root, d.id, &named, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT || err == nil && !sys.SameFile(&held, &named) {
		return ErrNotExist
	}
	if err != nil {
		return d.failed("stat", "", err)
	}
	return nil
}

// Holders returns the processes that may have the container locked, as far as the caller's /proc shows them. The kernel
// names the file by a number that others may have on another filesystem: see HeldBy.
func (d *lock) Holders() ([]int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return nil, d.failed("stat", "", err)
	}
	f, err := retry.OpenFile("/proc/locks", unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return holders(f, st.Ino)
}

// holders reads lines of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4242 00:1b:1234 0 EOF", see proc_locks(5). Processes that wait
// for a lock have an arrow behind the number.
func holders(locks io.Reader, inode uint64) ([]int, error) {
	var pids []int
	file := ":" + strconv.FormatUint(inode, 10)
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 6 || words[1] != "FLOCK" || !strings.HasSuffix(words[5], file) {
			continue
		}
		if pid, err := strconv.Atoi(words[4]); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, lines.Err()
}

// HeldBy reports whether the process has the container's directory open.
func (d *lock) HeldBy(pid int) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, entry := range entries {
		if same, err := sys.DescriptorIsOf(d.fd, dir+"/"+entry.Name()); err == nil && same {
			return true
		}
	}
	return false
}
