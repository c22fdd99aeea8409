package cli

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// detail is what programs can know of an error without reading its text. Everything may be empty.
type detail struct {
	code  string // the kind of failure: a word of those in errorCode
	field string // where in config.json the cause is: "mounts[3]"
	errno string // what the kernel answered: "ENOENT"
	hint  string // what a person can do about it
}

// describe finds in the chain of err what is worth telling apart.
func describe(err error) detail {
	d := detail{code: errorCode(err)}
	if cause := sys.KernelCause(err); cause != nil {
		d.hint = cause.Hint()
		if text := cause.Error(); !strings.Contains(err.Error(), text) {
			d.hint = text + ": " + d.hint
		}
	}
	var hinted *hintedError
	if errors.As(err, &hinted) {
		d.setHint(hinted.hint)
	}
	var resource *cgroups.Error
	if errors.As(err, &resource) {
		d.field = "linux.resources." + resource.Field
		d.setHint(resource.Hint)
	}
	var field *plan.FieldError
	if errors.As(err, &field) {
		d.field = field.Field
		d.setHint(field.Hint)
	}
	var step *plan.StepError
	if errors.As(err, &step) {
		if step.Item.Field != "" {
			d.field = step.Item.Field
		}
		d.setHint(step.Hint)
	}
	var syntax *jsontext.Error
	if errors.As(err, &syntax) {
		d.field = syntax.Path
	}
	var errno syscall.Errno
	if errors.As(err, &errno) && errno != 0 {
		d.errno = unix.ErrnoName(errno)
	}
	var id *state.IDError
	var owner *state.OwnerError
	switch {
	case errors.Is(err, state.ErrExist):
		d.setHint("choose another id, or delete the container by that name")
	case errors.As(err, &id):
		d.setHint(idHint(id))
	case sys.IsNotProc(err):
		d.setHint("no procfs is mounted at /proc: mount -t proc proc /proc")
	case errors.As(err, &owner):
		d.setHint(ownerHint(owner))
	case errors.Is(err, unix.EMFILE):
		d.setHint(filesHint())
	case errors.Is(err, libcontainer.ErrNotStopped):
		d.setHint("end it first, with kill ID KILL, or do both at once, with delete --force ID")
	}
	return d
}

// setHint keeps a hint that is there already: the outer error knows more.
func (d *detail) setHint(hint string) {
	if d.hint == "" {
		d.hint = hint
	}
}

// filesHint names the limit that there are no more descriptors for.
func filesHint() string {
	var limit unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return ""
	}
	return fmt.Sprintf("the limit on open files (ulimit -n) is %d, which is too few: raise it", limit.Cur)
}

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
	return "take the right to write from all but its owner, with chmod go-w, if nobody else has made what is in it"
}

// errorCode sorts errors into the kinds that a caller may want to treat differently.
func errorCode(err error) string {
	var field *plan.FieldError
	var resource *cgroups.Error
	var step *plan.StepError
	var syntax *jsontext.Error
	var errno syscall.Errno
	switch {
	case errors.Is(err, state.ErrExist):
		return "exists"
	case errors.Is(err, state.ErrNotExist):
		return "not-found"
	case errors.Is(err, state.ErrInvalidID):
		return "invalid-id"
	case errors.Is(err, libcontainer.ErrNotRunning):
		return "not-running"
	case errors.Is(err, libcontainer.ErrNotPaused):
		return "not-paused"
	case errors.As(err, &errno):
		return "system"
	case errors.As(err, &field), errors.As(err, &resource), errors.As(err, &syntax):
		return "config"
	case errors.As(err, &step):
		return "step"
	}
	return ""
}

// hintedError is an error with advice for people, which is not part of its text.
type hintedError struct {
	error
	hint string
}

func withHint(err error, hint string) error { return &hintedError{err, hint} }

func (e *hintedError) Unwrap() error { return e.error }
