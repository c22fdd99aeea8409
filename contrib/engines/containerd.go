package engines

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/contrib"
)

const (
	containerdFile = "/etc/containerd/config.toml"
	blockBegin     = "\n# BEGIN crun-go engines\n"
	blockEnd       = "# END crun-go engines\n"
)

// containerd reads config.toml and what that imports (containerd-config.toml(5)). containerd 2, whose config.toml is of
// version 3, merges files, and gets one of ours if it imports a directory. containerd 1 lets a file that is imported replace
// all settings of a plugin, so its lines go to the end of config.toml.
func containerd(h *Host, s Settings) (*site, error) {
	c, err := h.readContainerd()
	lines := c.lines
	file := containerdFile
	if c.dropIn != "" {
		file = c.dropIn
	}
	x, ownErr := h.own(file, lines)
	x.restart, x.systemd = "systemctl restart containerd", c.systemd
	if err == nil {
		err = ownErr
	}
	if err != nil {
		return x, err
	}
	if err := h.readSettings(x, c.files, c.table("runtimes", Runtime, "options", "BinaryName"), c.table("default_runtime_name")); err != nil {
		return x, err
	}
	if c.dropIn == "" && x.edited {
		x.append(c, s)
	}
	return x, nil
}

// append finds the place in a config.toml that has other things, too: at its end.
func (x *site) append(c *containerdConfig, s Settings) {
	x.edited = false
	block := func(s Settings) string {
		// The version is the file's.
		before, after, _ := strings.Cut(c.lines(s), "version = ")
		_, after, _ = strings.Cut(after, "\n")
		return blockBegin + before + after + blockEnd
	}
	if !x.recognise(block) {
		x.before, x.write = x.text, block
		x.edited = !x.registered.IsZero()
	}
	x.manual = c.unsafe(x.before+x.after, s)
}

// unsafe returns why lines cannot be appended to a config.toml; "" if they can.
func (c *containerdConfig) unsafe(text string, s Settings) string {
	others, table := settings(text), c.table()
	switch {
	case c.version < 2:
		return "it is of version 1 (see containerd config migrate)"
	case c.version >= 3:
		return `it does not import a directory, as with imports = ["/etc/containerd/conf.d/*.toml"]`
	case len(c.files) > 1:
		return "it imports files, which replace what it says about CRI"
	case strings.ContainsAny(text, "{}") || strings.Contains(text, `"""`) || strings.Contains(text, "'''"):
		return "it has inline tables or strings of several lines"
	case slices.ContainsFunc(others, func(s setting) bool { return s.table == "" && strings.HasPrefix(s.path, "plugins.") }):
		return "it has plugins without a table"
	case strings.Contains(text, Runtime):
		return "it mentions " + Runtime
	case s.Default && slices.ContainsFunc(others, func(s setting) bool { return s.path == table }):
		return "it has the table of default_runtime_name"
	}
	return ""
}

// containerdConfig is what is in config.toml.
type containerdConfig struct {
	files   []string // with those that it imports
	version int
	dropIn  string // the file of our own that it imports, or would; empty: none
	systemd bool   // runc is configured to have systemd make cgroups: a node has one driver, which is the kubelet's, too
}

func (h *Host) readContainerd() (*containerdConfig, error) {
	c := &containerdConfig{files: []string{containerdFile}, version: 1}
	text, _, err := h.read(containerdFile)
	if strings.TrimSpace(text) == "" {
		c.version = containerdVersion(h)
	}
	main := settings(text)
	for _, s := range main {
		if n, err := strconv.Atoi(s.value); err == nil && s.path == "version" {
			c.version = n
		}
	}
	for _, s := range main {
		switch s.path {
		case "imports":
			for _, pattern := range s.texts() {
				if !path.IsAbs(pattern) {
					pattern = path.Join(path.Dir(containerdFile), pattern)
				}
				c.files = append(c.files, h.matching(pattern)...)
				dir, base := path.Split(pattern)
				if ok, _ := path.Match(base, Runtime+".toml"); ok && c.version >= 3 {
					c.dropIn = dir + Runtime + ".toml"
				}
			}
		case c.table("runtimes", "runc", "options", "SystemdCgroup"):
			c.systemd = strings.HasPrefix(s.value, "true")
		}
	}
	return c, err
}

// containerdVersion is the version of a config.toml for the containerd of this host. All read version 2.
func containerdVersion(h *Host) int {
	if h.version != nil {
		if binary := h.find("containerd"); binary != "" {
			if major, _, _ := strings.Cut(versionIn(h.version(binary)), "."); major >= "2" {
				return 3
			}
		}
	}
	return 2
}

// table is the path of the table that makes pods, or of what is below it.
func (c *containerdConfig) table(more ...string) string {
	plugin := "io.containerd.grpc.v1.cri"
	if c.version >= 3 {
		plugin = "io.containerd.cri.v1.runtime"
	}
	return strings.Join(append([]string{"plugins", plugin, "containerd"}, more...), ".")
}

// lines are what registers the runtime.
func (c *containerdConfig) lines(s Settings) string {
	file := contrib.ContainerdV2
	if c.version >= 3 {
		file = contrib.ContainerdV3
	}
	var on []string
	if s.Default {
		on = append(on, "default_runtime_name")
	}
	if s.systemd {
		on = append(on, "SystemdCgroup")
	}
	return text(file, s.Path, on...)
}
