package sys

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// maxParam is how long a value may be for fsconfig(2). mount(2) took a page for
// all of them, and overlay's directories need that.
const maxParam = 255

// held are directories that must be open until a filesystem is created.
type held struct {
	layers bool       // an overlay's layers are opened here, not by the kernel by their paths
	fds    [512]int32 // overlay takes 500 layers
	count  int
}

func (h *held) release() {
	for _, fd := range h.fds[:h.count] {
		raw.Close(int(fd))
	}
}

// open opens a directory and holds it. No symbolic link on the way is followed: it can
// have been put there after the caller has looked.
func (h *held) open(dir string) (int, error) {
	if h.count == len(h.fds) {
		return -1, fault.New(unix.E2BIG, "more than %d directories").Num(int64(len(h.fds)))
	}
	fd, errno := tryOpenat2(unix.AT_FDCWD, dir, unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS)
	if errno != 0 {
		return -1, fault.Path("open", dir, errno)
	}
	h.fds[h.count] = int32(fd)
	h.count++
	return fd, nil
}

// letGo closes the directory that was opened last.
func (h *held) letGo() {
	h.count--
	raw.Close(int(h.fds[h.count]))
}

// isLayer reports whether a parameter names directories that an overlay is made of.
func isLayer(key string) bool {
	switch key {
	case "lowerdir", "lowerdir+", "datadir+", "upperdir", "workdir":
		return true
	}
	return false
}

// setLayers sets a parameter of an overlay that names directories.
func (h *held) setLayers(fs int, key, value string) error {
	switch key {
	case "lowerdir+", "datadir+":
		return h.setLayer(fs, key, value)
	case "upperdir", "workdir":
		var path raw.Text
		addUnescaped(&path, value)
		return h.setLayer(fs, key, path.String())
	}
	key = "lowerdir+"
	for rest, first := value, true; rest != ""; first = false {
		var dir string
		dir, rest = cutLower(rest)
		if dir == "" { // "::": the rest holds data alone
			key = "datadir+"
			continue
		}
		var path raw.Text
		addUnescaped(&path, dir)
		err := h.setLayer(fs, key, path.String()) // one at a time: Linux 6.8
		if first && fault.Is(err, unix.EINVAL) {
			return h.setJoined(fs, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setLayer names a directory by its descriptor (Linux 6.13), or by the name of that in
// /proc, which older kernels may look up only when the filesystem is created.
func (h *held) setLayer(fs int, key, dir string) error {
	fd, err := h.open(dir)
	if err != nil {
		return err
	}
	errno := raw.FsconfigFD(fs, key, fd)
	if errno == unix.EINVAL || errno == unix.EBADF {
		var link raw.Text
		link.Add(ownDescriptors).AddInt(fd)
		errno = raw.FsconfigString(fs, key, link.String())
		if key == "upperdir" || key == "workdir" {
			return fsErrorOf(fs, key, errno)
		}
	}
	h.letGo()
	return fsErrorOf(fs, key, errno)
}

const ownDescriptors = "/proc/self/fd/"

func fsErrorOf(fs int, key string, errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return fsError(fs, "fsconfig %s", key, errno)
}

// setJoined sets all lower directories in one value, each by a descriptor.
func (h *held) setJoined(fs int, value string) error {
	var all raw.Text
	for rest, first := value, true; rest != ""; first = false {
		var dir string
		dir, rest = cutLower(rest)
		if !first {
			all.Add(":")
		}
		if dir == "" {
			continue
		}
		var path raw.Text
		addUnescaped(&path, dir)
		fd, err := h.open(path.String())
		if err != nil {
			return err
		}
		all.Add(ownDescriptors).AddInt(fd)
	}
	return fsErrorOf(fs, "lowerdir", raw.FsconfigString(fs, "lowerdir", all.String()))
}

// cutLower cuts lower directories at the first colon that is not behind a backslash.
func cutLower(value string) (dir, rest string) {
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case ':':
			return value[:i], value[i+1:]
		}
	}
	return value, ""
}

// addUnescaped appends a path without the backslashes that protect what is behind
// them.
func addUnescaped(t *raw.Text, path string) {
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+1 < len(path) {
			i++
		}
		t.Add(path[i : i+1])
	}
}
