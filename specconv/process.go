package specconv

import (
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// environment is process.env, ready for execve(2).
type environment struct {
	list []string
	path string // the value of PATH
	home bool   // HOME is missing or empty
}

// processBuilder plans the container's process, but for what it may do.
type processBuilder struct {
	*draft
	ns *namespaceBuilder

	env       environment
	identity  *plan.SetIdentity
	oom       *plan.SetOOMScoreAdj // nil: as the caller's
	rlimits   []plan.Rlimit        // empty: as the caller's
	giveStdio *plan.GiveStdio      // nil: none
	pipeStdio bool
}

// checkProcess checks process.args, env and cwd, and resolves the environment.
func (b *processBuilder) checkProcess() error {
	p := b.process
	if len(p.Args) == 0 {
		return invalid("process.args", "", "args must not be empty, expected at least the program")
	}
	for i, arg := range p.Args {
		if err := checkNull(index("process.args", i), arg); err != nil {
			return err
		}
	}
	if !path.IsAbs(p.Cwd) {
		return invalid("process.cwd", "", "%q: cwd must be an absolute path", p.Cwd)
	}
	if err := checkNull("process.cwd", p.Cwd); err != nil {
		return err
	}
	for i, entry := range p.Env {
		switch {
		case strings.IndexByte(entry, '=') < 0:
			return invalid(index("process.env", i), "", "%q: invalid environment variable: missing '=', expected NAME=VALUE", entry)
		case entry[0] == '=':
			return invalid(index("process.env", i), "", "%q: invalid environment variable: empty name, expected NAME=VALUE", entry)
		case strings.IndexByte(entry, 0) >= 0:
			return invalid(index("process.env", i), "", "%q: invalid environment variable: contains a null byte", entry)
		}
	}
	entries := p.Env
	if b.opts.NotifyDir != "" {
		entries = append(slices.Clone(entries), "NOTIFY_SOCKET="+NotifyTarget+"/notify.sock")
	}
	if n := b.opts.ListenFDs; n > 0 {
		// Init is pid 1 of a new pid namespace, see sd_listen_fds(3). Which it
		// is of another one it will know.
		entries = append(slices.Clone(entries), "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID=1")
		if b.opts.ListenFDNames != "" {
			entries = append(entries, "LISTEN_FDNAMES="+b.opts.ListenFDNames)
		}
	}
	b.env = newEnvironment(entries)
	return nil
}

// checkNull refuses what the kernel would take for the end of a text.
func checkNull(field, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalid(field, "", "%q contains a null byte", text)
	}
	return nil
}

// newEnvironment keeps the last of several values of a variable, in its place.
// An empty HOME counts as none.
func newEnvironment(entries []string) environment {
	env := environment{home: true, list: make([]string, 0, len(entries))}
	seen := make(map[string]bool, len(entries))
	for _, entry := range slices.Backward(entries) {
		name, value, _ := strings.Cut(entry, "=")
		if seen[name] {
			continue
		}
		seen[name] = true
		switch {
		case name == "PATH":
			env.path = value
		case name == "HOME" && value == "":
			continue
		case name == "HOME":
			env.home = false
		}
		env.list = append(env.list, entry)
	}
	slices.Reverse(env.list)
	return env
}

// planIdentity resolves process.user.
func (b *processBuilder) planIdentity() error {
	u := &b.process.User
	const uids, gids = "linux.uidMappings", "linux.gidMappings"
	if err := checkID("process.user.uid", uids, b.linux.UIDMappings, u.UID); err != nil {
		return err
	}
	if err := checkID("process.user.gid", gids, b.linux.GIDMappings, u.GID); err != nil {
		return err
	}
	for i, gid := range u.AdditionalGids {
		if err := checkID(index("process.user.additionalGids", i), gids, b.linux.GIDMappings, gid); err != nil {
			return err
		}
	}
	step := &plan.SetIdentity{UID: u.UID, GID: u.GID, Groups: u.AdditionalGids, Umask: 0o022}
	if u.Umask != nil {
		if *u.Umask > 0o777 {
			return invalid("process.user.umask", "", "%d (octal %o) is out of range, expected 0 to 511 (octal 777)", *u.Umask, *u.Umask)
		}
		step.Umask = *u.Umask
	}
	// podman's --group-add keep-groups: the caller's supplementary groups, of
	// which a user namespace has no numbers.
	step.KeepGroups = b.annotated(keepGroups)
	b.ns.spawn.KeepGroups = step.KeepGroups && b.ns.has(specs.UserNamespace)
	if step.KeepGroups && len(u.AdditionalGids) > 0 {
		b.warn("process.user.additionalGids", "no effect: "+keepGroups+" leaves the caller's groups")
	}
	if b.cannotSetGroups() {
		if len(u.AdditionalGids) > 0 {
			return invalid("process.user.additionalGids", "run with subordinate gids (subgid(5)), or remove them",
				"%v: cannot set any additional groups in a rootless container with a single gid", u.AdditionalGids)
		}
		step.KeepGroups = true
	}
	b.identity = step
	return nil
}

