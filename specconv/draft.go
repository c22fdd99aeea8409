package specconv

import (
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/specconv/plan"
)

// draft is what all parts of a builder share: what is asked for, and the plan so far.
type draft struct {
	spec    *specs.Spec
	process *specs.Process
	linux   *specs.Linux
	host    *Host
	opts    *Options
	live    bool // the container exists, and only mounts are planned

	plan     plan.Plan
	warnings []Warning
}

// add appends a step of init's.
func (d *draft) add(field string, step plan.InitStep) {
	d.plan.Init = append(d.plan.Init, plan.Item{Field: field, Step: step})
}

// parentAdd appends a step of the parent's.
func (d *draft) parentAdd(field string, step plan.Step) {
	d.plan.Parent = append(d.plan.Parent, plan.Item{Field: field, Step: step})
}

func (d *draft) warn(field, text string) {
	d.warnings = append(d.warnings, Warning{Field: field, Text: text})
}

// mustWarn is for what the runtime specification demands to be logged.
func (d *draft) mustWarn(field, text string) {
	d.warnings = append(d.warnings, Warning{Field: field, Text: text, Must: true})
}

// rootless reports whether the runtime lacks the privileges of the host's root.
func (d *draft) rootless() bool { return d.opts.Rootless || d.host.UserNS || d.host.EUID != 0 }

// addLast adds a step that init may take after start.
func (d *draft) addLast(s plan.InitStep) { d.add(LastField(s.InitKind()), s) }

// annotated reports whether an annotation says yes.
func (d *draft) annotated(key string) bool {
	value := d.spec.Annotations[key]
	return value == "1" || value == "true"
}

// fromBundle makes a host path absolute. An absolute one stays as it is:
// cleaning it would change its meaning where ".." follows a symbolic link.
func (d *draft) fromBundle(p string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(d.opts.Bundle, p)
}
