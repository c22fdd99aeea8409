package cgroups

import (
	"io/fs"
	"math"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// SetDevices makes rules, and nothing else, decide which devices the processes
// of the cgroup may make, read and write. It replaces the filter that an
// earlier SetDevices attached and leaves those of others in place.
//
// See [DeviceProgram] for what the rules mean; without a rule all is denied.
// Rules that allow everything attach no program. Field names in errors are
// relative to linux.resources, as in "devices[2].access".
func (c *Cgroup) SetDevices(rules []specs.LinuxDeviceCgroup) error {
	insns, err := DeviceProgram(rules)
	if err != nil {
		return err
	}
	var old []int
	if !slices.Contains(c.Created, c.path) { // a cgroup just made has none
		if old, err = ownPrograms(c.fd); err != nil {
			return c.deviceError("query", err)
		}
		defer closeAll(old)
	}
	if !allowsAll(insns) {
		prog, err := loadProgram(insns)
		if err != nil {
			return c.deviceError("load", err)
		}
		defer unix.Close(prog)
		replace := -1
		if len(old) > 0 {
			replace, old = old[0], old[1:]
		}
		if err := progAttach(c.fd, prog, replace); err != nil {
			return c.deviceError("attach", err)
		}
	}
	for _, prog := range old {
		if err := progDetach(c.fd, prog); err != nil && err != unix.ENOENT {
			return c.deviceError("detach", err)
		}
	}
	return nil
}

func (c *Cgroup) deviceError(op string, err error) error {
	return &Error{Field: "devices", Err: &fs.PathError{Op: op + " device filter of", Path: c.Dir(), Err: err}}
}

// struct bpf_cgroup_dev_ctx (linux/bpf.h): three 32-bit words, the first with
// the device type in its low and the access bits in its high half.
const (
	ctxAccessType = 0
	ctxMajor      = 4
	ctxMinor      = 8

	devBlock = 1
	devChar  = 2

	accMknod = 1
	accRead  = 2
	accWrite = 4
	accAll   = accMknod | accRead | accWrite
)

// anyNumber is the major or minor number that matches all.
const anyNumber = -1

// deviceRule is a rule, checked and resolved.
type deviceRule struct {
	kind         int32 // devBlock, devChar, 0 for both
	major, minor int64
	access       int32
	allow        bool
}

// parseDeviceRule checks a rule as the runtime specification defines it.
func parseDeviceRule(r *specs.LinuxDeviceCgroup, index int) (deviceRule, error) {
	field := func(name string) string { return "devices[" + itoa(index) + "]." + name }
	d := deviceRule{allow: r.Allow, major: anyNumber, minor: anyNumber}
	switch r.Type {
	case "", "a":
	case "b":
		d.kind = devBlock
	case "c", "u":
		d.kind = devChar
	default:
		return d, invalid(field("type"), "unknown device type %q", r.Type)
	}
	if r.Major != nil {
		d.major = *r.Major
	}
	if r.Minor != nil {
		d.minor = *r.Minor
	}
	if d.major < anyNumber || d.major > math.MaxUint32 {
		return d, invalid(field("major"), "%d is not a device number", d.major)
	}
	if d.minor < anyNumber || d.minor > math.MaxUint32 {
		return d, invalid(field("minor"), "%d is not a device number", d.minor)
	}
	for _, letter := range []byte(r.Access) {
		switch letter {
		case 'r':
			d.access |= accRead
		case 'w':
			d.access |= accWrite
		case 'm':
			d.access |= accMknod
		default:
			return d, invalid(field("access"), "unknown access %q in %q", string(letter), r.Access)
		}
	}
	if d.access == 0 {
		return d, invalid(field("access"), "empty: want some of \"rwm\"")
	}
	return d, nil
}

// always reports whether the rule decides every request.
func (d deviceRule) always() bool {
	return d.kind == 0 && d.major == anyNumber && d.minor == anyNumber && d.access == accAll
}

// Registers of the program. The kernel passes the context in r1.
const (
	r0 = iota
	rCtx
	rType
	rAccess // asked for and not yet allowed
	rMajor
	rMinor
	rNumber // both in one, as in the kernel's dev_t
	rScratch
)

// The kernel's device numbers have 12 bits for major and 20 for minor
// (linux/kdev_t.h).
const (
	minorBits = 20
	maxMajor  = 1<<(32-minorBits) - 1
	maxMinor  = 1<<minorBits - 1
)

// Opcodes: class, operation, and operand kind (linux/bpf_common.h, bpf.h). All
// are of 32 bits.
const (
	opLoadWord = 0x61 // dst = *(u32 *)(src + off)
	opMovReg   = 0xbc // dst = src
	opMovImm   = 0xb4
	opAndImm   = 0x54
	opOrReg    = 0x4c
	opLshImm   = 0x64
	opRshImm   = 0x74
	opJneImm   = 0x56 // if dst != imm goto off
	opJeqImm   = 0x16
	opExit     = 0x95
)

// DeviceProgram compiles device rules to an eBPF program of type
// BPF_PROG_TYPE_CGROUP_DEVICE, which answers 1 (allow) or 0 (deny).
//
// The last matching rule wins, for each access bit (r, w, m) by itself, and a
// request is allowed if all of its bits are. A rule matches if its type (a for
// both), major and minor (nil or -1 for any) do, none if the kernel has no such
// number; what no rule matches is denied. So "deny a rwm; allow c 1:3 rw" allows to open /dev/null read-write,
// and not to make one.
func DeviceProgram(rules []specs.LinuxDeviceCgroup) ([]Instruction, error) {
	parsed := make([]deviceRule, 0, len(rules))
	for i := range rules {
		d, err := parseDeviceRule(&rules[i], i)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, d)
	}
	parsed = uncovered(parsed)
	if len(parsed) == 1 && parsed[0].always() {
		return verdict(nil, parsed[0].allow), nil
	}
	prog := []Instruction{
		{Op: opLoadWord, Dst: rType, Src: rCtx, Off: ctxAccessType},
		{Op: opMovReg, Dst: rAccess, Src: rType},
		{Op: opAndImm, Dst: rType, Imm: 0xffff},
		{Op: opRshImm, Dst: rAccess, Imm: 16},
		{Op: opLoadWord, Dst: rMajor, Src: rCtx, Off: ctxMajor},
		{Op: opLoadWord, Dst: rMinor, Src: rCtx, Off: ctxMinor},
		{Op: opMovReg, Dst: rNumber, Src: rMajor},
		{Op: opLshImm, Dst: rNumber, Imm: minorBits},
		{Op: opOrReg, Dst: rNumber, Src: rMinor},
	}
	// One half for each type. A rule is one comparison then, with a register
	// that no other comparison gives the verifier facts about: it goes
	// through the program once, and not through all ways that may lead to a
	// rule, which takes it a multiple of the time.
	first, then, kind := compileDevices(parsed, devBlock), compileDevices(parsed, devChar), int32(devBlock)
	if len(first) > math.MaxInt16 {
		first, then, kind = then, first, devChar
	}
	if len(first) > math.MaxInt16 { // which a jump can't pass
		return nil, invalid("devices", "%d rules, for block and for character devices, are more than a filter can have", len(rules))
	}
	prog = append(prog, Instruction{Op: opJneImm, Dst: rType, Imm: kind, Off: int16(len(first))})
	prog = append(prog, first...)
	return append(prog, then...), nil
}

