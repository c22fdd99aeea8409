package engines

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Change is what is to become of one file.
type Change struct {
	File   string
	Old    string // what it has; empty if it is to be made
	Text   string // what it is to have
	Exists bool
	Remove bool
	Backup string // the file that keeps Old; empty: what goes is of our own making
	Unback bool   // Text is what the backup has, which goes
}

// Apply makes a change. What kept it from being whole is an error, and the file is as it was.
func (h *Host) Apply(c Change) error {
	now, exists, err := h.read(c.File)
	switch {
	case err != nil:
		return err
	case now != c.Old || exists != c.Exists:
		return fmt.Errorf("write %s: somebody else has changed it just now", h.shown(c.File))
	case c.Remove:
		return h.remove(c.File)
	}
	if c.Backup != "" && !c.Unback {
		// With the same rights: it may have secrets.
		if err := h.write(c.Backup, c.Old, c.File); err != nil {
			return err
		}
	}
	if err := h.write(c.File, c.Text, c.File); err != nil {
		return err
	}
	if c.Unback {
		return h.remove(c.Backup)
	}
	return nil
}

// Shown is the name of a file for people: below the prefix.
func (h *Host) Shown(file string) string { return h.shown(file) }

// backupOf is where a user's file is kept as it was before the last change. No engine reads files of such names.
func backupOf(file string) string { return file + ".crun-go.bak" }

// edit is the change of a user's file from what it has to text; none if that is the same. What it would have without us
// decides about the backup: if that has just this, it is still good, and it is what the file becomes again in the end. A
// file that would have nothing has been made by us, and is removed in the end.
func (h *Host) edit(file, old string, exists bool, without, text string) ([]Change, error) {
	if exists && old == text || !exists && text == "" {
		return nil, nil
	}
	c := Change{File: file, Old: old, Text: text, Exists: exists}
	kept, backed, err := h.read(backupOf(file))
	switch {
	case err != nil:
		return nil, err
	case !exists:
	case backed && strings.TrimRight(kept, "\n") == strings.TrimRight(without, "\n"):
		if text == without {
			c.Text, c.Backup, c.Unback = kept, backupOf(file), true
		}
	case without == "" && old != "":
		c.Remove = text == ""
	default:
		c.Backup = backupOf(file)
	}
	return []Change{c}, nil
}

// own are the changes that make a file of our own say text. If it says something that we don't write, somebody has edited
// it, and it is theirs now.
func (h *Host) own(file, text string, ours func(text string) bool) ([]Change, error) {
	old, exists, err := h.read(file)
	switch {
	case err != nil:
		return nil, err
	case exists && old == text:
		return nil, nil
	case exists && !ours(old):
		return nil, &EditedError{h.shown(file)}
	}
	return []Change{{File: file, Old: old, Text: text, Exists: exists}}, nil
}

// disown are the changes that remove a file of our own.
func (h *Host) disown(file string, ours func(text string) bool) ([]Change, error) {
	old, exists, err := h.read(file)
	switch {
	case err != nil || !exists:
		return nil, err
	case !ours(old):
		return nil, &EditedError{h.shown(file)}
	}
	return []Change{{File: file, Old: old, Exists: true, Remove: true}}, nil
}

// EditedError is a file that was written by Install, and by somebody else since.
type EditedError struct{ File string }

func (e *EditedError) Error() string {
	return "change " + e.File + ": it is not as it was written: somebody has edited it"
}

// scanned is a TOML file and its settings.
type scanned struct {
	file     string
	shown    string // for messages
	text     string
	exists   bool
	settings []setting
}

// scan reads a TOML file.
func (h *Host) scan(file string) (scanned, error) {
	text, exists, err := h.read(file)
	if err != nil {
		return scanned{}, err
	}
	settings, err := scanTOML(h.shown(file), text)
	return scanned{file, h.shown(file), text, exists, settings}, err
}

// scanAll reads those of some files that are there.
func (h *Host) scanAll(files ...string) ([]scanned, error) {
	var all []scanned
	for _, file := range files {
		s, err := h.scan(file)
		if err != nil {
			return nil, err
		}
		if s.exists {
			all = append(all, s)
		}
	}
	return all, nil
}

// matching are the files of a directory whose names match a pattern, in the order in which engines read them.
func (h *Host) matching(pattern string) []string {
	dir, base := path.Split(pattern)
	var files []string
	for _, name := range h.list(dir) {
		if ok, err := path.Match(base, name); ok && err == nil {
			files = append(files, dir+name)
		}
	}
	return files
}

// last returns the last setting of a path in files that are read in this order, and where it is.
func last(files []scanned, path ...string) (setting, Place) {
	for _, f := range slices.Backward(files) {
		for _, s := range slices.Backward(f.settings) {
			if s.is(path...) && !s.header {
				return s, Place{f.shown, s.line}
			}
		}
	}
	return setting{}, Place{}
}
