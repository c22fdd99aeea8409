package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	rawcall "github.com/crun-go/crun-go/libcontainer/sys/raw"
	"github.com/crun-go/crun-go/libcontainer/sys/systest"
	"github.com/crun-go/crun-go/specconv/plan"
	"github.com/crun-go/crun-go/specconv/plan/codec"
)

func pair(t *testing.T) (a, b Conn) {
	t.Helper()
	a, b, err := Pair()
	systest.MustDo(t, err)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestFrames(t *testing.T) {
	a, b := pair(t)
	for _, size := range []int{0, 1, 7, 8, 4096, 1 << 20, 5 << 20} {
		payload := bytes.Repeat([]byte{byte(size), 1, 2}, size/3+1)[:size]
		sent := make(chan error, 1)
		go func() { sent <- a.Send(Plan, payload) }()
		m, err := b.Recv()
		systest.MustDo(t, err)
		systest.MustDo(t, <-sent)
		if m.Kind != Plan || !bytes.Equal(m.Payload, payload) || m.FDs != nil {
			t.Errorf("%d bytes: got kind %d, %d bytes, %d descriptors", size, m.Kind, len(m.Payload), len(m.FDs))
		}
	}
}

// TestDescriptors: more than fit into one message travel before it, in order.
func TestDescriptors(t *testing.T) {
	for _, n := range []int{1, 2, maxDescriptors, maxDescriptors + 1, 2 * maxDescriptors, 700} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			a, b := pair(t)
			files := make([]int, n)
			for i := range files {
				fd, err := unix.MemfdCreate(strconv.Itoa(i), unix.MFD_CLOEXEC)
				systest.MustDo(t, err)
				defer unix.Close(fd)
				files[i] = fd
			}
			noneLeft := systest.Descriptors(t)
			sent := make(chan error, 1)
			go func() { sent <- a.Send(Plan, []byte("payload"), files...) }()
			m, err := b.Recv()
			systest.MustDo(t, err)
			systest.MustDo(t, <-sent)
			if m.Kind != Plan || string(m.Payload) != "payload" || len(m.FDs) != n {
				t.Fatalf("got kind %d, %q, %d descriptors", m.Kind, m.Payload, len(m.FDs))
			}
			for i, fd := range m.FDs {
				if !same(t, fd, files[i]) {
					t.Fatalf("descriptor %d is not what was sent", i)
				}
				if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
					t.Fatalf("descriptor %d would be inherited", i)
				}
			}
			m.Close()
			noneLeft()
		})
	}
}

func same(t *testing.T, a, b int) bool {
	var sa, sb unix.Stat_t
	systest.MustDo(t, unix.Fstat(a, &sa))
	systest.MustDo(t, unix.Fstat(b, &sb))
	return sa.Ino == sb.Ino && sa.Dev == sb.Dev
}

// raw writes bytes and descriptors as they are, and closes the end.
func raw(t *testing.T, c Conn, data []byte, fds ...int) {
	t.Helper()
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if len(data) > 0 {
		systest.MustDo(t, unix.Sendmsg(c.FD(), data, rights, nil, 0))
	}
	systest.MustDo(t, unix.Shutdown(c.FD(), unix.SHUT_WR))
}

func header(size uint32, kind Kind, fds uint16) []byte {
	h := binary.LittleEndian.AppendUint32(nil, size)
	h = append(h, byte(kind), 0)
	return binary.LittleEndian.AppendUint16(h, fds)
}

func TestMalformed(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(null)
	long := make([]byte, 100)
	for name, c := range map[string]struct {
		data []byte
		fds  []int
		eof  bool
	}{
		"nothing":                         {eof: true},
		"half a header":                   {data: header(0, Plan, 0)[:4], eof: true},
		"half a header and a descriptor":  {data: header(0, Plan, 1)[:4], fds: []int{null}, eof: true},
		"a header alone":                  {data: header(4, Plan, 0), eof: true},
		"half a payload":                  {data: append(header(200, Plan, 0), long...), eof: true},
		"half a payload and a descriptor": {data: append(header(200, Plan, 1), long...), fds: []int{null}, eof: true},
		"descriptors, then the end":       {data: header(0, Descriptors, 1), fds: []int{null}, eof: true},
		"too large":                       {data: header(maxFrame+1, Plan, 0)},
		"far too large":                   {data: header(1<<32-1, Plan, 0)},
		"a descriptor is missing":         {data: header(0, Plan, 1)},
		"a descriptor too many":           {data: header(0, Plan, 0), fds: []int{null}},
		"fewer descriptors than promised": {data: header(0, Plan, 3), fds: []int{null, null}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			noneLeft := systest.Descriptors(t)
			raw(t, a, c.data, c.fds...)
			m, err := b.Recv()
			if err == nil || errors.Is(err, io.EOF) != c.eof {
				t.Errorf("got %v, %v; want end of file: %t", m, err, c.eof)
			}
			if m.FDs != nil {
				t.Errorf("a message that is none has %d descriptors", len(m.FDs))
			}
			noneLeft()
		})
	}
}

