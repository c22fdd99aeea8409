package specconv

import (
	"strconv"
	"strings"
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

// notHere are annotations of crun that this runtime does not implement: a user who sets one expects an effect.
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
		b.warn("annotations."+handler, "this runtime has no handler "+strconv.Quote(name)+": the process runs natively")
	}
	for _, key := range notHere {
		if b.spec.Annotations[key] != "" {
			b.warn("annotations."+key, "of crun's, and without effect here")
		}
	}
	return b.checkUnitProperties()
}
