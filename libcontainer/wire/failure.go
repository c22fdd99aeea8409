package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
)

// Failure is a failed step of init, as it crosses the process boundary.
type Failure struct {
	Step  int        // index in the plan's init half; -1: outside any step
	Errno unix.Errno // 0: no system call failed
	Text  string     // the cause in words, errno's own included
	// Whole means that Text says it all and names the object itself, in words
	// that engines match on ("exec: \"x\": executable file not found in $PATH").
	Whole bool
	// Refused means that execve(2) has refused the program.
	Refused bool
	// Entry is which entry of the step's list failed, from 1; 0: it has none.
	Entry int
}

func (f *Failure) Error() string { return f.Text }

// Unwrap returns the errno, for errors.Is.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// Whole marks an error whose text needs no step's words in front.
type Whole struct{ Err error }

func (w *Whole) Error() string { return w.Err.Error() }

// Unwrap returns the error itself.
func (w *Whole) Unwrap() error { return w.Err }

// NewFailure makes the failure of a step from an error. One that is about one of several entries has a method EntryIndex.
func NewFailure(step int, err error) *Failure {
	f := &Failure{Step: step, Text: err.Error()}
	errors.As(err, &f.Errno)
	var failed *fault.Fault
	if errors.As(err, &failed) {
		f.Whole, f.Refused = failed.Whole, failed.Refused
	}
	var whole *Whole
	f.Whole = f.Whole || f.Refused || errors.As(err, &whole)
	var entry interface{ EntryIndex() int }
	if errors.As(err, &entry) {
		f.Entry = entry.EntryIndex() + 1
	}
	return f
}

const (
	flagWhole = 1 << iota
	flagRefused
)

// Encode gives the payload of a Failed frame.
func (f *Failure) Encode() []byte {
	b := binary.AppendVarint(nil, int64(f.Step))
	b = binary.AppendUvarint(b, uint64(f.Errno))
	var flags byte
	if f.Whole {
		flags |= flagWhole
	}
	if f.Refused {
		flags |= flagRefused
	}
	b = binary.AppendUvarint(append(b, flags), uint64(f.Entry))
	return append(b, f.Text...)
}

// DecodeFailure reads what Encode wrote.
func DecodeFailure(b []byte) (*Failure, error) {
	step, n := binary.Varint(b)
	if n <= 0 {
		return nil, errMalformed(b)
	}
	b = b[n:]
	errno, n := binary.Uvarint(b)
	if n <= 0 || n >= len(b) {
		return nil, errMalformed(b)
	}
	f := &Failure{Step: int(step), Errno: unix.Errno(errno), Whole: b[n]&flagWhole != 0, Refused: b[n]&flagRefused != 0}
	b = b[n+1:]
	entry, n := binary.Uvarint(b)
	if n <= 0 || entry > maxEntry {
		return nil, errMalformed(b)
	}
	f.Entry, f.Text = int(entry), string(b[n:])
	return f, nil
}

// maxEntry bounds Entry: no list in config.json has more.
const maxEntry = 1 << 20

func errMalformed(b []byte) error {
	return fmt.Errorf("malformed failure message: %d bytes", len(b))
}
