package codec

import (
	"reflect"
	"testing"
	"unsafe"
)

type inner struct {
	Name string
	List []uint32
}

type all struct {
	U64   uint64
	U32   uint32
	Num   int
	I64   int64
	Flag  bool
	Str   string
	Strs  []string
	Inner []inner
	Bits  []uint64
}

func (a *all) code(c *Coder) {
	c.U64(&a.U64)
	c.U32(&a.U32)
	c.Num(&a.Num)
	c.I64(&a.I64)
	c.Flag(&a.Flag)
	c.Str(&a.Str)
	c.Strs(&a.Strs)
	Room(c, &a.Inner)
	for i := range a.Inner {
		c.Str(&a.Inner[i].Name)
		Plain(c, &a.Inner[i].List)
	}
	Plain(c, &a.Bits)
}

func write(a *all) []byte { return Encode(a.code) }

var examples = []all{
	{},
	{1<<64 - 1, 1<<32 - 1, -1 << 63, 1<<63 - 1, true, "a string", []string{"", "x"}, []inner{{"n", nil}, {"", []uint32{7}}}, []uint64{1, 1 << 63}},
	{5, 6, -7, -8, false, "", []string{"one"}, nil, nil},
}

func TestRoundTrip(t *testing.T) {
	for _, want := range examples {
		c := Reader(write(&want))
		var got all
		got.code(&c)
		if !c.End() || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v (end: %t)", got, want, c.End())
		}
	}
}

// TestMalformed: what is cut short is noticed.
func TestMalformed(t *testing.T) {
	message := write(&examples[1])
	for n := range message {
		cut := Aligned(n)
		copy(cut, message)
		c := Reader(cut)
		var got all
		got.code(&c)
		if c.End() || !c.Bad() {
			t.Errorf("the first %d of %d bytes were accepted", n, len(message))
		}
	}
}

func FuzzReader(f *testing.F) {
	for i := range examples {
		f.Add(write(&examples[i]))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		message := Aligned(len(data))
		copy(message, data)
		c := Reader(message)
		var got all
		got.code(&c)
	})
}

func TestNoAllocation(t *testing.T) {
	message := write(&examples[1])
	if n := testing.AllocsPerRun(10, func() {
		c := Reader(message)
		var got all
		got.code(&c)
	}); n != 0 {
		t.Errorf("%v allocations to read", n)
	}
	buf := Aligned(1000)
	if n := testing.AllocsPerRun(10, func() {
		c := Writer(buf)
		examples[1].code(&c)
	}); n != 0 {
		t.Errorf("%v allocations to write", n)
	}
}

func TestPointers(t *testing.T) {
	want := []string{"program", "", "argument"}
	c := Reader(write(&all{Strs: want}))
	var got all
	got.code(&c)
	pointers := Pointers(got.Strs)
	if len(pointers) != 4 || pointers[3] != nil {
		t.Fatalf("%v", pointers)
	}
	for i, w := range want {
		if s := unsafe.String(pointers[i], len(w)+1); s != w+"\x00" {
			t.Errorf("%q, want %q", s, w)
		}
	}
	if p := Pointers(nil); len(p) != 1 || p[0] != nil {
		t.Errorf("%v of nothing", p)
	}
}
