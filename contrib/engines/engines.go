// Package engines registers the runtime with container engines: it reads what they are configured by, says where they know
// the runtime already, and writes what is missing.
//
// An engine that reads all files of a directory gets one of ours, with the text of package contrib. Docker and containerd 1
// read none: lines are added to their file where that is safe, and otherwise the caller gets them, with where they belong
// ([ManualError]). Lines that were written are recognised by their text, so that they can be replaced and taken back; the rest
// of the file stays as it is.
//
// Changes are described before they are made ([Change]), so that a caller can show them first. Engines read more than is looked
// at here: other files named on their command lines, and environment variables.
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

	Path       string // of the binary that is registered; empty: none, or not understood
	Registered Place  // where
	Default    Place  // where it is made the default; zero: it is not

	File    string // where Lines belong
	Lines   string // what registers the runtime
	Manual  string // why Install does not add them; empty: it does
	Restart string // the command after which the engine knows; empty: none is needed
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
	Default bool   // for containers that ask for no runtime; if it is the default already, it stays so

	systemd bool // containerd has systemd make cgroups
}

// engine is what one engine is called, and how its files are read; nil: there are none.
type engine struct {
	name, program string
	look          func(*Host, Settings) (*site, error)
}

func all() []engine {
	return []engine{
		{"docker", "dockerd", docker}, {"containerd", "containerd", containerd}, {"podman", "podman", podman},
		{"buildah", "buildah", podman}, {"crio", "crio", crio}, {Kubernetes, "kubelet", nil},
	}
}

// Names are the names of the engines.
func Names() []string {
	var names []string
	for _, e := range all() {
		names = append(names, e.name)
	}
	return names
}

// UnknownError is the name of an engine that is none of [Names].
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("engine %q is not known: expected one of %s", e.Name, strings.Join(Names(), ", "))
}

// ManualError are lines that only a person can add to a file.
type ManualError struct{ File, Why, Lines string }

func (e *ManualError) Error() string {
	return "change " + e.File + ": " + e.Why + ": add the lines by hand"
}

// EditedError is a file with lines about the runtime that Install does not write.
type EditedError struct{ File string }

func (e *EditedError) Error() string {
	return "change " + e.File + ": " + Runtime + " is configured there, but not as --install writes it"
}

// Survey finds out about all engines. The settings are those that the lines of each are to have.
func (h *Host) Survey(s Settings) []Status {
	var list []Status
	for _, e := range all() {
		st := Status{Engine: e.name, Binary: h.find(e.program)}
		if st.Binary != "" && h.version != nil {
			st.Version = versionIn(h.version(st.Binary))
		}
		if e.look == nil {
			st.Lines, st.Manual = contrib.RuntimeClass, "for kubectl apply -f, once the containerd or CRI-O of the nodes knows "+Runtime
		} else {
			var x *site
			x, st.Err = e.look(h, s)
			st.Path, st.Registered, st.Default = x.path, x.registered, x.standard
			st.File, st.Lines, st.Manual, st.Restart = x.file, x.lines(x.with(s)), x.manual, x.restart
		}
		list = append(list, st)
	}
	return list
}

// versionIn finds the version in the output of a program: the first word that begins as one, such as 20.10.24+dfsg1.
func versionIn(text string) string {
	for word := range strings.FieldsSeq(text) {
		word = strings.TrimPrefix(strings.TrimRight(word, ",;"), "v")
		if word != "" && '0' <= word[0] && word[0] <= '9' && strings.Contains(word, ".") {
			return word
		}
	}
	return ""
}

// look reads the files of the engine of a name.
func (h *Host) look(name string, s Settings) (*site, error) {
	for _, e := range all() {
		switch {
		case e.name != name:
			continue
		case e.look == nil:
			return nil, ErrCluster
		}
		x, err := e.look(h, s)
		if err == nil && x.edited {
			err = &EditedError{h.Shown(x.file)}
		}
		return x, err
	}
	return nil, &UnknownError{name}
}

// Install returns the change that registers the runtime with an engine, and the command after which it knows. There is no
// change if it is registered like that.
func (h *Host) Install(name string, s Settings) (change *Change, restart string, err error) {
	x, err := h.look(name, s)
	if err != nil {
		return nil, "", err
	}
	if x.manual != "" {
		return nil, "", &ManualError{h.Shown(x.file), x.manual, x.lines(x.with(s))}
	}
	change, err = x.become(x.before + x.write(x.with(s)) + x.after)
	return change, x.restart, err
}

// Uninstall returns the change that takes the registration back.
func (h *Host) Uninstall(name string) (change *Change, restart string, err error) {
	x, err := h.look(name, Settings{})
	switch {
	case err != nil:
		return nil, "", err
	case x.ours == "" && !x.registered.IsZero():
		return nil, "", &EditedError{x.registered.File}
	case x.ours == "":
		return nil, "", nil
	}
	change, err = x.become(x.before + x.after)
	return change, x.restart, err
}
