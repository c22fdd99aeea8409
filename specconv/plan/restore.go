package plan

import (
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The steps that only a restore takes. CRIU makes the container's processes, so
// the plan has no half for an init: CRIU reports when the first process has
// come to a phase, and waits until the runtime lets it continue.

// PassStream passes a standard stream of the runtime's to CRIU.
type PassStream struct {
	FD        int
	Key       string // by which the image knows it: "pipe:[4711]"
	Owner     int    // host uid that gets it, as OwnStdio does it; -1: none
	PipesOnly bool   // see OwnStdio
}

// PassNamespace has CRIU restore into a namespace that exists.
type PassNamespace struct {
	Type specs.LinuxNamespaceType
	Path string
	Key  string // by which the image knows it; empty: CRIU joins it by its path
}

// StartCRIU starts CRIU in a new mount namespace, with a tmpfs for the mounts
// of the Stage steps: CRIU finds sources by path.
type StartCRIU struct{}

// GiveImage gives the directory of the image, and of those that it builds on,
// to the root of the container's user namespace, as which CRIU reads them.
type GiveImage struct{ UID, GID int }

// StageRoot mounts the root filesystem where CRIU takes it from.
type StageRoot struct{ Slot int }

// OpenInTree opens a path of the container, in the tree that is mounted there.
type OpenInTree struct {
	Slot     int
	Path     string // in the container
	Tree     int    // slot of the tree that it is in
	Rest     string // path in that tree
	NoFollow bool   // as in OpenTree
}

// MakeMountPoint makes a mount point where it is missing, as the container's
// first start did.
type MakeMountPoint struct {
	Path     string // in the container
	Tree     int    // slot of the tree that it is in
	Rest     string // path in that tree
	Like     int    // slot of what is mounted, a file or directory as that; -1: a directory
	Readonly bool   // the tree is mounted read-only: it must be there
}

// StageMount mounts what an external mount is of where CRIU takes it from, with
// the restrictions of config.json.
type StageMount struct {
	ImageMount
	Slot      int    // of the tree; -1: the host's /dev/null
	InTree    bool   // the slot is one of OpenInTree
	Recursive bool   // with InTree: with all mounts below it
	IDMap     *IDMap // with InTree, as in OpenTree
	Options   MountOptions
}

// ImageMount is a mount in an image whose content is not the container's own.
// CRIU knows it by a name that means nothing: names put together from paths can
// be made to mean another mount (CVE-2026-119101, CVE-2026-115520).
type ImageMount struct {
	ID     string
	Kind   string // one of the External constants
	Target string // as config.json has it
	Point  string // where it was: the target, without symbolic links
}

// Kinds of external mounts.
const (
	ExternalBind   = "bind"   // of config.json's mounts
	ExternalMask   = "mask"   // /dev/null over a file
	ExternalDevice = "device" // the host's node, where none could be made
	ExternalCgroup = "cgroup" // the host's cgroups, without a cgroup namespace
)

// RestoreProcesses has CRIU begin with the processes.
type RestoreProcesses struct {
	NewNetwork bool // the network namespace is new: CRIU leaves it empty
}

// CheckMounts compares the external mounts that CRIU has made with what was
// staged: CRIU mounts by paths, with the flags that the image has.
type CheckMounts struct{}

// SaveCreated records that the container is created.
type SaveCreated struct{}

// UpdateLimits repeats the updates that the dumped container has seen.
type UpdateLimits struct{ Resources *specs.LinuxResources }

func (s *PassStream) String() string {
	line := fmt.Sprintf("pass standard stream %d to CRIU as %q", s.FD, s.Key)
	switch {
	case s.Owner >= 0 && s.PipesOnly:
		line += fmt.Sprintf(", give it to uid %d if it is a pipe", s.Owner)
	case s.Owner >= 0:
		line += fmt.Sprintf(", give it to uid %d", s.Owner)
	}
	return line
}

func (s *PassNamespace) String() string {
	return "restore into " + string(s.Type) + " namespace " + strconv.Quote(s.Path)
}

func (s *StartCRIU) String() string { return "start CRIU in a new mount namespace" }

func (s *GiveImage) String() string {
	return fmt.Sprintf("give the image to uid %d gid %d", s.UID, s.GID)
}

func (s *StageRoot) String() string { return "stage the root filesystem" }

func (s *OpenInTree) String() string { return "open " + strconv.Quote(s.Path) + " of the container" }

func (s *MakeMountPoint) String() string {
	if s.Readonly {
		return "find mount point " + strconv.Quote(s.Path)
	}
	return "make mount point " + strconv.Quote(s.Path) + " if it is missing"
}

func (s *StageMount) String() string {
	return "stage " + s.ID + ", the " + s.Kind + " mount on " + strconv.Quote(s.Target) + s.Options.describe()
}

func (s *RestoreProcesses) String() string { return "have CRIU restore the processes" }
func (s *CheckMounts) String() string      { return "check what is mounted" }
func (s *SaveCreated) String() string      { return "record that the container is created" }
func (s *UpdateLimits) String() string     { return "set the limits of the last update" }
