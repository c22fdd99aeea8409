package criu

// CgroupMode is what CRIU does about cgroups (criu_cg_mode).
type CgroupMode int

// The modes of --manage-cgroups-mode, see criu(8).
const (
	CgroupIgnore CgroupMode = 0 // nothing: processes are restored where CRIU is, and in its cgroup namespace
	CgroupNone   CgroupMode = 1 // processes are put where they were, which must be there
	CgroupSoft   CgroupMode = 3 // those that are missing are made, with what the image has for them
	CgroupFull   CgroupMode = 4 // all get what the image has for them
	CgroupStrict CgroupMode = 5 // none may exist
)

// NetworkLock is how CRIU keeps a TCP connection quiet while it is dumped.
type NetworkLock int

// The methods of criu_network_lock_method; zero is CRIU's own choice.
const (
	LockIPTables NetworkLock = 1
	LockNFTables NetworkLock = 2
	LockSkip     NetworkLock = 3
)

// Mount says what an external mount is. In a dump the key is a mount point of
// the dumped processes and the value a name; in a restore the key is the name
// and the value a path.
type Mount struct{ Key, Value string }

// Inherited is a descriptor of the CRIU process that takes the place of
// what the image knows by a key, such as "pipe:[4711]".
type Inherited struct {
	Key string
	FD  int
}

// Join is a namespace that restored processes are put into: "ipc", "uts", "user"
// or "time".
type Join struct{ Namespace, Path string }

// CgroupRoot is the cgroup that takes the place of the dumped one, in all
// hierarchies if Controller is "".
type CgroupRoot struct{ Controller, Path string }

// PageServer receives memory pages in a dump, and sends them in a lazy one.
type PageServer struct {
	Address string
	Port    int
}

// Options is what a dump, pre-dump or restore is asked for (criu_opts). Zero
// values are left to CRIU, but those of descriptors.
type Options struct {
	ImagesDir int // a descriptor of this process, as WorkDir is
	WorkDir   int
	LogFile   string // in WorkDir
	LogLevel  int    // 4: everything
	Config    string // file whose options overrule these; CRIU reads it

	PID           int // dump
	ParentImages  string
	TrackMemory   bool
	LeaveRunning  bool
	FreezeCgroup  string
	AutoDedup     bool
	LazyPages     bool
	StatusFD      int // a descriptor of this process; -1: none
	PageServer    *PageServer
	NetworkLock   NetworkLock
	SkipInFlight  bool
	LinkRemap     bool
	FileLocks     bool
	ExtUnixSock   bool
	TCP           bool // established connections
	TCPClose      bool
	ShellJob      bool
	OrphanMaster  bool // notify about the master of a terminal that a process outside holds
	Evasive       bool // dump devices that are no longer at their path
	EmptyNS       int  // CLONE_NEW* of namespaces whose content is not CRIU's business
	CgroupMode    CgroupMode
	CgroupRoots   []CgroupRoot
	CgroupYard    string // directory with the cgroup filesystems, so that CRIU mounts none; "" is none
	Root          string // restore: mount point of the root filesystem
	Sibling       bool   // restore: as children of this process
	Inherit       []Inherited
	Joins         []Join
	Mounts        []Mount
	External      []string
	LSMProfile    string
	MountContext  string
	OldMounts     bool // mount each external mount by itself, as CRIU did before 3.17
	Unprivileged  bool
	NotifyScripts bool
}

// encode gives fields the numbers of criu_opts in rpc.proto.
func (o *Options) encode() []byte {
	m := make(message, 0, 1<<10)
	m.number(1, int64(o.ImagesDir))
	if o.PID != 0 {
		m.number(2, int64(o.PID))
	}
	m.flag(3, o.LeaveRunning)
	m.flag(4, o.ExtUnixSock)
	m.flag(5, o.TCP)
	m.flag(6, o.Evasive)
	m.flag(7, o.ShellJob)
	m.flag(8, o.FileLocks)
	m.number(9, int64(o.LogLevel))
	m.text(10, o.LogFile)
	if p := o.PageServer; p != nil {
		var sub message
		sub.text(1, p.Address)
		sub.number(2, int64(p.Port))
		m.bytes(11, sub)
	}
	m.flag(12, o.NotifyScripts)
	m.text(13, o.Root)
	m.text(14, o.ParentImages)
	m.flag(15, o.TrackMemory)
	m.flag(16, o.AutoDedup)
	m.number(17, int64(o.WorkDir))
	m.flag(18, o.LinkRemap)
	for _, mount := range o.Mounts {
		m.pair(23, mount.Key, mount.Value)
	}
	for _, root := range o.CgroupRoots {
		m.pair(25, root.Controller, root.Path)
	}
	m.flag(26, o.Sibling)
	for _, inherited := range o.Inherit {
		var sub message
		sub.text(1, inherited.Key)
		sub.number(2, int64(inherited.FD))
		m.bytes(27, sub)
	}
	m.number(34, int64(o.CgroupMode))
	for _, external := range o.External {
		m.text(37, external)
	}
	if o.EmptyNS != 0 {
		m.number(38, int64(o.EmptyNS))
	}
	for _, join := range o.Joins {
		m.pair(39, join.Namespace, join.Path)
	}
	m.text(44, o.FreezeCgroup)
	m.flag(46, o.SkipInFlight)
	m.flag(48, o.LazyPages)
	if o.StatusFD >= 0 {
		m.number(49, int64(o.StatusFD))
	}
	m.flag(50, o.OrphanMaster)
	m.text(51, o.Config)
	m.flag(52, o.TCPClose)
	m.text(53, o.LSMProfile)
	m.text(60, o.CgroupYard)
	m.text(63, o.MountContext)
	if o.NetworkLock != 0 {
		m.number(64, int64(o.NetworkLock))
	}
	m.flag(65, o.OldMounts)
	m.flag(67, o.Unprivileged)
	return m
}

// pair appends a message of two strings.
func (m *message) pair(field int, first, second string) {
	var sub message
	sub.text(1, first)
	sub.text(2, second)
	m.bytes(field, sub)
}
