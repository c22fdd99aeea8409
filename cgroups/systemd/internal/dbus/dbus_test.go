package dbus

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// serve listens on a socket of its own and hands the first connection,
// authenticated as systemd does it, to f.
func serve(t *testing.T, greeting string, f func(conn net.Conn, in *bufio.Reader)) *Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		if text, err := in.ReadString('G'); err != nil || text != "\x00AUTH EXTERNAL\r\nDATA\r\nBEG" {
			t.Errorf("hello %q, %v", text, err)
		}
		in.Discard(len("IN\r\n"))
		io.WriteString(conn, greeting)
		f(conn, in)
	}()
	c, err := Dial(path, time.Now().Add(5*time.Second))
	t.Cleanup(func() {
		if c != nil {
			c.Close()
		}
		l.Close()
		<-done
	})
	if err != nil {
		t.Log(err)
	}
	return c
}

const welcome = "DATA\r\nOK 0123\r\n"

// read reads a message.
func read(in *bufio.Reader) (*Message, uint32) {
	head, err := in.Peek(fixedHeader)
	if err != nil {
		return &Message{}, 0
	}
	serial := binary.LittleEndian.Uint32(head[8:])
	n, _, _ := size(head)
	data := make([]byte, n)
	io.ReadFull(in, data)
	m, err := decode(data)
	if err != nil {
		return &Message{}, 0
	}
	return m, serial
}

// message is one as a server sends it.
func message(kind byte, serial uint32, errorName, member, signature string, body []byte) []byte {
	var h Body
	field := func(code byte, kind string, f func()) {
		h.Struct()
		h.Byte(code)
		h.Variant(kind)
		f()
	}
	h.buf = make([]byte, fixedHeader)
	if serial != 0 {
		field(fieldReplySerial, "u", func() { h.Uint32(serial) })
	}
	for code, text := range map[byte]string{fieldErrorName: errorName, fieldMember: member, fieldSender: ":1.7"} {
		if text != "" {
			field(code, "s", func() { h.Text(text) })
		}
	}
	if signature != "" {
		field(fieldSignature, "g", func() { h.Signature(signature) })
	}
	n := len(h.buf) - fixedHeader
	h.align(8)
	h.buf[0], h.buf[1], h.buf[3] = 'l', kind, 1
	binary.LittleEndian.PutUint32(h.buf[4:], uint32(len(body)))
	binary.LittleEndian.PutUint32(h.buf[12:], uint32(n))
	return append(h.buf, body...)
}

func text(s string) []byte {
	var b Body
	b.Text(s)
	return b.buf
}

var ping = Method{Path: "/o", Interface: "x.I", Member: "Ping"}