// uncovered leaves out the rules that can't win because a later one covers them:
// engines list what we list after them, and each rule costs the verifier.
func uncovered(rules []deviceRule) []deviceRule {
	type request struct {
		kind         int32
		major, minor int64
	}
	later := make(map[request]uint8, len(rules)) // by access, a bit each: there is such a rule
	covered := func(d deviceRule) bool {
		for _, kind := range [...]int32{0, d.kind} {
			for _, major := range [...]int64{anyNumber, d.major} {
				for _, minor := range [...]int64{anyNumber, d.minor} {
					for access := int32(1); access <= accAll; access++ {
						if later[request{kind, major, minor}]&(1<<access) != 0 && d.access&^access == 0 {
							return true
						}
					}
				}
			}
		}
		return false
	}
	kept := rules[len(rules):]
	for _, d := range slices.Backward(rules) {
		if !covered(d) {
			// In the same place: what is kept is never more than what was read.
			kept = rules[len(rules)-len(kept)-1:]
			kept[0] = d
			later[request{d.kind, d.major, d.minor}] |= 1 << d.access
		}
	}
	return kept
}

// compileDevices compiles the rules for one type of device.
func compileDevices(rules []deviceRule, kind int32) []Instruction {
	var prog []Instruction
	for _, d := range slices.Backward(rules) {
		if d.kind != 0 && d.kind != kind || d.major > maxMajor || d.minor > maxMinor {
			continue // it can't match
		}
		if d.major == anyNumber && d.minor == anyNumber && d.access == accAll {
			return verdict(prog, d.allow)
		}
		prog = d.compile(prog)
	}
	return verdict(prog, false)
}

