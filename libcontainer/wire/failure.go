package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Failure is a failed step of init, as it crosses the process boundary.
type Failure struct {
	Step  int        // index in the plan's init half; -1: outside any step
	Errno unix.Errno // 0: no system call failed
	Text  string     // the cause in words, errno's own included
	// Whole means that Text says it all and names the object itself, in words
	// that engines match on ("exec: \"x\": executable file not found in $PATH").
	Whole bool
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

// NewFailure makes the failure of a step from an error.
func NewFailure(step int, err error) *Failure {
	f := &Failure{Step: step, Text: err.Error()}
	errors.As(err, &f.Errno)
	var whole *Whole
	f.Whole = errors.As(err, &whole)
	return f
}

// Encode gives the payload of a Failed frame.
func (f *Failure) Encode() []byte {
	b := binary.AppendVarint(nil, int64(f.Step))
	b = binary.AppendUvarint(b, uint64(f.Errno))
	whole := byte(0)
	if f.Whole {
		whole = 1
	}
	b = append(b, whole)
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
	return &Failure{Step: int(step), Errno: unix.Errno(errno), Whole: b[n] == 1, Text: string(b[n+1:])}, nil
}

func errMalformed(b []byte) error {
	return fmt.Errorf("malformed failure message: %d bytes", len(b))
}
