package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// The requests of CRIU's that the stand-in answers (criu_req_type).
const (
	requestDump    = 1
	requestRestore = 2
	requestNotify  = 6
	requestVersion = 10
)

// standIn plays CRIU as a runtime starts it, criu swrk 3: it says that it is
// version 4.0 and that the dump went well, and restores a process that sleeps.
// What CRIU itself does is not a call of the runtime, and for many kernels that can be
// swept there is no CRIU.
func standIn() error {
	if os.Args[1] == "restored" {
		return restored(os.Args[2], os.Args[3:])
	}
	for {
		request, err := hear()
		if err != nil || request == nil {
			return err
		}
		// Field 1 of a request and of a response is its type, 2 of a response whether
		// it went well, 4 what was restored and 10 a version.
		kind := number(request[1])
		answer := []byte{1 << 3, byte(kind), 2 << 3, 1}
		switch kind {
		case requestDump:
		case requestVersion:
			answer = append(answer, 10<<3|2, 4, 1<<3, 4, 2<<3, 0)
		case requestRestore:
			pid, err := restore(fields(request[2][0]))
			if err != nil {
				fmt.Fprintln(os.Stderr, "criu:", err)
				answer[3] = 0
				break
			}
			process := binary.AppendUvarint([]byte{1 << 3}, uint64(pid))
			answer = append(append(answer, 4<<3|2, byte(len(process))), process...)
		default:
			return fmt.Errorf("criu: request of type %d", kind)
		}
		if err := unix.Send(3, answer, 0); err != nil {
			return err
		}
	}
}

// hear receives a request; nil is the end of all.
func hear() (map[int][][]byte, error) {
	request := make([]byte, 1<<16)
	n, err := unix.Read(3, request)
	if err != nil || n == 0 {
		return nil, err
	}
	return fields(request[:n]), nil
}

// fields takes a message of protobuf apart: by its number a field's values, those of
// numbers as they are written.
func fields(message []byte) map[int][][]byte {
	found := map[int][][]byte{}
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		size, m := binary.Uvarint(message[n:])
		value, end := message[n:n+m], n+m
		if tag&7 == 2 {
			end += int(size)
			value = message[n+m : end]
		}
		found[int(tag>>3)] = append(found[int(tag>>3)], value)
		message = message[end:]
	}
	return found
}

func number(values [][]byte) int {
	if len(values) == 0 {
		return 0
	}
	n, _ := binary.Uvarint(values[0])
	return int(n)
}

// notify reports what has happened to the process, and whether it may go on.
func notify(script string, pid int) error {
	notification := append([]byte{1<<3 | 2, byte(len(script))}, script...)
	notification = binary.AppendUvarint(append(notification, 2<<3), uint64(pid))
	message := append([]byte{1 << 3, requestNotify, 2 << 3, 1, 5<<3 | 2, byte(len(notification))}, notification...)
	if err := unix.Send(3, message, 0); err != nil {
		return err
	}
	answer, err := hear()
	if err == nil && (answer == nil || number(answer[3]) == 0) {
		err = errors.New(script + ": the client gives up")
	}
	return err
}

// restore makes a process with the mounts of the image, as a child of the client's.
func restore(options map[int][][]byte) (pid int, err error) {
	mounts, err := imageMounts(number(options[1]))
	if err != nil {
		return 0, err
	}
	args := []string{"criu", "restored", string(options[13][0])}
	for _, pair := range options[23] {
		mount := fields(pair)
		args = append(args, string(mount[2][0]), mounts[string(mount[1][0])])
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	pid, err = syscall.ForkExec("/proc/self/exe", args, &syscall.ProcAttr{
		Files: []uintptr{null.Fd(), null.Fd(), 2, uintptr(pair[1])},
		Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: unix.CLONE_PARENT | unix.CLONE_NEWNS | unix.CLONE_NEWPID |
			unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP},
	})
	if err != nil {
		return 0, err
	}
	unix.Close(pair[1])
	// A process that finds the connection closed ends.
	for _, script := range [...]string{"setup-namespaces", "post-restore"} {
		if _, err := unix.Read(pair[0], make([]byte, 1)); err != nil {
			return 0, err
		}
		if err := notify(script, pid); err != nil {
			unix.Close(pair[0])
			return 0, err
		}
		if err := unix.Send(pair[0], []byte{0}, 0); err != nil {
			return 0, err
		}
	}
	_, err = unix.Read(pair[0], make([]byte, 1)) // until it executes
	return pid, err
}

// imageMounts are the places of the image's external mounts, by their names.
func imageMounts(dir int) (map[string]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fd/%d/external-mounts.json", os.Getppid(), dir))
	var image struct{ Mounts []struct{ ID, Point string } }
	if err == nil {
		err = json.Unmarshal(text, &image)
	}
	points := map[string]string{}
	for _, m := range image.Mounts {
		points[m.ID] = m.Point
	}
	return points, err
}

// restored is the process: mounts are pairs of a source and a place below root.
func restored(root string, mounts []string) error {
	step := func() error {
		err := unix.Send(3, []byte{0}, 0)
		if err == nil {
			var n int
			if n, err = unix.Read(3, make([]byte, 1)); err == nil && n == 0 {
				err = errors.New("the connection is closed")
			}
		}
		return err
	}
	err := errors.Join(step(), mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		mount("proc", filepath.Join(root, "proc"), "proc", 0, ""), mount("sysfs", filepath.Join(root, "sys"), "sysfs", 0, ""))
	for i := 0; i < len(mounts) && err == nil; i += 2 {
		err = mount(mounts[i], filepath.Join(root, mounts[i+1]), "", unix.MS_BIND, "")
	}
	if err == nil {
		err = errors.Join(os.Chdir(root), unix.PivotRoot(".", "."), unix.Unmount(".", unix.MNT_DETACH), os.Chdir("/"), step())
	}
	if err != nil {
		return err
	}
	unix.CloseOnExec(3)
	return unix.Exec("/bin/sleep", []string{"/bin/sleep", "1000"}, []string{"PATH=/bin"})
}
