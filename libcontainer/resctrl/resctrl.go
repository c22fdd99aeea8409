// Package resctrl puts processes into the classes of service of Intel's and
// AMD's resource control: shares of caches and of memory bandwidth. See
// Documentation/filesystems/resctrl.rst of the kernel, and "IntelRdt" in the
// runtime-spec's config-linux.md.
package resctrl

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// ErrNotSupported means that no resctrl filesystem is mounted.
var ErrNotSupported = errors.New("no resctrl filesystem is mounted")

// Root is a mounted resctrl filesystem, which is the default class as well.
type Root struct {
	Path string

	populate func(dir string) // in tests: what the kernel does to a new directory
}

// Find finds the filesystem among this process's mounts. The error is
// [ErrNotSupported] if it is not mounted.
func Find() (Root, error) {
	mounts, err := proc.OwnMounts()
	if err != nil {
		return Root{}, err
	}
	return find(mounts)
}

func find(mounts []proc.Mount) (Root, error) {
	i := slices.IndexFunc(mounts, func(m proc.Mount) bool { return m.Type == "resctrl" })
	if i < 0 {
		return Root{}, ErrNotSupported
	}
	return Root{Path: mounts[i].Point}, nil
}

// Group is a directory of the filesystem: a class of service, or a monitoring
// group within one.
type Group struct {
	Dir  string
	root string
}

// Group names a class of service; "/" is the default one.
func (r Root) Group(clos string) Group {
	if clos == "/" {
		return Group{r.Path, r.Path}
	}
	return Group{r.Path + "/" + clos, r.Path}
}

// Monitor names the monitoring group of a container within a class.
func (g Group) Monitor(id string) Group { return Group{g.Dir + "/mon_groups/" + id, g.root} }

// GroupAt returns the group of a directory.
func (r Root) GroupAt(dir string) Group { return Group{dir, r.Path} }

// Exists reports whether the group is there.
func (g Group) Exists() bool { return unix.Access(g.Dir, unix.F_OK) == nil }

// Make makes a group.
func (r Root) Make(g Group) error {
	if err := unix.Mkdir(g.Dir, 0o755); err != nil {
		return g.explain(&os.PathError{Op: "mkdir", Path: g.Dir, Err: err})
	}
	if r.populate != nil {
		r.populate(g.Dir)
	}
	return nil
}

// Remove removes a group; its processes fall back to the one above. One that is
// not there is not an error.
func (g Group) Remove() error {
	if err := unix.Rmdir(g.Dir); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "rmdir", Path: g.Dir, Err: err}
	}
	return nil
}

// Enter puts a thread into the group, and with it what it will fork.
func (g Group) Enter(pid int) error { return g.write("tasks", strconv.Itoa(pid)) }

// Set writes lines of a schemata file, such as "L3:0=7f0;1=1f".
func (g Group) Set(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	return g.write("schemata", strings.Join(lines, "\n")+"\n")
}

// Check compares lines with the group's schemata. It is an error if the group
// has other values, or none, for anything that they name.
func (g Group) Check(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	data, err := retry.ReadFile(g.Dir + "/schemata")
	if err != nil {
		return err
	}
	has := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		eachDomain(line, func(key, value string) { has[key] = value })
	}
	for _, line := range lines {
		eachDomain(line, func(key, value string) {
			if now, known := has[key]; err == nil && (!known || now != value) {
				err = fmt.Errorf("group %q is there already and has other schemata than %q", g.Dir, line)
			}
		})
	}
	return err
}

// eachDomain takes a line "L3:0=7ff;1=0x07ff" apart: ("L3:0", "7ff"), and so on.
func eachDomain(line string, f func(key, value string)) {
	resource, domains, _ := strings.Cut(strings.TrimSpace(line), ":")
	for domain := range strings.SplitSeq(domains, ";") {
		id, value, _ := strings.Cut(domain, "=")
		value = strings.TrimLeft(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(value)), "0x"), "0")
		f(strings.TrimSpace(resource)+":"+strings.TrimSpace(id), value)
	}
}

func (g Group) write(file, value string) error {
	path := g.Dir + "/" + file
	fd, err := retry.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := retry.Write(fd, []byte(value)); err != nil {
		return g.explain(&os.PathError{Op: "write", Path: path, Err: err})
	}
	return nil
}

// explain adds the kernel's own words about the last failure.
func (g Group) explain(err error) error {
	said, readErr := retry.ReadFile(g.root + "/info/last_cmd_status")
	reason := strings.TrimSpace(string(said))
	if readErr != nil || reason == "" || reason == "ok" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, reason)
}
