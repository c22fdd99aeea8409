// Package engines makes the runtime known to container engines: it reads what they are configured by, says where they know
// the runtime already, and writes what is missing.
//
// Files are described before they are written ([Change]), so that a caller can show them first. A file of our own, in a
// directory meant for that, has the text of package contrib. A file of the user's is changed by text and keeps whatever else
// is in it; the file as it was stays beside it.
//
// Engines read more than is looked at here: other files named on their command lines, and environment variables.
package engines

import (
	"errors"
	"fmt"
	"strings"

	"github.com/crun-go/crun-go/contrib"
)

// Runtime is the name by which engines know the runtime.
const Runtime = "crun-go"

// Kubernetes is the engine that has no file to install.
const Kubernetes = "kubernetes"

// ErrCluster: what registers the runtime is an object of the cluster, whose text is in the engine's [Status].
var ErrCluster = errors.New("kubernetes has no file on a node: a cluster knows the runtime by a RuntimeClass")

// A Status is what is found out about one engine.
type Status struct {
	Engine  string // the name to install by: docker
	Binary  string // empty: not found
	Version string // empty: not asked, or not understood

	Path       string // of the binary that is registered; empty: none
	Registered Place  // where
	Default    Place  // where it is made the default; zero: it is not

	File    string // where Lines belong
	Lines   string // what registers the runtime
	Restart string // the command after which the engine knows; empty: none is needed
	Note    string // what else there is to know
	Err     error  // what is wrong with the engine's files
}

// A Place is a line of a file.
type Place struct {
	File string
	Line int // 1-based
}

// IsZero reports whether there is no place.
func (p Place) IsZero() bool { return p.File == "" }

func (p Place) String() string {
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Settings are what a registration says.
type Settings struct {
	Path    string // absolute, of the runtime's binary
	Default bool   // for containers that ask for no runtime; one that is the default remains it
}

// engine is what one engine reads.
type engine interface {
	// about names it, its program and the command after a change on a host.
	about(h *Host) about

	// survey fills in what is registered where, and what would register the runtime.
	survey(h *Host, s Settings, st *Status) error

	// install returns the changes that register the runtime; none, if nothing is to be done.
	install(h *Host, s Settings) ([]Change, error)

	// uninstall returns the changes that take it back.
	uninstall(h *Host) ([]Change, error)
}

type about struct {
	name, program, restart string
}

func all() []engine {
	return []engine{docker{}, containerd{}, podman{"podman"}, podman{"buildah"}, crio{}, kubernetes{}}
}

// Names are the names of the engines.
func Names() []string {
	var names []string
	for _, e := range all() {
		names = append(names, e.about(new(Host)).name)
	}
	return names
}

func named(name string) (engine, error) {
	for _, e := range all() {
		if e.about(new(Host)).name == name {
			return e, nil
		}
	}
	return nil, &UnknownError{name}
}

// UnknownError is the name of an engine that is none of [Names].
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("engine %q is not known: expected one of %s", e.Name, strings.Join(Names(), ", "))
}

// Survey finds out about all engines. The settings are those that the lines of each are to have.
func (h *Host) Survey(s Settings) []Status {
	var list []Status
	for _, e := range all() {
		a := e.about(h)
		st := Status{Engine: a.name, Binary: h.find(a.program), Restart: a.restart}
		if st.Binary != "" && h.version != nil {
			st.Version = versionIn(h.version(st.Binary))
		}
		st.Err = e.survey(h, s, &st)
		list = append(list, st)
	}
	return list
}

// versionIn finds the version in what a program says of itself: the first word that begins as one, such as 20.10.24+dfsg1.
func versionIn(text string) string {
	for word := range strings.FieldsSeq(text) {
		word = strings.TrimPrefix(strings.TrimRight(word, ",;"), "v")
		if word != "" && '0' <= word[0] && word[0] <= '9' && strings.Contains(word, ".") {
			return word
		}
	}
	return ""
}

// Install returns the changes that register the runtime with an engine, and the command after which it knows. There are no
// changes if it is registered like that.
func (h *Host) Install(name string, s Settings) (changes []Change, restart string, err error) {
	e, err := named(name)
	if err != nil {
		return nil, "", err
	}
	changes, err = e.install(h, s)
	return changes, e.about(h).restart, err
}

// Uninstall returns the changes that take the registration back.
func (h *Host) Uninstall(name string) (changes []Change, restart string, err error) {
	e, err := named(name)
	if err != nil {
		return nil, "", err
	}
	changes, err = e.uninstall(h)
	return changes, e.about(h).restart, err
}

// text is a file of package contrib with another path of the binary, and with the settings of these keys switched on, which
// are comments there.
func text(file, path string, on ...string) string {
	word := quote(path)
	lines := strings.SplitAfter(strings.ReplaceAll(file, contrib.Path, word[1:len(word)-1]), "\n")
	for i := range lines {
		for _, key := range on {
			before, after, found := strings.Cut(lines[i], "#")
			if !found || !strings.HasPrefix(strings.TrimLeft(after, " "), key+" =") {
				continue
			}
			lines[i] = before + after
			// The header of the table, if the key is all there is in it.
			if i > 0 && strings.HasPrefix(lines[i-1], "#[") {
				lines[i-1] = lines[i-1][1:]
			}
		}
	}
	return strings.Join(lines, "")
}
