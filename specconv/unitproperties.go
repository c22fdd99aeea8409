package specconv

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/specconv/plan"
)

// unitProperty is the prefix of annotations that set properties of the systemd
// unit a container runs in.
const unitProperty = "org.systemd.property."

// checkUnitProperties checks annotations such as
//
//	org.systemd.property.TimeoutStopSec = 30
//	org.systemd.property.CollectMode    = 'inactive-or-failed'
//
// Without the systemd driver they have no effect, but a mistake in them is one
// everywhere.
func (b *builder) checkUnitProperties() error {
	_, err := b.cgroup.unitProperties()
	return err
}

// unitProperties returns those that annotations ask for, by name.
func (b *cgroupBuilder) unitProperties() ([]plan.UnitProperty, error) {
	var list []plan.UnitProperty
	for _, key := range sortedKeys(b.spec.Annotations) {
		name, ok := strings.CutPrefix(key, unitProperty)
		if !ok {
			continue
		}
		p, err := parseUnitProperty(name, b.spec.Annotations[key])
		if err != nil {
			return nil, invalid("annotations."+key, "", "%w", err)
		}
		list = append(list, p)
	}
	return list, nil
}

// parseUnitProperty reads a property's value in GVariant text format, of which
// units need numbers, booleans, strings and arrays of these. As on systemd's
// command line, times may be given in seconds: TimeoutStopSec is TimeoutStopUSec.
func parseUnitProperty(name, text string) (plan.UnitProperty, error) {
	p := plan.UnitProperty{Name: name}
	letters := strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	if len(name) < 3 || !letters {
		return p, fmt.Errorf("%q is not the name of a unit's property, expected letters such as CollectMode", name)
	}
	v := variant{rest: strings.TrimSpace(text)}
	var err error
	if p.Type, p.Values, err = v.value(); err == nil && v.rest != "" {
		err = fmt.Errorf("%q follows the value", v.rest)
	}
	if err != nil {
		return p, fmt.Errorf("%q is not a value in GVariant text format: %w", text, err)
	}
	stem, seconds := strings.CutSuffix(name, "Sec")
	if last := stem[max(len(stem)-1, 0):]; !seconds || last < "a" || last > "z" {
		return p, nil // "USec" stays as it is
	}
	n, err := strconv.ParseFloat(strings.Join(p.Values, ","), 64)
	if err != nil || n < 0 || n*1e6 >= math.MaxUint64 || p.Type == "s" {
		return p, fmt.Errorf("%q is not a number of seconds", text)
	}
	return plan.UnitProperty{Name: stem + "USec", Type: "t", Values: []string{strconv.FormatUint(uint64(n*1e6), 10)}}, nil
}

// variant is what is left of a text to be read.
type variant struct{ rest string }

var errVariant = errors.New(`expected a number, true or false, a string in quotes, or an array such as ['a', 'b'], each with a type before it, if needed`)

// value reads a value with or without its type: "uint64 5", "@as []", "'text'".
func (v *variant) value() (kind string, values []string, err error) {
	if after, ok := strings.CutPrefix(v.rest, "@"); ok {
		kind, v.rest, _ = strings.Cut(after, " ")
		v.rest = strings.TrimSpace(v.rest)
		if !strings.Contains("|b|y|n|q|i|u|x|t|d|s|o|g|ab|ay|an|aq|ai|au|ax|at|ad|as|ao|ag|", "|"+kind+"|") {
			return kind, nil, fmt.Errorf("unknown type %q", kind)
		}
	} else if word, after, ok := strings.Cut(v.rest, " "); ok {
		if kind = typeWord(word); kind != "" {
			v.rest = strings.TrimSpace(after)
		}
	}
	if !strings.HasPrefix(v.rest, "[") {
		if strings.HasPrefix(kind, "a") {
			return kind, nil, errVariant
		}
		found, value, err := v.scalar(kind)
		return found, []string{value}, err
	}
	return v.array(kind)
}

