package spawn

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

func ptr(p *int) uintptr { return uintptr(unsafe.Pointer(p)) }

// TestSealedSelf: a process that runs the sealed binary gives a root of the
// same user namespace no way to change it (CVE-2019-5736).
func TestSealedSelf(t *testing.T) {
	needRoot(t)
	other, err := unix.Open(t.TempDir(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(other)
	overlay, err := overlaidSelf(other)
	systest.MustDo(t, err)
	defer overlay.Close()
	foreign, err := foreignOverlay(filepath.Dir(os.Args[0]))
	systest.MustDo(t, err)
	defer foreign.Close()
	systest.MustDo(t, foreign.open(filepath.Base(os.Args[0])))
	memfd, err := copiedSelf()
	systest.MustDo(t, err)
	defer unix.Close(memfd)
	original, err := os.ReadFile("/proc/self/exe")
	systest.MustDo(t, err)
	for name, exe := range map[string]int{"overlay": overlay.FD, "foreign": foreign.FD, "memfd": memfd} {
		t.Run(name, func(t *testing.T) {
			p := start(t, &Config{Exe: exe, Args: []string{childName}, Cgroup: -1, New: unix.CLONE_NEWPID | unix.CLONE_NEWNS})
			ask(t, p, "ids") // it runs
			path := fmt.Sprintf("/proc/%d/exe", p.Pid)
			for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_WRONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_APPEND} {
				fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
				if err != nil {
					continue
				}
				if _, err := unix.Write(fd, []byte("#!/bin/sh")); err == nil {
					t.Errorf("written with flags %#x", flags)
				}
				if err := unix.Ftruncate(fd, 0); err == nil {
					t.Errorf("truncated with flags %#x", flags)
				}
				unix.Close(fd)
			}
			if name != "memfd" {
				unchangeable(t, path)
			}
			if got, err := os.ReadFile(path); err != nil || !slices.Equal(got, original) {
				t.Errorf("the binary has changed: %d bytes, was %d (%v)", len(got), len(original), err)
			}
		})
	}
}

// unchangeable tries what could make a read-only mount's file writable.
func unchangeable(t *testing.T, path string) {
	for what, err := range map[string]error{
		"chmod":   unix.Chmod(path, 0o777),
		"chown":   unix.Chown(path, 1, 1),
		"utimes":  unix.Utimes(path, make([]unix.Timeval, 2)),
		"remount": unix.Mount("", path, "", unix.MS_REMOUNT, ""),
		"bind":    unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND, ""),
	} {
		if err == nil {
			t.Errorf("%s worked", what)
		}
	}
	attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, path, 0, &attr); err == nil {
		t.Error("mount_setattr worked")
	}
	if fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC); err == nil {
		if unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr) == nil {
			if file, err := unix.Openat(fd, "", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
				t.Error("a writable clone was opened for writing")
				unix.Close(file)
			}
			if err := unix.Fchmodat(fd, "", 0o777, unix.AT_EMPTY_PATH); err == nil {
				t.Error("a writable clone was changed")
			}
		}
		unix.Close(fd)
	}
}

// TestSealedMemfd: the seals themselves are final.
func TestSealedMemfd(t *testing.T) {
	fd, err := copiedSelf()
	systest.MustDo(t, err)
	defer unix.Close(fd)
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	const want = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if err != nil || seals&want != want {
		t.Errorf("seals are %#x, %v", seals, err)
	}
	if _, err := unix.Pwrite(fd, []byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("write: %v, want %v", err, unix.EPERM)
	}
	if err := unix.Ftruncate(fd, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("truncate: %v, want %v", err, unix.EPERM)
	}
	var st unix.Stat_t
	systest.MustDo(t, unix.Fstat(fd, &st))
	if st.Mode&0o777 != 0o111 {
		t.Errorf("mode is %o", st.Mode)
	}
}

