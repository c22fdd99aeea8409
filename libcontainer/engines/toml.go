package engines

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What is needed of TOML (v1.0.0, toml.io) is where settings stand, so that they can be shown and lines beside them changed.
// A library would decode them into Go values by reflection and lose the places.

// A setting is one key of a TOML document: a table's header, or a key with its value.
type setting struct {
	path   []string // from the root: plugins, io.containerd.grpc.v1.cri, containerd
	header bool     // a table begins here
	value  string   // as it is written
	line   int      // 1-based
}

// is reports whether the setting has this path.
func (s setting) is(path ...string) bool { return slices.Equal(s.path, path) }

// below reports whether the setting belongs to the table of this path, at any depth.
func (s setting) below(path ...string) bool {
	return len(s.path) > len(path) && slices.Equal(s.path[:len(path)], path)
}

// text returns the value if it is a string.
func (s setting) text() string {
	t := tomlScanner{text: s.value}
	word, err := t.quoted()
	if err != nil || t.pos != len(t.text) {
		return ""
	}
	return word
}

// texts returns the strings of the value, if it is an array of them.
func (s setting) texts() []string {
	if !strings.HasPrefix(s.value, "[") {
		return nil
	}
	t := tomlScanner{text: s.value, pos: 1}
	var list []string
	for {
		t.blank()
		switch t.peek() {
		case ',':
			t.pos++
		case '"', '\'':
			word, err := t.quoted()
			if err != nil {
				return nil
			}
			list = append(list, word)
		default:
			return list
		}
	}
}

// A tomlScanner walks a document.
type tomlScanner struct {
	file, text string
	pos        int
	table      []string // whose keys follow
	settings   []setting
}

// scanTOML finds the settings of a document, those in inline tables, too. The file name is for errors.
func scanTOML(file, text string) ([]setting, error) {
	t := &tomlScanner{file: file, text: strings.TrimPrefix(text, "\ufeff")}
	for t.blank(); t.pos < len(t.text); t.blank() {
		var err error
		if t.peek() == '[' {
			err = t.header()
		} else {
			err = t.assignment(t.table)
		}
		if err == nil {
			err = t.endOfLine()
		}
		if err != nil {
			return nil, err
		}
	}
	return t.settings, nil
}

func (t *tomlScanner) line() int { return strings.Count(t.text[:t.pos], "\n") + 1 }

// expected is an error at the scanner's place.
func (t *tomlScanner) expected(what string) error {
	found, _, _ := strings.Cut(t.text[t.pos:], "\n")
	const enough = 20
	if len(found) > enough {
		found = found[:enough] + "..."
	}
	return fmt.Errorf("%s:%d: expected %s, found %q", t.file, t.line(), what, found)
}

// peek returns the next byte, 0 at the end.
func (t *tomlScanner) peek() byte {
	if t.pos == len(t.text) {
		return 0
	}
	return t.text[t.pos]
}

// space steps over what separates words of a line.
func (t *tomlScanner) space() {
	for c := t.peek(); c == ' ' || c == '\t'; c = t.peek() {
		t.pos++
	}
}

// blank steps over space, ends of lines and comments.
func (t *tomlScanner) blank() {
	for {
		switch t.space(); t.peek() {
		case '\n', '\r':
			t.pos++
		case '#':
			t.comment()
		default:
			return
		}
	}
}

func (t *tomlScanner) comment() {
	if n := strings.IndexByte(t.text[t.pos:], '\n'); n >= 0 {
		t.pos += n
	} else {
		t.pos = len(t.text)
	}
}

// endOfLine insists that nothing but a comment follows.
func (t *tomlScanner) endOfLine() error {
	t.space()
	if t.peek() == '#' {
		t.comment()
	}
	if c := t.peek(); c != 0 && c != '\n' && c != '\r' {
		return t.expected("the end of the line")
	}
	return nil
}

