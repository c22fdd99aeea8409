package create

import (
	"errors"
	"fmt"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/bundle"
	"github.com/crun-go/crun-go/libcontainer/proc"
	"github.com/crun-go/crun-go/libcontainer/resctrl"
	"github.com/crun-go/crun-go/libcontainer/sources"
	"github.com/crun-go/crun-go/specconv"
	"github.com/crun-go/crun-go/specconv/check"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Checked is what was found out about a bundle.
type Checked struct {
	*check.Result
	Text []byte // of config.json
	Host specconv.Host
	// Unopened are the errors of what create would open on the host and could not, each
	// a *plan.StepError or a *plan.FieldError.
	Unopened []error
}

// Check finds what is wrong with a bundle: all that create would report before it
// spawns init, except for what it would have to make. It changes nothing.
func Check(o bundle.Options) (*Checked, error) {
	b := bundle.ConfigOf(&o)
	if err := b.ReadText(); err != nil {
		return nil, err
	}
	c := &Checked{Text: b.Text}
	var err error
	c.Result, err = check.Config(filepath.Base(b.Config), b.Text, func(spec *specs.Spec) (specconv.Host, specconv.Options, error) {
		b.Spec = spec
		options, err := b.Facts(&o, false, false)
		return b.Host, options, err
	})
	if err != nil {
		return nil, err
	}
	c.Host = b.Host
	if c.Plan != nil {
		c.Unopened = unopened(c.Plan, b.Host.UserNS)
	}
	return c, nil
}

// maxUnopened bounds how many errors are looked for: the others will hardly be new ones.
const maxUnopened = 200

// unopened tries all that a plan opens on the host.
func unopened(p *plan.Plan, userNS bool) []error {
	src := sources.New(p.Container.Rootfs, userNS)
	src.Plan = p
	defer src.Close()
	var found []error
	for i := range p.Parent {
		if len(found) >= maxUnopened {
			break
		}
		item := &p.Parent[i]
		for _, err := range try(&src, item.Step) {
			var field *plan.FieldError
			if !errors.As(err, &field) {
				err = &plan.StepError{Item: *item, Err: err}
			}
			found = append(found, err)
		}
	}
	return found
}

// try opens what a step of the parent's opens, and closes it.
func try(src *sources.Set, step plan.Step) []error {
	switch s := step.(type) {
	case *plan.OpenTree:
		if s.Path == "" || !s.Rootfs && src.Rootfs < 0 {
			break // the container's own cgroup; or what is below a root that does not exist, which is not known
		}
		plain := *s
		plain.IDMap = nil // which takes a user namespace
		err := src.Open(&plain, "")
		src.DropSlot(s.Slot)
		return failures(err)
	case *plan.OpenPID:
		err := src.OpenPID(s)
		src.DropSlot(s.Slot)
		return failures(err)
	case *plan.Spawn:
		var found []error
		for _, ns := range s.Join {
			found = append(found, failures(tryJoin(&ns))...)
		}
		return found
	case *plan.MakeRdtGroup:
		_, err := resctrl.Find()
		return failures(err)
	}
	return nil
}

func tryJoin(ns *plan.Namespace) error {
	if ns.Last {
		return nil // opened by OpenPID
	}
	fd, err := openJoin(ns)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	flag, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err == nil && flag != proc.NamespaceOf(ns.Type).Flag {
		return plan.InField(ns.Field, fmt.Errorf("%q is not a %s namespace", ns.Path, ns.Type))
	}
	return nil
}

func failures(err error) []error {
	if err == nil {
		return nil
	}
	return []error{err}
}
