package jsontext

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner is where a reader is in the text, and in the document. It steps over tokens.
type scanner struct {
	file  string
	text  string // the whole document; strings are cut out of it
	pos   int
	stack []frame // the objects and arrays around pos, outermost first
	err   *Error
}

// outside fails at a number which is not a whole one from lo to hi.
func (r *scanner) outside(at int, lo, hi, literal string) {
	const enough = 40
	if len(literal) > enough {
		literal = literal[:enough] + "..."
	}
	r.fail(at, "expected a whole number from "+lo+" to "+hi+", found "+literal)
}

// word steps over w, if that is what follows.
func (r *scanner) word(w string) bool {
	if !strings.HasPrefix(r.text[r.pos:], w) {
		return false
	}
	r.pos += len(w)
	return true
}

// number reads a number of any kind (RFC 8259 section 6) and returns its offset and spelling.
func (r *scanner) number(want string) (at int, literal string, ok bool) {
	c := r.peek()
	if c != '-' && !isDigit(c) {
		r.expected(want)
		return 0, "", false
	}
	at = r.pos
	if c == '-' {
		r.pos++
	}
	if r.pos < len(r.text) && r.text[r.pos] == '0' {
		r.pos++ // nothing may follow a leading zero
	} else if !r.digits() {
		return 0, "", false
	}
	if r.pos < len(r.text) && r.text[r.pos] == '.' {
		r.pos++
		if !r.digits() {
			return 0, "", false
		}
	}
	if r.pos < len(r.text) && r.text[r.pos]|0x20 == 'e' {
		r.pos++
		if r.pos < len(r.text) && (r.text[r.pos] == '+' || r.text[r.pos] == '-') {
			r.pos++
		}
		if !r.digits() {
			return 0, "", false
		}
	}
	return at, r.text[at:r.pos], true
}

// digits steps over at least one digit.
func (r *scanner) digits() bool {
	start := r.pos
	for r.pos < len(r.text) && isDigit(r.text[r.pos]) {
		r.pos++
	}
	if r.pos == start {
		r.expected("a digit")
	}
	return r.pos > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// quoted reads a string (RFC 8259 section 7). Without escapes the result is a piece of the document.
func (r *scanner) quoted(want string) (s string, ok bool) {
	if r.peek() != '"' {
		r.expected(want)
		return "", false
	}
	start := r.pos + 1
	var seen byte
	for i := start; i < len(r.text); i++ {
		c := r.text[i]
		switch {
		case c == '"':
			r.pos = i + 1
			return validUTF8(r.text[start:i], seen), true
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			r.control(start-1, i)
			return "", false
		}
		seen |= c
	}
	r.fail(start-1, "string is not closed")
	return "", false
}

// validUTF8 returns s with U+FFFD for each byte that is not UTF-8. Seen is all bytes of s or-ed together: nearly every
// string is ASCII, and then there is nothing to look at.
func validUTF8(s string, seen byte) string {
	if seen < utf8.RuneSelf || utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// control fails at a control character inside the string that opened at byte opened.
func (r *scanner) control(opened, at int) {
	if c := r.text[at]; c != '\n' {
		r.fail(at, "control character 0x"+hexByte(c)+" in a string: write it as \\u00"+hexByte(c))
		return
	}
	r.fail(opened, "string is not closed before the end of the line")
}

func hexByte(c byte) string {
	const hex = "0123456789abcdef"
	return string([]byte{hex[c>>4], hex[c&15]})
}

// escaped reads on in the string whose text began at start, from its first backslash on.
func (r *scanner) escaped(start, backslash int) (s string, ok bool) {
	buf := append(make([]byte, 0, backslash-start+32), r.text[start:backslash]...)
	var seen byte
	for i := backslash; i < len(r.text); {
		c := r.text[i]
		switch {
		case c == '"':
			r.pos = i + 1
			return validUTF8(string(buf), 0xff), true
		case c == '\\':
			char, size := unescape(r.text[i:])
			if size == 0 {
				r.fail(i, "invalid escape in a string")
				return "", false
			}
			buf = utf8.AppendRune(buf, char)
			i += size
		case c < ' ':
			r.control(start-1, i)
			return "", false
		default:
			buf = append(buf, c)
			i++
		}
		seen |= c
	}
	r.fail(start-1, "string is not closed")
	return "", false
}

// unescape returns the character an escape at the start of s stands for and the bytes it takes, 0 if it is not valid. Half
// a surrogate pair stands for U+FFFD.
func unescape(s string) (char rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	char, ok := codeUnit(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(char) {
		return char, 6
	}
	if low, ok := codeUnit(s[6:]); ok {
		if pair := utf16.DecodeRune(char, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// codeUnit returns the UTF-16 code unit of a \uXXXX at the start of s.
func codeUnit(s string) (unit rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// enter steps over the bracket that opens an object or array, described by what and of.
func (r *scanner) enter(bracket byte, what, of string) bool {
	if r.peek() != bracket {
		r.expected(what + of)
		return false
	}
	if len(r.stack) == maxDepth {
		r.fail(r.pos, "nested deeper than 200 levels")
		return false
	}
	r.pos++
	r.stack = append(r.stack, frame{})
	return true
}

// more reports whether the innermost object or array goes on, after stepping over the comma, if it does, or over its
// closing bracket.
func (r *scanner) more(bracket byte, first bool) bool {
	c := r.peek()
	switch {
	case r.pos == len(r.text):
		r.expected("',' or '" + string(rune(bracket)) + "'")
		return false
	case c == bracket:
		r.pos++
		r.stack = r.stack[:len(r.stack)-1]
		return false
	case first:
		return true
	case c != ',':
		r.expected("',' or '" + string(rune(bracket)) + "'")
		return false
	}
	r.pos++
	r.space()
	return true
}

// colon steps over the colon between a key and its value, and the space around it.
func (r *scanner) colon() bool {
	if r.peek() != ':' {
		r.expected("':'")
		return false
	}
	r.pos++
	r.space()
	return true
}

// peek steps over white space and returns the byte that follows, 0 at the end.
func (r *scanner) peek() byte {
	r.space()
	if r.pos == len(r.text) {
		return 0
	}
	return r.text[r.pos]
}

// space steps over white space (RFC 8259 section 2).
func (r *scanner) space() {
	i := r.pos
	for i < len(r.text) {
		switch r.text[i] {
		case ' ', '\n', '\t', '\r':
			i++
			continue
		}
		break
	}
	r.pos = i
}
