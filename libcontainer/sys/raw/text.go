package raw

import "unsafe"

// Text is a short string that is put together: what does not fit is cut off, and
// Cut says so.
type Text struct {
	n   int // first: a short one is in one page
	Cut bool
	buf [maxPath]byte
}

// Add appends a string.
func (t *Text) Add(s string) *Text {
	n := copy(t.buf[t.n:], s)
	t.n += n
	t.Cut = t.Cut || n < len(s)
	return t
}

// AddInt appends a number in decimal.
func (t *Text) AddInt(v int) *Text {
	if v < 0 {
		return t.Add("-").addUint(uint64(-v), 10)
	}
	return t.addUint(uint64(v), 10)
}

// AddUint appends a number in decimal.
func (t *Text) AddUint(v uint64) *Text { return t.addUint(v, 10) }

// AddOctal appends a number in octal.
func (t *Text) AddOctal(v uint32) *Text { return t.addUint(uint64(v), 8) }

func (t *Text) addUint(v uint64, base uint64) *Text {
	var digits [24]byte
	i := len(digits)
	for {
		i--
		digits[i] = '0' + byte(v%base)
		if v /= base; v == 0 {
			break
		}
	}
	return t.Add(unsafe.String(&digits[i], len(digits)-i))
}

// Truncate keeps the first n bytes, of which nothing has been cut off.
func (t *Text) Truncate(n int) { t.n, t.Cut = n, false }

// Len returns how long it is.
func (t *Text) Len() int { return t.n }

// String returns what has been put together. It changes with the text, and ends with
// it.
func (t *Text) String() string { return unsafe.String(&t.buf[0], t.n) }

// CString is String with a NUL behind it; the last byte is cut off if there is no room.
func (t *Text) CString() string {
	if t.n == len(t.buf) {
		t.n, t.Cut = t.n-1, true
	}
	t.buf[t.n] = 0
	return t.String()
}

// StringAt is a view of a string that ends with a NUL, which changes with it.
func StringAt(p *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return unsafe.String(p, n)
}

// String is a view of bytes, which changes with them.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
