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

// MapError is a map of ids that could not be written.
type MapError struct {
	Groups  bool // it is the map of groups
	Index   int  // of the mapping to blame; -1: unknown
	Mapping specs.LinuxIDMapping
	Why     MapWhy
	Err     error
}

// MapWhy reports why a map of ids could not be written.
type MapWhy uint8

const (
	MapFailed    MapWhy = iota // the error says it
	NoHelper                   // newuidmap or newgidmap is not installed
	NotGiven                   // /etc/subuid or /etc/subgid does not give the user the ids of the mapping
	HelperFails                // the helper has not the privileges that it needs
	NotOwned                   // the runtime's own user namespace does not have the ids of the mapping
	Unprivileged               // the kernel lets an ordinary user write no map
)

func (e *MapError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *MapError) Unwrap() error { return e.Err }

func (k *idKind) failed(why MapWhy, err error) error {
	return &MapError{Groups: k == &gids, Index: -1, Why: why, Err: err}
}

// blame is failed for mapping i, if it is not -1.
func (k *idKind) blame(maps []specs.LinuxIDMapping, i int, why MapWhy, err error) error {
	e := &MapError{Groups: k == &gids, Index: i, Why: why, Err: err}
	if i >= 0 {
		e.Mapping = maps[i]
	}
	return e
}

// help has the helper write the map.
func (k *idKind) help(pid int, maps []specs.LinuxIDMapping) error {
	path, err := k.find()
	if err != nil {
		return k.blame(maps, k.notGiven(maps, nil), NoHelper,
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
		return k.failed(MapFailed, err)
	}
	name, uid := proc.UserName(os.Geteuid()), strconv.Itoa(os.Geteuid())
	if i := k.notGiven(maps, givenRanges(given, name, uid)); i >= 0 {
		m := maps[i]
		return k.blame(maps, i, NotGiven,
			fmt.Errorf("%s has not been given the ids %d to %d in %s: %w", userName(), m.HostID, uint64(m.HostID)+uint64(m.Size)-1, k.ranges, err))
	}
	return k.failed(HelperFails, err)
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

// Subordinate is what an ordinary user has to map more ids than the own one.
type Subordinate struct {
	File    string // /etc/subuid or /etc/subgid
	Ids     uint64 // that it gives to the user
	Program string // newuidmap or newgidmap
	Helper  string // where that is; "" if it is not installed
}

// SubordinateIDs returns the caller's, of users and of groups.
func SubordinateIDs() []Subordinate {
	var all []Subordinate
	for _, k := range [...]*idKind{&uids, &gids} {
		s := Subordinate{File: k.ranges, Program: k.helper}
		if text, err := sys.ReadFile(k.ranges, 1<<20); err == nil {
			for _, r := range givenRanges(text, proc.UserName(os.Geteuid()), strconv.Itoa(os.Geteuid())) {
				s.Ids += r.size
			}
		}
		if path, err := k.find(); err == nil {
			s.Helper = path
		}
		all = append(all, s)
	}
	return all
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

// within reports whether size ids from first on are all in the ranges, one or
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
		return k.failed(MapFailed, err)
	}
	if os.Geteuid() != 0 {
		return k.failed(Unprivileged, err)
	}
	own, readErr := sys.ReadFile("/proc/self/"+k.file, 64<<10)
	if readErr != nil {
		return k.failed(MapFailed, err)
	}
	ranges := ownRanges(own)
	for i, m := range maps {
		if !within(ranges, uint64(m.HostID), uint64(m.Size)) {
			return k.blame(maps, i, NotOwned, fmt.Errorf(
				"the ids %d to %d are not all in the user namespace that the runtime is in: %w", m.HostID, uint64(m.HostID)+uint64(m.Size)-1, err))
		}
	}
	return k.failed(MapFailed, err)
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
