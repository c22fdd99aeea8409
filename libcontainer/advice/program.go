package advice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/fault"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/specconv/plan"
)

// execve(2) says of a program only that there is "no such file", or an "exec
// format error". What it means is in the file, or in one that it asks for. All
// that is looked at here belongs to the container: it is opened in its root,
// bounded, and believed as far as advice goes.

// refusedHint says why execve(2) has not taken a program.
func refusedHint(e *plan.StepError, f *fault.Fault) string {
	if s, ok := e.Item.Step.(*plan.Execute); ok && f.Errno == unix.E2BIG {
		return tooLongHint(s)
	}
	root, err := retry.Open(e.Root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(root)
	return programHint(root, f.Arg(0), f.Errno)
}

// programHint says why the kernel has not executed a program below root; nothing
// if it doesn't see. Relative paths are not followed: the working directory is not
// known.
func programHint(root int, path string, errno unix.Errno) string {
	if !strings.HasPrefix(path, "/") || errno != unix.ENOEXEC && errno != unix.ENOENT {
		return ""
	}
	head := programHead(root, path)
	switch {
	case len(head) == 0: // not there, or covered by a mount
		return ""
	case errno == unix.ENOEXEC:
		return formatHint(path, head)
	case bytes.HasPrefix(head, []byte("#!")):
		return scriptHint(root, path, head)
	}
	return loaderHint(root, path, head)
}

// Program says why the kernel could not execute a program below root, "" if it could,
// as far as files show: whether a set of rules or a mount forbids it is another matter.
func Program(root int, path string) string {
	head := programHead(root, path)
	if len(head) == 0 {
		return ""
	}
	if bytes.HasPrefix(head, []byte("#!")) {
		return scriptHint(root, path, head)
	}
	if hint := formatHint(path, head); hint != "" {
		return hint
	}
	return loaderHint(root, path, head)
}

// noexecHint is for programs that are not found, or not executable, because nothing below root is.
func noexecHint(root string) string {
	var st unix.Statfs_t
	if retry.Statfs(root, &st) != nil || st.Flags&unix.ST_NOEXEC == 0 {
		return ""
	}
	return "the root filesystem is on a mount with the option noexec: mount -o remount,bind,exec changes that"
}

// tooLongHint says what takes up the room that execve(2) has for both.
func tooLongHint(s *plan.Execute) string {
	size := func(words []string) (n int) {
		for _, w := range words {
			n += len(w) + 1
		}
		return n
	}
	args, env := size(s.Args), size(s.Env)
	what, n := "process.env", env
	if args > env {
		what, n = "process.args", args
	}
	return fmt.Sprintf("most of it is %s, which has %d bytes: 128 KiB is the most for one of its strings, and a quarter of the limit on the stack for all of both", what, n)
}

// programHead reads the beginning of a file, enough for its headers.
func programHead(root int, path string) []byte {
	fd, err := sys.OpenRegularInRoot(root, path)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	head, err := sys.ReadHead(fd, 16<<10)
	if err != nil {
		return nil
	}
	return head
}

// formatHint is for a file that is of no kind the kernel knows.
func formatHint(path string, head []byte) string {
	h, ok := parseELF(head)
	switch {
	case !ok && bytes.HasPrefix(head, []byte("#!")):
		return path + " is a script: its first line has to name an interpreter that is a program"
	case !ok:
		return path + " is not a program: if it is a script, its first line has to be one like #!/bin/sh"
	case h.machine == hostMachine():
		return ""
	}
	return fmt.Sprintf("%s is a program for %s, and this machine is %s: take an image for that, or register an emulator with binfmt_misc",
		path, machineName(h.machine), machineName(hostMachine()))
}

// scriptHint is for a script whose interpreter is not there.
func scriptHint(root int, path string, head []byte) string {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	words := strings.Fields(string(line))
	switch {
	case len(words) == 0:
		return ""
	case bytes.HasSuffix(line, []byte("\r")):
		return path + " has lines that end as on Windows: for the kernel the carriage return is part of the interpreter's name"
	}
	interpreter := words[0]
	script, _ := statIn(root, path)
	switch st, err := statIn(root, interpreter); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("%s is a script for %q, which the root filesystem does not have", path, interpreter)
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Sprintf("%s is a script for %q, which is a %s", path, interpreter, sys.FileType(uint32(st.Mode)))
	case err == nil && st.Ino == script.Ino && st.Dev == script.Dev:
		return fmt.Sprintf("%s is a script for itself: its first line has to name an interpreter that is a program", path)
	}
	return loaderHint(root, interpreter, programHead(root, interpreter))
}

