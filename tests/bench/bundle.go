package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// writeBundle turns a captured config.json into a bundle that runs anywhere and
// ends at once: busybox true instead of the user's command, a root filesystem
// beside it, no engine hooks, and bind sources of the engine replaced by local
// files. What the runtime has to do, namespaces, mounts, devices, masks,
// capabilities and the seccomp profile, stays as captured. Only zero resources
// that crun takes for a request (io weight and cpu shares 0) go, for every peer.
func writeBundle(dir, config, cgroup string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("parse %s: %w", config, err)
	}
	if err := writeRootfs(filepath.Join(dir, "rootfs")); err != nil {
		return err
	}
	delete(spec, "hooks")
	spec["root"] = map[string]any{"path": "rootfs"}
	process, ok := spec["process"].(map[string]any)
	if !ok {
		return fmt.Errorf("parse %s: no process", config)
	}
	process["args"] = []string{"true"}
	linux, ok := spec["linux"].(map[string]any)
	if !ok {
		return fmt.Errorf("parse %s: no linux", config)
	}
	linux["cgroupsPath"] = cgroup
	if resources, ok := linux["resources"].(map[string]any); ok {
		for _, controller := range []string{"blockIO", "cpu", "memory", "pids"} {
			delete(resources, controller)
		}
	}
	mounts, _ := spec["mounts"].([]any)
	for _, m := range mounts {
		mount, ok := m.(map[string]any)
		if !ok || mount["type"] != "bind" {
			continue
		}
		destination, _ := mount["destination"].(string)
		source := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(destination, "/"), "/", "-"))
		if err := os.WriteFile(source, []byte("bench\n"), 0o644); err != nil {
			return err
		}
		mount["source"] = source
	}
	text, err = json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644)
}

// writeRootfs makes a root filesystem of one static busybox and the
// directories that the mounts of a default container need.
func writeRootfs(dir string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("find busybox (Debian package busybox-static): %w", err)
	}
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	binary, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/true"), binary, 0o755); err != nil {
		return err
	}
	passwd := []byte("root:x:0:0:root:/root:/bin/sh\n")
	return os.WriteFile(filepath.Join(dir, "etc/passwd"), passwd, 0o644)
}
