package cgroups

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rule reads "allow c 1:3 rwm"; "*" is any number, "-" an absent one.
func rule(t testing.TB, text string) specs.LinuxDeviceCgroup {
	t.Helper()
	f := strings.Fields(text)
	r := specs.LinuxDeviceCgroup{Allow: f[0] == "allow", Access: f[len(f)-1]}
	if len(f) > 2 {
		r.Type = f[1]
	}
	if len(f) > 3 {
		major, minor, _ := strings.Cut(f[2], ":")
		r.Major, r.Minor = number(t, major), number(t, minor)
	}
	return r
}

func number(t testing.TB, s string) *int64 {
	n := int64(-1)
	switch s {
	case "-":
		return nil
	case "*":
	default:
		if _, err := fmt.Sscan(s, &n); err != nil {
			t.Fatal(err)
		}
	}
	return &n
}

func rules(t testing.TB, text string) []specs.LinuxDeviceCgroup {
	t.Helper()
	var list []specs.LinuxDeviceCgroup
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) != "" {
			list = append(list, rule(t, part))
		}
	}
	return list
}

// request reads "c 1:3 rw".
type request struct{ kind, access, major, minor uint32 }

func parseRequest(t testing.TB, text string) request {
	t.Helper()
	var kind, access string
	var q request
	if _, err := fmt.Sscanf(text, "%1s %d:%d %s", &kind, &q.major, &q.minor, &access); err != nil {
		t.Fatal(err)
	}
	q.kind = map[string]uint32{"b": 1, "c": 2}[kind]
	for _, l := range access {
		q.access |= map[rune]uint32{'m': 1, 'r': 2, 'w': 4}[l]
	}
	return q
}

// interpret runs the program as the kernel would.
func interpret(t testing.TB, prog []Instruction, q request) bool {
	t.Helper()
	ctx := map[int16]uint32{0: q.access<<16 | q.kind, 4: q.major, 8: q.minor}
	var reg [11]uint32
	for pc, steps := 0, 0; ; pc, steps = pc+1, steps+1 {
		if pc >= len(prog) {
			t.Fatal("program runs past its end")
		}
		i := prog[pc]
		switch i.Op {
		case 0x61:
			if i.Src != 1 {
				t.Fatal("load from other than the context")
			}
			reg[i.Dst] = ctx[i.Off]
		case 0xbc:
			reg[i.Dst] = reg[i.Src]
		case 0xb4:
			reg[i.Dst] = uint32(i.Imm)
		case 0x54:
			reg[i.Dst] &= uint32(i.Imm)
		case 0x4c:
			reg[i.Dst] |= reg[i.Src]
		case 0x64:
			reg[i.Dst] <<= uint32(i.Imm)
		case 0x74:
			reg[i.Dst] >>= uint32(i.Imm)
		case 0x56:
			if reg[i.Dst] != uint32(i.Imm) {
				pc += int(i.Off)
			}
		case 0x16:
			if reg[i.Dst] == uint32(i.Imm) {
				pc += int(i.Off)
			}
		case 0x95:
			return reg[0] == 1
		default:
			t.Fatalf("instruction %d: unknown opcode %#x", pc, i.Op)
		}
	}
}

const dockerRules = `deny rwm; allow c 1:5 rwm; allow c 1:3 rwm; allow c 1:9 rwm; allow c 1:8 rwm;
	allow c 5:0 rwm; allow c 5:1 rwm; deny c 10:229 rwm; allow c *:* m; allow b *:* m; allow c 136:* rwm; allow c 5:2 rwm`

