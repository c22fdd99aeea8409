package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/raw"
)

// home appends the user's home from the container's /etc/passwd, in-root and
// bounded; "/" if it is not known: there is no such file, or this user cannot
// read it.
//
// It is looked at before it is opened, but there need not be a procfs through
// which to open the very same file. What a container puts in its place in that
// moment is opened as the container's user and within its device rules: it
// could do that itself.
func home(root int, uid uint32, dir *raw.Text) error {
	fd, err := openPasswd(root, unix.O_PATH)
	if err == nil && fd >= 0 {
		raw.Close(fd)
		fd, err = openPasswd(root, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	}
	if err != nil {
		return err
	}
	if fd < 0 {
		dir.Add("/")
		return nil
	}
	err = homeIn(fd, uid, dir)
	raw.Close(fd)
	return err
}

// openPasswd opens /etc/passwd: -1 and no error if there is none to read.
func openPasswd(root, flags int) (int, error) {
	fd, err := sys.OpenInRoot(root, "/etc/passwd", flags)
	switch fault.Errno(err) {
	// The image's links may lead nowhere, or in circles.
	case unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.EACCES:
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	if err = sys.CheckRegular(fd); err == nil {
		return fd, nil
	}
	raw.Close(fd)
	if fault.Errno(err) != 0 {
		return -1, err
	}
	return -1, nil
}

const maxPasswd = 64 << 20

// homeIn finds a user's home by numeric id, see passwd(5).
func homeIn(fd int, uid uint32, dir *raw.Text) error {
	p := passwd{start: dir.Len()}
	p.id.AddUint(uint64(uid))
	var buf [4096]byte
	for size := 0; ; {
		n, errno := raw.Read(fd, buf[:])
		if errno != 0 {
			return fault.Call("read", errno)
		}
		if size += n; size > maxPasswd {
			return fault.New(unix.EFBIG, "read: %e: more than %d bytes").Num(maxPasswd)
		}
		if n == 0 {
			if !p.endLine(dir) {
				dir.Add("/")
			}
			return nil
		}
		if p.next(buf[:n], dir) {
			return nil
		}
	}
}

// passwd is where in passwd(5) a search has come to.
type passwd struct {
	id    raw.Text // what is searched for
	start int      // where the home begins in the text for it
	field int      // of the line, from 0
	same  int      // bytes of the third field that are those of id; -1: it is another
	bad   bool     // the home has a NUL in it
}

// next goes on with what has been read, and reports whether dir has the home.
func (p *passwd) next(data []byte, dir *raw.Text) bool {
	id := p.id.String()
	for i, char := range data {
		switch {
		case char == '\n':
			if p.endLine(dir) {
				return true
			}
		case char == ':':
			p.field++
		case p.field == 2:
			if 0 <= p.same && p.same < len(id) && id[p.same] == char {
				p.same++
			} else {
				p.same = -1
			}
		case p.field == 5 && p.same == len(id):
			p.bad = p.bad || char == 0
			dir.Add(raw.String(data[i : i+1]))
		}
	}
	return false
}

// endLine begins another line if it is not the one. A home that is too long for a path
// is none.
func (p *passwd) endLine(dir *raw.Text) bool {
	if p.same == p.id.Len() && dir.Len() > p.start && !p.bad && !dir.Cut {
		return true
	}
	dir.Truncate(p.start)
	p.field, p.same, p.bad = 0, 0, false
	return false
}
