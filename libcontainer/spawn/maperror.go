package spawn

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/sys"
)

// userNSSysctls are distributions' ways to keep user namespaces from users.
const userNSSysctls = "see the sysctls kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"

// MapError is a map of ids that could not be written.
type MapError struct {
	Groups bool // it is the map of groups
	Index  int  // of the mapping to blame; -1: unknown
	Err    error
	Hint   string // what to do about it
}

func (e *MapError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *MapError) Unwrap() error { return e.Err }

func (k *idKind) failed(index int, hint string, err error) error {
	return &MapError{Groups: k == &gids, Index: index, Err: err, Hint: hint}
}

// help has the helper write the map.
func (k *idKind) help(pid int, maps []specs.LinuxIDMapping) error {
	path, err := k.find()
	if err != nil {
		return k.failed(k.notGiven(maps, nil), fmt.Sprintf(
			"install newuidmap and newgidmap (package uidmap), or map one id: {\"containerID\": 0, \"hostID\": %d, \"size\": 1}", k.own()),
			fmt.Errorf("%s may map no id but %d without %s, which is not installed", userName(), k.own(), k.helper))
	}
	args := []string{strconv.Itoa(pid)}
	for _, m := range maps {
		args = append(args, strconv.FormatUint(uint64(m.ContainerID), 10),
			strconv.FormatUint(uint64(m.HostID), 10), strconv.FormatUint(uint64(m.Size), 10))
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err == nil {
		return nil
	}
	return k.notHelped(maps, fmt.Errorf("%s: %w: %s", k.helper, err, bytes.TrimSpace(out)))
}

// find finds the helper. Engines may call with next to no environment.
func (k *idKind) find() (string, error) {
	if os.Getenv("PATH") != "" {
		return exec.LookPath(k.helper)
	}
	var err error
	for _, dir := range [...]string{"/usr/local/bin", "/usr/bin", "/bin"} {
		var path string
		if path, err = exec.LookPath(filepath.Join(dir, k.helper)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// notHelped finds out why the helper did not do it.
func (k *idKind) notHelped(maps []specs.LinuxIDMapping, err error) error {
	given, readErr := sys.ReadFile(k.ranges, 1<<20)
	if readErr != nil && !errors.Is(readErr, unix.ENOENT) {
		return k.failed(-1, "", err)
	}
	name, uid := proc.UserName(os.Geteuid()), strconv.Itoa(os.Geteuid())
	if i := k.notGiven(maps, givenRanges(given, name, uid)); i >= 0 {
		if name == "" {
			name = uid
		}
		m := maps[i]
		return k.failed(i, fmt.Sprintf("add a line %s:%d:%d to %s, or map ids that the user has there", name, m.HostID, m.Size, k.ranges),
			fmt.Errorf("%s has not been given the ids %d to %d in %s: %w", userName(), m.HostID, uint64(m.HostID)+uint64(m.Size)-1, k.ranges, err))
	}
	hint := k.helper + " needs to be set-uid root, or have the file capability to set ids, on a filesystem mounted without nosuid"
	if bound, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && bound == 1 {
		hint = "no_new_privs is set: " + k.helper + " gets no privileges from there"
	}
	return k.failed(-1, hint, err)
}

// idRange is a range of ids.
type idRange struct{ first, size uint64 }

// givenRanges reads what subuid(5) or subgid(5) gives to a user, by name or uid.
func givenRanges(text []byte, name, uid string) []idRange {
	var ranges []idRange
	for line := range bytes.Lines(text) {
		f := bytes.Split(bytes.TrimSpace(line), []byte(":"))
		if len(f) != 3 || string(f[0]) != uid && (name == "" || string(f[0]) != name) {
			continue
		}
		first, err1 := strconv.ParseUint(string(f[1]), 10, 32)
		size, err2 := strconv.ParseUint(string(f[2]), 10, 32)
		if err1 == nil && err2 == nil {
			ranges = append(ranges, idRange{first, size})
		}
	}
	return ranges
}

// notGiven is the index of the first mapping whose host ids are neither the
// caller's own nor in one of the ranges; -1 if there is none.
func (k *idKind) notGiven(maps []specs.LinuxIDMapping, ranges []idRange) int {
	for i, m := range maps {
		if int(m.HostID) == k.own() && m.Size == 1 {
			continue
		}
		if !within(ranges, uint64(m.HostID), uint64(m.Size)) {
			return i
		}
	}
	return -1
}

// within tells whether size ids from first on are all in the ranges, one or
// several side by side.
func within(ranges []idRange, first, size uint64) bool {
	for range ranges {
		for _, r := range ranges {
			if size > 0 && first >= r.first && first-r.first < r.size {
				n := min(size, r.size-(first-r.first))
				first, size = first+n, size-n
			}
		}
	}
	return size == 0
}

// refused explains why the kernel did not take a map from this process itself.
func (k *idKind) refused(maps []specs.LinuxIDMapping, err error) error {
	if !errors.Is(err, unix.EPERM) {
		return k.failed(-1, "", err)
	}
	if os.Geteuid() != 0 {
		return k.failed(-1, userNSSysctls, err)
	}
	own, readErr := sys.ReadFile("/proc/self/"+k.file, 64<<10)
	if readErr != nil {
		return k.failed(-1, "", err)
	}
	ranges := ownRanges(own)
	for i, m := range maps {
		if !within(ranges, uint64(m.HostID), uint64(m.Size)) {
			return k.failed(i, "map ids that /proc/self/"+k.file+" has in its first column", fmt.Errorf(
				"the ids %d to %d are not all in the user namespace that the runtime is in: %w", m.HostID, uint64(m.HostID)+uint64(m.Size)-1, err))
		}
	}
	return k.failed(-1, "", err)
}

// ownRanges reads the ids that exist by an id map, see user_namespaces(7).
func ownRanges(idMap []byte) []idRange {
	var ranges []idRange
	for line := range bytes.Lines(idMap) {
		f := bytes.Fields(line)
		if len(f) != 3 {
			continue
		}
		first, err1 := strconv.ParseUint(string(f[0]), 10, 32)
		size, err2 := strconv.ParseUint(string(f[2]), 10, 32)
		if err1 == nil && err2 == nil {
			ranges = append(ranges, idRange{first, size})
		}
	}
	return ranges
}

// userName names the caller for people.
func userName() string {
	if name := proc.UserName(os.Geteuid()); name != "" {
		return fmt.Sprintf("user %q", name)
	}
	return "user " + strconv.Itoa(os.Geteuid())
}