func TestDeviceVerdicts(t *testing.T) {
	for _, test := range []struct{ rules, allowed, denied string }{
		{"", "", "c 1:3 r; b 8:0 m"},
		{"deny a rwm", "", "c 1:3 r; b 8:0 m; c 1:3 rwm"},
		{"allow a rwm", "c 1:3 rwm; b 8:0 m", ""},
		{"allow rwm", "c 1:3 rwm; b 8:0 m", ""},
		{"deny a rwm; allow c 1:3 rwm", "c 1:3 r; c 1:3 rw; c 1:3 rwm", "b 1:3 r; c 1:4 r; c 2:3 r"},
		{"deny a rwm; allow c 1:3 rw", "c 1:3 r; c 1:3 w; c 1:3 rw", "c 1:3 m; c 1:3 rwm"},
		{"deny a rwm; allow u 1:3 rw", "c 1:3 rw", "b 1:3 r"},
		// Bits may come from several rules.
		{"allow c 1:3 r; allow c 1:* w", "c 1:3 rw; c 1:4 w", "c 1:4 r; c 1:3 rwm"},
		// Wildcards: -1 and absent are the same.
		{"allow c 1:* r", "c 1:0 r; c 1:4294967295 r", "c 2:0 r"},
		{"allow c -:3 r", "c 9:3 r", "c 9:4 r"},
		{"allow b *:- m", "b 8:0 m", "c 8:0 m; b 8:0 r"},
		{"allow a 8:0 r", "b 8:0 r; c 8:0 r", "b 8:1 r"},
		// The last match wins, per bit.
		{"allow a rwm; deny c 1:3 rwm", "c 1:4 rwm; b 1:3 rwm", "c 1:3 r; c 1:3 m"},
		{"allow a rwm; deny c 1:3 m", "c 1:3 rw", "c 1:3 m; c 1:3 rwm"},
		{"allow a rwm; deny a w", "c 1:3 rm", "c 1:3 w; b 1:1 rw"},
		{"deny c 1:3 rwm; allow c 1:3 r", "c 1:3 r", "c 1:3 w; c 1:3 rw"},
		{"allow c 1:3 r; deny c 1:3 rwm; allow c 1:3 w", "c 1:3 w", "c 1:3 r; c 1:3 rw"},
		{"allow c 1:3 rwm; deny a rwm", "", "c 1:3 r"},
		// Numbers that are negative as a signed immediate.
		{"allow c 4096:0 r; allow c 1:1048579 r", "", "c 0:0 r; c 1:3 r; c 2:3 r"},
		{dockerRules, "c 1:3 rwm; c 136:7 rw; b 8:0 m; c 10:200 m; c 10:229 m",
			"b 8:0 r; b 8:0 rm; c 10:200 r; c 10:229 rw; c 1:1 r"},
	} {
		prog, err := DeviceProgram(rules(t, test.rules))
		if err != nil {
			t.Errorf("%s: %v", test.rules, err)
			continue
		}
		check := func(list string, want bool) {
			for text := range strings.SplitSeq(list, ";") {
				if text = strings.TrimSpace(text); text != "" && interpret(t, prog, parseRequest(t, text)) != want {
					t.Errorf("%q: %s: allowed is %v, want %v", test.rules, text, !want, want)
				}
			}
		}
		check(test.allowed, true)
		check(test.denied, false)
	}
}

// TestDeviceVerdictsRandom compares programs with the definition.
func TestDeviceVerdictsRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	for range 3000 {
		var text []string
		for range rnd.IntN(8) {
			text = append(text, pick("allow", "deny")+" "+pick("a", "b", "c")+" "+pick("*", "1", "2")+":"+pick("*", "1", "2")+" "+
				pick("r", "w", "m", "rw", "rm", "wm", "rwm", "rwm"))
		}
		list := rules(t, strings.Join(text, ";"))
		prog, err := DeviceProgram(list)
		if err != nil {
			t.Fatal(err)
		}
		for n := range uint32(2 * 3 * 3 * 7) {
			q := request{kind: 1 + n%2, major: n / 2 % 3, minor: n / 6 % 3, access: 1 + n/18}
			if got, want := interpret(t, prog, q), byDefinition(list, q); got != want {
				t.Fatalf("%q: %+v: got %v, want %v", text, q, got, want)
			}
		}
	}
}

