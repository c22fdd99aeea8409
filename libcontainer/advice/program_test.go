package advice

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// elfFile makes the beginning of an ELF file of 64 or 32 bits.
func elfFile(order binary.AppendByteOrder, wide bool, machine uint16, loader string) string {
	data := byte(1)
	if order == binary.AppendByteOrder(binary.BigEndian) {
		data = 2
	}
	class := byte(1)
	if wide {
		class = 2
	}
	b := append([]byte("\x7fELF"), class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = order.AppendUint16(order.AppendUint16(b, 2), machine)
	b = order.AppendUint32(b, 1)
	if wide { // entry, program headers, section headers, flags, sizes
		b = order.AppendUint64(order.AppendUint64(order.AppendUint64(b, 0), 64), 0)
		b = order.AppendUint16(order.AppendUint16(order.AppendUint16(order.AppendUint32(b, 0), 64), 56), 2)
		b = append(b, make([]byte, 64-len(b))...)
		b = append(b, make([]byte, 56)...) // PT_NULL
		b = order.AppendUint32(order.AppendUint32(b, 3), 4)
		b = order.AppendUint64(order.AppendUint64(order.AppendUint64(b, 176), 0), 0)
		b = order.AppendUint64(order.AppendUint64(order.AppendUint64(b, uint64(len(loader)+1)), 0), 0)
	} else {
		b = order.AppendUint32(order.AppendUint32(order.AppendUint32(b, 0), 52), 0)
		b = order.AppendUint16(order.AppendUint16(order.AppendUint16(order.AppendUint32(b, 0), 52), 32), 1)
		b = append(b, make([]byte, 52-len(b))...)
		b = order.AppendUint32(order.AppendUint32(b, 3), 84)
		b = order.AppendUint32(order.AppendUint32(order.AppendUint32(b, 0), 0), uint32(len(loader)+1))
		b = append(b, make([]byte, 84-len(b))...)
	}
	return string(b) + loader + "\x00"
}

func TestProgramHint(t *testing.T) {
	if _, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH}); err != nil {
		t.Skip("openat2: ", err)
	}
	little, big := binary.AppendByteOrder(binary.LittleEndian), binary.AppendByteOrder(binary.BigEndian)
	foreign, name := uint16(machineAArch64), "aarch64"
	if hostMachine() == foreign {
		foreign, name = machineX86_64, "x86_64"
	}
	dir := t.TempDir()
	root, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	for file, text := range map[string]string{
		"foreign":    elfFile(little, true, foreign, ""),
		"s390":       elfFile(big, true, machineS390, ""),
		"arm":        elfFile(little, false, machineARM, ""),
		"own":        elfFile(little, true, hostMachine(), ""),
		"musl":       elfFile(little, true, hostMachine(), "/lib/ld-musl.so.1"),
		"musl32":     elfFile(big, false, hostMachine(), "/lib/ld-musl.so.1"),
		"there":      elfFile(little, true, hostMachine(), "/text"),
		"cut":        elfFile(little, true, hostMachine(), "/lib/ld-musl.so.1")[:100],
		"far":        strings.Replace(elfFile(little, true, hostMachine(), "/x"), "\xb0\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff", 1),
		"text":       "echo hello\n",
		"empty":      "",
		"windows":    "#!/bin/sh\r\necho\r\n",
		"bash":       "#! /bin/bash -e\necho\n",
		"by-musl":    "#!/musl",
		"by-nothing": "#!\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/text", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path  string
		errno unix.Errno
		want  string
	}{
		{"/foreign", unix.ENOEXEC, "/foreign is a program for " + name + ", and this machine is " + machineName(hostMachine()) + ": "},
		{"/s390", unix.ENOEXEC, "/s390 is a program for s390x, "},
		{"/arm", unix.ENOEXEC, "/arm is a program for arm, "},
		{"/own", unix.ENOEXEC, ""},
		{"/text", unix.ENOEXEC, "/text is not a program: "},
		{"/link", unix.ENOEXEC, "/link is not a program: "},
		{"/by-nothing", unix.ENOEXEC, "/by-nothing is a script: "},
		{"/by-nothing", unix.ENOENT, ""},
		{"/windows", unix.ENOENT, "/windows has lines that end as on Windows: "},
		{"/bash", unix.ENOENT, `/bash is a script for "/bin/bash", which `},
		{"/by-musl", unix.ENOENT, `/musl needs the loader "/lib/ld-musl.so.1", which `},
		{"/musl", unix.ENOENT, `/musl needs the loader "/lib/ld-musl.so.1", which `},
		{"/musl32", unix.ENOENT, `/musl32 needs the loader "/lib/ld-musl.so.1", which `},
		{"/there", unix.ENOENT, ""},
		{"/cut", unix.ENOENT, ""},
		{"/far", unix.ENOENT, ""},
		{"/empty", unix.ENOEXEC, ""},
		{"/fifo", unix.ENOEXEC, ""},
		{"/nothing", unix.ENOENT, ""},
		{"text", unix.ENOEXEC, ""},
		{"/text", unix.EACCES, ""},
	} {
		got := programHint(root, c.path, c.errno)
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, %v: %q, want %q", c.path, c.errno, got, c.want)
		}
	}
}

func FuzzParseELF(f *testing.F) {
	f.Add([]byte(elfFile(binary.LittleEndian, true, 62, "/l")))
	f.Add([]byte(elfFile(binary.BigEndian, false, 8, "/l")))
	f.Fuzz(func(t *testing.T, head []byte) { parseELF(head) })
}
