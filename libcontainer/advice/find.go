package advice

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// findHint says why the program of a process was not found, or must not be executed, as far as the root filesystem
// shows: what mounts cover is not seen here.
func findHint(rootfs string, s *plan.FindExecutable) string {
	if hint := noexecHint(rootfs); hint != "" {
		return hint
	}
	root, err := retry.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(root)
	switch {
	case isEmpty(rootfs):
		return "the root filesystem is empty: unpack the files of an image there"
	case strings.HasPrefix(s.Name, "/"):
		return accessHint(root, s.Name)
	case s.Name == "":
		return "the first argument names the program, and it is empty"
	case strings.ContainsAny(s.Name, " \t\n"):
		return "blanks do not separate arguments: each is an element, or a word of the command line, of its own"
	case strings.Contains(s.Name, "/"):
		return "the path is relative to process.cwd, in the container"
	}
	return pathHint(root, s)
}

// pathHint is for a program that was searched for in the directories of PATH.
func pathHint(root int, s *plan.FindExecutable) string {
	dirs := strings.Split(s.Path, ":")
	for _, dir := range dirs {
		if hint := accessHint(root, dir+"/"+s.Name); hint != "" {
			return hint
		}
	}
	for _, dir := range [...]string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if !slices.Contains(dirs, dir) && present(root, dir+"/"+s.Name) {
			return dir + "/" + s.Name + " is there, and no directory of PATH: name it by its path, or add its directory to PATH in process.env"
		}
	}
	if s.Path == "" {
		return "process.env has no PATH: add one, or name the program by its path"
	}
	return "PATH in process.env is " + Brief(s.Path)
}

// accessHint is for a file that is there, and no program that the container's user may execute; "" if it is not there.
func accessHint(root int, path string) string {
	st, err := statIn(root, path)
	if err != nil {
		fd, err := sys.OpenInRoot(root, path, unix.O_PATH|unix.O_NOFOLLOW)
		if err != nil {
			return ""
		}
		unix.Close(fd)
		return path + " is a symbolic link, and what it names is not in the root filesystem"
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return ""
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Sprintf("%s is a %s", path, sys.FileType(uint32(st.Mode)))
	case st.Mode&0o111 == 0:
		return fmt.Sprintf("%s has the mode %04o: make it executable, with chmod +x", path, st.Mode&0o7777)
	}
	return fmt.Sprintf("%s has the mode %04o and belongs to user %d and group %d of the host: process.user needs the right to execute it, and to search each directory on the way",
		path, st.Mode&0o7777, st.Uid, st.Gid)
}

// isEmpty reports whether a root filesystem has nothing but the mount points that a start makes.
func isEmpty(rootfs string) bool {
	dir, err := retry.OpenFile(rootfs, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(8)
	for _, name := range names {
		if name != "dev" && name != "proc" && name != "sys" {
			return false
		}
	}
	return true
}

// Brief leaves out the end of a text that may be huge.
func Brief(text string) string {
	const most = 160
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s... (%d bytes)", text[:most], len(text))
}
