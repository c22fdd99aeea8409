package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

const journalName = "state.json"

// Load reads the state file. The error is [ErrNotExist] if there is none, as in the directory of a container whose creation
// was cut off at the start or whose removal was cut off at the end; [ErrBroken] if it was read and is not valid, or another
// container's; any other if it could not be read, which says nothing about the container.
func (d *Dir) Load() (*State, error) {
	data, err := d.read(journalName)
	if err != nil {
		return nil, err
	}
	s, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read state of container %s: %w", d.id, &brokenError{err})
	}
	if s.Container.ID != d.id {
		return nil, fmt.Errorf("read state of container %s: %w", d.id, &brokenError{fmt.Errorf("it is that of container %q", s.Container.ID)})
	}
	return s, nil
}

// brokenError is [ErrBroken] with the words of what is wrong.
type brokenError struct{ error }

func (*brokenError) Is(target error) bool { return target == ErrBroken }
func (e *brokenError) Unwrap() error      { return e.error }

// Salvage reads from the text of a broken state file what has to be ended: init and the cgroup, if they are the
// container's own. The rest is empty.
func (d *Dir) Salvage() (*State, error) {
	s := new(State)
	s.Container.ID = d.id
	data, err := d.read(journalName)
	if err != nil {
		return nil, err
	}
	if id, _ := textAfter(data, `"id":"`); id != d.id {
		return s, nil
	}
	pid := numberAfter(data, `"init_process_pid":`)
	start := numberAfter(data, `"init_process_start":`)
	if pid > 0 && pid <= 1<<31-1 && start > 0 {
		s.Init = Process{PID: int(pid), Start: start}
	}
	if dir, ok := textAfter(data, `"cgroup_paths":{"":"`); ok && !strings.Contains(dir, `\`) {
		s.Cgroup = Cgroup{Dir: dir, Made: []string{dir}}
	}
	return s, nil
}

// textAfter returns what stands between the first occurrence of a key, which ends with the opening quote, and the closing
// one.
func textAfter(data []byte, key string) (string, bool) {
	_, rest, ok := bytes.Cut(data, []byte(key))
	if !ok {
		return "", false
	}
	text, _, ok := bytes.Cut(rest, []byte{'"'})
	return string(text), ok
}

// numberAfter returns the number that stands after the first occurrence of a key, 0 if there is none. A comma follows: a
// number that is cut off is another.
func numberAfter(data []byte, key string) uint64 {
	_, rest, _ := bytes.Cut(data, []byte(key))
	text, _, whole := bytes.Cut(rest, []byte{','})
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || !whole {
		return 0
	}
	return n
}

// read returns what a file of the directory holds. The error is [ErrNotExist] if there is none.
func (d *directory) read(name string) ([]byte, error) {
	fd, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data, err := readAll(fd)
	if err != nil {
		return nil, d.failed("read", name, err)
	}
	return data, nil
}

// open opens a file of the directory for reading. The error is [ErrNotExist] if there is none.
func (d *directory) open(name string) (int, error) {
	fd, err := retry.Openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err == unix.ENOENT {
		return -1, ErrNotExist
	}
	if err != nil {
		return -1, d.failed("open", name, err)
	}
	return fd, nil
}

// readAll reads a regular file of at most maxKept bytes: a read that comes back short has met its end.
func readAll(fd int) ([]byte, error) {
	buf := make([]byte, 8<<10)
	for n := 0; ; {
		m, err := retry.Read(fd, buf[n:])
		if err != nil {
			return nil, err
		}
		n += m
		if n < len(buf) {
			return buf[:n], nil
		}
		if n > maxKept {
			return nil, fmt.Errorf("%w: more than %d bytes", unix.EFBIG, maxKept)
		}
		buf = append(buf, make([]byte, len(buf))...)
	}
}

// Save replaces the state file as a whole: a reader sees the old one or the new one. Nothing is forced to disk. The state
// directory is on a tmpfs, and the container would not survive what that does not.
func (d *Dir) Save(s *State) error { return d.replace(journalName, s.encode()) }

// replace puts a file in the place of another, or of none.
func (d *directory) replace(name string, data []byte) error {
	err := sys.ReplaceFile(d.fd, name, data, 0o600, nil)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		failed.Path = d.path + "/" + name
	}
	return err
}
