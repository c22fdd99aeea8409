package check

import (
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/specconv/jsontext"
)

// locate finds where in a document a field is, with its key and the comma that belongs
// to it. If it is the element of an array, it is named, too.
func locate(text []byte, field string) (jsontext.Span, element, bool) {
	l := locator{text: text, r: jsontext.NewReader("", text)}
	if field == "" || !l.find(field) {
		return jsontext.Span{}, element{}, false
	}
	if l.element.array != "" {
		l.element.array = strings.TrimSuffix(field, "["+strconv.Itoa(l.element.index)+"]")
	}
	return l.span, l.element, true
}

type locator struct {
	text    []byte
	r       *jsontext.Reader
	span    jsontext.Span
	element element
}

// find walks to a field below the value that the reader is at.
func (l *locator) find(field string) bool {
	switch {
	case l.r.Array():
		for i := range l.r.Elements("values") {
			rest, ok := strings.CutPrefix(field, "["+strconv.Itoa(i)+"]")
			if !ok {
				continue
			}
			start := l.skipSpace(l.r.Offset())
			if rest != "" {
				return l.find(strings.TrimPrefix(rest, "."))
			}
			l.r.Skip()
			l.element = element{"array", i}
			return l.spanOf(start)
		}
	case l.object():
		// Keys may have dots: the longest that fits is it.
		longest := l.longestKey(field)
		if longest == "" {
			return false
		}
		before := l.r.Offset()
		for key := range l.r.Fields() {
			if key != longest {
				l.r.Skip()
				before = l.r.Offset()
				continue
			}
			rest, _ := cutKey(field, key)
			if rest != "" {
				return l.find(rest)
			}
			l.r.Skip()
			// From the key on, which follows a bracket or a comma.
			start := before
			for l.text[start] != '"' {
				start++
			}
			return l.spanOf(start)
		}
	}
	return false
}

func (l *locator) object() bool {
	at := l.skipSpace(l.r.Offset())
	return at < len(l.text) && l.text[at] == '{'
}

// longestKey looks ahead over the keys of the object that the reader is at.
func (l *locator) longestKey(field string) string {
	ahead := *l.r
	longest := ""
	for key := range ahead.Fields() {
		if _, ok := cutKey(field, key); ok && len(key) > len(longest) {
			longest = key
		}
		ahead.Skip()
	}
	return longest
}

// cutKey takes a key off the head of a field, in both ways of writing it.
func cutKey(field, key string) (rest string, ok bool) {
	if rest, ok := strings.CutPrefix(field, "["+strconv.Quote(key)+"]"); ok {
		return strings.TrimPrefix(rest, "."), true
	}
	rest, ok = strings.CutPrefix(field, key)
	if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
		return "", false
	}
	return strings.TrimPrefix(rest, "."), true
}

// spanOf is from a start to where the reader is, and the comma behind that or, if there
// is none, the one before.
func (l *locator) spanOf(start int) bool {
	end := l.r.Offset()
	if after := l.skipSpace(end); after < len(l.text) && l.text[after] == ',' {
		l.span = jsontext.Span{Start: start, End: after + 1}
		return true
	}
	for before := start - 1; before >= 0; before-- {
		if c := l.text[before]; c == ',' {
			start = before
			break
		} else if c == '{' || c == '[' {
			break
		}
	}
	l.span = jsontext.Span{Start: start, End: end}
	return true
}

func (l *locator) skipSpace(at int) int {
	for at < len(l.text) && strings.IndexByte(" \t\r\n", l.text[at]) >= 0 {
		at++
	}
	return at
}

// Pointer returns the JSON pointer (RFC 6901) of a field, "" for the document itself.
// The document distinguishes keys with dots from nested ones.
func Pointer(text []byte, field string) string {
	var pointer []byte
	r := jsontext.NewReader("", text)
	l := locator{text: text, r: r}
	for field != "" {
		key := ""
		if field[0] == '[' {
			key, field, _ = strings.Cut(field[1:], "]")
			field = strings.TrimPrefix(field, ".")
			if unquoted, err := strconv.Unquote(key); err == nil {
				key = unquoted
			}
		} else {
			if l.object() {
				key = l.longestKey(field)
			}
			if key == "" {
				key = field[:len(field)-len(strings.TrimLeft(field, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"))]
			}
			if key == "" {
				key, field = field, ""
			} else {
				field, _ = cutKey(field, key)
			}
		}
		pointer = append(append(pointer, '/'), strings.NewReplacer("~", "~0", "/", "~1").Replace(key)...)
		l.enter(key)
	}
	return string(pointer)
}

// enter moves the reader to the value of a key, or to an element.
func (l *locator) enter(key string) {
	switch {
	case l.r.Array():
		for i := range l.r.Elements("values") {
			if strconv.Itoa(i) == key {
				return
			}
		}
	case l.object():
		for name := range l.r.Fields() {
			if name == key {
				return
			}
		}
	}
}