// header reads [table] or [[array of tables]].
func (t *tomlScanner) header() error {
	line, brackets := t.line(), "]"
	if t.pos++; t.peek() == '[' {
		t.pos++
		brackets = "]]"
	}
	path, err := t.key()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(t.text[t.pos:], brackets) {
		return t.expected(brackets)
	}
	t.pos += len(brackets)
	t.table = path
	t.settings = append(t.settings, setting{path: path, header: true, line: line})
	return nil
}

// assignment reads key = value.
func (t *tomlScanner) assignment(table []string) error {
	line := t.line()
	key, err := t.key()
	if err != nil {
		return err
	}
	if t.peek() != '=' {
		return t.expected("'='")
	}
	t.pos++
	t.space()
	path := append(slices.Clip(table), key...)
	at := len(t.settings)
	t.settings = append(t.settings, setting{path: path, line: line})
	start := t.pos
	err = t.skip(path)
	t.settings[at].value = t.text[start:t.pos]
	return err
}

// key reads a key with dots, and the space around it.
func (t *tomlScanner) key() ([]string, error) {
	var path []string
	for {
		t.space()
		word, err := t.keyWord()
		if err != nil {
			return nil, err
		}
		path = append(path, word)
		if t.space(); t.peek() != '.' {
			return path, nil
		}
		t.pos++
	}
}

func (t *tomlScanner) keyWord() (string, error) {
	if c := t.peek(); c == '"' || c == '\'' {
		return t.quoted()
	}
	start := t.pos
	for isBare(t.peek()) {
		t.pos++
	}
	if t.pos == start {
		return "", t.expected("a key")
	}
	return t.text[start:t.pos], nil
}

func isBare(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// skip steps over a value. Those in an inline table are settings of path.
func (t *tomlScanner) skip(path []string) error {
	switch t.peek() {
	case '"', '\'':
		_, err := t.quoted()
		return err
	case '[':
		return t.items(']', func() error { return t.skip(nil) })
	case '{':
		return t.items('}', func() error { return t.assignment(path) })
	}
	start := t.pos
	for c := t.peek(); isBare(c) || c == '+' || c == '.' || c == ':'; c = t.peek() {
		t.pos++
	}
	if t.pos == start {
		return t.expected("a value")
	}
	return nil
}

// items reads what stands between brackets and commas.
func (t *tomlScanner) items(closing byte, item func() error) error {
	t.pos++
	for {
		t.blank()
		switch t.peek() {
		case closing:
			t.pos++
			return nil
		case ',':
			t.pos++
			continue
		case 0:
			return t.expected("'" + string(rune(closing)) + "'")
		}
		if err := item(); err != nil {
			return err
		}
	}
}

// quoted reads a string of any of the four kinds.
func (t *tomlScanner) quoted() (string, error) {
	mark := t.text[t.pos:min(t.pos+1, len(t.text))]
	if mark != `"` && mark != "'" {
		return "", t.expected("a string")
	}
	many := strings.HasPrefix(t.text[t.pos:], strings.Repeat(mark, 3))
	if many {
		mark = strings.Repeat(mark, 3)
	}
	start := t.pos + len(mark)
	for i := start; i < len(t.text); i++ {
		switch c := t.text[i]; {
		case c == '\\' && mark[0] == '"':
			i++
		case c == '\n' && !many:
			return "", t.expected("a string that ends in its line")
		case strings.HasPrefix(t.text[i:], mark):
			word := t.text[start:i]
			t.pos = i + len(mark)
			return t.unescaped(mark, word)
		}
	}
	return "", t.expected("a string that is closed")
}

// unescaped returns what stands between the marks. Strings of several lines are no paths or names: they stay as they are.
func (t *tomlScanner) unescaped(mark, word string) (string, error) {
	if mark != `"` || !strings.Contains(word, `\`) {
		return word, nil
	}
	// TOML's escapes are Go's, but for \e.
	plain, err := strconv.Unquote(`"` + word + `"`)
	if err != nil {
		return "", fmt.Errorf("%s:%d: invalid escape in %q", t.file, t.line(), word)
	}
	return plain, nil
}
