package systemd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeSystemd answers calls by what it was told to: a line for each call it
// expects, "METHOD: ANSWER". ANSWER is the name of an error, "job RESULT" for a
// job and how it ends, "text T", "unknown PROPERTY", "closed" for the end of the
// connection, after which there is another, or nothing.
func fakeSystemd(t *testing.T, lines ...string) (*Conn, func() [][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var calls [][]byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn := greet(l)
		for _, line := range lines {
			call := readCall(conn)
			calls = append(calls, call)
			method, answer, _ := strings.Cut(line, ": ")
			if !bytes.Contains(call, []byte("\x00"+method+"\x00")) {
				t.Errorf("call %q, want %s", call, method)
				break
			}
			if answer == "closed" {
				conn.Close()
				conn = greet(l)
				continue
			}
			conn.Write(answers(binary.LittleEndian.Uint32(call[8:]), answer))
		}
		conn.Close()
	}()
	c, err := dial([]address{{path: path}})
	if err != nil {
		t.Fatal(err)
	}
	return c, func() [][]byte {
		c.Close()
		<-done
		l.Close()
		if len(calls) != len(lines) {
			t.Errorf("%d calls, want %d", len(calls), len(lines))
		}
		return calls
	}
}

// greet takes the next connection and authenticates whoever it is.
func greet(l net.Listener) net.Conn {
	conn, err := l.Accept()
	if err != nil {
		return conn
	}
	io.ReadFull(conn, make([]byte, len("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")))
	io.WriteString(conn, "DATA\r\nOK 0\r\n")
	return conn
}

func readCall(conn net.Conn) []byte {
	call := make([]byte, 16)
	if _, err := io.ReadFull(conn, call); err != nil {
		return call
	}
	fields := binary.LittleEndian.Uint32(call[12:])
	rest := make([]byte, (fields+7)&^7+binary.LittleEndian.Uint32(call[4:]))
	io.ReadFull(conn, rest)
	return append(call, rest...)
}

func answers(serial uint32, answer string) []byte {
	kind, text, _ := strings.Cut(answer, " ")
	reply := binary.LittleEndian.AppendUint32([]byte("\x05\x01u\x00"), serial)
	switch kind {
	case "job":
		// The end of somebody else's job comes first.
		return slices.Concat(removed("/job/other", "failed"), build(2, str("/job/1"), reply, field(8, "g", "o")), removed("/job/1", text))
	case "text":
		return build(2, append([]byte("\x01s\x00\x00"), str(text)...), reply, field(8, "g", "v"))
	case "unknown":
		return build(3, str("Cannot set property "+text+", or unknown property."), reply,
			field(4, "s", "org.freedesktop.DBus.Error.PropertyReadOnly"), field(8, "g", "s"))
	case "":
		return build(2, nil, reply)
	}
	return build(3, str("it is "+kind), reply, field(4, "s", "org.freedesktop.systemd1."+kind), field(8, "g", "s"))
}

func removed(job, result string) []byte {
	body := pad(append([]byte{1, 0, 0, 0}, str(job)...), 4)
	body = append(pad(append(body, str("x.scope")...), 4), str(result)...)
	return build(4, body, field(2, "s", managerInterface), field(3, "s", "JobRemoved"), field(8, "g", "uoss"))
}

func str(s string) []byte {
	return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s...), 0)
}

func pad(b []byte, n int) []byte {
	for len(b)%n != 0 {
		b = append(b, 0)
	}
	return b
}

// field is one of a header.
func field(code byte, kind, value string) []byte {
	b := []byte{code, 1, kind[0], 0}
	if kind == "g" {
		return append(append(append(b, byte(len(value))), value...), 0)
	}
	return append(b, str(value)...)
}

func build(kind byte, body []byte, list ...[]byte) []byte {
	var fields []byte
	for _, f := range list {
		fields = append(pad(fields, 8), f...)
	}
	b := []byte{'l', kind, 0, 1}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, 7)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(fields)))
	return append(pad(append(b, fields...), 8), body...)
}

var scope = Unit{Name: "x.scope", Slice: "a.slice", Description: "ours", Properties: []Property{{"MemoryMax", uint64(5)}}}