// cannotSetGroups: an unprivileged user that maps only its own gid must give up
// setgroups(2) first, see user_namespaces(7) and CVE-2014-8989.
func (b *processBuilder) cannotSetGroups() bool {
	if b.host.SetgroupsDenied {
		return true
	}
	maps := b.ns.spawn.GIDMaps
	return b.host.EUID != 0 && len(maps) == 1 && maps[0].Size == 1
}

// planOOM resolves process.oomScoreAdj. Absent leaves init the caller's.
func (b *processBuilder) planOOM() error {
	adj := b.process.OOMScoreAdj
	if adj == nil {
		return nil
	}
	if *adj < -1000 || *adj > 1000 {
		return invalid("process.oomScoreAdj", "", "%d is out of range, expected -1000 to 1000", *adj)
	}
	b.oom = &plan.SetOOMScoreAdj{Value: *adj, BestEffort: b.rootless()}
	return nil
}

// planLabels resolves process.apparmorProfile and process.selinuxLabel.
func (b *processBuilder) planLabels() error {
	apparmor, selinux := b.process.ApparmorProfile, b.process.SelinuxLabel
	if apparmor != "" && !b.host.AppArmor {
		if apparmor != "unconfined" {
			return invalid("process.apparmorProfile", "remove it, or enable AppArmor",
				"apparmor profile %q is specified in config, but apparmor is disabled or not supported", apparmor)
		}
		apparmor = ""
	}
	if selinux != "" && !b.host.SELinux {
		return invalid("process.selinuxLabel", "remove it, or enable SELinux",
			"selinux label %q is specified in config, but selinux is disabled or not supported", selinux)
	}
	if apparmor == "" && selinux == "" {
		return nil
	}
	field := "process.apparmorProfile"
	if apparmor == "" {
		field = "process.selinuxLabel"
	}
	b.add(field, &plan.SetLabels{AppArmor: apparmor, SELinux: selinux, Stack: apparmor != "" && b.host.StackProfiles})
	return nil
}

// planNames plans hostname and domainname.
func (b *namespaceBuilder) planNames() error {
	for _, name := range [...]struct{ field, value string }{{"hostname", b.spec.Hostname}, {"domainname", b.spec.Domainname}} {
		if name.value == "" {
			continue
		}
		if !b.has(specs.UTSNamespace) {
			return invalid(name.field, `add {"type": "uts"} to linux.namespaces`,
				"unable to set %s without a private UTS namespace: %q", name.field, name.value)
		}
		if len(name.value) > 64 { // __NEW_UTS_LEN of the kernel
			return invalid(name.field, "", "%q has %d bytes, expected at most 64", name.value, len(name.value))
		}
		b.changes(specs.UTSNamespace, name.field)
	}
	if b.spec.Hostname != "" {
		b.add("hostname", &plan.SetHostname{Name: b.spec.Hostname})
	}
	if b.spec.Domainname != "" {
		b.add("domainname", &plan.SetDomainname{Name: b.spec.Domainname})
	}
	return nil
}

// checkTerminal checks that a terminal is asked for where someone can take it.
func (b *processBuilder) checkTerminal() error {
	switch terminal := b.process.Terminal; {
	case terminal && b.opts.Detach && !b.opts.ConsoleSocket:
		return invalid("process.terminal", "give --console-socket, or ask for no terminal: by process.terminal, or without --tty",
			"cannot allocate tty if crun-go will detach without setting console socket")
	case b.opts.ConsoleSocket && !(terminal && b.opts.Detach):
		return invalid("process.terminal", "leave out --console-socket",
			"cannot use console socket if crun-go will not detach or allocate tty")
	}
	return nil
}

// planConsole plans the terminal, which must be there before /dev may become
// read-only.
func (b *rootBuilder) planConsole() error {
	if !b.process.Terminal {
		return nil
	}
	step, err := b.proc.console()
	if err != nil {
		return err
	}
	step.Mount, step.Uncontrolled = true, b.ns.pidLast != nil
	b.add("process.terminal", step)
	return nil
}

