// Package fault has the errors of what works with and without Go's runtime: init,
// and what it shares with its parent. To make one allocates nothing where there is no
// runtime, and formats nothing: the parent, which reads it, makes the text.
package fault

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

// Fault is a failure: what failed, and the kernel's answer.
type Fault struct {
	// Text says what failed. Its verbs %s, %q, %d, %o and %x take what Str and Num have
	// added, in that order; %g are a signal's words, %e the errno's, which else come at the
	// end, and %n leaves them out.
	Text string
	// Prefix comes before Text, if it is not empty, with a colon between them unless it
	// ends in a space. Its verbs take what has been added after In.
	Prefix string
	Errno  unix.Errno // 0: no system call failed
	Call   string     // the system call that failed, where the reader needs it; else ""
	Kind   Kind       // where Errno is not enough

	Entry   int  // which entry of the step's list failed, from 1; 0: it has none
	Whole   bool // the words stand alone, and are such as engines match on
	Refused bool // execve(2) has refused the program

	arguments
}

// arguments are what the verbs stand for.
type arguments struct {
	args  [maxArgs]arg
	count int
	inner int            // how many of them are Text's
	bytes [maxBytes]byte // of all strings
	used  int
}

// Kind distinguishes failures for which the errno is not enough. Programs use it, never
// the text.
type Kind uint8

const (
	Other    Kind = iota
	Opening       // a file could not be opened, and nothing has been done with it
	NotProc       // what should be a procfs is none
	NoDevpts      // no devpts is where terminals come from
	Occupied      // something else is in the place
)

const (
	maxArgs  = 8
	maxBytes = 2304 // more than a message may have
)

// arg is a number, or if size is not negative a string in bytes.
type arg struct {
	number      int64
	start, size int
}

// Without Go's runtime there is room for so many faults at once: the one that is reported
// in the end, and those of earlier attempts.
var (
	room [8]Fault
	next int
)

// New makes a fault.
func New(errno unix.Errno, text string) *Fault {
	f := fresh()
	f.Text, f.Errno = text, errno
	return f
}

func fresh() *Fault {
	if raw.HasRuntime() {
		return allocate()
	}
	f := &room[next%len(room)]
	next++
	*f = Fault{}
	return f
}

// allocate is only called where Go's runtime is.
//
//go:noinline
func allocate() *Fault { return new(Fault) }

// Call is the failure of a system call, nil if it has not failed.
func Call(name string, errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	f := New(errno, name)
	f.Call = name
	return f
}

// Path is a failure at a path, which is not quoted: "open PATH: …".
func Path(op, path string, errno unix.Errno) *Fault {
	return New(errno, "%s %s").Str(op).Str(path)
}

// Str adds an argument. Of a long one the beginning is kept.
func (f *Fault) Str(s string) *Fault {
	if f.count < maxArgs {
		f.args[f.count] = arg{start: f.used}
		f.count++
		f.More(s)
	}
	return f
}

// Mark says of what kind it is.
func (f *Fault) Mark(kind Kind) *Fault {
	f.Kind = kind
	return f
}

// More appends to the string that was added last.
func (f *Fault) More(s string) *Fault {
	if f.count == 0 {
		return f
	}
	n := copy(f.bytes[f.used:], s)
	f.used += n
	f.args[f.count-1].size += n
	return f
}

// Num adds an argument.
func (f *Fault) Num(v int64) *Fault {
	if f.count < maxArgs {
		f.args[f.count] = arg{number: v, size: -1}
		f.count++
	}
	return f
}

// In says in what it failed. Arguments that are added from now on are the prefix's.
func (f *Fault) In(prefix string) *Fault {
	f.Prefix, f.inner = prefix, f.count
	return f
}