func TestStart(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"StartTransientUnit: job done"}, ""},
		{[]string{"StartTransientUnit: UnitExists", "ResetFailedUnit: ", "StartTransientUnit: job done"}, ""},
		{[]string{"StartTransientUnit: UnitExists", "ResetFailedUnit: ", "StartTransientUnit: UnitExists"}, `start unit "x.scope": a unit of that name exists`},
		{[]string{"StartTransientUnit: UnitExists", "ResetFailedUnit: NoSuchUnit"}, `start unit "x.scope": a unit of that name exists`},
		{[]string{"StartTransientUnit: job failed"}, `start unit "x.scope": systemd's job ended with "failed"`},
		{[]string{"StartTransientUnit: Bad"}, `start unit "x.scope": it is Bad`},
		// systemd restarts before it has heard the call, after it has done it, and while it does.
		{[]string{"StartTransientUnit: closed", "StartTransientUnit: job done"}, ""},
		{[]string{"StartTransientUnit: closed", "StartTransientUnit: UnitExists", "Get: text ours", "Get: text active"}, ""},
		{[]string{"StartTransientUnit: closed", "StartTransientUnit: UnitExists", "Get: text ours", "Get: text activating", "Get: text active"}, ""},
		{[]string{"StartTransientUnit: closed", "StartTransientUnit: UnitExists", "Get: text ours", "Get: text failed"}, `start unit "x.scope": the unit is failed`},
		{[]string{"StartTransientUnit: closed", "StartTransientUnit: UnitExists", "Get: text theirs", "ResetFailedUnit: NoSuchUnit"},
			`start unit "x.scope": a unit of that name exists`},
	} {
		conn, end := fakeSystemd(t, c.lines...)
		got := ""
		if err := conn.Start(&scope, 77); err != nil {
			got = err.Error()
		}
		calls := end()
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.lines, got, c.want)
		}
		for _, part := range []string{"ssa(sv)a(sa(sv))", "x.scope", "Slice\x00\x01s\x00", "a.slice", "Delegate\x00\x01b\x00", "PIDs\x00\x02au\x00\x00", "\x4d\x00\x00\x00",
			"MemoryMax\x00\x01t\x00", "CollectMode"} {
			if !bytes.Contains(calls[0], []byte(part)) {
				t.Errorf("the call lacks %q: %q", part, calls[0])
			}
		}
	}
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"StopUnit: job done"}, ""},
		{[]string{"StopUnit: NoSuchUnit"}, ""},
		{[]string{"StopUnit: closed", "StopUnit: job done"}, ""},
		{[]string{"StopUnit: closed", "StopUnit: NoSuchUnit"}, ""},
		{[]string{"StopUnit: Bad"}, `stop unit "x.scope": it is Bad`},
	} {
		conn, end := fakeSystemd(t, c.lines...)
		got := ""
		if err := conn.Stop("x.scope"); err != nil {
			got = err.Error()
		}
		end()
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.lines, got, c.want)
		}
	}
}