func (b *processBuilder) console() (*plan.Console, error) {
	step := &plan.Console{UID: b.process.User.UID, PlainLines: !b.opts.ConsoleSocket}
	if size := b.process.ConsoleSize; size != nil {
		if size.Width > 1<<16-1 || size.Height > 1<<16-1 {
			return nil, invalid("process.consoleSize", "", "%dx%d is out of range, expected at most 65535x65535", size.Width, size.Height)
		}
		step.Width, step.Height = uint32(size.Width), uint32(size.Height)
	}
	return step, nil
}

// planStdio: root can open what the host's root has open; anyone else could
// not open /dev/stdout. In the foreground files are the caller's, which continues
// to use them: only a pipe leads to nothing but this process, so one is put before a
// file. Nobody gets the host's /dev/null.
func (b *processBuilder) planStdio() error {
	if b.process.Terminal {
		return nil
	}
	b.add("", &plan.ReopenNull{})
	uid, foreign := b.process.User.UID, b.ns.has(specs.UserNamespace)
	if uid == 0 && !foreign {
		return nil
	}
	foreground := b.opts.Run && !b.opts.Detach
	b.add("process.user.uid", &plan.OwnStdio{UID: uid, PipesOnly: foreground})
	// The container's root is the caller himself where he has no privileges.
	if foreign && b.host.EUID == 0 {
		b.giveStdio = &plan.GiveStdio{UID: uid}
	}
	b.pipeStdio = foreground && (uid != 0 || b.giveStdio != nil)
	return nil
}

// spawnWithStdio plans the step that makes init, and what it has for streams.
func (b *processBuilder) spawnWithStdio(field string, spawn plan.Step) {
	const user = "process.user.uid"
	if b.pipeStdio {
		b.parentAdd(user, &plan.PipeStdio{})
	}
	b.parentAdd(field, spawn)
	if b.giveStdio != nil {
		b.parentAdd(user, b.giveStdio)
	}
}

// becomeUser plans the process's identity, and all that is looked up by its
// rights.
func (b *builder) becomeUser() {
	p := b.process
	b.add("process.cwd", &plan.Chdir{Path: p.Cwd})
	b.add("process.user", b.proc.identity)
	b.add("process.capabilities", b.privileges.capabilities)
	if p.User.UID != 0 {
		// For a directory that only the process's own user may enter.
		b.add("process.cwd", &plan.Chdir{Path: p.Cwd})
	}
	if p.NoNewPrivileges {
		b.add("process.noNewPrivileges", &plan.SetNoNewPrivs{})
	}
	b.add("process.args[0]", &plan.FindExecutable{Name: p.Args[0], Path: b.proc.env.path})
}

// LastField returns the field that a kind of step is for, if init takes it after start.
func LastField(kind plan.Kind) string {
	switch kind {
	case plan.KindHooks:
		return "hooks.startContainer"
	case plan.KindSetRlimits:
		return "process.rlimits"
	case plan.KindLoadSeccomp:
		return "linux.seccomp"
	case plan.KindExecute:
		return "process.args"
	}
	return ""
}

// planBecome plans the way from the runtime's identity to the process's, and
// its execve.
func (b *builder) planBecome() error {
	p := b.process
	if b.ns.pidLast != nil {
		// Late: it applies to init's children. Not later: it requires privileges.
		b.add(b.ns.spawn.Join[len(b.ns.spawn.Join)-1].Field, b.ns.pidLast)
	}
	b.becomeUser()
	if b.ns.pidLast != nil || !b.opts.Run {
		b.add("", &plan.CloseOthers{})
	}
	early, hinders, err := b.privileges.earlyCreate()
	if err != nil {
		return err
	}
	hooks := len(b.hooks.list.StartContainer) > 0
	limits := !hooks // which take them on themselves: running them may take more
	if b.ns.pidLast != nil {
		b.privileges.cloneInside(&plan.CloneInside{Init: true, Hinders: hinders}, early, limits)
	} else {
		if limits {
			b.proc.setRlimits()
		}
		if early {
			b.privileges.loadFilter()
		}
	}
	b.add("", &plan.Sync{Phase: plan.Ready})
	if !b.opts.Run {
		b.add("", &plan.WaitStart{Hinders: hinders})
	}
	b.hooks.startContainer()
	if hooks {
		b.proc.setRlimits()
	}
	if b.privileges.loaded != nil && !early {
		b.addLast(b.privileges.loaded)
	}
	b.addLast(&plan.Execute{
		Args: p.Args, Env: b.proc.env.list, Home: b.proc.env.home, UID: p.User.UID,
		ListenPID: b.opts.ListenFDs > 0 && !b.ns.makes(specs.PIDNamespace), Alone: !b.opts.Run || b.opts.Detach,
	})
	return nil
}
