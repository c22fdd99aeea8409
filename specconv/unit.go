package specconv

import (
	"fmt"
	"path"
	"strings"

	"github.com/crun-go/crun-go/specconv/plan"
)

// planUnit plans the cgroup and its limits where systemd makes it.
func (b *cgroupBuilder) planUnit() error {
	step, err := b.unit()
	if err != nil {
		return err
	}
	owner := plan.CreateCgroup{}
	b.delegateCgroup(&owner)
	step.Delegate, step.OwnerUID, step.OwnerGID = owner.Delegate, owner.OwnerUID, owner.OwnerGID
	step.Resources = b.linux.Resources
	if step.Properties, err = b.unitProperties(); err != nil {
		return err
	}
	b.parentAdd("linux.cgroupsPath", step)
	b.planSubcgroup(&owner)
	return b.planLimits()
}

// unit resolves linux.cgroupsPath, which is SLICE:PREFIX:NAME here: a scope
// PREFIX-NAME.scope of SLICE, or a slice, if NAME is that of one.
func (b *cgroupBuilder) unit() (*plan.StartUnit, error) {
	const field = "linux.cgroupsPath"
	given := b.linux.CgroupsPath
	if given == "" {
		given = "::" + b.opts.ID
	}
	parts := strings.Split(given, ":")
	if len(parts) != 3 || strings.Contains(given, "/") {
		return nil, invalid(field, "leave out --systemd-cgroup for a path",
			"expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got %q instead", given)
	}
	slice, prefix, name := parts[0], parts[1], parts[2]
	s := &plan.StartUnit{User: b.host.UserNS || b.host.EUID != 0, Subgroup: b.spec.Annotations[systemdSubgroup]}
	switch {
	case slice == "-":
		slice = "-.slice"
	case slice == "" && s.User:
		slice = "user.slice"
	case slice == "":
		slice = "system.slice"
	}
	switch {
	case b.linux.CgroupsPath == "":
		s.Name = unitEscape("crun-go-"+name) + ".scope"
	case strings.HasSuffix(name, ".slice"):
		s.Name = name
	case prefix == "":
		s.Name = name + ".scope"
	default:
		s.Name = prefix + "-" + name + ".scope"
	}
	parent, err := slicePath(slice)
	if err == nil {
		err = checkUnitName(s.Name)
	}
	if err == nil && strings.HasSuffix(s.Name, ".slice") {
		parent, err = slicePath(s.Name)
		parent = path.Dir(parent)
	}
	if err != nil {
		return nil, invalid(field, "", "%q: %w", given, err)
	}
	s.Slice, s.Path = slice, path.Join(parent, s.Name, s.Subgroup)
	return s, nil
}

// slicePath expands the name of a slice to the path of its cgroup: a dash is a
// level, so a-b.slice is in a.slice (systemd.slice(5)).
func slicePath(name string) (string, error) {
	levels, ok := strings.CutSuffix(name, ".slice")
	switch {
	case !ok:
		return "", fmt.Errorf("%q is not the name of a slice, expected one such as system.slice", name)
	case levels == "-":
		return "/", nil
	case strings.HasPrefix(levels, "-"), strings.HasSuffix(levels, "-"), strings.Contains(levels, "--"):
		return "", fmt.Errorf("%q is not the name of a slice: a dash stands between two names", name)
	}
	if err := checkUnitName(name); err != nil {
		return "", err
	}
	var b strings.Builder
	for i := range len(levels) {
		if levels[i] == '-' {
			b.WriteString("/" + levels[:i] + ".slice")
		}
	}
	return b.String() + "/" + name, nil
}

// checkUnitName says no to what systemd would: it may answer with silence.
func checkUnitName(name string) error {
	stem := name[:strings.LastIndexByte(name, '.')]
	if stem == "" || len(name) > 255 {
		return fmt.Errorf("%q is not the name of a unit, expected 1 to 255 characters", name)
	}
	for i := range len(stem) {
		if !unitByte(stem[i]) && stem[i] != '\\' && stem[i] != '@' {
			return fmt.Errorf("%q is not the name of a unit: it cannot contain %q", name, stem[i])
		}
	}
	return nil
}

// unitByte reports whether a unit's name may have the byte as it is
// (systemd.unit(5)).
func unitByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("-_.:", c) >= 0
}

// unitEscape writes other bytes as \xXX, as systemd-escape(1) does.
func unitEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if unitByte(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		}
	}
	return b.String()
}