func TestGone(t *testing.T) {
	a, b := pair(t)
	other, err := unix.Dup(b.FD())
	systest.MustDo(t, err)
	unix.Close(other)
	systest.MustDo(t, a.Send(Failed, []byte("last words")))
	systest.MustDo(t, unix.Shutdown(a.FD(), unix.SHUT_RDWR))
	if m, err := b.Recv(); err != nil || string(m.Payload) != "last words" {
		t.Errorf("got %q, %v", m.Payload, err)
	}
	if _, err := b.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
	// No signal, an error.
	if err := b.Send(Continue, nil); !errors.Is(err, unix.EPIPE) {
		t.Errorf("got %v, want %v", err, unix.EPIPE)
	}
}

// TestSmallPieces: a stream keeps no boundaries.
func TestSmallPieces(t *testing.T) {
	a, b := pair(t)
	go func() {
		data := append(header(5, Plan, 0), "hello"...)
		for i := range data {
			unix.Write(a.FD(), data[i:i+1])
		}
	}()
	if m, err := b.Recv(); err != nil || string(m.Payload) != "hello" {
		t.Errorf("got %q, %v", m.Payload, err)
	}
}

func TestFailure(t *testing.T) {
	refused := fault.New(unix.ENOEXEC, "exec %s").Str("/x")
	refused.Whole, refused.Refused, refused.Entry = true, true, 300
	refused.Mark(fault.Occupied).Call = "execve"
	for _, f := range []Failure{
		{Fault: &fault.Fault{}},
		{Step: -1, Fault: fault.New(0, "outside any step")},
		{Step: 12, Fault: fault.Path("open", "/a\nb", unix.EACCES).In("create")},
		{Step: 1 << 20, StepKind: plan.KindExecute, Fault: refused},
		{Step: 3, Fault: fault.New(0, "%d of %q").Num(-1 << 63).Str(""), Undo: fault.New(unix.EBUSY, "umount")},
	} {
		b := codec.Encode(f.Code)
		got, err := DecodeFailure(b)
		if err != nil || got.Step != f.Step || got.Error() != f.Error() || got.Errno != f.Errno || got.Whole != f.Whole ||
			got.Refused != f.Refused || got.Fault.Kind != f.Fault.Kind || got.Call != f.Call || got.StepKind != f.StepKind || got.Entry != f.Entry || got.Arg(0) != f.Arg(0) {
			t.Errorf("%+v became %+v, %v", f, got, err)
		}
		if f.Errno != 0 && !errors.Is(got, f.Errno) {
			t.Errorf("%+v is not %v", got, f.Errno)
		}
		for cut := range b {
			if _, err := DecodeFailure(b[:cut]); err == nil {
				t.Errorf("%d bytes of %+v were taken for it", cut, f)
			}
		}
	}
	if errors.Is(&Failure{Fault: fault.New(0, "words")}, unix.Errno(0)) {
		t.Error("a failure without errno is an errno")
	}
}

func TestOpening(t *testing.T) {
	for _, o := range []Opening{
		{},
		{Trees: []plan.Tree{{}}, Fifos: true},
		{Trees: []plan.Tree{{}, {FD: -1}, {FD: -1, Path: "/srv/data", Recursive: true}}, PreserveFDs: 3, Trace: true, Live: true},
		{PreserveFDs: 300, Holes: []int{3, 299}},
		{Own: true},
		{Trees: slices.Repeat([]plan.Tree{{Path: strings.Repeat("x", 200)}}, 300), Fifos: true, PreserveFDs: 1 << 20},
	} {
		b := codec.Encode(o.Code)
		got, err := decodeOpening(b)
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v became %+v, %v", o, got, err)
		}
		for cut := range b {
			if _, err := decodeOpening(b[:cut]); err == nil {
				t.Errorf("%d bytes of %+v were taken for it", cut, o)
			}
		}
	}
}

// decodeOpening reads a copy, which is changed.
func decodeOpening(b []byte) (o Opening, err error) {
	message := codec.Aligned(len(b))
	copy(message, b)
	c := codec.Reader(message)
	o.Code(&c)
	if !c.End() {
		err = io.ErrUnexpectedEOF
	}
	return o, err
}

