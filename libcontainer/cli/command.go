package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/sys/retry"
)

// The host's programs are run without os/exec, which brings contexts and more
// along for what is a few lines here.

// defaultPath is searched where there is no PATH, as execvp(3) does: engines
// call with a nearly empty environment.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lookPath finds a program of the host. Relative directories of PATH are no
// place for one: what is there may be the container's.
func lookPath(name string, env func(string) string) (string, error) {
	dirs := env("PATH")
	if dirs == "" {
		dirs = defaultPath
	}
	var refused error
	for dir := range strings.SplitSeq(dirs, ":") {
		if dir == "" || dir[0] != '/' {
			continue
		}
		path := dir + "/" + name
		st, err := os.Stat(path)
		if err == nil && !st.Mode().IsRegular() {
			continue
		}
		if err == nil {
			if err = unix.Access(path, unix.X_OK); err == nil {
				return path, nil
			}
			err = &os.PathError{Op: "access", Path: path, Err: err}
		}
		// The next one may be better; if none is, this is why.
		if refused == nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			refused = err
		}
	}
	if refused != nil {
		return "", fmt.Errorf("exec: %w", refused)
	}
	return "", fmt.Errorf("exec: %q: executable file not found in $PATH", name)
}

// output runs a program to its end and returns what it printed. If it failed,
// complaint says how, with the first line that it wrote on standard error: what
// follows is usually its help.
func output(path string, argv []string) (out, complaint string, err error) {
	outR, outW, err := retry.Pipe()
	if err != nil {
		return "", "", err
	}
	defer outR.Close()
	defer outW.Close()
	errR, errW, err := retry.Pipe()
	if err != nil {
		return "", "", err
	}
	defer errR.Close()
	defer errW.Close()
	null, err := retry.OpenFile(os.DevNull, unix.O_RDONLY, 0)
	if err != nil {
		return "", "", err
	}
	defer null.Close()
	process, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{null, outW, errW}})
	if err != nil {
		return "", "", err
	}
	outW.Close()
	errW.Close()
	said := make(chan string)
	go func() {
		text, _ := io.ReadAll(errR)
		first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		said <- first
	}()
	text, readErr := io.ReadAll(outR)
	errText := <-said
	state, err := process.Wait()
	switch {
	case err != nil:
		return "", "", err
	case readErr != nil:
		return "", "", readErr
	case !state.Success():
		return "", strings.TrimSuffix(state.String()+": "+errText, ": "), nil
	}
	return string(text), "", nil
}
