package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/crun-go/crun-go/cgroups"
	"github.com/crun-go/crun-go/specconv/seccomp"
)

// A shape is what a bundle is made for.
type shape struct {
	config   string   // captured config.json that it is made of, one of the project's bundles
	cgroup   string   // linux.cgroupsPath
	rootfs   string   // bundle whose root filesystem it shares; it has its own otherwise
	args     []string // process.args; true otherwise
	sandbox  int      // process whose namespaces it joins where the config names a path
	ids      uint32   // in a user namespace, of ids from here on; 0: in none
	rootless bool     // ids is an ordinary user, its only one, which calls the runtime
	programs bool     // the compiled programs lie beside it, for the floor
}

// writeBundle turns a captured config.json into a bundle that runs anywhere:
// busybox instead of the user's command, no engine hooks, and bind sources of the
// engine replaced by local ones. What the runtime has to do, namespaces, mounts,
// devices, masks, capabilities and the seccomp profile, stays as captured. Only
// resources are removed, for every runtime: crun takes zero weights for a request, and not
// every machine has the controllers.
func writeBundle(dir string, s shape) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	spec, err := readSpec(bundles + s.config)
	if err != nil {
		return err
	}
	if s.rootfs == "" {
		s.rootfs = dir
		if err := writeRootfs(filepath.Join(dir, "rootfs")); err != nil {
			return err
		}
	}
	spec.Hooks = nil
	spec.Root = &specs.Root{Path: filepath.Join(s.rootfs, "rootfs")}
	if spec.Process.Args = s.args; s.args == nil {
		spec.Process.Args = []string{"true"}
	}
	spec.Linux.CgroupsPath = s.cgroup
	if r := spec.Linux.Resources; r != nil {
		spec.Linux.Resources = &specs.LinuxResources{Devices: r.Devices}
	}
	for i := range spec.Linux.Namespaces {
		if n := &spec.Linux.Namespaces[i]; n.Path != "" {
			n.Path = fmt.Sprintf("/proc/%d/ns/%s", s.sandbox, path.Base(n.Path))
		}
	}
	for i := range spec.Mounts {
		if err := localSource(dir, &spec.Mounts[i]); err != nil {
			return err
		}
	}
	if s.programs {
		if err := writePrograms(dir, spec); err != nil {
			return err
		}
		if s.rootfs != dir {
			// It looks for the root filesystem here only.
			if err := os.Symlink(filepath.Join(s.rootfs, "rootfs"), filepath.Join(dir, "rootfs")); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	if s.ids != 0 {
		if err := mapIDs(dir, spec, s); err != nil {
			return err
		}
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644)
}

func readSpec(config string) (*specs.Spec, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	spec := new(specs.Spec)
	if err := json.Unmarshal(text, spec); err != nil {
		return nil, fmt.Errorf("parse %s: %w", config, err)
	}
	if spec.Process == nil || spec.Linux == nil {
		return nil, fmt.Errorf("parse %s: no process or no linux", config)
	}
	return spec, nil
}

// localSource gives a bind mount a source in the bundle: files for what is in
// /etc, directories for the rest.
func localSource(dir string, m *specs.Mount) error {
	if m.Type != "bind" {
		return nil
	}
	m.Source = filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(m.Destination, "/"), "/", "-"))
	if strings.HasPrefix(m.Destination, "/etc/") {
		return os.WriteFile(m.Source, []byte("bench\n"), 0o644)
	}
	if err := os.Mkdir(m.Source, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// writePrograms writes what the floor has no compiler for, and the name of its
// cgroup.
func writePrograms(dir string, spec *specs.Spec) error {
	filter, err := seccomp.Compile(spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	// Its devices are made while the rules hold already.
	mknod := specs.LinuxDeviceCgroup{Allow: true, Type: "c", Access: "m"}
	devices, err := cgroups.DeviceProgram(append(spec.Linux.Resources.Devices, mknod))
	if err != nil {
		return err
	}
	var calls, access bytes.Buffer
	if err := binary.Write(&calls, binary.NativeEndian, filter.Filter); err != nil {
		return err
	}
	for _, i := range devices {
		// struct bpf_insn, whose two registers share a byte.
		one := struct {
			Op, Registers uint8
			Off           int16
			Imm           int32
		}{i.Op, i.Src<<4 | i.Dst, i.Off, i.Imm}
		if err := binary.Write(&access, binary.LittleEndian, one); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "filter.bpf"), calls.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, "devices.bpf"), access.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, "cgroup"), []byte(strings.TrimPrefix(spec.Linux.CgroupsPath, "/")), 0o644))
}

// writeRootfs makes a root filesystem of one static busybox and the
// directories that the mounts of a default container need.
func writeRootfs(dir string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("find busybox (Debian package busybox-static): %w", err)
	}
	for _, d := range []string{"bin", "data", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	binary, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	for _, name := range []string{"true", "sleep"} {
		if err := os.WriteFile(filepath.Join(dir, "bin", name), binary, 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), nil, 0o644); err != nil {
			return err
		}
	}
	passwd := []byte("root:x:0:0:root:/root:/bin/sh\n")
	return os.WriteFile(filepath.Join(dir, "etc/passwd"), passwd, 0o644)
}
