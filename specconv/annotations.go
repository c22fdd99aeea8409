package specconv

import (
	"path"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/specconv/plan"
)

// Annotations that mean something to this runtime; others stand in the
// places where they matter. They are crun's: engines know them.
const (
	keepGroups         = "run.oci.keep_original_groups"
	systemdSubgroup    = "run.oci.systemd.subgroup"
	delegateCgroup     = "run.oci.delegate-cgroup"
	failUnknownSyscall = "run.oci.seccomp_fail_unknown_syscall"
	handler            = "run.oci.handler"

	HooksStdout = "run.oci.hooks.stdout" // files of the host that get a copy of what hooks print
	HooksStderr = "run.oci.hooks.stderr"
)

// notHere are those of crun's that this runtime knows of and does not have: who sets one expects something of it.
var notHere = [...]string{
	"run.oci.seccomp.plugins",
	"run.oci.seccomp.receiver",
	"run.oci.seccomp_bpf_data",
	"run.oci.systemd.force_cgroup_v1",
}

// checkAnnotations checks those whose values can be wrong.
func (b *builder) checkAnnotations() error {
	for _, key := range [...]string{systemdSubgroup, delegateCgroup} {
		if name, ok := b.spec.Annotations[key]; ok && (strings.ContainsAny(name, "/\x00\n") || name == "." || name == "..") {
			return invalid("annotations."+key, "", "%q is not the name of a cgroup, expected a file name", name)
		}
	}
	for _, key := range [...]string{keepGroups, failUnknownSyscall} {
		if value, ok := b.spec.Annotations[key]; ok && value != "0" && value != "1" && value != "true" && value != "false" {
			return invalid("annotations."+key, "", "%q, expected 1 or 0", value)
		}
	}
	if name := b.spec.Annotations[handler]; name != "" {
		b.warn("annotations."+handler, "there is no handler "+strconv.Quote(name)+" here: the process runs as it is")
	}
	for _, key := range notHere {
		if b.spec.Annotations[key] != "" {
			b.warn("annotations."+key, "of crun's, and without effect here")
		}
	}
	return b.checkUnitProperties()
}

// annotated tells whether an annotation says yes.
func (b *builder) annotated(key string) bool {
	value := b.spec.Annotations[key]
	return value == "1" || value == "true"
}

// planHookLogs opens the files that hooks' output is copied to.
func (b *builder) planHookLogs() error {
	for _, log := range [...]struct {
		key  string
		slot *int
	}{{HooksStdout, &b.hookLog.Stdout}, {HooksStderr, &b.hookLog.Stderr}} {
		name := b.spec.Annotations[log.key]
		if name == "" {
			continue
		}
		field := "annotations." + log.key
		if !path.IsAbs(name) || strings.ContainsRune(name, 0) {
			return invalid(field, "", "%q is not absolute, expected the absolute path of a file", name)
		}
		h := &b.hooks
		if len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer)+len(h.StartContainer) == 0 { //nolint:staticcheck // deprecated, but engines use it
			continue
		}
		slot := len(b.trees)
		b.trees = append(b.trees, plan.Item{Field: field, Step: &plan.OpenLog{Slot: slot, Path: name}})
		*log.slot = slot + 1
	}
	return nil
}
