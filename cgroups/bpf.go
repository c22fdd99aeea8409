package cgroups

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file holds the calls of bpf(2) and all unsafe code of the package.

// Instruction is one eBPF instruction (Documentation/bpf/standardization).
type Instruction struct {
	Op       uint8
	Dst, Src uint8 // registers
	Off      int16 // in instructions, from the next one
	Imm      int32
}

// encode appends the instruction as the kernel stores it: in native byte order,
// and the two registers, bit fields in C, in native bit order.
func (i Instruction) encode(b []byte) []byte {
	regs := i.Src<<4 | i.Dst
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 { // big endian
		regs = i.Dst<<4 | i.Src
	}
	b = append(b, i.Op, regs)
	b = binary.NativeEndian.AppendUint16(b, uint16(i.Off))
	return binary.NativeEndian.AppendUint32(b, uint32(i.Imm))
}

// bpfAttr is union bpf_attr, with room for what later kernels add. Linux 6.17
// to 7.1 write the answer to BPF_PROG_QUERY past a shorter one, into memory
// that belongs to other code; zero bytes that a kernel does not know are
// accepted by all.
type bpfAttr [256]byte

func (a *bpfAttr) u32(off int, v uint32) { binary.NativeEndian.PutUint32(a[off:], v) }
func (a *bpfAttr) u64(off int, v uint64) { binary.NativeEndian.PutUint64(a[off:], v) }

// pointer stores the address of b, which p keeps in place until it is unpinned.
func (a *bpfAttr) pointer(p *runtime.Pinner, off int, b []byte) {
	p.Pin(&b[0])
	a.u64(off, uint64(uintptr(unsafe.Pointer(&b[0]))))
}

func (a *bpfAttr) call(cmd uintptr) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_BPF, cmd, uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR, unix.EAGAIN: // the verifier gave way to a signal
		default:
			return -1, errno
		}
	}
}

// progName marks the programs that this package attached, for [ownPrograms].
const progName = "crun_go_devices"

// loadProgram loads a device program and returns its descriptor, close-on-exec
// as all of bpf(2)'s. The verifier writes its log only in a second try: asking
// for it makes loading slower.
func loadProgram(insns []Instruction) (int, error) {
	code := make([]byte, 0, 8*len(insns))
	for _, i := range insns {
		code = i.encode(code)
	}
	fd, err := progLoad(code, progName, nil)
	if err == nil || err == unix.EPERM {
		return fd, err
	}
	log := make([]byte, 64<<10)
	fd, err = progLoad(code, progName, log)
	if err != nil {
		text, _, _ := strings.Cut(string(log), "\x00")
		if text = strings.TrimSpace(text); text != "" {
			err = fmt.Errorf("%w: verifier: %s", err, text)
		}
	}
	return fd, err
}

func progLoad(code []byte, name string, log []byte) (int, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	a := new(bpfAttr)
	// Calling no helper, the program may have any licence that it likes.
	license := []byte("Apache-2.0\x00")
	a.u32(0, unix.BPF_PROG_TYPE_CGROUP_DEVICE)
	a.u32(4, uint32(len(code)/8)) // insn_cnt
	a.pointer(&pin, 8, code)      // insns
	a.pointer(&pin, 16, license)
	if len(log) > 0 {
		a.u32(24, 1) // log_level
		a.u32(28, uint32(len(log)))
		a.pointer(&pin, 32, log)
	}
	copy(a[48:63], name) // prog_name, null-terminated
	return a.call(unix.BPF_PROG_LOAD)
}

// progAttach adds a device program to those of the cgroup. With replace it
// takes the place of that one (a descriptor, else -1), in one step.
func progAttach(cgroup, prog, replace int) error {
	a := new(bpfAttr)
	a.u32(0, uint32(cgroup)) // target_fd
	a.u32(4, uint32(prog))   // attach_bpf_fd
	a.u32(8, unix.BPF_CGROUP_DEVICE)
	a.u32(12, unix.BPF_F_ALLOW_MULTI) // attach_flags
	if replace >= 0 {
		a.u32(12, unix.BPF_F_ALLOW_MULTI|unix.BPF_F_REPLACE)
		a.u32(16, uint32(replace)) // replace_bpf_fd
	}
	_, err := a.call(unix.BPF_PROG_ATTACH)
	return err
}

func progDetach(cgroup, prog int) error {
	a := new(bpfAttr)
	a.u32(0, uint32(cgroup))
	a.u32(4, uint32(prog))
	a.u32(8, unix.BPF_CGROUP_DEVICE)
	_, err := a.call(unix.BPF_PROG_DETACH)
	return err
}

// progQuery lists the ids of the device programs attached to the cgroup.
func progQuery(cgroup int) ([]uint32, error) {
	for count := 16; ; {
		var pin runtime.Pinner
		ids := make([]byte, 4*count)
		a := new(bpfAttr)
		a.u32(0, uint32(cgroup))
		a.u32(4, unix.BPF_CGROUP_DEVICE)
		a.pointer(&pin, 16, ids) // prog_ids
		a.u32(24, uint32(count)) // prog_cnt
		_, err := a.call(unix.BPF_PROG_QUERY)
		pin.Unpin()
		n := int(binary.NativeEndian.Uint32(a[24:]))
		if err == unix.ENOSPC && n > count {
			count = n
			continue
		}
		if err != nil {
			return nil, err
		}
		list := make([]uint32, min(n, count))
		for i := range list {
			list[i] = binary.NativeEndian.Uint32(ids[4*i:])
		}
		return list, nil
	}
}

// progInfo returns the name of a program, and its tag: the kernel's hash of its
// instructions.
func progInfo(fd int) (name string, tag [8]byte, err error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	info := make([]byte, 128) // struct bpf_prog_info up to and past its name
	a := new(bpfAttr)
	a.u32(0, uint32(fd))
	a.u32(4, uint32(len(info)))
	a.pointer(&pin, 8, info)
	if _, err := a.call(unix.BPF_OBJ_GET_INFO_BY_FD); err != nil {
		return "", tag, err
	}
	name, _, _ = strings.Cut(string(info[64:80]), "\x00")
	return name, [8]byte(info[8:]), nil
}

// progByID opens a program by its id, if it has the name of ours.
func progByID(id uint32) (fd int, ours bool, err error) {
	a := new(bpfAttr)
	a.u32(0, id)
	fd, err = a.call(unix.BPF_PROG_GET_FD_BY_ID)
	if err != nil {
		return -1, false, err
	}
	name, _, err := progInfo(fd)
	if err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	if name != progName {
		unix.Close(fd)
		return -1, false, nil
	}
	return fd, true, nil
}

// ownPrograms opens the device programs of the cgroup that this package
// attached. Those of others (systemd's DeviceAllow=, an engine's) are not ours
// to replace: the kernel asks all programs and each may deny.
func ownPrograms(cgroup int) ([]int, error) {
	ids, err := progQuery(cgroup)
	if err != nil {
		return nil, err
	}
	var fds []int
	for _, id := range ids {
		fd, ours, err := progByID(id)
		if err == unix.ENOENT {
			continue // detached meanwhile
		}
		if err != nil {
			closeAll(fds)
			return nil, err
		}
		if ours {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
