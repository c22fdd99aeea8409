package engines

import (
	"path"

	"github.com/crun-go/crun-go/contrib"
)

// Engines that read all files of a directory get one of ours: nothing of the user's is touched.

// podman stands for Buildah, too: they read the same files (containers.conf(5)).
func podman(h *Host, _ Settings) (*site, error) {
	const system = "/etc/containers/containers.conf"
	dir := system + ".d"
	files := append([]string{"/usr/share/containers/containers.conf", system}, h.matching(dir+"/*.conf")...)
	if h.config != "" {
		user := path.Join(h.config, "containers/containers.conf")
		dir = user + ".d"
		files = append(append(files, user), h.matching(dir+"/*.conf")...)
	}
	x, err := h.own(path.Join(dir, Runtime+".conf"), dropIn(contrib.Podman, "runtime"))
	if err != nil {
		return x, err
	}
	return x, h.readSettings(x, files, "engine.runtimes."+Runtime, "engine.runtime")
}

// crio reads a directory of TOML files over its own (crio.conf.d(5)).
func crio(h *Host, _ Settings) (*site, error) {
	const file = "/etc/crio/crio.conf"
	files := append([]string{file}, h.matching(file+".d/*")...)
	x, err := h.own(file+".d/"+Runtime+".conf", dropIn(contrib.CRIO, "default_runtime"))
	x.restart = "systemctl restart crio"
	if err != nil {
		return x, err
	}
	return x, h.readSettings(x, files, "crio.runtime.runtimes."+Runtime+".runtime_path", "crio.runtime.default_runtime")
}

// dropIn is a file of package contrib. The key is that which makes the runtime the default.
func dropIn(file, key string) func(Settings) string {
	return func(s Settings) string {
		if s.Default {
			return text(file, s.Path, key)
		}
		return text(file, s.Path)
	}
}
