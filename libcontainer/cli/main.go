package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/rtstart"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/specconv"
)

// program is the name under which the runtime speaks of itself, whatever its file is called.
const program = "crun-go"

// Exit codes of our own. That of a container run in the foreground is passed on as it is.
const (
	exitFailure   = 1
	exitNoCommand = 3
)

// invocation is one run of the program.
type invocation struct {
	argv0           string
	version, commit string // empty: not set by the linker, see build
	stdout, stderr  io.Writer
	global          global
	log             log
	code            int // exit code of a command that succeeded
}

// Main runs the command that args, the program's whole argument vector, ask for, and returns the process's exit code. The
// version and commit are those that the linker has set, or empty.
func Main(args []string, version, commit string) int {
	if os.Getenv(rtstart.Setting) == rtstart.SettingValue {
		os.Unsetenv(rtstart.Setting) // hooks have the caller's environment
	}
	sys.QuietChildren()
	inv := &invocation{version: version, commit: commit, stdout: os.Stdout, stderr: os.Stderr}
	return inv.run(args)
}

func (inv *invocation) run(args []string) int {
	inv.argv0 = program
	if len(args) > 0 {
		inv.argv0, args = args[0], args[1:]
	}
	inv.log.stderr = inv.stderr
	if err := inv.dispatch(args); err != nil {
		return inv.fail(err)
	}
	inv.log.flush()
	return inv.code
}

// fail reports an error and returns the exit code that goes with it.
func (inv *invocation) fail(err error) int {
	inv.log.fail(err)
	var interrupted *initlink.InterruptedError
	if errors.As(err, &interrupted) {
		return 128 + int(interrupted.Signal)
	}
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailure
}

// codedError is an error whose exit code is not exitFailure.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

// note writes a warning to standard error beside what the log is for. At a terminal it has the form of all warnings.
func (inv *invocation) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if inv.log.plain() {
		inv.log.warn(specconv.Warning{Text: strings.TrimPrefix(text, "warning: ")})
		return
	}
	inv.log.print(text)
}

// print writes the answer of a command.
func (inv *invocation) print(text string) error {
	_, err := io.WriteString(inv.stdout, text)
	return err
}
