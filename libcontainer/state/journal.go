package state

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	journalName = "state.json"
	journalNext = "state.json.next"
)

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
func (d *Dir) Save(s *State) error { return d.replace(journalName, journalNext, s.encode()) }

// replace puts a file in the place of another, or of none, by way of the name next.
func (d *Dir) replace(name, next string, data []byte) error {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := retry(func() (int, error) { return unix.Openat(d.fd, next, flags, 0o600) })
	if err != nil {
		return d.failed("open", next, err)
	}
	if err := writeAll(fd, data); err != nil {
		return errors.Join(d.failed("write", next, err), unix.Close(fd))
	}
	if err := unix.Close(fd); err != nil {
		return d.failed("close", next, err)
	}
	if err := unix.Renameat(d.fd, next, d.fd, name); err != nil {
		return d.failed("rename", next, err)
	}
	return nil
}

func writeAll(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := retry(func() (int, error) { return unix.Write(fd, data) })
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
