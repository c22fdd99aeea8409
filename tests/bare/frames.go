package bare

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Operations of DWARF's call frame information, those that Go's linker writes.
const (
	cfaNop              = 0x00
	cfaAdvance1         = 0x02
	cfaAdvance2         = 0x03
	cfaAdvance4         = 0x04
	cfaOffsetExtended   = 0x05
	cfaUndefined        = 0x07
	cfaSameValue        = 0x08
	cfaOffsetExtendedSF = 0x11
	cfaDefOffsetSF      = 0x13
	cfaAdvance          = 1 // in the upper two bits
)

// dataAlign is what Go counts offsets in.
const dataAlign = -4

// readFrames takes from .debug_frame how far each function moves the stack pointer,
// at most. On amd64 a frame includes the return address, on arm64 it is in it.
func (p *program) readFrames() error {
	section := p.binary.Section(".debug_frame")
	if section == nil {
		return errors.New("no .debug_frame: linked with -w")
	}
	data, err := section.Data()
	if err != nil {
		return err
	}
	order := p.binary.ByteOrder
	for len(data) >= 24 {
		size := order.Uint32(data)
		if uint64(size)+4 > uint64(len(data)) || size < 20 && order.Uint32(data[4:]) != ^uint32(0) {
			return errors.New(".debug_frame is cut off")
		}
		entry := data[4 : 4+size]
		data = data[4+size:]
		if order.Uint32(entry) == ^uint32(0) {
			continue // what all have in common
		}
		start := order.Uint64(entry[4:])
		frame, err := deepest(entry[20:], order)
		if err != nil {
			return fmt.Errorf(".debug_frame of %#x: %w", start, err)
		}
		if f := p.function(start); f != nil && f.start == start {
			f.frame = frame
		}
	}
	return nil
}

// deepest returns the greatest offset of the canonical frame address.
func deepest(operations []byte, order binary.ByteOrder) (int64, error) {
	var most int64
	r := bytes.NewReader(operations)
	for {
		op, err := r.ReadByte()
		if err == io.EOF {
			return most, nil
		}
		if op>>6 == cfaAdvance {
			continue
		}
		switch op {
		case cfaNop:
		case cfaAdvance1, cfaAdvance2, cfaAdvance4:
			_, err = r.Seek(1<<(op-cfaAdvance1), io.SeekCurrent)
		case cfaUndefined, cfaSameValue:
			_, err = binary.ReadUvarint(r)
		case cfaOffsetExtended, cfaOffsetExtendedSF:
			if _, err = binary.ReadUvarint(r); err == nil {
				_, err = binary.ReadUvarint(r)
			}
		case cfaDefOffsetSF:
			var offset int64
			offset, err = readSigned(r)
			most = max(most, offset*dataAlign)
		default:
			return 0, fmt.Errorf("operation %#x is not known here", op)
		}
		if err != nil {
			return 0, err
		}
	}
}

// readSigned reads a signed LEB128 number.
func readSigned(r io.ByteReader) (int64, error) {
	var v int64
	for shift := 0; ; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v, nil
		}
	}
}
