package cgroups

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// readAt returns the content of a file. The error is the bare errno: only
// callers that fail need to spend time on words.
func readAt(dirfd int, name string) ([]byte, error) {
	fd, err := openAt(dirfd, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 512)
	for n := 0; ; {
		m, err := retry.Read(fd, buf[n:])
		switch {
		case err != nil:
			return nil, err
		case m == 0:
			return buf[:n], nil
		}
		if n += max(m, 0); n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// writeAt writes value with one write(2), which is what the kernel parses. The
// error is the bare errno.
func writeAt(dirfd int, name, value string) error {
	fd, err := openAt(dirfd, name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = retry.Write(fd, []byte(value))
	return err
}

func openAt(dirfd int, name string, flags int) (int, error) {
	return retry.Openat(dirfd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// read is readAt for files that no OCI field asked for.
func (d *dir) read(name string) ([]byte, error) {
	b, err := readAt(d.fd, name)
	if err != nil {
		return nil, d.pathError("read", name, err)
	}
	return b, nil
}

// set writes a resource value; field names what asked for it.
func (l *limits) set(field, file, value string) error {
	if err := l.write(file, value); err != nil {
		return l.explain(field, "write", file, value, err)
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }

// hasWord reports whether the space-separated list has the word.
func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// flatKey returns the value of key in a flat keyed file: lines of "KEY VALUE".
func flatKey(text []byte, key string) (uint64, bool) {
	for line := range strings.Lines(string(text)) {
		k, v, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if ok && k == key {
			n, err := strconv.ParseUint(v, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
