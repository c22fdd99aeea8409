package sys

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/systest"
)

// tree makes a root filesystem beside an outside that nothing may touch:
//
//	outside/secret        a file
//	root/dir/file         a file
//	root/...              links, see the names
func tree(t *testing.T) (root int, top string) {
	t.Helper()
	top = t.TempDir()
	systest.MustDo(t, os.MkdirAll(top+"/outside", 0o755))
	systest.MustDo(t, os.MkdirAll(top+"/root/dir/sub", 0o755))
	systest.MustDo(t, os.WriteFile(top+"/outside/secret", []byte("secret"), 0o644))
	systest.MustDo(t, os.WriteFile(top+"/root/dir/file", []byte("inside"), 0o644))
	for name, target := range map[string]string{
		"abs":        "/dir",             // absolute: of the root
		"rel":        "dir/sub",          // relative
		"up":         "../../../outside", // more steps up than there are
		"host":       top + "/outside",   // the host's path
		"dir/parent": "../../outside",
		"dangling":   "missing/deep",
		"danglabs":   "/missing/abs",
		"dangleup":   "../../../made",
		"loop":       "loop",
		"loop1":      "loop2",
		"loop2":      "loop1",
		"magic":      "/proc/self/root",
		"tofile":     "dir/file",
		"chain":      "dangling",
		"inner":      "dir/sub/../../dangling",
	} {
		systest.MustDo(t, os.Symlink(target, top+"/root/"+name))
	}
	root, err := unix.Open(top+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	t.Cleanup(func() { unix.Close(root) })
	return root, top
}

// pathOf says where a descriptor is, below top.
func pathOf(t *testing.T, fd int, top string) string {
	t.Helper()
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	systest.MustDo(t, err)
	return strings.TrimPrefix(path, top)
}

// listing names everything below a directory.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	systest.MustDo(t, filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		names = append(names, strings.TrimPrefix(path, dir))
		return err
	}))
	return strings.Join(names, " ")
}

func TestOpenInRoot(t *testing.T) {
	root, top := tree(t)
	for _, c := range []struct {
		path, want string // want: where it leads below top
		err        error
	}{
		{path: "/", want: "/root"},
		{path: "", err: unix.ENOENT},
		{path: ".", want: "/root"},
		{path: "..", want: "/root"},
		{path: "/../../..", want: "/root"},
		{path: "dir/file", want: "/root/dir/file"},
		{path: "/dir/file", want: "/root/dir/file"},
		{path: "/dir/../dir/sub", want: "/root/dir/sub"},
		{path: "/abs/file", want: "/root/dir/file"},
		{path: "/rel", want: "/root/dir/sub"},
		{path: "/up/secret", err: unix.ENOENT},
		{path: "/host/secret", err: unix.ENOENT},
		{path: "/dir/parent/secret", err: unix.ENOENT},
		{path: "/../outside/secret", err: unix.ENOENT},
		{path: "/dangling", err: unix.ENOENT},
		{path: "/loop", err: unix.ELOOP},
		{path: "/loop1/x", err: unix.ELOOP},
		{path: "/dir/file/x", err: unix.ENOTDIR},
		{path: "/tofile", want: "/root/dir/file"},
	} {
		fd, err := OpenInRoot(root, c.path, unix.O_PATH)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: error %v, want %v", c.path, err, c.err)
		}
		if err != nil {
			continue
		}
		if got := pathOf(t, fd, top); got != c.want {
			t.Errorf("%q leads to %s, want %s", c.path, got, c.want)
		}
		unix.Close(fd)
	}
}

// TestOpenInRootMagic: a magic link leads out of any root, so it is refused.
func TestOpenInRootMagic(t *testing.T) {
	slash, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	systest.MustDo(t, err)
	defer unix.Close(slash)
	for _, path := range []string{"/proc/self/root", "/proc/self/cwd/x", "/proc/self/exe", "/proc/self/fd/0"} {
		fd, err := OpenInRoot(slash, path, unix.O_PATH)
		if err != nil && !errors.Is(err, unix.ELOOP) {
			t.Errorf("%s: %v, want %v", path, err, unix.ELOOP)
		}
		if err == nil {
			t.Errorf("%s was followed", path)
			unix.Close(fd)
		}
	}
}

