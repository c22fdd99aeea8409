package rootfs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// views finds mounts of procfs and sysfs outside a root in mountinfo.
type views struct {
	root    [unix.PathMax]byte // its path
	rootLen int
	done    [256]int32 // ids of those that need not be found any more
	count   int

	found int      // id of the last one; 0: there is none
	point raw.Text // where it is mounted
	line  mountLine
}

// outside says which root it is.
func (v *views) outside(root int) (errno unix.Errno) {
	var link raw.Text
	link.Add("/proc/self/fd/").AddInt(root)
	v.rootLen, errno = raw.Readlink(unix.AT_FDCWD, link.String(), v.root[:])
	return errno
}

// look looks for the last one in the open mountinfo.
func (v *views) look(mountinfo int) error {
	v.found = 0
	v.line.begin()
	if _, errno := raw.Seek(mountinfo, 0, unix.SEEK_SET); errno != 0 {
		return fault.Call("lseek", errno)
	}
	var buf [2 << 10]byte
	for {
		n, errno := raw.Read(mountinfo, buf[:])
		if errno != 0 || n == 0 {
			return fault.Call("read", errno)
		}
		v.read(buf[:n])
	}
}

// read reads on.
func (v *views) read(data []byte) {
	for i := range data {
		if v.line.read(data[i]) {
			v.consider()
			v.line.begin()
		}
	}
}

// consider takes the line as the last one found, if it is one.
func (v *views) consider() {
	l := &v.line
	if kind := l.kind(); kind != "proc" && kind != "sysfs" {
		return
	}
	below, ok := strings.CutPrefix(l.point.String(), raw.String(v.root[:v.rootLen]))
	if ok && (below == "" || below[0] == '/') {
		return
	}
	for _, id := range v.done[:v.count] {
		if int(id) == l.id {
			return
		}
	}
	v.found = l.id
	v.point.Truncate(0)
	v.point.Add(l.point.String())
}

// mountLine is a line of mountinfo, which is read a byte at a time: there is no limit
// to its length. See proc_pid_mountinfo(5).
type mountLine struct {
	id    int
	point raw.Text

	field  int     // from 0; the optional ones count as the first of them
	word   [8]byte // the begin of a field's
	length int     // of the field
	escape int     // of how many digits, and the backslash, an escape has been read
	octal  byte
}

// The fields of a line.
const (
	idField       = 0
	pointField    = 4
	optionalField = 6
	kindField     = 7
)

func (l *mountLine) begin() {
	l.id, l.field, l.length, l.escape = 0, 0, 0, 0
	l.point.Truncate(0)
}

// kind returns the type of the filesystem, if it is a short one.
func (l *mountLine) kind() string {
	if l.field < kindField || l.length > len(l.word) {
		return ""
	}
	return raw.String(l.word[:l.length])
}

// read reads on, and reports the line's end.
func (l *mountLine) read(c byte) (end bool) {
	switch {
	case c == '\n':
		return true
	case l.field > kindField, l.field == kindField && c == ' ':
		if l.field == kindField {
			l.field++
		}
		return false
	case c == ' ':
		if l.field != optionalField || l.length == 1 && l.word[0] == '-' {
			l.field++
		}
		l.length = 0
		return false
	}
	switch {
	case l.field == idField && '0' <= c && c <= '9':
		l.id = l.id*10 + int(c-'0')
	case l.field == pointField:
		l.addToPoint(c)
	}
	if l.length < len(l.word) {
		l.word[l.length] = c
	}
	l.length++
	return false
}

// addToPoint appends a byte of the mount point, in which a backslash begins three octal
// digits.
func (l *mountLine) addToPoint(c byte) {
	switch {
	case l.escape == 0 && c == '\\':
		l.escape, l.octal = 1, 0
		return
	case l.escape > 0:
		l.octal = l.octal<<3 | c&7
		if l.escape++; l.escape <= 3 {
			return
		}
		l.escape, c = 0, l.octal
	}
	one := [1]byte{c}
	l.point.Add(raw.String(one[:]))
}
