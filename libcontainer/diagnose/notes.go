package diagnose

import (
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
)

// notes are about what a configuration allows that a container seldom needs.
func notes(spec *specs.Spec) []Finding {
	var found []Finding
	note := func(where, hint, format string, args ...any) {
		found = append(found, field(Note, where, fmt.Sprintf(format, args...), hint))
	}
	linux := spec.Linux
	has := func(t specs.LinuxNamespaceType) bool {
		return slices.ContainsFunc(linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == t })
	}
	capable := func(name string) bool {
		c := spec.Process.Capabilities
		return c != nil && (slices.Contains(c.Bounding, name) || slices.Contains(c.Permitted, name))
	}
	user := has(specs.UserNamespace)
	if !user {
		for i, m := range spec.Mounts {
			if m.Type == "sysfs" && !slices.Contains(m.Options, "ro") && !readonly(spec, m.Destination) {
				note(fmt.Sprintf("mounts[%d]", i), `add "ro" to its options`, "a writable /sys changes the host's devices and kernel")
			}
		}
	}
	if !has(specs.PIDNamespace) && capable("CAP_SYS_PTRACE") {
		note("linux.namespaces", `add {"type": "pid"}, or drop the capability`,
			"in the host's pid namespace CAP_SYS_PTRACE reads and changes every process of the host")
	}
	if !has(specs.NetworkNamespace) && !user && capable("CAP_NET_ADMIN") {
		note("linux.namespaces", `add {"type": "network"}, or drop the capability`, "in the host's network namespace CAP_NET_ADMIN changes the host's network")
	}
	if !user && capable("CAP_SYS_ADMIN") && (linux.Seccomp == nil || linux.Seccomp.DefaultAction == "") {
		note("linux.seccomp", "add a profile, or drop the capability", "with CAP_SYS_ADMIN and without a filter the container can take over the host")
	}
	if !user && capable("CAP_SYS_MODULE") {
		note("process.capabilities", "drop it", "CAP_SYS_MODULE loads code into the host's kernel")
	}
	if r := linux.Resources; r != nil && !user {
		for i, d := range r.Devices {
			if d.Allow && (d.Type == "" || d.Type == "a") && d.Major == nil && d.Minor == nil && !deniedLater(r.Devices[i+1:]) {
				note(fmt.Sprintf("linux.resources.devices[%d]", i), "allow the devices that are needed", "all devices of the host are allowed, its disks too")
			}
		}
	}
	for i, m := range spec.Mounts {
		source := path.Clean(m.Source)
		switch {
		case !strings.HasPrefix(m.Source, "/"):
		case source == "/":
			note(fmt.Sprintf("mounts[%d].source", i), "bind what is needed", "the whole filesystem of the host is in the container")
		case strings.HasSuffix(source, "/docker.sock"), strings.HasSuffix(source, "/containerd.sock"), strings.HasSuffix(source, "/crio.sock"), strings.HasSuffix(source, "/podman.sock"):
			note(fmt.Sprintf("mounts[%d].source", i), "", "a process that reaches an engine's socket can start containers with any rights on the host")
		}
	}
	if len(linux.MaskedPaths) == 0 && !user && slices.ContainsFunc(spec.Mounts, func(m specs.Mount) bool { return m.Type == "proc" }) {
		note("linux.maskedPaths", "add the paths that the command spec writes", "no path of /proc is masked: /proc/kcore and /proc/keys show what is the host's")
	}
	return found
}

// deniedLater reports whether one of the rules denies all devices.
func deniedLater(rules []specs.LinuxDeviceCgroup) bool {
	return slices.ContainsFunc(rules, func(d specs.LinuxDeviceCgroup) bool {
		return !d.Allow && (d.Type == "" || d.Type == "a") && d.Major == nil && d.Minor == nil
	})
}

func readonly(spec *specs.Spec, target string) bool {
	return slices.ContainsFunc(spec.Linux.ReadonlyPaths, func(p string) bool { return path.Clean(p) == path.Clean(target) })
}

// setuid notes programs that give other rights to a process that executes them.
func setuid(root int, spec *specs.Spec) []Finding {
	if spec.Process.NoNewPrivileges {
		return nil
	}
	var programs []string
	seen := make(map[uint64]bool) // inodes: /bin may be a link
	for _, dir := range [...]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"} {
		names, err := namesIn(root, dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			fd, err := sys.OpenInRoot(root, dir+"/"+name, unix.O_PATH|unix.O_NOFOLLOW)
			if err != nil {
				continue
			}
			var st unix.Stat_t
			err = unix.Fstat(fd, &st)
			unix.Close(fd)
			if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && st.Mode&0o111 != 0 && !seen[st.Ino] {
				seen[st.Ino] = true
				programs = append(programs, dir+"/"+name)
			}
		}
	}
	if len(programs) == 0 {
		return nil
	}
	shown := programs[:min(len(programs), 3)]
	more := ""
	if n := len(programs) - len(shown); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return []Finding{field(Note, "process.noNewPrivileges", fmt.Sprintf("without it set-id programs of the image give their rights to any process that executes them: %q%s", shown, more),
		"set it to true if the container does not need them")}
}

// maxNames bounds how many names of a directory are looked at.
const maxNames = 10000

// namesIn lists a directory below root.
func namesIn(root int, dir string) ([]string, error) {
	fd, err := sys.OpenInRoot(root, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	names, err := f.Readdirnames(maxNames)
	if len(names) > 0 || err == nil || err == io.EOF {
		return names, nil
	}
	return nil, err
}
