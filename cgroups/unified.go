package cgroups

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// setUnified writes linux.resources.unified: file names and contents that the
// user chose. Each line is a write of its own, because that is how the kernel
// takes keyed files such as io.max.
func (l *limits) setUnified(files map[string]string) error {
	if len(files) == 0 {
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		field := "unified." + file
		if err := checkUnified(field, file); err != nil {
			return err
		}
		if file == "pids.max" {
			continue // see SetPids
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(files[file], "\n"), "\n") {
			if line == "" {
				line = "\n" // empties cpuset.cpus; a write of nothing does nothing
			}
			if err := l.set(field, file, line); err != nil {
				return err
			}
		}
		if file == "cpuset.cpus.partition" {
			if err := l.checkPartition(field, files[file]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPartition reads what became of a cpuset partition: the kernel takes the
// write also if there can be none, and says why in the file, such as "root invalid
// (Parent is not a partition root)".
func (l *limits) checkPartition(field, value string) error {
	const file = "cpuset.cpus.partition"
	b, err := readAt(l.fd, file)
	if err != nil {
		return l.explain(field, "read", file, "", err)
	}
	state, why, invalid := strings.Cut(strings.TrimSpace(string(b)), " invalid")
	if !invalid {
		return nil
	}
	return &Error{
		Field: field, Op: "write", File: l.Dir() + "/" + file, Value: strings.TrimSpace(value),
		Err: errors.New("the kernel makes no partition of it: " + state + " invalid" + why),
	}
}

// checkUnified allows the names of resource files: those of cgroup v2 are all
// CONTROLLER.NAME. Files that move, stop or kill processes are not resources.
func checkUnified(field, file string) error {
	controller, name, ok := strings.Cut(file, ".")
	if !ok || controller == "" || name == "" || strings.ContainsAny(file, "/\x00") {
		return invalid(field, "not the name of a cgroup v2 file")
	}
	switch file {
	case "cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.type":
		return invalid(field, "acts on processes, so it cannot be set as a resource")
	}
	return nil
}
