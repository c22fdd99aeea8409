package plan

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Attr are mount attributes, as mount_setattr(2) takes them: MOUNT_ATTR_*.
type Attr struct{ Set, Clear uint64 }

func (a *Attr) Code(c *codec.Coder) {
	c.U64(&a.Set)
	c.U64(&a.Clear)
}

// MountOptions is what every kind of mount can ask for.
type MountOptions struct {
	Attr        Attr
	Others      uint64   // attributes that were not asked for: cleared, too, unless a user namespace has them locked
	Recursive   Attr     // of this mount and all below it
	Propagation []uint64 // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, each perhaps with MS_REC, in order
	NoFollow    bool     // a symbolic link at the target is mounted on itself
}

func (o *MountOptions) Code(c *codec.Coder) {
	o.Attr.Code(c)
	c.U64(&o.Others)
	o.Recursive.Code(c)
	codec.Plain(c, &o.Propagation)
	c.Flag(&o.NoFollow)
}

// SetPropagation changes how mounts below "/" propagate, before anything is
// mounted there.
type SetPropagation struct{ Flags uint64 }

func (*SetPropagation) InitKind() Kind        { return KindSetPropagation }
func (s *SetPropagation) Code(c *codec.Coder) { c.U64(&s.Flags) }
func (s *SetPropagation) String() string      { return "make / " + propagation(s.Flags) }

// AttachRoot attaches the root filesystem's tree to init's working directory,
// which the parent has made the root filesystem's path.
type AttachRoot struct {
	Slot        int
	Propagation uint64 // of the new root, MS_* with MS_REC
	Private     bool   // the root's own mount is private
}

func (*AttachRoot) InitKind() Kind { return KindAttachRoot }

func (s *AttachRoot) Code(c *codec.Coder) {
	c.Num(&s.Slot)
	c.U64(&s.Propagation)
	c.Flag(&s.Private)
}

func (s *AttachRoot) String() string { return "attach the root filesystem" }

// EnterRootfs enters the mount namespace that the parent has made of the root
// filesystem's tree (OpenTree.Namespace): that is this process's root then, and nothing
// of the host's is mounted there.
type EnterRootfs struct {
	Slot        int
	Propagation uint64 // as in AttachRoot
	Private     bool
	Masks       bool // /dev/null of the host is kept, to mask files
}

func (*EnterRootfs) InitKind() Kind { return KindEnterRootfs }

func (s *EnterRootfs) Code(c *codec.Coder) {
	c.Num(&s.Slot)
	c.U64(&s.Propagation)
	c.Flag(&s.Private)
	c.Flag(&s.Masks)
}

func (s *EnterRootfs) String() string { return "enter the root filesystem's mount namespace" }

// TakeRoot takes a directory for the root filesystem, on which nothing is mounted.
type TakeRoot struct{ Slot int }

func (*TakeRoot) InitKind() Kind        { return KindTakeRoot }
func (s *TakeRoot) Code(c *codec.Coder) { c.Num(&s.Slot) }
func (s *TakeRoot) String() string      { return "take the root filesystem's directory" }

// Chroot makes it the root of this process.
type Chroot struct{}

func (*Chroot) InitKind() Kind    { return KindChroot }
func (*Chroot) Code(*codec.Coder) {}
func (s *Chroot) String() string  { return "chroot" }

// MountFS makes a new filesystem instance and attaches it.
type MountFS struct {
	Type, Source, Target string
	Params               []string // fsconfig(2): "size=64k", or a flag alone
	Options              MountOptions
	CopyUp               bool // fill a tmpfs with what the target holds
	Fallback             int  // slot of a tree to attach if the kernel refuses; -1: none
	Made                 bool // the parent has made it: it is in the slot of Fallback
	Keep                 int  // it is kept for Remounts, under this number; 0: it is not
	Mask                 bool // if there is no such tree either, attach an empty read-only directory
}

func (*MountFS) InitKind() Kind { return KindMountFS }

func (s *MountFS) Code(c *codec.Coder) {
	c.Str(&s.Type)
	c.Str(&s.Source)
	c.Str(&s.Target)
	c.Strs(&s.Params)
	s.Options.Code(c)
	c.Flag(&s.CopyUp)
	c.Num(&s.Fallback)
	c.Flag(&s.Made)
	c.Num(&s.Keep)
	c.Flag(&s.Mask)
}

func (s *MountFS) String() string {
	line := "mount " + s.Type + " on " + strconv.Quote(s.Target)
	if s.Made {
		return "attach " + s.Type + " to " + strconv.Quote(s.Target) + s.Options.describe()
	}
	if len(s.Params) > 0 {
		line += " with " + strings.Join(s.Params, ",")
	}
	return line + s.Options.describe()
}

// OpenInRoot opens the mount tree of a path in the container, as far as that is made,
// for the Bind that follows.
type OpenInRoot struct {
	Path      string
	Recursive bool // as in OpenTree
	NoFollow  bool
}