func TestOpenInRootCloseOnExec(t *testing.T) {
	root, _ := tree(t)
	fd, err := OpenInRoot(root, "/", unix.O_PATH)
	systest.MustDo(t, err)
	defer unix.Close(fd)
	if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
		t.Error("the descriptor would be inherited")
	}
}

func TestMkdirAllInRoot(t *testing.T) {
	for _, c := range []struct {
		path, want string
		err        error
	}{
		{path: "/", want: "/root"},
		{path: "/dir", want: "/root/dir"},
		{path: "/a/b/c", want: "/root/a/b/c"},
		{path: "a//b/./c/", want: "/root/a/b/c"},
		{path: "/new/../other", want: "/root/other"},
		{path: "/../../../a", want: "/root/a"},
		{path: "/abs/new", want: "/root/dir/new"},
		{path: "/rel/new", want: "/root/dir/sub/new"},
		{path: "/up/new", want: "/root/outside/new"},
		{path: "/dir/parent/new", want: "/root/outside/new"},
		{path: "/dangling", want: "/root/missing/deep"},
		{path: "/dangling/x", want: "/root/missing/deep/x"},
		{path: "/danglabs/x", want: "/root/missing/abs/x"},
		{path: "/dangleup/x", want: "/root/made/x"},
		{path: "/chain/x", want: "/root/missing/deep/x"},
		{path: "/inner", want: "/root/missing/deep"},
		{path: "/rel/../new", want: "/root/dir/new"}, // ".." is where the link leads
		{path: "/dir/file", err: unix.ENOTDIR},
		{path: "/dir/file/x", err: unix.ENOTDIR},
		{path: "/tofile/x", err: unix.ENOTDIR},
		{path: "/loop/x", err: unix.ELOOP},
		{path: "/loop1", err: unix.ELOOP},
	} {
		root, top := tree(t)
		fd, err := MkdirAllInRoot(root, c.path, 0o755)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: error %v, want %v", c.path, err, c.err)
		}
		if err == nil {
			if got := pathOf(t, fd, top); got != c.want {
				t.Errorf("%q made %s, want %s", c.path, got, c.want)
			}
			unix.Close(fd)
		}
		if got := listing(t, top+"/outside"); got != " /secret" {
			t.Errorf("%q: outside holds%s", c.path, got)
		}
		if got := listing(t, top); strings.Contains(got, " /made") {
			t.Errorf("%q made something outside: %s", c.path, got)
		}
	}
}

func TestMkdirAllInRootHost(t *testing.T) {
	root, top := tree(t)
	fd, err := MkdirAllInRoot(root, "/host/new", 0o755)
	systest.MustDo(t, err)
	defer unix.Close(fd)
	if got, want := pathOf(t, fd, top), "/root"+top+"/outside/new"; got != want {
		t.Errorf("made %s, want %s", got, want)
	}
	if got := listing(t, top+"/outside"); got != " /secret" {
		t.Errorf("outside holds%s", got)
	}
}

func TestCreateFileInRoot(t *testing.T) {
	for _, c := range []struct {
		path, want string
		err        error
	}{
		{path: "/dir/file", want: "/root/dir/file"},
		{path: "/dir/new", want: "/root/dir/new"},
		{path: "/a/b/new", want: "/root/a/b/new"},
		{path: "new", want: "/root/new"},
		{path: "/../new", want: "/root/new"},
		{path: "/abs/new", want: "/root/dir/new"},
		{path: "/up/secret", want: "/root/outside/secret"},
		{path: "/dir/parent", want: "/root/outside"},
		{path: "/dangling", want: "/root/missing/deep"},
		{path: "/danglabs", want: "/root/missing/abs"},
		{path: "/dangleup", want: "/root/made"},
		{path: "/chain", want: "/root/missing/deep"},
		{path: "/inner", want: "/root/missing/deep"},
		{path: "/dir", want: "/root/dir"},
		{path: "/new/..", err: unix.ENOENT},
		{path: "/loop", err: unix.ELOOP},
		{path: "/dir/file/x", err: unix.ENOTDIR},
	} {
		root, top := tree(t)
		fd, err := CreateFileInRoot(root, c.path, 0o755, 0o644)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: error %v, want %v", c.path, err, c.err)
		}
		if err == nil {
			if got := pathOf(t, fd, top); got != c.want {
				t.Errorf("%q made %s, want %s", c.path, got, c.want)
			}
			unix.Close(fd)
		}
		if secret, _ := os.ReadFile(top + "/outside/secret"); string(secret) != "secret" || listing(t, top+"/outside") != " /secret" {
			t.Errorf("%q touched the outside", c.path)
		}
		if _, err := os.Lstat(top + "/made"); err == nil {
			t.Errorf("%q made something outside", c.path)
		}
	}
}