// compile appends the rule: a test that skips to the next rule, then what to do
// about the bits that no later rule has decided.
func (d deviceRule) compile(prog []Instruction) []Instruction {
	var body []Instruction
	switch {
	case d.access == accAll: // decides all that is left
		body = verdict(nil, d.allow)
	case d.allow:
		body = []Instruction{
			{Op: opAndImm, Dst: rAccess, Imm: ^d.access & accAll},
			{Op: opJneImm, Dst: rAccess, Imm: 0, Off: 2},
		}
		body = verdict(body, true)
	default:
		body = []Instruction{
			{Op: opMovReg, Dst: rScratch, Src: rAccess},
			{Op: opAndImm, Dst: rScratch, Imm: d.access},
			{Op: opJeqImm, Dst: rScratch, Imm: 0, Off: 2},
		}
		body = verdict(body, false)
	}
	test := Instruction{Op: opJneImm, Off: int16(len(body))}
	switch {
	case d.major != anyNumber && d.minor != anyNumber:
		test.Dst, test.Imm = rNumber, int32(uint32(d.major)<<minorBits|uint32(d.minor))
	case d.major != anyNumber:
		test.Dst, test.Imm = rMajor, int32(d.major)
	case d.minor != anyNumber:
		test.Dst, test.Imm = rMinor, int32(d.minor)
	default:
		return append(prog, body...)
	}
	return append(append(prog, test), body...)
}

// verdict appends the end of the program.
func verdict(prog []Instruction, allow bool) []Instruction {
	answer := int32(0)
	if allow {
		answer = 1
	}
	return append(prog, Instruction{Op: opMovImm, Dst: r0, Imm: answer}, Instruction{Op: opExit})
}

// allowsAll reports whether a program allows everything.
func allowsAll(prog []Instruction) bool {
	return len(prog) == 2 && prog[0].Imm == 1
}

// DevicePrograms returns how many device programs are attached to the cgroup itself.
func (c *Cgroup) DevicePrograms() (int, error) {
	ids, err := progQuery(c.fd)
	return len(ids), err
}

// HasDevices reports whether the filter of rules, and no other of SetDevices's, is
// attached to the cgroup. Programs are the same if their tags are, for which the
// filter is loaded once more; rules that allow everything need none.
func (c *Cgroup) HasDevices(rules []specs.LinuxDeviceCgroup) (bool, error) {
	insns, err := DeviceProgram(rules)
	if err != nil {
		return false, err
	}
	own, err := ownPrograms(c.fd)
	if err != nil {
		return false, c.deviceError("query", err)
	}
	defer closeAll(own)
	if allowsAll(insns) || len(own) != 1 {
		return allowsAll(insns) && len(own) == 0, nil
	}
	want, err := loadProgram(insns)
	if err != nil {
		return false, c.deviceError("load", err)
	}
	defer unix.Close(want)
	_, asked, err := progInfo(want)
	if err == nil {
		var is [8]byte
		if _, is, err = progInfo(own[0]); err == nil {
			return is == asked, nil
		}
	}
	return false, c.deviceError("query", err)
}
