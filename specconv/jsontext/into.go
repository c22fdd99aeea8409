package jsontext

import "strings"

// Decode reads the one object that is the document, with read. The file name is for errors, all of which are [*Error].
func Decode[T any](file string, data []byte, read func(*Reader, *T)) (*T, error) {
	return DecodeFrom(NewReader(file, data), read)
}

// DecodeFrom is [Decode] with a reader that the caller can ask afterwards.
func DecodeFrom[T any](r *Reader, read func(*Reader, *T)) (*T, error) {
	if r.peek() != '{' {
		r.expected("an object")
	}
	v := new(T)
	read(r, v)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return v, nil
}

// Text reads a string into dst. Null leaves it as it is.
func Text[T ~string](r *Reader, dst *T) {
	if s, ok := r.Text(); ok {
		*dst = T(s)
	}
}

// Bool reads a boolean into dst. Null leaves it as it is.
func Bool(r *Reader, dst *bool) {
	if b, ok := r.Bool(); ok {
		*dst = b
	}
}

// Int reads a whole number that fits T into dst. Null leaves it as it is.
func Int[T ~int | ~int32 | ~int64](r *Reader, dst *T) {
	hi := int64(1)<<31 - 1
	if wide := hi + 1; int64(T(wide)) == wide {
		hi = 1<<63 - 1
	}
	if n, ok := r.Int(-hi-1, hi); ok {
		*dst = T(n)
	}
}

// Uint reads a whole number that fits T into dst. Null leaves it as it is.
func Uint[T ~uint | ~uint16 | ~uint32 | ~uint64](r *Reader, dst *T) {
	if n, ok := r.Uint(uint64(^T(0))); ok {
		*dst = T(n)
	}
}

// Pointer reads a value, with read, into what dst points to, which is made if needed. Null makes dst nil.
func Pointer[T any](r *Reader, dst **T, read func(*Reader, *T)) {
	if r.Null() {
		*dst = nil
		return
	}
	if *dst == nil {
		*dst = new(T)
	}
	read(r, *dst)
}

// List reads an array into dst, each element with read. Null makes dst nil, an empty array makes it empty but not nil.
// What the array is of ("strings") is for errors.
func List[T any](r *Reader, dst *[]T, of string, read func(*Reader, *T)) {
	if r.Null() {
		*dst = nil
		return
	}
	list := make([]T, 0, r.arrayLen())
	for range r.Elements(of) {
		list = append(list, *new(T))
		read(r, &list[len(list)-1])
	}
	*dst = list
}

// Texts reads an array of strings into dst, as [List] does.
func Texts[T ~string](r *Reader, dst *[]T) {
	List(r, dst, "strings", Text[T])
}

// Map reads an object with free keys into dst, each value with read. Null makes dst nil, an empty object makes it empty
// but not nil. Keys that dst has already are replaced or, in a repeated object, stay.
func Map[T any](r *Reader, dst *map[string]T, read func(*Reader, *T)) {
	if r.Null() {
		*dst = nil
		return
	}
	if *dst == nil {
		*dst = make(map[string]T)
	}
	for key := range r.Fields() {
		var v T
		read(r, &v)
		(*dst)[key] = v
	}
}

// arrayLen guesses the length of the array that follows, so that most lists are allocated once. It looks only as far as
// the first closing bracket, which may be that of an inner array or stand in a string: a wrong guess costs a little time
// or memory, and never more than the document's own size warrants.
func (r *Reader) arrayLen() int {
	const most = 512
	if r.peek() != '[' {
		return 0
	}
	inside, _, _ := strings.Cut(r.text[r.pos+1:], "]")
	inside = strings.TrimLeft(inside, " \t\r\n")
	if inside == "" {
		return 0
	}
	n := 0
	switch inside[0] {
	case '{':
		n = strings.Count(inside, "{")
	case '"':
		n = strings.Count(inside, `"`) / 2
	default:
		n = strings.Count(inside, ",") + 1
	}
	return min(n, most)
}
