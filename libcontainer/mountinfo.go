package libcontainer

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// mountEntry is a line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
type mountEntry struct {
	id, parent int
	device     string // major:minor
	root       string // what of the filesystem is mounted
	point      string // below the process's root
	options    string // of the mount, not of the filesystem
	fstype     string
}

// maxMountinfo bounds a mountinfo: some hundred thousand mounts.
const maxMountinfo = 64 << 20

// mountsOf reads the mounts of a process's mount namespace.
func mountsOf(process sys.Proc) ([]mountEntry, error) {
	fd, err := process.Open("mountinfo", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data, err := sys.ReadAll(fd, maxMountinfo)
	if err != nil {
		return nil, err
	}
	return parseMountinfo(string(data))
}

func parseMountinfo(text string) ([]mountEntry, error) {
	var list []mountEntry
	for line := range strings.Lines(text) {
		m, ok := parseMount(strings.TrimSuffix(line, "\n"))
		if !ok {
			return nil, fmt.Errorf("read mountinfo: unexpected line %q", line)
		}
		list = append(list, m)
	}
	return list, nil
}

// parseMount reads "36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root
// rw". Between the options and the dash there may be any number of words.
func parseMount(line string) (m mountEntry, ok bool) {
	head, tail, ok := strings.Cut(line, " - ")
	words := strings.Split(head, " ")
	if !ok || len(words) < 6 {
		return m, false
	}
	var err error
	if m.id, err = strconv.Atoi(words[0]); err != nil {
		return m, false
	}
	if m.parent, err = strconv.Atoi(words[1]); err != nil {
		return m, false
	}
	m.device, m.root, m.point, m.options = words[2], cgroups.Unescape(words[3]), cgroups.Unescape(words[4]), words[5]
	m.fstype, _, _ = strings.Cut(tail, " ")
	return m, true
}

// has tells whether one of a mount's own options is set.
func (m *mountEntry) has(option string) bool {
	for word := range strings.SplitSeq(m.options, ",") {
		if word == option {
			return true
		}
	}
	return false
}

// restrictions are the attributes that keep a container from doing something
// with a mount, by their names in mountinfo.
var restrictions = [...]struct {
	bit  uint64
	name string
}{
	{unix.MOUNT_ATTR_RDONLY, "ro"},
	{unix.MOUNT_ATTR_NOSUID, "nosuid"},
	{unix.MOUNT_ATTR_NODEV, "nodev"},
	{unix.MOUNT_ATTR_NOEXEC, "noexec"},
	{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
}

// lacks returns the first restriction of attr that the mount has not; "" if it
// has all of them.
func (m *mountEntry) lacks(attr uint64) string {
	for _, r := range restrictions {
		if attr&r.bit != 0 && !m.has(r.name) {
			return r.name
		}
	}
	return ""
}
