package engines

import (
	"strings"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// A JSON file of a user is changed by cutting and inserting text: order, unknown keys and layout stay.

// A member is a key of an object, with the bytes of its value.
type member struct {
	key        string
	value, end int
	object     *object // if the value is one that was asked for
	text       string  // if it is a string
}

// An object is where an object stands in a document: at its braces.
type object struct {
	open, close int
	members     []member
}

// readJSON finds the outermost object of a document, with the objects below the keys of path; "*" stands for all keys.
func readJSON(file, text string, path ...string) (*object, error) {
	r := jsontext.NewReader(file, []byte(text))
	o := readObject(r, text, path)
	if err := r.Close(); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, &jsontext.Error{File: file, Line: 1, Column: 1, Msg: "expected an object, found null"}
	}
	return o, nil
}

// readObject reads the object that follows; nil is null. After an error, which the reader keeps, it is of no use.
func readObject(r *jsontext.Reader, text string, path []string) *object {
	if r.Null() {
		return nil
	}
	o := &object{open: r.Offset()}
	for key := range r.Fields() {
		m := member{key: key, value: r.Offset()}
		switch {
		case len(path) > 0 && (path[0] == key || path[0] == "*"):
			m.object = readObject(r, text, path[1:])
		case strings.HasPrefix(text[m.value:], `"`):
			m.text, _ = r.Text()
		default:
			r.Skip()
		}
		m.end = r.Offset()
		o.members = append(o.members, m)
	}
	o.close = r.Offset() - 1
	return o
}

// member returns the last member of a key: that is the one which counts.
func (o *object) member(key string) *member {
	if o == nil {
		return nil
	}
	for i := len(o.members) - 1; i >= 0; i-- {
		if o.members[i].key == key {
			return &o.members[i]
		}
	}
	return nil
}

// layout is how an object is written.
type layout struct {
	unit  string // what one level is indented by
	lines bool   // members have lines of their own
}

// layoutOf finds the layout of a document by its outermost object.
func layoutOf(text string, o *object) layout {
	return layout{"    ", true}.of(text, o)
}

// of returns the layout of an object in a document of layout l.
func (l layout) of(text string, o *object) layout {
	if len(o.members) == 0 {
		return l
	}
	inner := text[o.open+1 : o.close]
	before := inner[:len(inner)-len(strings.TrimLeft(inner, " \t\r\n"))]
	newline := strings.LastIndexByte(before, '\n')
	if newline < 0 {
		return layout{"", false}
	}
	if o.open == strings.IndexByte(text, '{') {
		l.unit = before[newline+1:]
	}
	return layout{l.unit, true}
}

// insert appends a member to an object of layout l that is depth levels deep (0: the document). The lines of the value are
// indented as at depth 0.
func (l layout) insert(text string, o *object, depth int, key, value string) string {
	if !l.lines {
		comma := ""
		if len(o.members) > 0 {
			comma = ", "
		}
		at := o.close
		if n := len(o.members); n > 0 {
			at = o.members[n-1].end
		}
		return text[:at] + comma + quote(key) + ": " + value + text[at:]
	}
	indent := "\n" + strings.Repeat(l.unit, depth+1)
	added := indent + quote(key) + ": " + strings.ReplaceAll(value, "\n", indent)
	if n := len(o.members); n > 0 {
		at := o.members[n-1].end
		return text[:at] + "," + added + text[at:]
	}
	return text[:o.open+1] + added + "\n" + strings.Repeat(l.unit, depth) + text[o.close:]
}

// value writes an object of one member.
func (l layout) value(key, value string) string {
	if !l.lines {
		return "{" + quote(key) + ": " + value + "}"
	}
	return "{\n" + l.unit + quote(key) + ": " + strings.ReplaceAll(value, "\n", "\n"+l.unit) + "\n}"
}

// remove takes the member of a key out of an object: what insert has added is gone to the byte.
func remove(text string, o *object, key string) string {
	for i, m := range o.members {
		if m.key != key {
			continue
		}
		switch {
		case i > 0:
			return text[:o.members[i-1].end] + text[m.end:]
		case len(o.members) == 1:
			return text[:o.open+1] + text[o.close:]
		}
		comma := m.end + strings.IndexByte(text[m.end:], ',')
		return text[:o.open+1] + text[comma+1:]
	}
	return text
}

func quote(s string) string { return string(jsontext.AppendString(nil, s)) }
