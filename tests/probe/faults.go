package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// faults runs a command to its end and prints how many page faults it had that
// needed no reading from disk, with all it waited for.
func faults(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("want COMMAND [ARG...]")
	}
	command := exec.Command(words[0], words[1:]...)
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return fmt.Errorf("no resource usage")
	}
	fmt.Println(usage.Minflt)
	return nil
}
