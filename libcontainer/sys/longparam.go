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
	fds   [512]int32 // overlay takes 500 layers
	count int
}

func (h *held) release() {
	for _, fd := range h.fds[:h.count] {
		raw.Close(int(fd))
	}
}

// open opens a directory and holds it. link gets its name in /proc.
func (h *held) open(dir string, link *raw.Text) error {
	if h.count == len(h.fds) {
		return fault.New(unix.E2BIG, "more than %d directories").Num(int64(len(h.fds)))
	}
	fd, errno := raw.Open(unix.AT_FDCWD, dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errno != 0 {
		return fault.Path("open", dir, errno)
	}
	h.fds[h.count] = int32(fd)
	h.count++
	link.Add("/proc/self/fd/").AddInt(fd)
	return nil
}

// setLong sets a parameter whose value is too long for fsconfig(2): directories of
// an overlay.
func (h *held) setLong(fs int, key, value string) error {
	switch key {
	case "upperdir", "workdir":
		return h.setDirectory(fs, key, value)
	case "lowerdir":
		const layer, data = "lowerdir+", "datadir+"
		for rest, next, first := value, layer, true; rest != ""; first = false {
			var dir string
			dir, rest = cutLower(rest)
			if dir == "" && !first && next == layer { // behind "::" comes a layer of data alone
				next = data
				continue
			}
			// One at a time (Linux 6.8), without escapes.
			err := h.setDirectory(fs, next, dir)
			next = layer
			if first && fault.Is(err, unix.EINVAL) {
				return h.setJoined(fs, value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return fault.New(unix.E2BIG, "fsconfig %s: a value of %d bytes, at most %d are possible").Str(key).
		Num(int64(len(value))).Num(maxParam)
}

// setDirectory names a directory by its path, in which what is behind a backslash is
// meant literally, or if that is too long by a descriptor of it.
func (h *held) setDirectory(fs int, key, dir string) error {
	var path, link raw.Text
	addUnescaped(&path, dir)
	name := path.String()
	if len(name) > maxParam {
		if err := h.open(name, &link); err != nil {
			return err
		}
		name = link.String()
	}
	if errno := raw.FsconfigString(fs, key, name); errno != 0 {
		return fsError(fs, "fsconfig %s", key, errno)
	}
	return nil
}

// setJoined sets all lower directories in one value, each by a descriptor.
func (h *held) setJoined(fs int, value string) error {
	var all raw.Text
	for rest := value; rest != ""; {
		var dir string
		dir, rest = cutLower(rest)
		var path raw.Text
		addUnescaped(&path, dir)
		if all.Len() > 0 {
			all.Add(":")
			if dir == "" {
				continue // "::", as it was
			}
		}
		if err := h.open(path.String(), &all); err != nil {
			return err
		}
	}
	if errno := raw.FsconfigString(fs, "lowerdir", all.String()); errno != 0 {
		return fsError(fs, "fsconfig %s", "lowerdir", errno)
	}
	return nil
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
