package systemd

import (
	"math"
	"strconv"
	"strings"

	"github.com/crun-go/crun-go/cgroups/systemd/internal/dbus"
)

// Property is one of a unit. The value is a string, a bool, a uint64, a
// []string, []uint32 or []byte, a []Pair, []Allowed, or [Typed].
type Property struct {
	Name  string
	Value any
}

// Pair is what a property says of one device: its path, and a number.
type Pair struct {
	Path  string
	Value uint64
}

// Typed is a value from the configuration: of a basic type of D-Bus, or an array of one.
type Typed struct {
	Type   string
	Values []string // numbers in decimal, true or false, text
}

// Infinity is systemd's "no limit".
const Infinity = math.MaxUint64

// encodeProperties appends an a(sv).
func encodeProperties(b *dbus.Body, list []Property) {
	b.Array(8, func() {
		for _, p := range list {
			b.Struct()
			b.Text(p.Name)
			encodeValue(b, p.Value)
		}
	})
}

// encodeValue appends a variant. A value of another type is a mistake of this
// program, which systemd will object to.
func encodeValue(b *dbus.Body, value any) {
	switch v := value.(type) {
	case string:
		b.Variant("s")
		b.Text(v)
	case bool:
		b.Variant("b")
		b.Bool(v)
	case uint64:
		b.Variant("t")
		b.Uint64(v)
	default:
		encodeArray(b, value)
	}
}

func encodeArray(b *dbus.Body, value any) {
	switch v := value.(type) {
	case []string:
		b.Variant("as")
		b.Array(4, func() { each(v, b.Text) })
	case []uint32:
		b.Variant("au")
		b.Array(4, func() { each(v, b.Uint32) })
	case []byte:
		b.Variant("ay")
		b.Array(1, func() { each(v, b.Byte) })
	case []Pair:
		b.Variant("a(st)")
		b.Array(8, func() {
			each(v, func(p Pair) {
				b.Struct()
				b.Text(p.Path)
				b.Uint64(p.Value)
			})
		})
	case []Allowed:
		b.Variant("a(ss)")
		b.Array(8, func() {
			each(v, func(a Allowed) {
				b.Struct()
				b.Text(a.Node)
				b.Text(a.Access)
			})
		})
	case Typed:
		encodeTyped(b, v)
	default:
		b.Variant("g")
		b.Signature("")
	}
}

func encodeTyped(b *dbus.Body, v Typed) {
	b.Variant(v.Type)
	element, isArray := strings.CutPrefix(v.Type, "a")
	if !isArray {
		each(v.Values, func(text string) { encodeText(b, element, text) })
		return
	}
	b.Array(alignment(element), func() {
		each(v.Values, func(text string) { encodeText(b, element, text) })
	})
}

// alignment of a basic type (specification, "Marshaling").
func alignment(kind string) int {
	switch kind {
	case "y", "g":
		return 1
	case "n", "q":
		return 2
	case "x", "t", "d":
		return 8
	}
	return 4
}

// encodeText appends a value of a basic type. A value outside the
// type's range is truncated: it was checked when it was read.
func encodeText(b *dbus.Body, kind, text string) {
	switch kind {
	case "s", "o":
		b.Text(text)
	case "g":
		b.Signature(text)
	case "b":
		b.Bool(text == "true")
	case "d":
		f, _ := strconv.ParseFloat(text, 64)
		b.Uint64(math.Float64bits(f))
	default:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			signed, _ := strconv.ParseInt(text, 10, 64)
			n = uint64(signed)
		}
		switch kind {
		case "y":
			b.Byte(byte(n))
		case "n", "q":
			b.Uint16(uint16(n))
		case "i", "u", "h":
			b.Uint32(uint32(n))
		default:
			b.Uint64(n)
		}
	}
}

func each[T any](list []T, f func(T)) {
	for _, v := range list {
		f(v)
	}
}