func (*OpenInRoot) InitKind() Kind { return KindOpenInRoot }

func (s *OpenInRoot) Code(c *codec.Coder) {
	c.Str(&s.Path)
	c.Flag(&s.Recursive)
	c.Flag(&s.NoFollow)
}

func (s *OpenInRoot) String() string {
	return "open " + strconv.Quote(s.Path) + " in the root filesystem"
}

// LendTree has the parent map the ids of what OpenInRoot has opened, see MapTree.
type LendTree struct{}

func (*LendTree) InitKind() Kind    { return KindLendTree }
func (*LendTree) Code(*codec.Coder) {}
func (s *LendTree) String() string  { return "have the parent map the ids of the mount" }

// Bind attaches a tree that the parent has opened, or OpenInRoot.
type Bind struct {
	Slot     int    // -1: what OpenInRoot has opened
	Source   string // for people
	Target   string
	CopyLink bool // if the tree is a symbolic link, make the same one at the target instead
	Options  MountOptions
}

func (*Bind) InitKind() Kind { return KindBind }

func (s *Bind) Code(c *codec.Coder) {
	c.Num(&s.Slot)
	c.Str(&s.Source)
	c.Str(&s.Target)
	c.Flag(&s.CopyLink)
	s.Options.Code(c)
}

func (s *Bind) String() string {
	line := "bind "
	if s.CopyLink {
		line = "copy if link, else bind "
	}
	return line + strconv.Quote(s.Source) + " on " + strconv.Quote(s.Target) + s.Options.describe()
}

// Remount changes the attributes of a mount that exists; with Params, also the
// filesystem that a MountFS step has made and kept.
type Remount struct {
	Target  string
	Kept    int // the number under which it was kept; 0: it is found by its target
	Params  []string
	Options MountOptions
}

func (*Remount) InitKind() Kind { return KindRemount }

func (s *Remount) Code(c *codec.Coder) {
	c.Str(&s.Target)
	c.Num(&s.Kept)
	c.Strs(&s.Params)
	s.Options.Code(c)
}

func (s *Remount) String() string {
	line := "remount " + strconv.Quote(s.Target)
	if len(s.Params) > 0 {
		line += " with " + strings.Join(s.Params, ",")
	}
	return line + s.Options.describe()
}

// Node is a device node in the container, or where mknod(2) is refused the host's, bound.
type Node struct {
	Path         string
	Type         string // c, u, b or p
	Major, Minor int64
	Mode         uint32
	UID, GID     uint32
	Slot         int // slot of the host's node, for the bind; -1: none
}

// Code encodes or decodes the node.
func (n *Node) Code(c *codec.Coder) {
	c.Str(&n.Path)
	c.Str(&n.Type)
	c.I64(&n.Major)
	c.I64(&n.Minor)
	c.U32(&n.Mode)
	c.U32(&n.UID)
	c.U32(&n.GID)
	c.Num(&n.Slot)
}

func (n *Node) String() string {
	line := strconv.Quote(n.Path) + " " + n.Type
	if n.Type != "p" {
		line += " " + strconv.FormatInt(n.Major, 10) + ":" + strconv.FormatInt(n.Minor, 10)
	}
	return line
}

// MakeDevice makes a device node, or binds the host's where mknod(2) is
// refused.
type MakeDevice struct {
	Node
	NodeOnly bool // nothing may be bound, either
}

func (*MakeDevice) InitKind() Kind { return KindMakeDevice }

func (s *MakeDevice) Code(c *codec.Coder) {
	s.Node.Code(c)
	c.Flag(&s.NodeOnly)
}

func (s *MakeDevice) String() string {
	return "make device " + s.Node.String() + " mode " + strconv.FormatUint(uint64(s.Mode), 8)
}

// MakeSymlink makes a symbolic link in the container, replacing nothing.
type MakeSymlink struct{ Target, Path string }

func (*MakeSymlink) InitKind() Kind { return KindMakeSymlink }

func (s *MakeSymlink) Code(c *codec.Coder) {
	c.Str(&s.Target)
	c.Str(&s.Path)
}

func (s *MakeSymlink) String() string {
	return "link " + strconv.Quote(s.Path) + " to " + strconv.Quote(s.Target)
}

// MakeDir makes a directory and its parents, if they are not there.
type MakeDir struct{ Path string }

func (*MakeDir) InitKind() Kind        { return KindMakeDir }
func (s *MakeDir) Code(c *codec.Coder) { c.Str(&s.Path) }
func (s *MakeDir) String() string      { return "make directory " + strconv.Quote(s.Path) }

// MaskPath hides a path if it exists: a file behind /dev/null, a directory
// behind an empty read-only tmpfs.
type MaskPath struct{ Path string }

