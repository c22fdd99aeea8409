package jsontext

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Error is the first thing wrong with a JSON document. It says where the document stops making sense, both for an
// editor (line and column) and for a reader of the specification (path).
type Error struct {
	File   string // name of the document, as the caller gave it; may be empty
	Line   int    // 1-based
	Column int    // 1-based, in bytes
	Path   string // the value in question, such as process.args[2]; empty for the document itself
	Msg    string // what is wrong, such as "expected a string, found a number"
	Hint   string // what to do about it; may be empty
}

// Error returns "file:line:column: path: message" without the parts that are empty.
func (e *Error) Error() string {
	var b []byte
	if e.File != "" {
		b = append(append(b, e.File...), ':')
	}
	b = strconv.AppendInt(b, int64(e.Line), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(e.Column), 10)
	b = append(b, ": "...)
	if e.Path != "" {
		b = append(append(b, e.Path...), ": "...)
	}
	return string(append(b, e.Msg...))
}

// fail records the first error, at byte offset at, and moves the reader to the end of the input. There every further
// read fails too and is ignored, so that callers look at the error once, when they are done.
func (r *scanner) fail(at int, msg string) {
	if r.err == nil {
		before := r.text[:at]
		r.err = &Error{
			File:   r.file,
			Line:   strings.Count(before, "\n") + 1,
			Column: at - strings.LastIndexByte(before, '\n'),
			Path:   r.path(),
			Msg:    msg,
		}
	}
	r.pos = len(r.text)
}

// expected fails at the reader's position, naming what stands there instead of want.
func (r *scanner) expected(want string) {
	if r.err != nil {
		return
	}
	hint := r.notJSON()
	r.fail(r.pos, "expected "+want+", found "+r.found())
	r.err.Hint = hint
}

// notJSON is about what other languages have at the reader's position, and JSON has not.
func (r *scanner) notJSON() string {
	before := strings.TrimRight(r.text[:r.pos], " \t\r\n")
	c, _ := utf8.DecodeRuneInString(r.text[r.pos:])
	switch {
	case (c == '}' || c == ']') && strings.HasSuffix(before, ","):
		return "JSON has no comma after the last entry: remove the one before it"
	case c == '/' || c == '#':
		return "JSON has no comments: remove it"
	case strings.ContainsRune("'\u2018\u2019\u201c\u201d", c):
		return `JSON has keys and strings in double quotes: "..."`
	case c == '"' && before != "" && strings.IndexByte("{[,:", before[len(before)-1]) < 0:
		return "a comma may be missing before it"
	}
	return ""
}

// found describes whatever begins at the reader's position.
func (r *scanner) found() string {
	rest := r.text[r.pos:]
	if rest == "" {
		return "the end of the input"
	}
	switch c := rest[0]; {
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == '-' || isDigit(c):
		return "a number"
	case strings.HasPrefix(rest, "true"), strings.HasPrefix(rest, "false"):
		return "a boolean"
	case strings.HasPrefix(rest, "null"):
		return "null"
	}
	c, size := utf8.DecodeRuneInString(rest)
	if c == utf8.RuneError && size == 1 {
		return "byte 0x" + strconv.FormatUint(uint64(rest[0]), 16)
	}
	return strconv.QuoteRune(c)
}

// path spells the way from the root to the value being read: process.args[2], annotations["com.example/key"].
func (r *scanner) path() string {
	var b []byte
	for _, f := range r.stack {
		switch {
		case f.at == atElement:
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(f.index), 10)
			b = append(b, ']')
		case f.at == atField && isName(f.key):
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, f.key...)
		case f.at == atField:
			b = append(b, '[')
			b = strconv.AppendQuote(b, f.key)
			b = append(b, ']')
		}
	}
	return string(b)
}

// isName reports whether key can stand in a path without quotes.
func isName(key string) bool {
	for _, c := range []byte(key) {
		if !isDigit(c) && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return key != ""
}
