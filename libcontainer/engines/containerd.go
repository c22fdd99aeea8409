package engines

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/contrib"
)

// containerd reads config.toml and what that imports (containerd-config.toml(5)). The two versions of it name the plugin
// that makes pods differently. containerd 1 lets a file that is imported replace all settings of a plugin, so with version 2,
// which is its own, our lines go into config.toml; containerd 2 merges files.
type containerd struct{}

const (
	containerdFile = "/etc/containerd/config.toml"
	blockBegin     = "# BEGIN crun-go engines\n"
	blockEnd       = "# END crun-go engines\n"

	// defaultMark stands behind a line of the user's table that we have set, followed by what it was.
	defaultMark = " # crun-go engines, was: "
	defaultKey  = "default_runtime_name"
)

func (containerd) about(*Host) about {
	return about{"containerd", "containerd", "systemctl restart containerd"}
}

// containerdConfig is config.toml with what it imports.
type containerdConfig struct {
	main    scanned
	all     []scanned // main first
	version int
	dropIn  string // of our own; empty: our lines go into main
}

func (containerd) open(h *Host) (containerdConfig, error) {
	main, err := h.scan(containerdFile)
	if err != nil {
		return containerdConfig{}, err
	}
	c := containerdConfig{main: main, all: []scanned{main}, version: 1}
	if !main.exists {
		c.version = containerdVersion(h)
	}
	for _, s := range main.settings {
		switch {
		case s.is("version"):
			if n, err := strconv.Atoi(s.value); err == nil {
				c.version = n
			}
		case s.is("imports"):
			for _, pattern := range s.texts() {
				if !path.IsAbs(pattern) {
					pattern = path.Join(path.Dir(containerdFile), pattern)
				}
				files, err := h.scanAll(h.matching(pattern)...)
				if err != nil {
					return c, err
				}
				c.all = append(c.all, files...)
				dir, base := path.Split(pattern)
				if ok, _ := path.Match(base, Runtime+".toml"); ok && base != Runtime+".toml" {
					c.dropIn = dir + Runtime + ".toml"
				}
			}
		}
	}
	if c.version < 3 {
		c.dropIn = ""
	}
	return c, nil
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

// table is the path of the table that runtimes are in.
func (c containerdConfig) table(more ...string) []string {
	plugin := "io.containerd.grpc.v1.cri"
	if c.version >= 3 {
		plugin = "io.containerd.cri.v1.runtime"
	}
	return append([]string{"plugins", plugin, "containerd"}, more...)
}

// effective are the files whose settings of the plugin count.
func (c containerdConfig) effective() []scanned {
	plugin := c.table()[:2]
	for i, f := range slices.Backward(c.all) {
		if c.version < 3 && slices.ContainsFunc(f.settings, func(s setting) bool { return s.below(plugin...) || s.is(plugin...) }) {
			return c.all[i : i+1]
		}
	}
	return c.all
}

func (e containerd) survey(h *Host, s Settings, st *Status) error {
	c, err := e.open(h)
	st.File = containerdFile
	if err != nil {
		st.Lines = text(contrib.ContainerdV2, s.Path)
		return err
	}
	st.Lines = c.lines(s)
	if c.dropIn != "" {
		st.File = c.dropIn
	}
	files := c.effective()
	binary, place := last(files, c.table("runtimes", Runtime, "options", "BinaryName")...)
	if st.Path = binary.text(); st.Path != "" {
		st.Registered = place
	}
	if name, place := last(files, c.table(defaultKey)...); name.text() == Runtime {
		st.Default = place
	}
	if c.version < 2 {
		st.Note = "config.toml is of version 1: see containerd config migrate"
	}
	return nil
}

// lines are what registers the runtime.
func (c containerdConfig) lines(s Settings) string {
	file := contrib.ContainerdV2
	if c.version >= 3 {
		file = contrib.ContainerdV3
	}
	var on []string
	if s.Default {
		on = append(on, defaultKey)
	}
	// A node's cgroup driver is the kubelet's, too: what runc is told holds for us.
	if s, _ := last(c.all, c.table("runtimes", "runc", "options", "SystemdCgroup")...); s.value == "true" {
		on = append(on, "SystemdCgroup")
	}
	return text(file, s.Path, on...)
}

func (e containerd) install(h *Host, s Settings) ([]Change, error) {
	c, err := e.open(h)
	if err != nil {
		return nil, err
	}
	if c.version < 2 {
		return nil, fmt.Errorf("change %s: expected version = 2 or 3, found version %d", h.shown(containerdFile), c.version)
	}
	if c.dropIn != "" {
		return h.putDropIn(c.dropIn, s, c.lines)
	}
	if last := c.effective()[0]; last.file != containerdFile {
		return nil, fmt.Errorf("change %s: %s, which it imports, replaces all settings of CRI: add the lines there",
			h.shown(containerdFile), h.shown(last.file))
	}
	stripped := strip(c.main.text)
	if stripped != c.main.text {
		// What is the default remains it.
		name, _ := last(c.all[:1], c.table(defaultKey)...)
		s.Default = s.Default || name.text() == Runtime
	}
	text, err := c.register(h, stripped, s)
	if err != nil {
		return nil, err
	}
	return h.edit(containerdFile, c.main.text, c.main.exists, stripped, text)
}

// register returns a config.toml, which has none of our lines, with them.
func (c containerdConfig) register(h *Host, text string, s Settings) (string, error) {
	settings, err := scanTOML(h.shown(containerdFile), text)
	if err != nil {
		return "", err
	}
	table, runtimes := c.table(), c.table("runtimes")
	for _, was := range settings {
		place := Place{h.shown(containerdFile), was.line}
		switch {
		case was.is(c.table("runtimes", Runtime)...), was.below(c.table("runtimes", Runtime)...):
			return "", fmt.Errorf("%s: %s is there already, and not by us: change it there", place, Runtime)
		case was.value != "" && len(was.path) <= len(runtimes) && slices.Equal(was.path, runtimes[:len(was.path)]):
			return "", fmt.Errorf("%s: a table in braces can't be added to: give it a header", place)
		}
	}
	if s.Default {
		var set bool
		if text, set = setDefault(text, settings, table); set {
			s.Default = false
		}
	}
	lines := c.lines(s)
	if text == "" {
		return blockBegin + lines + blockEnd, nil
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	// The version is the file's.
	before, after, _ := strings.Cut(lines, "version = ")
	_, after, _ = strings.Cut(after, "\n")
	return text + blockBegin + before + after + blockEnd, nil
}

// setDefault makes the runtime the default in the table of a user's file; set is false if it has no such table.
func setDefault(text string, settings []setting, table []string) (changed string, set bool) {
	lines := strings.SplitAfter(text, "\n")
	for _, s := range settings {
		if !s.header && s.is(append(slices.Clip(table), defaultKey)...) {
			line := lines[s.line-1]
			was := strings.TrimLeft(line, " \t")
			indent := line[:len(line)-len(was)]
			lines[s.line-1] = indent + defaultKey + ` = "` + Runtime + `"` + defaultMark + strings.TrimRight(was, "\n") + "\n"
			return strings.Join(lines, ""), true
		}
	}
	for _, s := range settings {
		if s.header && s.is(table...) {
			line := strings.TrimRight(lines[s.line-1], "\n")
			indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
			lines[s.line-1] = line + "\n" + indent + "  " + defaultKey + ` = "` + Runtime + `"` + defaultMark + "nothing\n"
			return strings.Join(lines, ""), true
		}
	}
	return text, false
}

// strip takes out of a config.toml what register has put in.
func strip(text string) string {
	if before, rest, found := strings.Cut(text, blockBegin); found {
		if _, after, found := strings.Cut(rest, blockEnd); found {
			text = before + after
		}
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if set, was, found := strings.Cut(line, defaultMark); found {
			if was == "nothing\n" {
				continue
			}
			line = set[:len(set)-len(strings.TrimLeft(set, " \t"))] + was
		}
		b.WriteString(line)
	}
	return b.String()
}

func (e containerd) uninstall(h *Host) ([]Change, error) {
	c, err := e.open(h)
	if err != nil {
		return nil, err
	}
	var changes []Change
	if c.dropIn != "" {
		if changes, err = h.disown(c.dropIn, written(c.lines)); err != nil {
			return nil, err
		}
	}
	stripped := strip(c.main.text)
	edits, err := h.edit(containerdFile, c.main.text, c.main.exists, stripped, stripped)
	return append(changes, edits...), err
}