func (v *variant) array(kind string) (string, []string, error) {
	element, isArray := strings.CutPrefix(kind, "a")
	if kind != "" && !isArray {
		return kind, nil, errVariant
	}
	var values []string
	for v.rest = strings.TrimSpace(v.rest[1:]); !strings.HasPrefix(v.rest, "]"); {
		asked := element
		if word, after, ok := strings.Cut(v.rest, " "); ok && typeWord(word) != "" { // [byte 1, 2]
			asked, v.rest = typeWord(word), strings.TrimSpace(after)
		}
		found, value, err := v.scalar(asked)
		if err != nil {
			return kind, nil, err
		}
		if element != "" && found != element {
			return kind, nil, errors.New("elements of different types")
		}
		element, values = found, append(values, value)
		v.rest = strings.TrimSpace(v.rest)
		after, more := strings.CutPrefix(v.rest, ",")
		if !more && !strings.HasPrefix(v.rest, "]") {
			return kind, nil, errVariant
		}
		v.rest = strings.TrimSpace(after)
	}
	if element == "" {
		return kind, nil, errors.New("an empty array needs its type, as in @as []")
	}
	v.rest = strings.TrimSpace(v.rest[1:])
	return "a" + element, values, nil
}

// scalar reads a value of a type, or of the one that it looks like.
func (v *variant) scalar(kind string) (string, string, error) {
	if v.rest != "" && (v.rest[0] == '\'' || v.rest[0] == '"') {
		if kind == "" {
			kind = "s"
		}
		if !strings.Contains("sog", kind) {
			return kind, "", fmt.Errorf("a string is not of type %q", kind)
		}
		value, err := v.quoted()
		return kind, value, err
	}
	end := strings.IndexAny(v.rest, " ,]")
	if end < 0 {
		end = len(v.rest)
	}
	word := v.rest[:end]
	v.rest = strings.TrimSpace(v.rest[end:])
	switch {
	case kind == "" && (word == "true" || word == "false"):
		kind = "b"
	case kind == "" && strings.ContainsAny(word, ".eE") && !strings.HasPrefix(word, "0x"):
		kind = "d"
	case kind == "":
		kind = "i" // as GLib has it
	}
	value, err := number(kind, word)
	if err != nil {
		return kind, "", fmt.Errorf("%q is not of type %q; %w", word, kind, errVariant)
	}
	return kind, value, nil
}

// number checks a text against its type and gives it in decimal.
func number(kind, word string) (string, error) {
	unsigned := func(bits int) (string, error) {
		n, err := strconv.ParseUint(word, 0, bits)
		return strconv.FormatUint(n, 10), err
	}
	signed := func(bits int) (string, error) {
		n, err := strconv.ParseInt(word, 0, bits)
		return strconv.FormatInt(n, 10), err
	}
	switch kind {
	case "b":
		if word == "true" || word == "false" {
			return word, nil
		}
	case "d":
		n, err := strconv.ParseFloat(word, 64)
		return strconv.FormatFloat(n, 'g', -1, 64), err
	case "y":
		return unsigned(8)
	case "q":
		return unsigned(16)
	case "u":
		return unsigned(32)
	case "t":
		return unsigned(64)
	case "n":
		return signed(16)
	case "i":
		return signed(32)
	case "x":
		return signed(64)
	}
	return "", strconv.ErrSyntax
}

// quoted reads a string in quotes of either kind.
func (v *variant) quoted() (string, error) {
	quote := v.rest[0]
	var value strings.Builder
	for i := 1; i < len(v.rest); i++ {
		c := v.rest[i]
		switch {
		case c == quote:
			v.rest = strings.TrimSpace(v.rest[i+1:])
			return value.String(), nil
		case c == '\\' && i+1 < len(v.rest):
			i++
			if c = v.rest[i]; c == 'n' {
				c = '\n'
			} else if c == 't' {
				c = '\t'
			}
		}
		value.WriteByte(c)
	}
	return "", errors.New("the string has no end")
}

// typeWord gives the D-Bus signature for a type's name.
func typeWord(word string) string {
	switch word {
	case "boolean":
		return "b"
	case "byte":
		return "y"
	case "int16":
		return "n"
	case "uint16":
		return "q"
	case "int32":
		return "i"
	case "uint32":
		return "u"
	case "int64":
		return "x"
	case "uint64":
		return "t"
	case "double":
		return "d"
	case "string":
		return "s"
	case "objectpath":
		return "o"
	case "signature":
		return "g"
	}
	return ""
}
