package engines

import (
	"fmt"
	"strings"

	"github.com/crun-go/crun-go/contrib"
	"github.com/crun-go/crun-go/specconv/jsontext"
)

// site is the file that registers the runtime with an engine, or may do so, and what the engine's files say of it.
type site struct {
	file   string
	text   string // what the file has
	exists bool

	section
	lines  func(Settings) string // what registers the runtime
	valid  func(text string) error
	manual string // why nothing can be written there; empty: it can
	edited bool   // a person has written there about the runtime

	found
}

// section is where in the text our lines are, or may be put.
type section struct {
	before, ours, after string
	was                 Settings              // with which ours was written
	write               func(Settings) string // what is written there
}

// found is what the engine's files say of the runtime.
type found struct {
	path                 string
	registered, standard Place
	restart              string
	systemd              bool // what lines say of it
}

// with are settings as they are written here.
func (x *site) with(s Settings) Settings {
	s.Default = s.Default || x.was.Default
	s.systemd = x.systemd
	return s
}

// own is the site of a file of our own.
func (h *Host) own(file string, lines func(Settings) string) (*site, error) {
	x := &site{file: file, lines: lines, section: section{write: lines}}
	var err error
	x.text, x.exists, err = h.read(file)
	if !x.recognise(lines) || x.before+x.after != "" {
		x.before, x.ours, x.after, x.was = "", "", "", Settings{}
		x.edited = strings.TrimSpace(x.text) != ""
	}
	return x, err
}

// recognise finds what one of some functions has written into the file, whatever the settings were. Those with more lines come
// first: the others may be a part of them.
func (x *site) recognise(writes ...func(Settings) string) bool {
	const mark = "/\x00" // in no path
	for _, s := range []Settings{{mark, true, true}, {mark, true, false}, {mark, false, true}, {mark, false, false}} {
		for _, write := range writes {
			head, tail, _ := strings.Cut(write(s), quoted(mark))
			start := strings.Index(x.text, head)
			if start < 0 {
				continue
			}
			path, after, found := strings.Cut(x.text[start+len(head):], tail)
			if !found || strings.Contains(path, "\n") {
				continue
			}
			end := len(x.text) - len(after)
			x.before, x.ours, x.after = x.text[:start], x.text[start:end], after
			x.write, x.was = write, s
			return true
		}
	}
	return false
}

// become is the change of the file to a text; nil, if it has that. A file of nothing goes.
func (x *site) become(text string) (*Change, error) {
	if x.exists && text == x.text {
		return nil, nil
	}
	if x.valid != nil && text != "" {
		if err := x.valid(text); err != nil {
			return nil, err
		}
	}
	return &Change{File: x.file, Old: x.text, Text: text, Exists: x.exists, Remove: text == ""}, nil
}

// A Change is what is to become of one file.
type Change struct {
	File   string
	Old    string // what it has; empty if it is to be made
	Text   string // what it is to have
	Exists bool
	Remove bool
}

// Apply makes a change, whole or not at all.
func (h *Host) Apply(c *Change) error {
	now, exists, err := h.read(c.File)
	switch {
	case err != nil:
		return err
	case now != c.Old || exists != c.Exists:
		return fmt.Errorf("write %s: it was changed meanwhile", h.Shown(c.File))
	case c.Remove:
		return h.remove(c.File)
	}
	return h.write(c.File, c.Text)
}

// quoted is a path as it stands between the quotes of JSON or TOML.
func quoted(path string) string {
	word := jsontext.AppendString(nil, path)
	return string(word[1 : len(word)-1])
}

// text is a file of package contrib with another path of the binary, and with the settings of these keys switched on, which
// are comments there.
func text(file, path string, on ...string) string {
	lines := strings.SplitAfter(strings.ReplaceAll(file, contrib.Path, quoted(path)), "\n")
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