func byDefinition(list []specs.LinuxDeviceCgroup, q request) bool {
	for letter, bit := range map[string]uint32{"m": 1, "r": 2, "w": 4} {
		if q.access&bit == 0 {
			continue
		}
		allow := false
		for _, r := range list {
			kind := r.Type == "a" || r.Type == "b" && q.kind == 1 || r.Type == "c" && q.kind == 2
			if kind && (*r.Major == -1 || *r.Major == int64(q.major)) && (*r.Minor == -1 || *r.Minor == int64(q.minor)) &&
				strings.Contains(r.Access, letter) {
				allow = r.Allow
			}
		}
		if !allow {
			return false
		}
	}
	return true
}

func TestDeviceRulesRefused(t *testing.T) {
	for _, test := range []struct{ rules, want string }{
		{"allow c 1:3 rwx", `devices[0].access: unknown access "x" in "rwx"`},
		{"deny a rwm; allow p 1:3 r", `devices[1].type: unknown device type "p"`},
		{"allow c -2:3 r", "devices[0].major: -2 is not a device number"},
		{"allow c 1:4294967296 r", "devices[0].minor: 4294967296 is not a device number"},
	} {
		_, err := DeviceProgram(rules(t, test.rules))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q: error %v, want %s", test.rules, err, test.want)
		}
	}
	_, err := DeviceProgram([]specs.LinuxDeviceCgroup{{Allow: true}})
	var e *Error
	if !errors.As(err, &e) || e.Field != "devices[0].access" {
		t.Errorf("no access: %v", err)
	}
}

