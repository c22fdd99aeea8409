package state

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

const journalName = "state.json"

// Load reads the journal. The error is [ErrNotExist] if there is none, as in the directory of a container whose creation
// was cut off at the start or whose removal was cut off at the end.
func (d *Dir) Load() (*State, error) {
	data, err := d.read(journalName)
	if err != nil {
		return nil, err
	}
	s, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("read state of container %s: %w", d.id, err)
	}
	if s.Container.ID != d.id {
		return nil, fmt.Errorf("read state of container %s: it is that of container %q", d.id, s.Container.ID)
	}
	return s, nil
}

// read returns what a file of the directory holds. The error is [ErrNotExist] if there is none.
func (d *Dir) read(name string) ([]byte, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	})
	if err == unix.ENOENT {
		return nil, ErrNotExist
	}
	if err != nil {
		return nil, d.failed("open", name, err)
	}
	defer unix.Close(fd)
	data, err := readAll(fd)
	if err != nil {
		return nil, d.failed("read", name, err)
	}
	return data, nil
}

// readAll reads a regular file: a read that comes back short has met its end.
func readAll(fd int) ([]byte, error) {
	buf := make([]byte, 8<<10)
	for n := 0; ; {
		m, err := retry(func() (int, error) { return unix.Read(fd, buf[n:]) })
		if err != nil {
			return nil, err
		}
		n += m
		if n < len(buf) {
			return buf[:n], nil
		}
		buf = append(buf, make([]byte, len(buf))...)
	}
}

// Save replaces the journal as a whole: a reader sees the old one or the new one. Nothing is forced to disk. The state
// directory is on a tmpfs, and the container would not survive what that does not.
func (d *Dir) Save(s *State) error { return d.replace(journalName, s.encode()) }

// replace puts a file in the place of another, or of none.
func (d *Dir) replace(name string, data []byte) error {
	err := sys.ReplaceFile(d.fd, name, data, 0o600, nil)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		failed.Path = d.id + "/" + name
	}
	return err
}
