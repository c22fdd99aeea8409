package jsontext

import "unicode/utf8"

// AppendString appends s to dst as a JSON string, escaped as encoding/json does by default: beside what RFC 8259 section 7
// asks for, < > & are written \u003c \u003e \u0026, U+2028 and U+2029 \u2028 and \u2029, and bytes that are not UTF-8
// \ufffd. Engines and hooks have only ever seen this form from runc.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if isPlain(c) {
				i++
				continue
			}
			dst = appendEscape(append(dst, s[done:i]...), c)
			i++
			done = i
			continue
		}
		c, size := utf8.DecodeRuneInString(s[i:])
		escape := ""
		switch {
		case c == utf8.RuneError && size == 1:
			escape = `\ufffd`
		case c == '\u2028':
			escape = `\u2028`
		case c == '\u2029':
			escape = `\u2029`
		default:
			i += size
			continue
		}
		dst = append(append(dst, s[done:i]...), escape...)
		i += size
		done = i
	}
	return append(append(dst, s[done:]...), '"')
}

// isPlain reports whether an ASCII character stands for itself.
func isPlain(c byte) bool {
	return c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(append(dst, `\u00`...), hexByte(c)...)
}
