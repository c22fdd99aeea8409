package foreground

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/crun-go/crun-go/libcontainer/initlink"
	"github.com/crun-go/crun-go/libcontainer/sys"
	"github.com/crun-go/crun-go/libcontainer/sys/retry"
	"github.com/crun-go/crun-go/libcontainer/terminal"
	"github.com/crun-go/crun-go/libcontainer/watch"
	"github.com/crun-go/crun-go/specconv/plan"
)

// Outputs are the files that the command line asks for. Whether they can be
// written is found out before anything is made. Each is nil if it is not asked
// for.
type Outputs struct {
	PidFile, Report *sys.Output
	Trace           initlink.TraceOutputs
	Calls           *sys.Output // what was heard of system calls
	callsFlag       string      // that asks for it
}

// Open finds out whether they can be written.
func (o *Outputs) Open(pidFile string, trace *initlink.TraceFiles, report string) error {
	for _, f := range [...]struct {
		flag, path string
		output     **sys.Output
	}{{"--pid-file", pidFile, &o.PidFile}, {"--report", report, &o.Report}} {
		if f.path == "" {
			continue
		}
		var err error
		if *f.output, err = sys.OpenOutput(f.path); err != nil {
			o.Close()
			return fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	var err error
	if o.Trace, err = trace.Open(); err != nil {
		o.Close()
	}
	return err
}

// OpenCalls finds out whether the file that the flag names can be written.
func (o *Outputs) OpenCalls(flag, path string) (err error) {
	if path == "" {
		return nil
	}
	o.callsFlag = flag
	if o.Calls, err = sys.OpenOutput(path); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// Close closes them.
func (o *Outputs) Close() {
	o.PidFile.Close()
	o.Report.Close()
	o.Trace.Close()
	o.Calls.Close()
	o.PidFile, o.Report, o.Calls = nil, nil, nil
}

// WritePidFile writes digits and nothing else, and only ever a whole file:
// its presence is a signal to engines.
func (o *Outputs) WritePidFile(pid int) error {
	if o.PidFile == nil {
		return nil
	}
	if err := o.PidFile.Write(strconv.AppendInt(nil, int64(pid), 10), 0o666); err != nil {
		return fmt.Errorf("--pid-file: %w", err)
	}
	return nil
}

// Side is the caller's side of a process: its terminal, its standard streams, and the
// files with its pid.
type Side struct {
	ConsoleSocket string // socket that receives the terminal's master; "": it is relayed
	relay         *terminal.Relay
	pipes         []*outputPipe
	watch         *watch.Watch // nil: none
	Outputs       Outputs
	listener      int // of the filter, until the agent has it; 0: none
}

// Start begins to relay the terminal, if there is one, until the process ends.
func (f *Side) Start(pidfd int) error {
	if f.relay == nil {
		return nil
	}
	if err := f.relay.Start(pidfd); err != nil {
		return plan.InField("process.terminal", err)
	}
	return nil
}

// End is for when the process has ended. What is said from then on needs the terminal as
// it was.
func (f *Side) End() error {
	f.drainStdio()
	if f.relay == nil {
		return nil
	}
	err := f.relay.Close()
	f.relay = nil
	return err
}

// Close releases descriptors.
func (f *Side) Close() {
	f.End()
	if f.watch != nil {
		f.watch.End()
		f.watch = nil
	}
	f.Outputs.Close()
	f.closeListener()
}

// Commit is the end of the work that a signal takes back: later ones are passed on to
// the container's process, if this one waits for it.
func Commit(init *initlink.Init, detach bool) error {
	to := init.PidFD
	if detach {
		to = -1
	}
	if sys.PassSignals(to) {
		return nil
	}
	sys.Victim(init.PidFD)
	return initlink.Interrupted()
}

// Attend reaps children until the process is gone, and returns its exit code.
func Attend(process int) (int, error) {
	status, err := Wait(process)
	if err != nil {
		return -1, err
	}
	return ExitCode(status), nil
}

// Wait reaps children until the process is gone.
func Wait(process int) (unix.WaitStatus, error) {
	for {
		var status unix.WaitStatus
		pid, err := retry.Wait4(-1, &status, 0)
		switch {
		case err != nil:
			return status, os.NewSyscallError("wait4", err)
		case pid == process:
			return status, nil
		}
	}
}

// ExitCode is that of a shell: 128 and the signal's number if one ended the
// process.
func ExitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
