package proc

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// UserName returns a user's name in the host's /etc/passwd; "" if it has none there.
func UserName(uid int) string {
	f, err := retry.OpenFile("/etc/passwd", unix.O_RDONLY, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	return findUser(f, uid)
}

// findUser looks a user id up in a file of the form of passwd(5).
func findUser(passwd io.Reader, uid int) string {
	want := strconv.Itoa(uid)
	lines := bufio.NewScanner(passwd)
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		_, rest, _ = strings.Cut(rest, ":") // the password
		if id, _, found := strings.Cut(rest, ":"); found && id == want {
			return name
		}
	}
	return ""
}
