package cli

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/libcontainer"
	"github.com/crun-go/crun-go/libcontainer/advice"
	"github.com/crun-go/crun-go/libcontainer/state"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

// detail is what programs can know of an error without reading its text. Everything may be empty.
type detail struct {
	code  string // the kind of failure: one of those in errorCode
	field string // where in config.json the cause is: "mounts[3]"
	errno string // what the kernel answered: "ENOENT"
	hint  string // what a person can do about it
}

// describe finds in the chain of err what is worth telling apart.
func describe(err error) detail {
	d := detail{code: errorCode(err)}
	var resource *cgroups.Error
	if errors.As(err, &resource) {
		d.field = "linux.resources." + resource.Field
	}
	var field *plan.FieldError
	if errors.As(err, &field) {
		d.field = field.Field
	}
	var step *plan.StepError
	if errors.As(err, &step) && step.Item.Field != "" {
		d.field = step.Item.Field
	}
	var syntax *jsontext.Error
	if errors.As(err, &syntax) {
		d.field = syntax.Path
	}
	var errno syscall.Errno
	if errors.As(err, &errno) && errno != 0 {
		d.errno = unix.ErrnoName(errno)
	}
	var hinted *hintedError
	if errors.As(err, &hinted) {
		d.hint = hinted.hint
	} else {
		d.hint = advice.For(err)
	}
	return d
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