func TestSplitPath(t *testing.T) {
	for _, c := range []struct{ path, parent, name string }{
		{"/a/b", "/a", "b"},
		{"/a", "/", "a"},
		{"a", "/", "a"},
		{"/a/b/", "/a", "b"},
		{"/a//b", "/a/", "b"},
		{"/", "/", ""},
		{"", "/", ""},
		{"/a/..", "/a/..", ""},
		{"/a/.", "/a/.", ""},
		{"/a/../b", "/a/..", "b"},
	} {
		if parent, name := SplitPath(c.path); parent != c.parent || name != c.name {
			t.Errorf("SplitPath(%q) = %q, %q, want %q, %q", c.path, parent, name, c.parent, c.name)
		}
	}
}

// swap exchanges two names, as fast as it can, until stop is closed: an attack
// by a container that shares the volume (CVE-2021-30465, CVE-2024-45310).
func swap(t *testing.T, a, b string, stop chan struct{}) *sync.WaitGroup {
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
				t.Errorf("swap: %v", err)
				return
			}
		}
	})
	return &done
}

func TestSwappedLinks(t *testing.T) {
	root, top := tree(t)
	systest.MustDo(t, os.MkdirAll(top+"/root/vol/real", 0o755))
	systest.MustDo(t, os.Symlink("../../../outside", top+"/root/vol/evil"))
	stop := make(chan struct{})
	swapper := swap(t, top+"/root/vol/real", top+"/root/vol/evil", stop)
	noneLeft := systest.Descriptors(t)
	rounds := 1000
	if testing.Short() {
		rounds = 200
	}
	for i := range rounds {
		name := "/vol/real/d" + strconv.Itoa(i%50)
		if fd, err := MkdirAllInRoot(root, name+"/x/y", 0o755); err == nil {
			unix.Close(fd)
		}
		if fd, err := CreateFileInRoot(root, name+"/f", 0o755, 0o644); err == nil {
			unix.Close(fd)
		}
		if fd, err := OpenInRoot(root, "/vol/real/secret", unix.O_RDONLY); err == nil {
			unix.Close(fd)
			t.Fatal("opened the secret")
		}
		if i%50 == 49 {
			os.RemoveAll(top + "/root/outside")
			for _, dir := range []string{"real", "evil"} {
				removeBelow(top + "/root/vol/" + dir)
			}
		}
	}
	noneLeft()
	close(stop)
	swapper.Wait()
	if got := listing(t, top+"/outside"); got != " /secret" {
		t.Errorf("outside holds%s", got)
	}
}

// removeBelow empties a real directory, and follows no link to it.
func removeBelow(dir string) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	for _, name := range names {
		os.RemoveAll("/proc/self/fd/" + strconv.Itoa(fd) + "/" + name)
	}
}

// TestNoLeak: error paths give back their descriptors.
func TestNoLeak(t *testing.T) {
	root, _ := tree(t)
	noneLeft := systest.Descriptors(t)
	for range 50 {
		for _, path := range []string{"/loop/x", "/dir/file/x", "/tofile/x", "/new/..", "/a/../../b/..", "/loop1"} {
			if fd, err := MkdirAllInRoot(root, path, 0o755); err == nil {
				unix.Close(fd)
			}
			if fd, err := CreateFileInRoot(root, path, 0o755, 0o644); err == nil {
				unix.Close(fd)
			}
		}
	}
	noneLeft()
}
