package engines

import (
	"path"
	"strings"

	"github.com/crun-go/crun-go/contrib"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

const (
	dockerRuntimes = "runtimes"
	dockerDefault  = "default-runtime"
)

// docker reads one JSON file and no others (dockerd(8), "daemon configuration file"). What is not in it is put at the
// beginning of the object where it belongs.
func docker(h *Host, s Settings) (*site, error) {
	file, restart := "/etc/docker/daemon.json", "systemctl reload docker"
	if h.config != "" {
		file, restart = path.Join(h.config, "docker/daemon.json"), "systemctl --user reload docker"
	}
	x, err := h.own(file, dockerLines)
	x.restart = restart
	if err != nil || strings.TrimSpace(x.text) == "" {
		return x, err
	}
	d, err := readDaemon(h.Shown(file), x.text)
	if err != nil {
		return x, err
	}
	x.path, x.registered, x.standard = d.path, d.registered, d.standard
	x.valid = func(text string) error {
		_, err := readDaemon(h.Shown(file), text)
		return err
	}
	if x.ours == "" {
		x.insert(d)
	}
	if x.manual == "" && s.Default && (d.hasDefault && !x.was.Default || x.ours == "" && d.hasRuntimes) {
		x.manual = "it has " + dockerRuntimes + " or a " + dockerDefault + " of its own"
	}
	return x, nil
}

// dockerLines is a daemon.json that has nothing else.
func dockerLines(s Settings) string {
	file := text(contrib.Docker, s.Path)
	if s.Default {
		file = strings.TrimSuffix(file, "\n}\n") + ",\n    \"" + dockerDefault + "\": \"" + Runtime + "\"\n}\n"
	}
	return file
}

// insert finds the place in a daemon.json that has other things, too: in the outermost object, or, if runtimes are there
// already, among them.
func (x *site) insert(d daemon) {
	member := func(s Settings) string { return inside(dockerLines(s)) }
	entry := func(s Settings) string { return inside(member(Settings{Path: s.Path})) }
	followed := func(write func(Settings) string) func(Settings) string {
		return func(s Settings) string { return write(s) + "," }
	}
	x.edited = false
	if x.recognise(followed(member), member) {
		return
	}
	if x.recognise(followed(entry), entry) {
		x.was.Default = false
		return
	}
	x.edited = !d.registered.IsZero()
	at, write := strings.IndexByte(x.text, '{')+1, member
	if d.hasRuntimes {
		at, write = d.runtimes+1, entry
	}
	if d.hasRuntimes && !strings.HasPrefix(x.text[d.runtimes:], "{") {
		x.manual = dockerRuntimes + " is null"
		return
	}
	x.before, x.after, x.write = x.text[:at], x.text[at:], write
	if !strings.HasPrefix(strings.TrimLeft(x.after, " \t\r\n"), "}") {
		x.write = followed(write)
	}
}

// inside is what stands between the first and the last brace of a text.
func inside(text string) string {
	return strings.TrimRight(text[strings.IndexByte(text, '{')+1:strings.LastIndexByte(text, '}')], " \n")
}

// daemon is what a daemon.json says of the runtime.
type daemon struct {
	path                    string
	registered, standard    Place
	hasRuntimes, hasDefault bool
	runtimes                int // where the value of the runtimes begins
}

func readDaemon(file, text string) (daemon, error) {
	var d daemon
	r := jsontext.NewReader(file, []byte(text))
	here := func() Place { return Place{file, strings.Count(text[:r.Offset()], "\n") + 1} }
	for key := range r.Fields() {
		switch key {
		case dockerRuntimes:
			d.hasRuntimes, d.runtimes = true, r.Offset()
			if !r.Null() {
				d.readRuntimes(r, here)
			}
		case dockerDefault:
			d.hasDefault = true
			place := here()
			if name, _ := r.Text(); name == Runtime {
				d.standard = place
			}
		default:
			r.Skip()
		}
	}
	return d, r.Close()
}

func (d *daemon) readRuntimes(r *jsontext.Reader, here func() Place) {
	for name := range r.Fields() {
		if name != Runtime {
			r.Skip()
			continue
		}
		d.registered = here()
		for key := range r.Fields() {
			if key == "path" {
				d.path, _ = r.Text()
			} else {
				r.Skip()
			}
		}
	}
}
