package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A pattern is an extended regular expression of POSIX (regex(7)) for container ids, which are short and ASCII. Package
// regexp would cost every command of every container its tables.
//
// It works on sets of places in the text instead of on one: given where something may begin, it says where it may end. That
// takes no backtracking, and no pattern takes forever.
type pattern func(text string, from places) places

// places has an element for every place between the bytes of a text, its ends included.
type places []bool

func (p places) none() bool {
	for _, in := range p {
		if in {
			return false
		}
	}
	return true
}

// add adds others, and reports whether there were new ones.
func (p places) add(others places) bool {
	grown := false
	for i, in := range others {
		if in && !p[i] {
			p[i], grown = true, true
		}
	}
	return grown
}

// matches reports whether the pattern is found anywhere in text.
func (p pattern) matches(text string) bool {
	from := make(places, len(text)+1)
	for i := range from {
		from[i] = true
	}
	return !p(text, from).none()
}

func parsePattern(text string) (pattern, error) {
	r := patternReader{rest: text}
	p, err := r.alternatives()
	if err == nil && r.rest != "" {
		err = errors.New("unmatched )")
	}
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression %q: %w", text, err)
	}
	return p, nil
}

type patternReader struct{ rest string }

func (r *patternReader) take(prefix string) bool {
	rest, ok := strings.CutPrefix(r.rest, prefix)
	r.rest = rest
	return ok
}

// alternatives reads up to the end or to a closing parenthesis.
func (r *patternReader) alternatives() (pattern, error) {
	var all []pattern
	for {
		p, err := r.sequence()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
		if !r.take("|") {
			break
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return func(text string, from places) places {
		to := make(places, len(from))
		for _, p := range all {
			to.add(p(text, from))
		}
		return to
	}, nil
}

func (r *patternReader) sequence() (pattern, error) {
	var all []pattern
	for r.rest != "" && r.rest[0] != '|' && r.rest[0] != ')' {
		p, err := r.piece()
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return func(text string, from places) places {
		for _, p := range all {
			from = p(text, from)
		}
		return from
	}, nil
}

// piece reads an atom and how often it comes.
func (r *patternReader) piece() (pattern, error) {
	p, err := r.atom()
	for err == nil && r.rest != "" && strings.IndexByte("*+?{", r.rest[0]) >= 0 {
		least, most := 0, -1
		switch {
		case r.take("*"):
		case r.take("+"):
			least = 1
		case r.take("?"):
			most = 1
		case r.take("{"):
			least, most, err = r.bounds()
		}
		p = repeated(p, least, most)
	}
	return p, err
}

// bounds reads "3}", "3,}" or "3,5}".
func (r *patternReader) bounds() (least, most int, err error) {
	inside, rest, closed := strings.Cut(r.rest, "}")
	first, second, comma := strings.Cut(inside, ",")
	const highest = 255 // RE_DUP_MAX
	least, err = strconv.Atoi(first)
	switch {
	case !comma:
		most = least
	case second == "":
		most = -1
	case err == nil:
		most, err = strconv.Atoi(second)
	}
	if !closed || err != nil || least < 0 || least > highest || most > highest || most >= 0 && most < least {
		return 0, 0, errors.New("{ must be followed by numbers up to 255 and }, as in {2} or {2,4}")
	}
	r.rest = rest
	return least, most, nil
}

// repeated is p at least so often, and at most; -1: without end.
func repeated(p pattern, least, most int) pattern {
	return func(text string, from places) places {
		for range least {
			if from = p(text, from); from.none() {
				return from
			}
		}
		to := append(places(nil), from...)
		for n := least; n != most; n++ {
			from = p(text, from)
			if !to.add(from) {
				break
			}
		}
		return to
	}
}

func (r *patternReader) atom() (pattern, error) {
	c := r.rest[0]
	r.rest = r.rest[1:]
	switch c {
	case '(':
		p, err := r.alternatives()
		if err == nil && !r.take(")") {
			err = errors.New("unmatched (")
		}
		return p, err
	case '[':
		return r.class()
	case '^':
		return at(func(place, end int) bool { return place == 0 }), nil
	case '$':
		return at(func(place, end int) bool { return place == end }), nil
	case '.':
		return one(func(byte) bool { return true }), nil
	case '*', '+', '?', '{':
		return nil, fmt.Errorf("nothing before %c to repeat", c)
	case '\\':
		if r.rest == "" || isWord(r.rest[0]) {
			return nil, errors.New("\\ must be followed by a character with a meaning, to be rid of it")
		}
		c = r.rest[0]
		r.rest = r.rest[1:]
	}
	return one(func(have byte) bool { return have == c }), nil
}

func isWord(c byte) bool { return classes("alnum", c) || c == '_' }

// one is a single byte that fits.
func one(fits func(byte) bool) pattern {
	return func(text string, from places) places {
		to := make(places, len(from))
		for i := range len(text) {
			to[i+1] = from[i] && fits(text[i])
		}
		return to
	}
}

// at is nothing, in a certain place.
func at(here func(place, end int) bool) pattern {
	return func(text string, from places) places {
		to := make(places, len(from))
		for i := range from {
			to[i] = from[i] && here(i, len(text))
		}
		return to
	}
}

// class reads the rest of a bracket expression.
func (r *patternReader) class() (pattern, error) {
	var in [256]bool
	not := r.take("^")
	for first := true; first || !r.take("]"); first = false {
		if name, rest, ok := strings.Cut(r.rest, ":]"); ok && strings.HasPrefix(name, "[:") {
			r.rest, name = rest, name[2:]
			if !isClass(name) {
				return nil, fmt.Errorf("no such class: [:%s:]", name)
			}
			for c := range in {
				in[c] = in[c] || classes(name, byte(c))
			}
			continue
		}
		if r.rest == "" || strings.HasPrefix(r.rest, "[.") || strings.HasPrefix(r.rest, "[=") {
			return nil, errors.New("unmatched [, or a class that is not known")
		}
		low, high := r.rest[0], r.rest[0]
		r.rest = r.rest[1:]
		if len(r.rest) > 1 && r.rest[0] == '-' && r.rest[1] != ']' {
			high = r.rest[1]
			r.rest = r.rest[2:]
		}
		if high < low {
			return nil, fmt.Errorf("range %c-%c ends before it begins", low, high)
		}
		for c := int(low); c <= int(high); c++ {
			in[c] = true
		}
	}
	return one(func(c byte) bool { return in[c] != not }), nil
}

func isClass(name string) bool {
	switch name {
	case "alpha", "digit", "alnum", "upper", "lower", "punct", "xdigit", "space", "blank", "cntrl", "print", "graph":
		return true
	}
	return false
}

// classes are those of POSIX, for ASCII.
func classes(name string, c byte) bool {
	lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9'
	switch name {
	case "alpha":
		return lower || upper
	case "digit":
		return digit
	case "alnum":
		return lower || upper || digit
	case "upper":
		return upper
	case "lower":
		return lower
	case "punct":
		return '!' <= c && c <= '~' && !lower && !upper && !digit
	case "xdigit":
		return digit || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
	case "space":
		return c == ' ' || '\t' <= c && c <= '\r'
	case "blank":
		return c == ' ' || c == '\t'
	case "cntrl":
		return c < ' ' || c == 0x7f
	case "print":
		return ' ' <= c && c <= '~'
	case "graph":
		return '!' <= c && c <= '~'
	}
	return false
}
