package sys

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// maxParam is how long a value may be for fsconfig(2). mount(2) took a page for
// all of them, and overlay's directories need that.
const maxParam = 255

// setLong sets a parameter whose value is too long for fsconfig(2): directories of
// an overlay. What is returned must be open until the filesystem is created.
func setLong(fs int, key, value string) (held []int, err error) {
	switch key {
	case "upperdir", "workdir":
		return setDirectory(fs, key, unescapeColons(value))
	case "lowerdir":
		dirs := splitLower(value)
		for i, dir := range dirs {
			// One at a time (Linux 6.8), without escapes.
			more, err := setDirectory(fs, "lowerdir+", dir)
			held = append(held, more...)
			if err == unix.EINVAL && i == 0 {
				return setJoined(fs, dirs, held)
			}
			if err != nil {
				return held, err
			}
		}
		return held, nil
	}
	return nil, fmt.Errorf("a value of %d bytes, at most %d are possible: %w", len(value), maxParam, unix.E2BIG)
}

// setDirectory names a directory by its path, or if that is too long by a
// descriptor of it.
func setDirectory(fs int, key, dir string) (held []int, err error) {
	if len(dir) > maxParam {
		fd, err := retry.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: dir, Err: err}
		}
		held = append(held, fd)
		dir = "/proc/self/fd/" + strconv.Itoa(fd)
	}
	return held, unix.FsconfigSetString(fs, key, dir)
}

// setJoined sets all lower directories in one value, each by a descriptor.
func setJoined(fs int, dirs []string, held []int) ([]int, error) {
	var short []string
	for _, dir := range dirs {
		fd, err := retry.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return held, &os.PathError{Op: "open", Path: dir, Err: err}
		}
		held = append(held, fd)
		short = append(short, "/proc/self/fd/"+strconv.Itoa(fd))
	}
	return held, unix.FsconfigSetString(fs, "lowerdir", strings.Join(short, ":"))
}

// splitLower splits lower directories at colons, but for those behind a backslash.
func splitLower(value string) []string {
	var dirs []string
	begin := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case ':':
			dirs = append(dirs, unescapeColons(value[begin:i]))
			begin = i + 1
		}
	}
	return append(dirs, unescapeColons(value[begin:]))
}

// unescapeColons takes away the backslashes that protect what is behind them.
func unescapeColons(path string) string {
	if !strings.Contains(path, `\`) {
		return path
	}
	var b []byte
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+1 < len(path) {
			i++
		}
		b = append(b, path[i])
	}
	return string(b)
}