func TestDescription(t *testing.T) {
	conn, end := fakeSystemd(t, "Get: text ours", "Get: closed", "Get: text again", "Get: Bad")
	for _, want := range []string{"ours <nil>", "again <nil>", ` ask for Description of unit "x.scope": it is Bad`} {
		text, err := conn.Description("x.scope")
		if got := fmt.Sprint(text, " ", err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	end()
}

// What an older systemd does not know is left out, if the kernel's file says it
// as well, and if nobody has asked for it by name.
func TestUnknownProperties(t *testing.T) {
	conn, end := fakeSystemd(t, "SetUnitProperties: unknown OOMPolicy", "SetUnitProperties: unknown AllowedCPUs", "SetUnitProperties: ",
		"SetUnitProperties: unknown OOMPolicy", "SetUnitProperties: unknown MemoryMax")
	list := []Property{{"OOMPolicy", "kill"}, {"MemoryMax", uint64(5)}, {"AllowedCPUs", []byte{1}}}
	if err := conn.Set("x.scope", list); err != nil {
		t.Error(err)
	}
	if err := conn.Set("x.scope", []Property{{"OOMPolicy", Typed{"s", []string{"kill"}}}}); err == nil {
		t.Error("left out what somebody has asked for")
	}
	if err := conn.Set("x.scope", list); err == nil {
		t.Error("left out a limit")
	}
	last := end()[2]
	if bytes.Contains(last, []byte("OOMPolicy")) || bytes.Contains(last, []byte("AllowedCPUs")) || !bytes.Contains(last, []byte("MemoryMax")) {
		t.Errorf("%q", last)
	}
	if len(list) != 3 {
		t.Error("changed the caller's list")
	}
}

func TestAttach(t *testing.T) {
	conn, end := fakeSystemd(t, "AttachProcessesToUnit: ", "AttachProcessesToUnit: Bad")
	if err := conn.Attach("x.scope", "/in", 77); err != nil {
		t.Error(err)
	}
	if err := conn.Attach("x.scope", "", 77); err == nil || err.Error() != `move a process to unit "x.scope": it is Bad` {
		t.Error(err)
	}
	if call := end()[0]; !bytes.Contains(call, []byte("ssau")) || !bytes.Contains(call, []byte("/in\x00")) || !bytes.HasSuffix(call, []byte("\x4d\x00\x00\x00")) {
		t.Errorf("%q", call)
	}
}

func TestSet(t *testing.T) {
	conn, end := fakeSystemd(t, "SetUnitProperties: ")
	if err := errors.Join(conn.Set("x.scope", nil), conn.Set("x.scope", Tasks(9))); err != nil {
		t.Error(err)
	}
	if calls := end(); !bytes.Contains(calls[0], []byte("TasksMax\x00\x01t\x00")) || !bytes.Contains(calls[0], []byte("sba(sv)")) {
		t.Errorf("%q", calls)
	}
}

// A slice has no processes, and its place follows from its name.
func TestStartSlice(t *testing.T) {
	conn, end := fakeSystemd(t, "StartTransientUnit: job done", "Get: text /a.slice/a-b.slice")
	if err := conn.Start(&Unit{Name: "a-b.slice", Slice: "a.slice"}, 0); err != nil {
		t.Error(err)
	}
	if path, err := conn.ControlGroup("a-b.slice"); path != "/a.slice/a-b.slice" || err != nil {
		t.Errorf("%q, %v", path, err)
	}
	if call := end()[0]; bytes.Contains(call, []byte("PIDs")) || !bytes.Contains(call, []byte("Wants")) {
		t.Errorf("%q", call)
	}
}

// Every kind of value there is, as D-Bus has it.
func TestValues(t *testing.T) {
	conn, end := fakeSystemd(t, "SetUnitProperties: ")
	err := conn.Set("x", []Property{{"A", "text"}, {"B", true}, {"F", uint64(2)}, {"G", []string{"a", "b"}}, {"H", []uint32{1}},
		{"I", []byte{1, 2}}, {"J", []Pair{{"/dev/a", 3}}},
		{"K", Typed{"i", []string{"-1"}}}, {"L", Typed{"d", []string{"1.5"}}}, {"M", Typed{"as", []string{"x", "y"}}},
		{"N", Typed{"at", nil}}, {"O", Typed{"b", []string{"true"}}}, {"P", Typed{"q", []string{"258"}}}})
	if err != nil {
		t.Error(err)
	}
	call := end()[0]
	for _, part := range []string{"A\x00\x01s\x00", "B\x00\x01b\x00", "F\x00\x01t\x00", "G\x00\x02as\x00", "H\x00\x02au\x00",
		"I\x00\x02ay\x00", "J\x00\x05a(st)\x00", "K\x00\x01i\x00\x00\x00\x00\xff\xff\xff\xff", "L\x00\x01d\x00", "\x00\x00\xf8\x3f",
		"M\x00\x02as\x00", "N\x00\x02at\x00", "O\x00\x01b\x00\x00\x00\x00\x01", "P\x00\x01q\x00\x00\x02\x01"} {
		if !bytes.Contains(call, []byte(part)) {
			t.Errorf("the call lacks %q: %q", part, call)
		}
	}
}

func TestNoSystemd(t *testing.T) {
	dir := t.TempDir()
	_, err := dial([]address{{path: dir + "/a"}, {path: dir + "/b", bus: true}})
	if !errors.Is(err, ErrNoSystemd) || strings.Contains(err.Error(), "no such file") || !strings.Contains(err.Error(), dir+"/b: not there") {
		t.Errorf("%v", err)
	}
}
