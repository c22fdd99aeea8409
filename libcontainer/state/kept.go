package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/jsontext"
	"github.com/crun-go/crun-go/specconv/plan"
)

const (
	keptName = "config.kept"

	// keptFormat is the format that this version writes, and the latest that it reads. One in which a reader of the old one
	// would go wrong gets the next number; keys that it may skip do not need one.
	keptFormat = 1

	maxKept = 128 << 20 // above what the largest config.json, of 64 MiB, leads to

	instructionSize = 8 // of a BPF program: code, jt, jf, k, see bpf(2) and linux/filter.h
)

// Kept is what a container was made from, as it was then. See the package's documentation for the form of its file.
type Kept struct {
	Text   []byte            // config.json
	Aside  []jsontext.Span   // of Text: values that only the making of the container needed, front to back
	Filter *plan.LoadSeccomp // compiled from linux.seccomp; nil: none
}

// FormatError means that a newer version has written a file.
type FormatError struct {
	ID            string
	File          string
	Format, Known uint64 // of the file; the latest that is known
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("container %s was made by a newer version: its %s has format %d, and this version knows formats up to %d",
		e.ID, e.File, e.Format, e.Known)
}

// Keep records what the container is made from. The creator calls it before the state file says that it is created.
func (d *Dir) Keep(k *Kept) error { return d.replace(keptName, k.encode()) }

// Kept returns what the container was made from. The error is [ErrNotExist] if nothing was kept, a [*FormatError] if it was
// by a newer version.
func (d *Dir) Kept() (*Kept, error) {
	data, err := d.readOwn(keptName)
	if err != nil {
		return nil, err
	}
	k, err := decodeKept(data)
	var newer *FormatError
	if errors.As(err, &newer) {
		newer.ID = d.id
		return nil, newer
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of container %s: %w", keptName, d.id, err)
	}
	return k, nil
}

// readOwn returns what a file of the directory holds, which no other user can have written: a regular file of the
// directory's owner, for others not to write. The error is [ErrNotExist] if there is none.
func (d *Dir) readOwn(name string) ([]byte, error) {
	fd, err := d.open(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var file, dir unix.Stat_t
	if err := errors.Join(unix.Fstat(fd, &file), unix.Fstat(d.fd, &dir)); err != nil {
		return nil, d.failed("stat", name, err)
	}
	switch {
	case file.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, d.failed("read", name, errors.New("not a regular file"))
	case file.Uid != dir.Uid || file.Mode&0o022 != 0:
		return nil, d.failed("read", name, fmt.Errorf("owner %d, mode %#o: expected owner %d, and no write permission for others",
			file.Uid, file.Mode&0o7777, dir.Uid))
	}
	if file.Size > maxKept {
		return nil, d.failed("read", name, fmt.Errorf("%d bytes: it is damaged", file.Size))
	}
	buf := make([]byte, file.Size+1) // one more, so that the read comes back short
	n, err := retry.Read(fd, buf)
	if err != nil {
		return nil, d.failed("read", name, err)
	}
	if int64(n) != file.Size {
		return nil, d.failed("read", name, fmt.Errorf("%d bytes, expected %d", n, file.Size))
	}
	return buf[:n], nil
}

// Brief returns the text without what is set aside: null stands there instead.
func (k *Kept) Brief() []byte {
	brief := make([]byte, 0, len(k.Text))
	at := 0
	for _, span := range k.Aside {
		brief = append(append(brief, k.Text[at:span.Start]...), "null"...)
		at = span.End
	}
	return append(brief, k.Text[at:]...)
}

// encode writes a line of JSON, and behind it the text and the filter.
func (k *Kept) encode() []byte {
	w := jsontext.NewWriter("")
	w.Object()
	w.Key("format").Uint(keptFormat)
	w.Key("config").Int(int64(len(k.Text)))
	w.Key("aside").Array()
	for _, span := range k.Aside {
		w.Int(int64(span.Start))
		w.Int(int64(span.End))
	}
	w.End()
	if f := k.Filter; f != nil {
		w.Key("seccomp").Object()
		w.Key("flags").Uint(uint64(f.Flags))
		w.Key("notify").Bool(f.Notify)
		w.Key("instructions").Int(int64(len(f.Filter)))
		w.End()
	}
	w.End()
	head := w.Bytes()
	size := len(head) + 1 + len(k.Text)
	if k.Filter != nil {
		size += instructionSize * len(k.Filter.Filter)
	}
	data := append(append(make([]byte, 0, size), head...), '\n')
	data = append(data, k.Text...)
	if k.Filter == nil {
		return data
	}
	for _, f := range k.Filter.Filter {
		data = binary.LittleEndian.AppendUint16(data, f.Code)
		data = binary.LittleEndian.AppendUint32(append(data, f.Jt, f.Jf), f.K)
	}
	return data
}

// keptHead is the first line.
type keptHead struct {
	format       uint64
	config       int
	aside        []int
	filter       *plan.LoadSeccomp
	instructions int
}

func readKeptHead(r *jsontext.Reader, h *keptHead) {
	for key := range r.Fields() {
		switch key {
		case "format":
			jsontext.Uint(r, &h.format)
		case "config":
			jsontext.Int(r, &h.config)
		case "aside":
			jsontext.List(r, &h.aside, "numbers", jsontext.Int)
		case "seccomp":
			h.filter = new(plan.LoadSeccomp)
			for key := range r.Fields() {
				switch key {
				case "flags":
					jsontext.Uint(r, &h.filter.Flags)
				case "notify":
					jsontext.Bool(r, &h.filter.Notify)
				case "instructions":
					jsontext.Int(r, &h.instructions)
				}
			}
		}
	}
}

// readFormat reads of the first line what every format has.
func readFormat(r *jsontext.Reader, format *uint64) {
	for key := range r.Fields() {
		if key == "format" {
			jsontext.Uint(r, format)
		}
	}
}

var errKept = errors.New("cut off, or damaged")

// decodeKept reads what encode writes. The error is a [*FormatError], without the id, for a later format.
func decodeKept(data []byte) (*Kept, error) {
	head, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return nil, errKept
	}
	h, err := jsontext.Decode(keptName, head, readKeptHead)
	if err != nil || h.format > keptFormat {
		if format, err := jsontext.Decode(keptName, head, readFormat); err == nil && *format > keptFormat {
			return nil, &FormatError{File: keptName, Format: *format, Known: keptFormat}
		}
		return nil, err
	}
	if h.format == 0 || h.config < 0 || h.config > len(body) || (len(body)-h.config)/instructionSize != h.instructions ||
		(len(body)-h.config)%instructionSize != 0 || len(h.aside)%2 != 0 || h.filter == nil && h.instructions > 0 {
		return nil, errKept
	}
	k := &Kept{Text: body[:h.config], Filter: h.filter}
	at := 0
	for i := 0; i < len(h.aside); i += 2 {
		span := jsontext.Span{Start: h.aside[i], End: h.aside[i+1]}
		if span.Start < at || span.End < span.Start || span.End > len(k.Text) {
			return nil, errKept
		}
		k.Aside, at = append(k.Aside, span), span.End
	}
	if k.Filter != nil {
		k.Filter.Filter = decodeFilter(body[h.config:])
	}
	return k, nil
}

func decodeFilter(data []byte) []unix.SockFilter {
	list := make([]unix.SockFilter, len(data)/instructionSize)
	for i := range list {
		b := data[i*instructionSize:]
		list[i] = unix.SockFilter{Code: binary.LittleEndian.Uint16(b), Jt: b[2], Jf: b[3], K: binary.LittleEndian.Uint32(b[4:])}
	}
	return list
}