// A call, its answer in pieces, and signals before and after it.
func TestCall(t *testing.T) {
	c := serve(t, welcome, func(conn net.Conn, in *bufio.Reader) {
		m, serial := read(in)
		if m.Path != "/o" || m.Interface != "x.I" || m.Member != "Ping" || m.Signature != "sa(sv)" {
			t.Errorf("%+v", m)
		}
		if got := m.Args.Text(); got != "arg" {
			t.Errorf("argument %q", got)
		}
		var all []byte
		all = append(all, message(signal, 0, "", "Before", "s", text("one"))...)
		all = append(all, message(methodReturn, serial+9, "", "", "s", text("not yours"))...)
		all = append(all, message(methodReturn, serial, "", "", "s", text("answer"))...)
		all = append(all, message(signal, 0, "", "After", "", nil)...)
		for piece := range slices.Chunk(all, 7) {
			conn.Write(piece)
		}
		in.Peek(1) // until the client has gone
	})
	var args Body
	args.Text("arg")
	args.Array(8, func() {
		args.Struct()
		args.Text("Name")
		args.Variant("t")
		args.Uint64(7)
	})
	answer, err := c.Call(ping, "sa(sv)", &args)
	if err != nil || answer.Args.Text() != "answer" || answer.Args.Err() != nil {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, want := range []string{"Before", "After"} {
		if m, err := c.Signal(); err != nil || m.Member != want {
			t.Fatalf("%+v, %v; want %s", m, err, want)
		}
	}
	if answer.Args.Text(); answer.Args.Err() == nil {
		t.Error("read beyond the end")
	}
}

func TestErrors(t *testing.T) {
	c := serve(t, welcome, func(conn net.Conn, in *bufio.Reader) {
		_, serial := read(in)
		conn.Write(message(errorReply, serial, "x.Exists", "", "s", text("it exists")))
		_, serial = read(in)
		conn.Write(message(errorReply, serial, "x.Bare", "", "", nil))
		read(in) // and no answer: the end
	})
	var e *Error
	if _, err := c.Call(ping, "", nil); !errors.As(err, &e) || e.Name != "x.Exists" || err.Error() != "it exists" {
		t.Errorf("%#v", err)
	}
	if _, err := c.Call(ping, "", nil); err == nil || err.Error() != "x.Bare" {
		t.Errorf("%v", err)
	}
	if _, err := c.Call(ping, "", nil); err == nil || !strings.Contains(err.Error(), "closed by the other side") {
		t.Errorf("%v", err)
	}
}

func TestDeadline(t *testing.T) {
	c := serve(t, welcome, func(_ net.Conn, in *bufio.Reader) { in.ReadByte(); in.Discard(1 << 20) })
	c.Until(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Call(ping, "", nil); !errors.Is(err, ErrTimeout) {
		t.Errorf("%v", err)
	}
}

func TestGreetings(t *testing.T) {
	for greeting, ok := range map[string]bool{
		welcome:                   true,
		"OK 0123\r\nERROR\r\n":    true, // systemd before 246
		"REJECTED EXTERNAL\r\n":   false,
		"DATA\r\nREJECTED\r\n":    false,
		"":                        false,
		strings.Repeat("x", 5000): false,
		"DATA\r\nOK":              false,
	} {
		c := serve(t, greeting, func(net.Conn, *bufio.Reader) {})
		if (c != nil) != ok {
			t.Errorf("%.20q: connected %v, want %v", greeting, c != nil, ok)
		}
	}
}

// TestMalformed: what is no message ends the call, not the program.
func TestMalformed(t *testing.T) {
	good := message(methodReturn, 1, "", "", "s", text("answer"))
	for i := range good {
		for _, v := range []byte{0, 1, 0x7f, 0xff} {
			bad := bytes.Clone(good)
			bad[i] = v
			if m, err := decode(bad); err == nil {
				m.Args.Text()
			}
		}
		if _, err := decode(good[:i]); err == nil {
			t.Errorf("%d of %d bytes are no message", i, len(good))
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(message(signal, 0, "", "JobRemoved", "uoss", append(make([]byte, 4), text("/job")...)))
	f.Fuzz(func(_ *testing.T, data []byte) {
		m, err := decode(data)
		if err != nil {
			return
		}
		m.Args.Uint32()
		m.Args.Text()
		again := m.Args
		m.Args.VariantText()
		again.VariantPairs()
	})
}

// TestVariantPairs: what Body writes is read again, and nothing else.
func TestVariantPairs(t *testing.T) {
	for _, want := range [][][2]string{nil, {{"/dev/null", "rw"}, {"char-pts", "rwm"}, {"", "r"}}} {
		var b Body
		b.Variant("a(ss)")
		b.Array(8, func() {
			for _, p := range want {
				b.Struct()
				b.Text(p[0])
				b.Text(p[1])
			}
		})
		for n := range len(b.buf) {
			a := Args{buf: b.buf[:n], order: binary.LittleEndian}
			if got := a.VariantPairs(); got != nil || a.Err() == nil {
				t.Errorf("%d of %d bytes: %q, %v", n, len(b.buf), got, a.Err())
			}
		}
		a := Args{buf: b.buf, order: binary.LittleEndian}
		if got := a.VariantPairs(); !slices.Equal(got, want) || a.Err() != nil {
			t.Errorf("%q, %v, want %q", got, a.Err(), want)
		}
	}
	var b Body
	b.Variant("as")
	b.Array(4, func() { b.Text("x") })
	a := Args{buf: b.buf, order: binary.LittleEndian}
	if got := a.VariantPairs(); got != nil || a.Err() == nil {
		t.Errorf("an array of texts: %q, %v", got, a.Err())
	}
}

// The bytes of a call, as the specification lays them out.
func TestEncoding(t *testing.T) {
	var args Body
	args.Text("n")
	args.Bool(true)
	args.Array(8, func() {})
	args.Array(1, func() { args.Byte(5) })
	got := ping.encode(3, "sba(sv)ay", &args)
	want := "l\x01\x00\x01" + "\x15\x00\x00\x00" + "\x03\x00\x00\x00" + "\x3f\x00\x00\x00" +
		"\x01\x01o\x00\x02\x00\x00\x00/o\x00" + "\x00\x00\x00\x00\x00" +
		"\x02\x01s\x00\x03\x00\x00\x00x.I\x00" + "\x00\x00\x00\x00" +
		"\x03\x01s\x00\x04\x00\x00\x00Ping\x00" + "\x00\x00\x00" +
		"\x08\x01g\x00\x09sba(sv)ay\x00" + "\x00" +
		"\x01\x00\x00\x00n\x00" + "\x00\x00" + "\x01\x00\x00\x00" + "\x00\x00\x00\x00" + "\x01\x00\x00\x00\x05"
	if string(got) != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if m, err := decode(got); err != nil || m.Signature != "sba(sv)ay" || m.Args.Text() != "n" || m.Args.Uint32() != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}