// TestSealedSelfOfUser: what an ordinary user's init executes, by the owner and mode of
// the program, and by whom the container's user namespace maps.
func TestSealedSelfOfUser(t *testing.T) {
	if what := os.Getenv("SPAWN_TEST_AUDIENCE"); what != "" {
		sealedAs(t, what)
		return
	}
	needRoot(t)
	const user = 65534
	dir := t.TempDir()
	for path := dir; path != filepath.Clean(os.TempDir()); path = filepath.Dir(path) {
		systest.MustDo(t, os.Chmod(path, 0o755))
	}
	exe := filepath.Join(dir, "program")
	content, err := os.ReadFile("/proc/self/exe")
	systest.MustDo(t, err)
	systest.MustDo(t, os.WriteFile(exe, content, 0o755))
	for _, c := range []struct {
		owner    int
		mode     os.FileMode
		audience string
		want     string
	}{
		{0, 0o755, "65534", "itself"},
		{0, 0o755, "100000", "itself"},
		{0, 0o755, "65534 exposed", "itself"}, // whose copy could be read as well
		{0, 0o755, "100000 exposed", "copy"},
		{0, 0o755, "exposed", "copy"},
		{0, 0o755, "none", "overlay"},        // or it is not known
		{0, 0o755, "65534 0", "overlay"},     // maps the owner
		{100000, 0o755, "100000", "overlay"}, // maps the owner, who is another user
		{100000, 0o755, "65534", "itself"},
		{0, 0o775, "65534", "overlay"},
		{0, 0o757, "65534", "overlay"},
		{user, 0o755, "65534", "overlay"},
		{user, 0o555, "65534", "overlay"},
		{user, 0o555, "100000", "overlay"}, // the caller's, though no one of the container's
	} {
		systest.MustDo(t, os.Chown(exe, c.owner, 0))
		systest.MustDo(t, os.Chmod(exe, c.mode))
		cmd := exec.Command(exe, "-test.run=^TestSealedSelfOfUser$", "-test.v")
		cmd.Env, cmd.Dir = append(os.Environ(), "SPAWN_TEST_AUDIENCE="+c.audience), dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "it is: "+c.want+"\n") {
			t.Errorf("owner %d, mode %o, mapped %s: want %s, got %v\n%s", c.owner, c.mode, c.audience, c.want, err, out)
		}
	}
}

// sealedAs says what init would execute.
func sealedAs(t *testing.T, audience string) {
	var a Audience
	for _, word := range strings.Fields(audience) {
		if id, err := strconv.ParseUint(word, 10, 32); err == nil {
			a.UIDs = append(a.UIDs, specs.LinuxIDMapping{HostID: uint32(id), Size: 1})
		}
		a.Exposed = a.Exposed || word == "exposed"
	}
	dir, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	noneLeft := systest.Descriptors(t)
	sealed, err := SealedSelf(dir, a)
	systest.MustDo(t, err)
	var running, opened unix.Stat_t
	systest.MustDo(t, unix.Stat("/proc/self/exe", &running))
	systest.MustDo(t, unix.Fstat(sealed.FD, &opened))
	_, err = unix.FcntlInt(uintptr(sealed.FD), unix.F_GET_SEALS, 0)
	switch {
	case err == nil:
		fmt.Println("it is: copy")
	case sealed.Mount >= 0:
		fmt.Println("it is: overlay")
	case opened.Dev == running.Dev && opened.Ino == running.Ino:
		fmt.Println("it is: itself")
	}
	sealed.Close()
	noneLeft()
	noChildren(t)
}

// TestSealedSelfNested: with the state below the program's directory there is no copy.
func TestSealedSelfNested(t *testing.T) {
	needRoot(t)
	below, err := os.MkdirTemp(filepath.Dir(os.Args[0]), "")
	systest.MustDo(t, err)
	defer os.Remove(below)
	dir, err := unix.Open(below, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(dir)
	sealed, err := overlaidSelf(dir)
	systest.MustDo(t, err)
	sealed.Close()
}

// TestSealedSelfExposed: what others may want to trace is a file that they can't read.
func TestSealedSelfExposed(t *testing.T) {
	dir, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(dir)
	sealed, err := SealedSelf(dir, Audience{Exposed: true})
	systest.MustDo(t, err)
	defer sealed.Close()
	var st unix.Stat_t
	if err := unix.Fstat(sealed.FD, &st); err != nil || st.Mode&0o444 != 0 {
		t.Errorf("mode %o, %v", st.Mode, err)
	}
}

func TestIDs(t *testing.T) {
	ids := []specs.LinuxIDMapping{{ContainerID: 10, HostID: 1000, Size: 5}, {ContainerID: 0, HostID: 500, Size: 1}, {ContainerID: 100, HostID: 4294967290, Size: 5}}
	if got := Root(ids); got != 0 {
		t.Errorf("Root = %d, want 0", got)
	}
	if got := Root(ids[:1]); got != 10 {
		t.Errorf("Root = %d, want 10", got)
	}
	if got, want := mapText(ids[:2]), "10 1000 5\n0 500 1\n"; got != want {
		t.Errorf("map is %q, want %q", got, want)
	}
}

func TestUserNamespaceErrors(t *testing.T) {
	needRoot(t)
	noneLeft := systest.Descriptors(t)
	overlapping := IDMaps{UIDs: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: 5}, {ContainerID: 3, HostID: 9, Size: 5}}}
	if fd, err := UserNamespace(overlapping); !errors.Is(err, unix.EINVAL) || fd != -1 {
		t.Errorf("%d, %v, want %v", fd, err, unix.EINVAL)
	}
	noChildren(t)
	fd, err := UserNamespace(maps)
	systest.MustDo(t, err)
	unix.Close(fd)
	noChildren(t)
	noneLeft()
}
