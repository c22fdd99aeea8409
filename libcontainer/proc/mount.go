package proc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// Mount is a line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
type Mount struct {
	ID, Parent int
	Device     string // major:minor
	Root       string // what of the filesystem is mounted
	Point      string // below the process's root
	Options    string // of the mount, not of the filesystem
	Type       string // of the filesystem
}

// OwnMounts reads the mounts that this process sees.
func OwnMounts() ([]Mount, error) {
	text, err := retry.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return ParseMounts(text)
}

// ParseMounts reads a mountinfo.
func ParseMounts(text []byte) ([]Mount, error) {
	var list []Mount
	for line := range strings.Lines(string(text)) {
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
func parseMount(line string) (m Mount, ok bool) {
	head, tail, ok := strings.Cut(line, " - ")
	words := strings.Split(head, " ")
	if !ok || len(words) < 6 {
		return m, false
	}
	var err error
	if m.ID, err = strconv.Atoi(words[0]); err != nil {
		return m, false
	}
	if m.Parent, err = strconv.Atoi(words[1]); err != nil {
		return m, false
	}
	m.Device, m.Root, m.Point, m.Options = words[2], unescape(words[3]), unescape(words[4]), words[5]
	m.Type, _, _ = strings.Cut(tail, " ")
	return m, true
}

// unescape undoes the octal escapes of a field: of space, tab, newline, backslash and #.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
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

// Lacks returns the first restriction of attr that the mount has not; "" if it
// has all of them.
func (m *Mount) Lacks(attr uint64) string {
	options := strings.Split(m.Options, ",")
	for _, r := range restrictions {
		if attr&r.bit != 0 && !slices.Contains(options, r.name) {
			return r.name
		}
	}
	return ""
}
