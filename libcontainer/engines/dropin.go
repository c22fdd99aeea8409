package engines

import (
	"path"
	"slices"
	"strings"

	"github.com/crun-go/crun-go/contrib"
)

// Engines that read all files of a directory get one of ours: nothing of the user's is touched.

// podman stands for Buildah, too: they read the same files (containers.conf(5)).
type podman struct{ program string }

func (p podman) about(*Host) about { return about{p.program, p.program, ""} }

// files are those read, the last one last, and ours.
func (podman) files(h *Host) (read []string, ours string) {
	read = append([]string{"/usr/share/containers/containers.conf", "/etc/containers/containers.conf"},
		h.matching("/etc/containers/containers.conf.d/*.conf")...)
	dir := "/etc/containers/containers.conf.d"
	if h.config != "" {
		dir = path.Join(h.config, "containers/containers.conf.d")
		read = append(append(read, path.Join(h.config, "containers/containers.conf")), h.matching(dir+"/*.conf")...)
	}
	return read, path.Join(dir, Runtime+".conf")
}

func podmanText(s Settings) string { return dropIn(contrib.Podman, s, "runtime") }

func (p podman) survey(h *Host, s Settings, st *Status) error {
	read, ours := p.files(h)
	st.File, st.Lines = ours, podmanText(s)
	files, err := h.scanAll(read...)
	if err != nil {
		return err
	}
	registered, place := last(files, "engine", "runtimes", Runtime)
	if paths := registered.texts(); len(paths) > 0 {
		st.Path, st.Registered = paths[0], place
	}
	if name, place := last(files, "engine", "runtime"); name.text() == Runtime || name.text() != "" && name.text() == st.Path {
		st.Default = place
	}
	json, _ := last(files, "engine", "runtime_supports_json")
	if st.Path != "" && !slices.Contains(json.texts(), Runtime) {
		st.Note = "runtime_supports_json does not list " + Runtime + ": errors lose their kind"
	}
	return nil
}

func (p podman) install(h *Host, s Settings) ([]Change, error) {
	_, ours := p.files(h)
	return h.putDropIn(ours, s, podmanText)
}

func (p podman) uninstall(h *Host) ([]Change, error) {
	_, ours := p.files(h)
	return h.disown(ours, written(podmanText))
}

// crio reads a directory of TOML files over its own (crio.conf.d(5)).
type crio struct{}

const crioFile = "/etc/crio/crio.conf.d/" + Runtime + ".conf"

func (crio) about(*Host) about { return about{"crio", "crio", "systemctl restart crio"} }

func crioText(s Settings) string { return dropIn(contrib.CRIO, s, "default_runtime") }

func (crio) survey(h *Host, s Settings, st *Status) error {
	st.File, st.Lines = crioFile, crioText(s)
	files, err := h.scanAll(append([]string{"/etc/crio/crio.conf"}, h.matching("/etc/crio/crio.conf.d/*")...)...)
	if err != nil {
		return err
	}
	binary, place := last(files, "crio", "runtime", "runtimes", Runtime, "runtime_path")
	if st.Path = binary.text(); st.Path != "" {
		st.Registered = place
	}
	if name, place := last(files, "crio", "runtime", "default_runtime"); name.text() == Runtime {
		st.Default = place
	}
	return nil
}

func (crio) install(h *Host, s Settings) ([]Change, error) { return h.putDropIn(crioFile, s, crioText) }
func (crio) uninstall(h *Host) ([]Change, error)           { return h.disown(crioFile, written(crioText)) }

// dropIn is a file of package contrib. The key is that which makes the runtime the default.
func dropIn(file string, s Settings, key string) string {
	if s.Default {
		return text(file, s.Path, key)
	}
	return text(file, s.Path)
}

// putDropIn returns the changes that write a file of our own. What is the default remains it.
func (h *Host) putDropIn(file string, s Settings, write func(Settings) string) ([]Change, error) {
	old, _, err := h.read(file)
	if err != nil {
		return nil, err
	}
	if path, ok := pathWritten(old, write, true); ok && path != "" {
		s.Default = true
	}
	return h.own(file, write(s), written(write))
}

// written returns what tells whether a text is one that we write, with any path.
func written(write func(Settings) string) func(string) bool {
	return func(text string) bool {
		_, plain := pathWritten(text, write, false)
		_, standard := pathWritten(text, write, true)
		return plain || standard
	}
}

// pathWritten tells whether a text is one that write has made, and the path it was made with, as it is quoted there.
func pathWritten(text string, write func(Settings) string, isDefault bool) (path string, ok bool) {
	const mark = "/\x00" // in no path
	before, after, _ := strings.Cut(write(Settings{mark, isDefault}), strings.Trim(quote(mark), `"`))
	path, ok = strings.CutPrefix(text, before)
	if ok {
		path, ok = strings.CutSuffix(path, after)
	}
	return path, ok && !strings.Contains(path, "\n")
}

// kubernetes has no file on a node: the cluster is told what a node's containerd or CRI-O knows.
type kubernetes struct{}

func (kubernetes) about(*Host) about { return about{Kubernetes, "kubelet", ""} }

func (kubernetes) survey(_ *Host, _ Settings, st *Status) error {
	st.Lines = contrib.RuntimeClass
	st.Note = "for kubectl apply -f, once the containerd or CRI-O of the nodes knows " + Runtime
	return nil
}

func (k kubernetes) install(*Host, Settings) ([]Change, error) { return nil, ErrCluster }
func (k kubernetes) uninstall(*Host) ([]Change, error)         { return nil, ErrCluster }