// Code lists what is sent of a fault.
func (f *Fault) Code(c *codec.Coder) {
	c.Str(&f.Text)
	c.Str(&f.Prefix)
	errno := uint64(f.Errno)
	c.U64(&errno)
	f.Errno = unix.Errno(errno)
	c.Str(&f.Call)
	kind := uint32(f.Kind)
	c.U32(&kind)
	f.Kind = Kind(kind)
	c.Num(&f.Entry)
	c.Flag(&f.Whole)
	c.Flag(&f.Refused)
	c.Num(&f.count)
	c.Num(&f.inner)
	if f.count < 0 || f.count > maxArgs || f.inner < 0 || f.inner > f.count {
		f.count, f.inner = 0, 0
		c.Fail()
	}
	for i := range f.args[:f.count] {
		a := &f.args[i]
		c.I64(&a.number)
		c.Num(&a.start)
		c.Num(&a.size)
		if a.start < 0 || a.size < -1 || a.start > maxBytes || a.size > maxBytes-a.start {
			*a = arg{}
			c.Fail()
		}
	}
	all := f.bytes[:f.used]
	codec.Plain(c, &all)
	f.used = copy(f.bytes[:], all)
}

// Arg returns a string that was added, by its number from 0; "" if it is none.
func (f *Fault) Arg(i int) string {
	if i >= f.count || f.args[i].size < 0 {
		return ""
	}
	return string(f.bytes[f.args[i].start:][:f.args[i].size])
}

// Errno returns the kernel's answer in an error that is a fault; 0 if it is none.
func Errno(err error) unix.Errno {
	if f, ok := err.(*Fault); ok {
		return f.Errno
	}
	return 0
}

// Is reports whether an error is a fault with this answer of the kernel's.
func Is(err error, errno unix.Errno) bool {
	f, ok := err.(*Fault)
	return ok && f.Errno == errno
}

// KindOf returns what kind a fault is of, also one that is deep in an error.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Other
}

// IsKind reports whether an error is a fault of a kind.
func IsKind(err error, kind Kind) bool {
	f, ok := err.(*Fault)
	return ok && f.Kind == kind
}

// Of returns the fault that an error is; one that is none has the words of Text.
func Of(err error) *Fault {
	if f, ok := err.(*Fault); ok {
		return f
	}
	return New(0, "unknown error")
}

// Unwrap returns the errno, for errors.Is.
func (f *Fault) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

func (f *Fault) Error() string {
	var b []byte
	inner := f.args[:f.count]
	if f.Prefix != "" {
		b, _ = f.appendText(b, f.Prefix, f.args[f.inner:f.count])
		if f.Prefix[len(f.Prefix)-1] != ' ' {
			b = append(b, ": "...)
		}
		inner = f.args[:f.inner]
	}
	b, said := f.appendText(b, f.Text, inner)
	if f.Errno != 0 && !said {
		b = append(append(b, ": "...), f.Errno.Error()...)
	}
	return string(b)
}

// appendText appends a text with its verbs filled in, and reports whether the errno was
// among them.
func (f *Fault) appendText(b []byte, text string, args []arg) (_ []byte, said bool) {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b = append(b, text[i])
			continue
		}
		i++
		switch verb := text[i]; {
		case verb == 'n':
			said = true
		case verb == 'e':
			b, said = append(b, f.Errno.Error()...), true
		case len(args) == 0:
			b = append(b, '%', verb)
		default:
			b, args = f.appendArg(b, verb, args[0]), args[1:]
		}
	}
	return b, said
}

func (f *Fault) appendArg(b []byte, verb byte, a arg) []byte {
	switch {
	case a.size >= 0 && verb == 'q':
		return strconv.AppendQuote(b, string(f.bytes[a.start:a.start+a.size]))
	case a.size >= 0:
		return append(b, f.bytes[a.start:a.start+a.size]...)
	case verb == 'g':
		return append(b, unix.Signal(a.number).String()...)
	case verb == 'o':
		return strconv.AppendInt(b, a.number, 8)
	case verb == 'x':
		return fmt.Appendf(b, "%#x", a.number)
	}
	return strconv.AppendInt(b, a.number, 10)
}