// loaderHint is for a program whose loader is not there.
func loaderHint(root int, path string, head []byte) string {
	h, ok := parseELF(head)
	if !ok || h.loader == "" || present(root, h.loader) {
		return ""
	}
	return fmt.Sprintf("%s needs the loader %q, which the root filesystem does not have: it is linked for another C library, or not all was copied",
		path, h.loader)
}

// statIn looks at a path below root.
func statIn(root int, path string) (st unix.Stat_t, err error) {
	fd, err := sys.OpenInRoot(root, path, unix.O_PATH)
	if err != nil {
		return st, err
	}
	defer unix.Close(fd)
	return st, unix.Fstat(fd, &st)
}

// present reports whether there is anything at a path, which might be seen
// only by the container's root.
func present(root int, path string) bool {
	fd, err := sys.OpenInRoot(root, path, unix.O_PATH)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	unix.Close(fd)
	return true
}

// Of elf(5). Package debug/elf would bring debug/dwarf along.
const (
	ptInterp = 3

	machine386       = 3
	machineMIPS      = 8
	machinePPC64     = 21
	machineS390      = 22
	machineARM       = 40
	machineX86_64    = 62
	machineAArch64   = 183
	machineRISCV     = 243
	machineLoongArch = 258
)

// elfHead is what matters here of an ELF file's headers.
type elfHead struct {
	machine uint16
	loader  string // PT_INTERP
}

// parseELF reads the headers of an ELF file from its beginning (elf(5)).
func parseELF(head []byte) (elfHead, bool) {
	if len(head) < 52 || !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return elfHead{}, false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	h := elfHead{machine: order.Uint16(head[18:])}
	wide := head[4] == 2 && len(head) >= 64
	var at, size, count uint64
	if wide {
		at, size, count = order.Uint64(head[32:]), uint64(order.Uint16(head[54:])), uint64(order.Uint16(head[56:]))
	} else {
		at, size, count = uint64(order.Uint32(head[28:])), uint64(order.Uint16(head[42:])), uint64(order.Uint16(head[44:]))
	}
	for range count {
		entry, ok := piece(head, at, size)
		if !ok || len(entry) < 32 || wide && len(entry) < 56 {
			break
		}
		at += size
		if order.Uint32(entry) != ptInterp {
			continue
		}
		offset, length := uint64(order.Uint32(entry[4:])), uint64(order.Uint32(entry[16:]))
		if wide {
			offset, length = order.Uint64(entry[8:]), order.Uint64(entry[32:])
		}
		if name, ok := piece(head, offset, length); ok {
			h.loader = string(bytes.TrimRight(name, "\x00"))
		}
		break
	}
	return h, true
}

// piece cuts a piece out of what has been read of a file.
func piece(head []byte, at, size uint64) ([]byte, bool) {
	end := uint64(len(head))
	if at > end || size > end-at {
		return nil, false
	}
	return head[at : at+size], true
}

// hostMachine is the machine that this program runs on, as ELF files name it.
func hostMachine() uint16 {
	switch runtime.GOARCH {
	case "amd64":
		return machineX86_64
	case "arm64":
		return machineAArch64
	case "386":
		return machine386
	case "arm":
		return machineARM
	case "ppc64le":
		return machinePPC64
	case "s390x":
		return machineS390
	case "riscv64":
		return machineRISCV
	case "loong64":
		return machineLoongArch
	}
	return 0
}

// machineName is what uname(1) calls it.
func machineName(m uint16) string {
	switch m {
	case machineX86_64:
		return "x86_64"
	case machineAArch64:
		return "aarch64"
	case machine386:
		return "i386"
	case machineARM:
		return "arm"
	case machinePPC64:
		return "ppc64"
	case machineS390:
		return "s390x"
	case machineRISCV:
		return "riscv"
	case machineLoongArch:
		return "loongarch"
	case machineMIPS:
		return "mips"
	}
	return "machine " + strconv.Itoa(int(m))
}
