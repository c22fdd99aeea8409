//go:build cgo && libseccomp

package spawn

import (
	"debug/elf"
	"errors"
	"fmt"
)

// checkStatic refuses a binary that the kernel would hand to a dynamic loader:
// in a container's mount namespace that would be the container's.
func checkStatic() error {
	self, err := elf.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("read the program headers of crun-go: %w", err)
	}
	defer self.Close()
	for _, program := range self.Progs {
		if program.Type == elf.PT_INTERP {
			return errors.New("crun-go is linked dynamically: the container's loader would run it; link it statically, as `make LIBSECCOMP=1` does")
		}
	}
	return nil
}
