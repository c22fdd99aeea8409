package bare

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// readAMD64 takes the targets of jumps from the code, for local names of assembly
// occur twice, and those of data from the text.
func readAMD64(p *program, body []instruction) []reference {
	var out []reference
	for _, in := range body {
		if kind, target := p.amd64(in); kind != none {
			out = append(out, reference{kind, target, in.at, in.text})
		}
	}
	return out
}

func (p *program) amd64(in instruction) (kind, uint64) {
	if in.text == "?" {
		return obscure, 0
	}
	op, operands, _ := strings.Cut(in.text, " ")
	if op == "LOCK" || op == "REP" || op == "REPN" {
		op, operands, _ = strings.Cut(operands, " ")
	}
	next := in.pc + uint64(len(in.code))
	if op == "CALL" || op[0] == 'J' {
		return amd64Branch(in.code, next, operands)
	}
	end := strings.Index(operands, "(SB)")
	if end < 0 {
		end = strings.Index(operands, "(IP)")
	}
	if end < 0 || operands[0] == '$' { // a constant of the compiler's
		return none, 0
	}
	address := p.amd64Address(operands[:end], operands[end:end+4] == "(IP)", next)
	if address == 0 {
		return obscure, 0
	}
	last := !strings.Contains(operands[end:], ", ")
	switch {
	case strings.HasPrefix(op, "LEA"):
		return takes, address
	case strings.HasPrefix(op, "XCHG") || last && !onlyReads(op):
		return writes, address
	}
	return reads, address
}

func amd64Branch(code []byte, next uint64, operands string) (kind, uint64) {
	switch size := len(code); {
	case size == 5 && (code[0] == 0xe8 || code[0] == 0xe9), size == 6 && code[0] == 0x0f:
		return calls, next + uint64(int32(binary.LittleEndian.Uint32(code[size-4:])))
	case size == 2 && (code[0] == 0xeb || code[0] == 0xe3 || code[0]&0xf0 == 0x70):
		return calls, next + uint64(int8(code[1]))
	case strings.HasSuffix(operands, "*8)"): // a switch's table
		return none, 0
	}
	return indirect, 0
}

// amd64Address resolves NAME, NAME+OFFSET or, where there is no name, the distance
// from the next instruction. Names may contain what separates operands.
func (p *program) amd64Address(operands string, relative bool, next uint64) uint64 {
	if relative {
		distance, err := strconv.ParseInt(operands[strings.LastIndex(operands, " ")+1:], 0, 64)
		if err != nil {
			return 0
		}
		return next + uint64(distance)
	}
	for {
		name := strings.TrimPrefix(operands, module)
		if at := p.addresses[name]; at != 0 {
			return at
		}
		if i := strings.LastIndexAny(name, "+-"); i > 0 {
			offset, err := strconv.ParseInt(name[i:], 0, 64)
			if at := p.addresses[name[:i]]; at != 0 && err == nil {
				return at + uint64(offset)
			}
		}
		_, rest, found := strings.Cut(operands, " ")
		if !found {
			return 0
		}
		operands = rest
	}
}

// onlyReads: the last operand is not a destination.
func onlyReads(op string) bool {
	return slices.ContainsFunc([]string{"CMP", "TEST", "UCOMIS", "COMIS", "PUSH", "MUL", "DIV", "IDIV", "NOP", "PREFETCH", "VPTEST", "PTEST"},
		func(name string) bool { return strings.HasPrefix(op, name) && !strings.HasPrefix(op, "CMPXCHG") }) ||
		len(op) == 3 && strings.HasPrefix(op, "BT")
}

// readARM64 reads the code itself, which is printed as numbers. An address is made by two instructions, ADRP
// and one that adds the rest or has it as its offset.
func readARM64(_ *program, body []instruction) []reference {
	var out []reference
	for i, in := range body {
		word := binary.BigEndian.Uint32(in.code)
		kind, target := arm64Branch(word, in.pc)
		switch {
		case kind == indirect && word>>21&3 == 0 && i > 0 && switchLoad(binary.BigEndian.Uint32(body[i-1].code), word):
			continue
		case word&0x9f000000 == 0x90000000 && i+1 < len(body): // ADRP
			var after uint32
			if i+2 < len(body) {
				after = binary.BigEndian.Uint32(body[i+2].code)
			}
			kind, target = arm64Address(word, in.pc, binary.BigEndian.Uint32(body[i+1].code), after)
		}
		if kind != none {
			out = append(out, reference{kind, target, in.at, in.text})
		}
	}
	return out
}

// extend returns the signed number in the lower bits.
func extend(v uint32, bits int) uint64 { return uint64(int64(int32(v<<(32-bits))) >> (32 - bits)) }

func arm64Branch(word uint32, pc uint64) (kind, uint64) {
	switch {
	case word&0x7c000000 == 0x14000000: // B, BL
		return calls, pc + extend(word, 26)*4
	case word&0xff000010 == 0x54000000, word&0x7e000000 == 0x34000000: // B.cond, CBZ
		return calls, pc + extend(word>>5, 19)*4
	case word&0x7e000000 == 0x36000000: // TBZ
		return calls, pc + extend(word>>5, 14)*4
	case word&0xffdffc1f == 0xd61f0000: // BR, BLR
		return indirect, 0
	}
	return none, 0
}

// switchLoad: the load (Rn)(Rm<<3) of what a branch goes to.
func switchLoad(load, branch uint32) bool {
	return load&0xffe0fc00 == 0xf8607800 && load&31 == branch>>5&31
}

// arm64Address is what ADRP and the instruction behind it refer to.
func arm64Address(adrp uint32, pc uint64, second, third uint32) (kind, uint64) {
	page := pc&^0xfff + extend(adrp>>5<<2|adrp>>29&3, 21)<<12
	register, base := adrp&31, second>>5&31
	if base != register {
		return obscure, 0
	}
	switch {
	case second&0xffc00000 == 0x91000000: // ADD
		kind := takes
		if second&31 == 27 { // the assembler's own register: the access follows
			kind = arm64Access(third)
		}
		return kind, page + uint64(second>>10&0xfff)
	case second&0x3b000000 == 0x39000000: // load or store, unsigned offset
		scale := second >> 30
		if second&0x04800000 == 0x04800000 {
			scale = 4
		}
		return arm64Access(second), page + uint64(second>>10&0xfff)<<scale
	case second&0x3b200c00 == 0x38000000: // unscaled offset
		return arm64Access(second), page + extend(second>>12, 9)
	}
	return obscure, 0
}

// arm64Access distinguishes loads from stores; atomic ones do both.
func arm64Access(word uint32) kind {
	vector, opc := word>>26&1 == 1, word>>22&3
	switch {
	case word&0x3a000000 == 0x38000000 && word&0x3b200c00 != 0x38200000: // one register
		if opc == 0 || vector && opc == 2 {
			return writes
		}
		return reads
	case word&0x3a000000 == 0x28000000: // two
		if word>>22&1 == 0 {
			return writes
		}
		return reads
	case word&0x3f400000 == 0x08400000: // exclusive, acquiring
		return reads
	}
	return writes
}