func TestInstructionEncoding(t *testing.T) {
	if !littleEndian() {
		t.Skip("the expected bytes are little endian")
	}
	got := Instruction{Op: opLoadWord, Dst: rMajor, Src: rCtx, Off: 4, Imm: -2}.encode(nil)
	if want := []byte{0x61, 0x14, 4, 0, 0xfe, 0xff, 0xff, 0xff}; !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

func littleEndian() bool {
	var a bpfAttr
	a.u32(0, 1)
	return a[0] == 1
}

// tryDevices runs in the cgroup and reports what open(2) and mknod(2) answer.
const tryDevices = `
try() { if "$@" 2>/dev/null; then echo -n y; else echo -n n; fi; }
try dd if=/dev/null of=/dev/null count=1
try dd if=/dev/zero of=/dev/null count=1
try mknod $1/zero c 1 5
try mknod $1/null c 1 3
rm -f $1/zero $1/null
`

func deviceAnswers(t *testing.T, c *Cgroup) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", tryDevices, "sh", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: c.FD()}
	null, err := os.Open("/dev/null") // before the filter applies to a child
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd.Stdin = null
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestSetDevicesInKernel(t *testing.T) {
	noLeak(t)
	c := hostCgroup(t)
	if got := deviceAnswers(t, c); got != "yyyy" {
		t.Skipf("device access is restricted already: %s", got)
	}
	again, err := c.h.Open(c.Path()) // knows nothing of who made the cgroup
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for _, step := range []struct {
		c           *Cgroup
		rules, want string
		programs    int
	}{
		{c, dockerRules, "yyyy", 1},
		{again, "deny a rwm; allow c 1:3 rw", "ynnn", 1},
		{again, "deny a rwm; allow c 1:3 rw; allow c 1:5 r; allow c *:* m", "yyyy", 1},
		{again, "allow a rwm; deny c 1:5 r; deny c 1:3 m", "ynyn", 1},
		{again, "allow a rwm", "yyyy", 0},
		{again, "deny a rwm", "nnnn", 1},
	} {
		if err := step.c.SetDevices(rules(t, step.rules)); err != nil {
			t.Fatalf("%s: %v", step.rules, err)
		}
		if got := deviceAnswers(t, c); got != step.want {
			t.Errorf("%s: got %s, want %s", step.rules, got, step.want)
		}
		if ids, err := progQuery(c.FD()); err != nil || len(ids) != step.programs {
			t.Errorf("%s: programs %v, %v; want %d", step.rules, ids, err, step.programs)
		}
	}
}

func TestSetDevicesKeepsForeignPrograms(t *testing.T) {
	noLeak(t)
	c := hostCgroup(t)
	code := []byte{}
	for _, i := range verdict(nil, true) {
		code = i.encode(code)
	}
	foreign, err := progLoad(code, "somebody_else", nil)
	if err != nil {
		t.Skipf("load: %v", err)
	}
	defer unix.Close(foreign)
	if err := progAttach(c.FD(), foreign, -1); err != nil {
		t.Fatal(err)
	}
	again, err := c.h.Open(c.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for range 2 {
		if err := again.SetDevices(rules(t, dockerRules)); err != nil {
			t.Fatal(err)
		}
		if ids, err := progQuery(c.FD()); err != nil || len(ids) != 2 {
			t.Errorf("programs %v, %v; want the other's and ours", ids, err)
		}
	}
}

func TestLoadProgramExplainsRejection(t *testing.T) {
	hostHierarchy(t)
	_, err := loadProgram([]Instruction{{Op: opMovImm, Imm: 1}}) // no exit
	if err == nil || !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "verifier:") {
		t.Errorf("error %v, want EINVAL with the verifier's log", err)
	}
}

func TestManyRulesLoad(t *testing.T) {
	hostHierarchy(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	var text []string
	for i := range 400 {
		text = append(text, fmt.Sprintf("%s c %d:%d %s", []string{"allow", "deny"}[i%2], rnd.IntN(9), i, []string{"r", "w", "m", "rw"}[rnd.IntN(4)]))
	}
	prog, err := DeviceProgram(rules(t, strings.Join(text, ";")))
	if err != nil {
		t.Fatal(err)
	}
	fd, err := loadProgram(prog)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
}

// manyRules are so many rules that each allow one device of a kind.
func manyRules(kind string, n int) []specs.LinuxDeviceCgroup {
	list := make([]specs.LinuxDeviceCgroup, n)
	for i := range list {
		major, minor := int64(i>>10+1), int64(i&1023)
		list[i] = specs.LinuxDeviceCgroup{Allow: true, Type: kind, Major: &major, Minor: &minor, Access: "rwm"}
	}
	return list
}

// TestManyRules: what a rule costs does not grow with their number, and no jump is
// too short for what it has to pass.
func TestManyRules(t *testing.T) {
	done := make(chan []Instruction)
	go func() {
		prog, _ := DeviceProgram(append(manyRules("c", 600000), rules(t, "allow c *:* m; deny b 1:1 rwm")...))
		done <- prog
	}()
	select {
	case prog := <-done:
		if len(prog) < 600000*3 {
			t.Errorf("%d instructions", len(prog))
		}
	case <-time.After(time.Minute):
		t.Fatal("600000 rules take more than a minute")
	}

	prog, err := DeviceProgram(append(manyRules("b", 20000), rules(t, "allow c 1:3 rwm")...))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"b 1:0 rwm": true, "b 20:500 rw": true, "b 30:1 r": false, "c 1:3 rw": true, "c 1:0 r": false} {
		if got := interpret(t, prog, parseRequest(t, text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if _, err := DeviceProgram(append(manyRules("b", 20000), manyRules("c", 20000)...)); err == nil || !strings.Contains(err.Error(), "devices: 40000 rules") {
		t.Error(err)
	}
}

func FuzzDeviceProgram(f *testing.F) {
	f.Add("c", "rwm", int64(1), int64(3), true)
	f.Fuzz(func(t *testing.T, kind, access string, major, minor int64, allow bool) {
		prog, err := DeviceProgram([]specs.LinuxDeviceCgroup{{Allow: allow, Type: kind, Major: &major, Minor: &minor, Access: access}})
		if err == nil {
			interpret(t, prog, request{2, 2, uint32(major), uint32(minor)})
		}
	})
}

func BenchmarkSetDevices(b *testing.B) {
	list := rules(b, dockerRules)
	for b.Loop() {
		prog, err := DeviceProgram(list)
		if err != nil {
			b.Fatal(err)
		}
		fd, err := loadProgram(prog)
		if err != nil {
			b.Skip(err)
		}
		unix.Close(fd)
	}
}
