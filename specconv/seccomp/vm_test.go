package seccomp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// call is a syscall as a filter sees it (struct seccomp_data).
type call struct {
	nr, arch uint32
	args     [6]uint64
	big      bool
}

// word is the 32-bit word at an offset of seccomp_data.
func (d *call) word(offset uint32) uint32 {
	switch {
	case offset == dataNr:
		return d.nr
	case offset == dataArch:
		return d.arch
	case offset < dataArgs || offset >= dataArgs+8*6 || offset%4 != 0:
		panic("load outside of seccomp_data")
	}
	v := d.args[(offset-dataArgs)/8]
	if (offset%8 == 0) == d.big {
		v >>= 32
	}
	return uint32(v)
}

// run interprets a filter. It panics where the kernel would refuse the filter.
func run(f []unix.SockFilter, d *call) uint32 {
	var acc uint32
	for pc := 0; ; pc++ {
		i := &f[pc]
		taken := false
		switch i.Code {
		case opLoad:
			acc = d.word(i.K)
			continue
		case opAnd:
			acc &= i.K
			continue
		case opRet:
			return i.K
		case opJump:
			pc += int(i.K)
			continue
		case opJeq:
			taken = acc == i.K
		case opJgt:
			taken = acc > i.K
		case opJge:
			taken = acc >= i.K
		default:
			panic("unknown instruction")
		}
		if taken {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
}

// profiles reads the seccomp sections that engines wrote into config.json.
func profiles(t testing.TB) map[string]*specs.LinuxSeccomp {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no profiles in testdata: %v", err)
	}
	all := map[string]*specs.LinuxSeccomp{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cfg := &specs.LinuxSeccomp{}
		if err := json.Unmarshal(raw, cfg); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = cfg
	}
	return all
}