func FuzzDecodeFailure(f *testing.F) {
	f.Add([]byte{})
	f.Add(codec.Encode((&Failure{Step: -1, Fault: fault.Path("open", "/x", unix.EIO), Undo: fault.New(0, "why")}).Code))
	f.Add(bytes.Repeat([]byte{0xff}, 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := DecodeFailure(b)
		if err != nil {
			return
		}
		again, err := DecodeFailure(codec.Encode(got.Code))
		if err != nil || again.Error() != got.Error() {
			t.Errorf("%+v became %+v, %v", got, again, err)
		}
	})
}

func FuzzOpening(f *testing.F) {
	f.Add([]byte{})
	f.Add(codec.Encode((&Opening{Trees: []plan.Tree{{}, {FD: -1, Path: "/x"}}, Fifos: true, PreserveFDs: 2}).Code))
	f.Add(bytes.Repeat([]byte{0xff}, 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := decodeOpening(b)
		if err != nil {
			return
		}
		if again, err := decodeOpening(codec.Encode(o.Code)); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v became %+v, %v", o, again, err)
		}
	})
}

// TestProgress: what cannot be the number of a step is none.
func TestProgress(t *testing.T) {
	noneLeft := systest.Descriptors(t)
	if got := (*Progress)(nil).Step(); got != -1 {
		t.Errorf("no word says step %d", got)
	}
	p := NewProgress()
	if got := p.Step(); got != -1 {
		t.Errorf("at the beginning it says step %d", got)
	}
	word := rawcall.ShareWord(p.FD())
	*word = 7
	if got := p.Step(); got != 6 {
		t.Errorf("7 says step %d", got)
	}
	rawcall.UnshareWord(word)
	systest.MustDo(t, unix.Ftruncate(p.FD(), 0))
	if got := p.Step(); got != -1 {
		t.Errorf("a word that was taken away says step %d", got)
	}
	p.Close()
	noneLeft()
}

// TestBound: an other end that says nothing, a byte now and then, or one thing after the
// other, does not have more time for it; and EAGAIN before that is the kernel's own answer.
func TestBound(t *testing.T) {
	for name, talk := range map[string]func(b Conn, after <-chan time.Time) error{
		"nothing": func(Conn, <-chan time.Time) error { return io.EOF },
		"a byte now and then": func(b Conn, after <-chan time.Time) error {
			_, err := unix.Write(b.FD(), []byte{1})
			<-after
			return err
		},
		"messages": func(b Conn, after <-chan time.Time) error { return b.Send(Phase, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			systest.MustDo(t, a.Bound(200*time.Millisecond))
			if left := a.Left(); left <= 0 || left > 200*time.Millisecond {
				t.Errorf("%v are left", left)
			}
			ended := make(chan bool)
			done := make(chan bool)
			go func() {
				defer close(done)
				after := time.NewTicker(50 * time.Millisecond)
				defer after.Stop()
				for {
					select {
					case <-ended:
						return
					default:
						if talk(b, after.C) != nil {
							return
						}
					}
				}
			}()
			began := time.Now()
			var err error
			for err == nil {
				_, err = a.Recv()
			}
			if took := time.Since(began); err != ErrTimeout || took < 150*time.Millisecond || took > 5*time.Second {
				t.Errorf("%v after %v", err, took)
			}
			unix.Shutdown(a.FD(), unix.SHUT_RDWR)
			close(ended)
			<-done
		})
	}
	a, _ := pair(t)
	systest.MustDo(t, a.Bound(time.Hour))
	systest.MustDo(t, unix.SetNonblock(a.FD(), true))
	if _, err := a.Recv(); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the kernel's own EAGAIN became %v", err)
	}
}

// TestDecodeLate: what init has told start is believed in no length but its own.
func TestDecodeLate(t *testing.T) {
	span := LateSpan{Kind: uint64(plan.KindExecute), Span: Span{Begin: 5, End: 7}}
	said := append([]byte{1}, codec.Bytes([]LateSpan{span})...)
	spans, rest, err := DecodeLate(append(said, "failure"...))
	if err != nil || len(spans) != 1 || spans[0] != span || string(rest) != "failure" {
		t.Errorf("%v, %q, %v", spans, rest, err)
	}
	if spans, rest, err := DecodeLate(nil); err != nil || len(spans)+len(rest) != 0 {
		t.Errorf("of nothing: %v, %q, %v", spans, rest, err)
	}
	for _, b := range [][]byte{said[:len(said)-1], {1}, append([]byte{MaxLate + 1}, make([]byte, 1000)...)} {
		if _, _, err := DecodeLate(b); err == nil {
			t.Errorf("%d bytes are no error", len(b))
		}
	}
}
