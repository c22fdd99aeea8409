// Package advice tells people what to do about an error. Errors carry what has
// happened as values: the field of config.json, the step, the kernel's answer, the
// path, the limit. Here is what those mean, and where they leave it open the host is
// asked. What is wrong with a value of config.json or with a flag is advised where
// the value is refused: in specconv and in cli.
//
// Nothing here is part of an error's text, which engines match on. Only cli, which
// prints it, imports this package.
package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/create"
	"github.com/crun-go/crun-go/libcontainer/spawn"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/spell"
)

// For returns what a person can do about an error; "" if there is nothing to say.
func For(err error) string {
	for _, about := range [...]func(error) string{kernel, limit, field, step, idMap, namespace, cgroup, other} {
		if hint := about(err); hint != "" {
			return hint
		}
	}
	return ""
}

// field returns the hint that came with a value of config.json, or with what is no JSON.
func field(err error) string {
	var e *plan.FieldError
	var syntax *jsontext.Error
	var misread *bundle.UnknownKeysError
	switch {
	case errors.As(err, &syntax):
		return syntax.Hint
	case errors.As(err, &misread):
		return unknownHint(misread)
	case !errors.As(err, &e):
		return ""
	case e.Hint == "" && e.Field == "root.path" && errors.Is(err, unix.ENOENT):
		return "root.path names the directory with the container's files, relative to the bundle's: make it, and unpack an image there, " +
			"as with docker export $(docker create busybox) | tar -x -C DIR"
	}
	return e.Hint
}

// unknownHint names the key that may have been meant by one that means nothing.
func unknownHint(e *bundle.UnknownKeysError) string {
	var f *plan.FieldError
	for _, path := range e.Keys {
		at := strings.LastIndexByte(path, '.') + 1
		words := topKeys
		if at > 0 {
			words = nil
		}
		if errors.As(e.Err, &f) { // what is missing is more likely
			if f.Field[:strings.LastIndexByte(f.Field, '.')+1] != path[:at] {
				continue
			}
			words = []string{f.Field[at:]}
		}
		if hint := spell.Hint(path[at:], words); hint != "" {
			return path + ": " + hint
		}
	}
	if f != nil {
		return f.Hint
	}
	return ""
}

// topKeys are the keys of config.json itself.
var topKeys = []string{"ociVersion", "process", "root", "hostname", "domainname", "mounts", "hooks", "annotations", "linux"}

// namespace is for namespaces that can't be joined.
func namespace(err error) string {
	var closed *libcontainer.NamespacesError
	var own *create.OwnNamespaceError
	var refused *spawn.JoinError
	switch {
	case errors.As(err, &closed) && errors.Is(err, unix.EACCES):
		return "call from the user namespace that the container was made from, and as the same user"
	case errors.As(err, &own) && own.Type == specs.MountNamespace:
		return "leave out " + own.Field + " for a new namespace"
	case errors.As(err, &own):
		return "leave out " + own.Field + " for a new namespace, or set " + own.Changes + " outside"
	case errors.As(err, &refused) && refused.Join && errors.Is(err, unix.EPERM):
		// Whoever joins needs capabilities over the namespace, and over its own.
		return "joining a container's namespaces requires CAP_SYS_ADMIN over them and over the caller's own, and CAP_SYS_CHROOT for a mount namespace: " +
			"call with the privileges, and from the user namespace, that the container was made with"
	}
	return ""
}

// other is for errors that any command may meet.
func other(err error) string {
	var id *state.IDError
	var owner *state.OwnerError
	var unmade *bundle.NoConfigError
	var file *fs.PathError
	switch {
	case errors.Is(err, state.ErrExist):
		return "choose another id, or delete the container by that name"
	case errors.Is(err, state.ErrBroken):
		return "the container's state file is damaged: delete --force removes the container, as far as it can still be found"
	case errors.As(err, &id):
		return idHint(id)
	case sys.IsNotProc(err):
		return procHint
	case errors.As(err, &owner):
		return ownerHint(owner)
	case errors.Is(err, unix.EMFILE):
		return filesHint()
	case errors.As(err, &file) && file.Err == unix.ENOTDIR && path.Base(file.Path) == "config.json":
		return "the bundle is the directory that config.json is in, and --bundle names it"
	case errors.As(err, &file) && strings.HasPrefix(file.Path, "/proc/") && !isProc():
		return procHint
	case errors.Is(err, libcontainer.ErrRunning):
		return "run has started it; what create has made waits for start"
	case errors.As(err, &unmade):
		return "name the bundle with --bundle, or write a first config.json with the command spec"
	case errors.Is(err, libcontainer.ErrNotKept):
		return "recreate the container"
	case errors.Is(err, libcontainer.ErrNotStopped):
		return "end it first, with kill ID KILL, or do both at once, with delete --force ID"
	}
	return ""
}

const procHint = "no procfs is mounted at /proc, or that of another pid namespace: mount -t proc proc /proc"

// isProc reports whether /proc shows this process.
func isProc() bool { return unix.Access("/proc/self/stat", unix.F_OK) == nil }

// idHint says what an id may be, and why this one is none.
func idHint(e *state.IDError) string {
	const allowed = `an id is made of letters, digits, "_", "+", "-" and "."`
	if e.Bad == "" {
		return allowed + `, and is neither "." nor ".."`
	}
	return fmt.Sprintf("%s, but %q has %q", allowed, e.ID, e.Bad)
}

// ownerHint says how a state directory comes into the right hands.
func ownerHint(e *state.OwnerError) string {
	if e.Foreign() {
		return fmt.Sprintf("run the command as user %d: what the directory says would be done with the caller's rights", e.UID)
	}
	return "remove the right to write of all but its owner, with chmod go-w, if its content is trustworthy"
}

// filesHint names the limit that there are no more descriptors for.
func filesHint() string {
	var limit unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return ""
	}
	return fmt.Sprintf("the limit on open files (ulimit -n) is %d, which is too few: raise it", limit.Cur)
}
