package engines

import (
	"fmt"
	"path"
	"strings"

	"github.com/crun-go/crun-go/contrib"
)

// docker reads one JSON file and no others, so it has to be changed (dockerd(8), "daemon configuration file").
type docker struct{}

const (
	dockerRuntimes = "runtimes"
	dockerDefault  = "default-runtime"
)

func (docker) about(h *Host) about {
	restart := "systemctl reload docker"
	if h.config != "" {
		restart = "systemctl --user reload docker"
	}
	return about{"docker", "dockerd", restart}
}

func (docker) file(h *Host) string {
	if h.config != "" {
		return path.Join(h.config, "docker/daemon.json")
	}
	return "/etc/docker/daemon.json"
}

// dockerConfig is what daemon.json has. An empty file counts as an empty object, as with dockerd.
type dockerConfig struct {
	file, text string
	exists     bool
	all        *object
}

func (d docker) open(h *Host) (dockerConfig, error) {
	c := dockerConfig{file: d.file(h)}
	var err error
	c.text, c.exists, err = h.read(c.file)
	if err == nil && strings.TrimSpace(c.text) != "" {
		c.all, err = dockerParse(h.shown(c.file), c.text)
	}
	return c, err
}

func dockerParse(file, text string) (*object, error) {
	return readJSON(file, text, dockerRuntimes, "*")
}

// runtime is the entry of the runtime.
func (c dockerConfig) runtime() *member {
	if runtimes := c.all.member(dockerRuntimes); runtimes != nil {
		return runtimes.object.member(Runtime)
	}
	return nil
}

// defaulted is the entry that makes the runtime the default.
func (c dockerConfig) defaulted() *member {
	if m := c.all.member(dockerDefault); m != nil && m.text == Runtime {
		return m
	}
	return nil
}

func (c dockerConfig) place(h *Host, m *member) Place {
	return Place{h.shown(c.file), strings.Count(c.text[:m.value], "\n") + 1}
}

func (d docker) survey(h *Host, s Settings, st *Status) error {
	st.File = d.file(h)
	st.Lines = dockerText(s)
	c, err := d.open(h)
	if err != nil {
		return err
	}
	if m := c.runtime(); m != nil {
		st.Registered = c.place(h, m)
		if p := m.object.member("path"); p != nil {
			st.Path = p.text
		}
	}
	if m := c.defaulted(); m != nil {
		st.Default = c.place(h, m)
	}
	return nil
}

// dockerText is a daemon.json that has nothing else.
func dockerText(s Settings) string {
	file := text(contrib.Docker, s.Path)
	if s.Default {
		all, err := dockerParse("", file)
		if err != nil {
			return file
		}
		file = layoutOf(file, all).insert(file, all, 0, dockerDefault, quote(Runtime))
	}
	return file
}

func (d docker) install(h *Host, s Settings) ([]Change, error) {
	c, err := d.open(h)
	if err != nil {
		return nil, err
	}
	if c.all == nil {
		return h.edit(c.file, c.text, c.exists, "", dockerText(s))
	}
	without, err := c.without(h)
	if err != nil {
		return nil, err
	}
	text, err := c.register(h, s.Path)
	if err == nil && s.Default {
		text, err = setMember(h.shown(c.file), text, dockerDefault, quote(Runtime))
	}
	if err != nil {
		return nil, err
	}
	return h.edit(c.file, c.text, c.exists, without, text)
}

// register returns the text with the runtime in it.
func (c dockerConfig) register(h *Host, path string) (string, error) {
	l := layoutOf(c.text, c.all)
	entry := l.value("path", quote(path))
	runtimes := c.all.member(dockerRuntimes)
	switch {
	case runtimes == nil:
		return l.insert(c.text, c.all, 0, dockerRuntimes, l.value(Runtime, entry)), nil
	case runtimes.object == nil:
		return c.text[:runtimes.value] + l.value(Runtime, entry) + c.text[runtimes.end:], nil
	}
	m := runtimes.object.member(Runtime)
	if m == nil {
		inner := l.of(c.text, runtimes.object)
		return inner.insert(c.text, runtimes.object, 1, Runtime, inner.value("path", quote(path))), nil
	}
	p := m.object.member("path")
	if p == nil {
		return "", fmt.Errorf("%s: %s.%s has no path: take it out first", c.place(h, m), dockerRuntimes, Runtime)
	}
	return c.text[:p.value] + quote(path) + c.text[p.end:], nil
}

// setMember gives a member of the outermost object a value.
func setMember(file, text, key, value string) (string, error) {
	all, err := dockerParse(file, text)
	if err != nil {
		return "", err
	}
	if m := all.member(key); m != nil {
		return text[:m.value] + value + text[m.end:], nil
	}
	return layoutOf(text, all).insert(text, all, 0, key, value), nil
}

func (d docker) uninstall(h *Host) ([]Change, error) {
	c, err := d.open(h)
	if err != nil || c.all == nil {
		return nil, err
	}
	without, err := c.without(h)
	if err != nil {
		return nil, err
	}
	return h.edit(c.file, c.text, c.exists, without, without)
}

// without returns the text without the runtime; nothing, if there is nothing else. What we have changed, and not added, is
// as the backup has it.
func (c dockerConfig) without(h *Host) (string, error) {
	before := dockerConfig{file: backupOf(c.file)}
	var err error
	if before.text, _, err = h.read(before.file); err != nil {
		return "", err
	}
	// A backup that can't be read, or that has the runtime, doesn't tell.
	if was, err := dockerParse("", before.text); err == nil {
		if before.all = was; before.runtime() != nil {
			before.all = nil
		}
	}
	text := c.text
	if c.defaulted() != nil {
		if m := before.all.member(dockerDefault); m != nil && m.text != "" {
			text, err = setMember("", text, dockerDefault, quote(m.text))
		} else {
			text = remove(text, c.all, dockerDefault)
		}
		if err != nil {
			return "", err
		}
	}
	all, err := dockerParse("", text)
	if err != nil {
		return "", err
	}
	if runtimes := all.member(dockerRuntimes); runtimes != nil && runtimes.object.member(Runtime) != nil {
		if len(runtimes.object.members) == 1 && before.all.member(dockerRuntimes) == nil {
			text = remove(text, all, dockerRuntimes)
		} else {
			text = remove(text, runtimes.object, Runtime)
		}
	}
	if was := strings.TrimSpace(before.text); text != c.text && strings.TrimSpace(text) == "{}" && (was == "" || was == "{}") {
		return was, nil // there was no file, or one without anything
	}
	return text, nil
}