func (*MaskPath) InitKind() Kind        { return KindMaskPath }
func (s *MaskPath) Code(c *codec.Coder) { c.Str(&s.Path) }
func (s *MaskPath) String() string      { return "mask " + strconv.Quote(s.Path) }

// ReadonlyPath makes a path and all below it read-only, if it exists.
type ReadonlyPath struct{ Path string }

func (*ReadonlyPath) InitKind() Kind        { return KindReadonlyPath }
func (s *ReadonlyPath) Code(c *codec.Coder) { c.Str(&s.Path) }
func (s *ReadonlyPath) String() string      { return "make read-only " + strconv.Quote(s.Path) }

// PivotRoot makes the root filesystem the root, and detaches the old one.
type PivotRoot struct{}

func (*PivotRoot) InitKind() Kind    { return KindPivotRoot }
func (*PivotRoot) Code(*codec.Coder) {}
func (s *PivotRoot) String() string  { return "pivot root" }

// MoveRoot does what PivotRoot does where the kernel can't: on the initial
// ramdisk.
type MoveRoot struct{}

func (*MoveRoot) InitKind() Kind    { return KindMoveRoot }
func (*MoveRoot) Code(*codec.Coder) {}
func (s *MoveRoot) String() string  { return "move root" }

// SetRoot finishes the root: read-only, and its final propagation.
type SetRoot struct {
	Readonly    bool
	Propagation uint64 // 0: leave
}

func (*SetRoot) InitKind() Kind { return KindSetRoot }

func (s *SetRoot) Code(c *codec.Coder) {
	c.Flag(&s.Readonly)
	c.U64(&s.Propagation)
}

func (s *SetRoot) String() string {
	line := "make / "
	if s.Readonly {
		line += "read-only"
	}
	if s.Readonly && s.Propagation != 0 {
		line += " and "
	}
	if s.Propagation != 0 {
		line += propagation(s.Propagation)
	}
	return line
}

// describe lists what differs from a plain mount, in the words of mount(8).
func (o *MountOptions) describe() string {
	var words []string
	words = append(words, o.Attr.words("")...)
	if o.Others != 0 {
		words = append(words, "others cleared")
	}
	words = append(words, o.Recursive.words("r")...)
	for _, p := range o.Propagation {
		words = append(words, propagation(p))
	}
	if o.NoFollow {
		words = append(words, "dest-nofollow")
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ",") + ")"
}

// attrWords are the options that set an attribute or clear it.
var attrWords = [...]struct {
	bit        uint64
	set, clear string
}{
	{unix.MOUNT_ATTR_RDONLY, "ro", "rw"},
	{unix.MOUNT_ATTR_NOSUID, "nosuid", "suid"},
	{unix.MOUNT_ATTR_NODEV, "nodev", "dev"},
	{unix.MOUNT_ATTR_NOEXEC, "noexec", "exec"},
	{unix.MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"},
	{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow"},
}

// AttrWords is how many options attributes can have at most.
const AttrWords = len(attrWords) + 1

// ClearWord returns the option with this number if it says what is cleared, or is one
// for access times, which are locked as a whole; else nothing.
func (a Attr) ClearWord(i int) string {
	return Attr{Set: a.Set & (unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_NODIRATIME), Clear: a.Clear}.word(i)
}

// word returns the option with a number, if it is among those of the attributes.
func (a Attr) word(i int) string {
	switch {
	case i < len(attrWords) && a.Set&attrWords[i].bit != 0:
		return attrWords[i].set
	case i < len(attrWords) && a.Clear&attrWords[i].bit != 0:
		return attrWords[i].clear
	case i < len(attrWords):
	case a.Set&unix.MOUNT_ATTR_NOATIME != 0:
		return "noatime"
	case a.Set&unix.MOUNT_ATTR_STRICTATIME != 0:
		return "strictatime"
	case a.Clear&unix.MOUNT_ATTR__ATIME != 0:
		return "relatime"
	}
	return ""
}

func (a Attr) words(prefix string) (words []string) {
	for i := range AttrWords {
		if word := a.word(i); word != "" {
			words = append(words, prefix+word)
		}
	}
	return words
}

func propagation(flags uint64) string {
	word := "?"
	switch flags &^ unix.MS_REC {
	case unix.MS_SHARED:
		word = "shared"
	case unix.MS_SLAVE:
		word = "slave"
	case unix.MS_PRIVATE:
		word = "private"
	case unix.MS_UNBINDABLE:
		word = "unbindable"
	}
	if flags&unix.MS_REC != 0 {
		return "r" + word
	}
	return word
}

// ProcFiles are the files of procfs that may be mounted over: LXCFS and the
// like show a container its own figures there. Nothing that the runtime writes
// to is among them.
var ProcFiles = [...]string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat",
	"/proc/swaps", "/proc/sys/crypto/fips_enabled", "/proc/sys/kernel/ns_last_pid", "/proc/uptime",
}
