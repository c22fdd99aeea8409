package bare

import (
	"bufio"
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"os/exec"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// module is left out of the names of what is ours.
const module = "github.com/crun-go/crun-go/"

// A program is a linked binary.
type program struct {
	binary    *elf.File
	functions []*function // by address
	byName    map[string]*function
	symbols   []symbol          // of data, by address
	addresses map[string]uint64 // by name, also of functions; 0 if there are two
	content   map[*elf.Section][]byte
}

type function struct {
	name       string
	file       string // of the source
	start      uint64
	frame      int64 // how far it moves the stack pointer, with the return address
	references []reference
}

// A symbol is a package variable, or what the compiler has made.
type symbol struct {
	name        string
	start, size uint64
}

// A reference is what one instruction of a function has to do with others.
type reference struct {
	kind   kind
	target uint64
	at     string // file and line
	text   string // the instruction
}

type kind int

const (
	none     kind = iota
	calls         // or jumps
	indirect      // calls what a register or memory names
	takes         // the address of a variable or function
	reads
	writes
	obscure // the disassembler does not know it
)

// An instruction is a line of "go tool objdump".
type instruction struct {
	at   string
	pc   uint64
	code []byte
	text string
}

// readProgram disassembles a binary that has its symbols.
func readProgram(path string) (*program, error) {
	binary, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer binary.Close()
	p := &program{binary: binary, byName: map[string]*function{}, addresses: map[string]uint64{}, content: map[*elf.Section][]byte{}}
	if err := p.readSymbols(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var stderr bytes.Buffer
	objdump := exec.Command("go", "tool", "objdump", path)
	objdump.Stderr = &stderr
	text, err := objdump.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool objdump %s: %w\n%s", path, err, &stderr)
	}
	if err := p.readText(text); err != nil {
		return nil, fmt.Errorf("go tool objdump %s: %w", path, err)
	}
	return p, p.readFrames()
}

// readSymbols keeps what has a name, and the content of the sections.
func (p *program) readSymbols() error {
	symbols, err := p.binary.Symbols()
	if err != nil {
		return err
	}
	for _, s := range symbols {
		if s.Section >= elf.SectionIndex(len(p.binary.Sections)) {
			continue
		}
		name := strings.TrimPrefix(s.Name, module)
		if elf.ST_TYPE(s.Info) == elf.STT_OBJECT {
			p.symbols = append(p.symbols, symbol{name, s.Value, s.Size})
		}
		if at, ok := p.addresses[name]; ok && at != s.Value {
			p.addresses[name] = 0 // of two files of assembly
			continue
		}
		p.addresses[name] = s.Value
	}
	slices.SortFunc(p.symbols, func(a, b symbol) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.size, b.size)) // marks of the linker first
	})
	for _, s := range p.binary.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOBITS {
			continue
		}
		if p.content[s], err = s.Data(); err != nil {
			return err
		}
	}
	return nil
}

// readText parses the disassembly: lines of place, address, code and instruction, a
// function's behind a line of its name and file.
func (p *program) readText(text []byte) error {
	read := map[elf.Machine]func(*program, []instruction) []reference{elf.EM_X86_64: readAMD64, elf.EM_AARCH64: readARM64}[p.binary.Machine]
	if read == nil {
		return fmt.Errorf("%v is not known here", p.binary.Machine)
	}
	var current *function
	var body []instruction
	finish := func() {
		if current != nil && len(body) > 0 {
			current.start = body[0].pc
			current.references = read(p, body)
			p.functions = append(p.functions, current)
			p.byName[current.name] = current
		}
		body = body[:0]
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if heading, ok := strings.CutPrefix(line, "TEXT "); ok {
			finish()
			name, file, _ := strings.Cut(heading, "(SB) ")
			current = &function{name: strings.TrimPrefix(name, module), file: file}
			continue
		}
		if line == "" {
			continue
		}
		in, err := parseInstruction(line)
		if err != nil {
			return err
		}
		body = append(body, in)
	}
	finish()
	slices.SortFunc(p.functions, func(a, b *function) int { return cmp.Compare(a.start, b.start) })
	return lines.Err()
}

func parseInstruction(line string) (instruction, error) {
	var fields [4]string
	rest := line
	for i := range fields {
		rest = strings.TrimLeft(rest, "\t ")
		fields[i], rest, _ = strings.Cut(rest, "\t")
	}
	pc, err := strconv.ParseUint(fields[1], 0, 64)
	if err != nil {
		return instruction{}, fmt.Errorf("%q: %w", line, err)
	}
	code, err := hex.DecodeString(fields[2])
	if err != nil {
		return instruction{}, fmt.Errorf("%q: %w", line, err)
	}
	return instruction{fields[0], pc, code, strings.TrimSpace(fields[3])}, nil
}

// function returns the one that an address lies in.
func (p *program) function(address uint64) *function {
	i := sort.Search(len(p.functions), func(i int) bool { return p.functions[i].start > address })
	if section := p.section(address); i == 0 || section == nil || section.Flags&elf.SHF_EXECINSTR == 0 {
		return nil
	}
	return p.functions[i-1]
}

func (p *program) section(address uint64) *elf.Section {
	for _, s := range p.binary.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && address >= s.Addr && address < s.Addr+s.Size {
			return s
		}
	}
	return nil
}

// variable names what can be written at an address; what is constant has none.
func (p *program) variable(address uint64) string {
	section := p.section(address)
	if section == nil || section.Flags&elf.SHF_WRITE == 0 {
		return ""
	}
	i := sort.Search(len(p.symbols), func(i int) bool { return p.symbols[i].start > address })
	if i > 0 && address-p.symbols[i-1].start < max(p.symbols[i-1].size, 1) {
		return p.symbols[i-1].name
	}
	return fmt.Sprintf("what has no name at %#x", address) // a composite literal
}

// word returns the constant or first value at an address.
func (p *program) word(address uint64) uint64 {
	section := p.section(address)
	content := p.content[section]
	if section == nil || address+8 > section.Addr+uint64(len(content)) {
		return 0
	}
	return p.binary.ByteOrder.Uint64(content[address-section.Addr:])
}

// functionOf returns the function that a word leads to: its address, or that of
// a constant function value, which begins with it.
func (p *program) functionOf(word uint64) *function {
	for range 2 {
		if f := p.function(word); f != nil {
			if f.start == word {
				return f
			}
			return nil
		}
		if p.variable(word) != "" {
			return nil
		}
		word = p.word(word)
	}
	return nil
}

// table returns the functions that an array names.
func (p *program) table(name string) ([]*function, error) {
	i := slices.IndexFunc(p.symbols, func(s symbol) bool { return s.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no variable %s", name)
	}
	var out []*function
	for at := p.symbols[i].start; at+8 <= p.symbols[i].start+p.symbols[i].size; at += 8 {
		if f := p.functionOf(p.word(at)); f != nil {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s names no function: it has to be an array that has its content from the start", name)
	}
	return out, nil
}
