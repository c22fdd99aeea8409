package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A driver is a person at a terminal.
type driver struct {
	master, slave *os.File
	number        int // of the master's descriptor
	command       *exec.Cmd
	ended         chan error
	printed       chan []byte
	seen          string // printed and not yet waited for
	before        *unix.Termios
}

// drive runs a command as the session leader of a new terminal of 24 rows and
// 80 columns, and does to it what actions say, one after another:
//
//	see:TEXT      wait until TEXT is printed
//	type:TEXT     type TEXT, which may have escapes as in Go
//	size:ROWSxCOLUMNS
//	raw:, cooked: wait until the terminal is in that mode
//	handed:       wait until the command has put another group to the foreground
//	kill:NAME     send a signal to the command
//	reset:        back to the settings of before, as a shell does after a stop
//	hang-up:      close the terminal
//
// What the terminal shows goes to stdout. The exit code is the command's, or
// 128 and its signal; 125 if it, or what was waited for, takes too long.
func drive(words []string) (code int, err error) {
	var actions []string
	for len(words) > 0 && words[0] != "--" {
		actions, words = append(actions, words[0]), words[1:]
	}
	if len(words) < 2 {
		return 125, errors.New("want ACTION... -- COMMAND [ARG...]")
	}
	d := &driver{ended: make(chan error, 1), printed: make(chan []byte, 1000), command: exec.Command(words[1], words[2:]...)}
	if err := d.start(); err != nil {
		return 125, err
	}
	deadline := time.After(20 * time.Second)
	for _, a := range actions {
		if err := d.act(a, deadline); err != nil {
			_ = d.command.Process.Kill()
			return 125, fmt.Errorf("%s: %w", a, err)
		}
	}
	return d.end(deadline)
}

// start opens both ends and starts the command and the reader.
func (d *driver) start() error {
	// Not blocking, so that it can be closed while it is read.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	d.number, d.master = fd, os.NewFile(uintptr(fd), "master")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return err
	}
	if d.slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return err
	}
	if err := d.resize(24, 80); err != nil {
		return err
	}
	if d.before, err = unix.IoctlGetTermios(int(d.slave.Fd()), unix.TCGETS); err != nil {
		return err
	}
	d.command.Stdin, d.command.Stdout, d.command.Stderr = d.slave, d.slave, d.slave
	d.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := d.command.Start(); err != nil {
		return err
	}
	go func() { d.ended <- d.command.Wait() }()
	go func() {
		for {
			buf := make([]byte, 4096)
			n, err := d.master.Read(buf)
			if err != nil {
				close(d.printed)
				return
			}
			os.Stdout.Write(buf[:n])
			d.printed <- buf[:n]
		}
	}()
	return nil
}

func (d *driver) resize(rows, columns uint16) error {
	return unix.IoctlSetWinsize(int(d.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
}

func (d *driver) act(action string, deadline <-chan time.Time) error {
	verb, value, _ := strings.Cut(action, ":")
	switch verb {
	case "see":
		return d.see(value, deadline)
	case "type":
		text, err := strconv.Unquote(`"` + value + `"`)
		if err == nil {
			_, err = d.master.WriteString(text)
		}
		return err
	case "size":
		var rows, columns uint16
		if _, err := fmt.Sscanf(value, "%dx%d", &rows, &columns); err != nil {
			return err
		}
		return d.resize(rows, columns)
	case "raw", "cooked":
		return d.until(deadline, func() (bool, error) {
			t, err := unix.IoctlGetTermios(int(d.slave.Fd()), unix.TCGETS)
			return err == nil && (verb == "raw") == (t.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0), err
		})
	case "handed":
		return d.until(deadline, func() (bool, error) {
			group, err := unix.IoctlGetInt(d.number, unix.TIOCGPGRP)
			return group != d.command.Process.Pid, err
		})
	case "kill":
		return d.command.Process.Signal(unix.SignalNum("SIG" + value))
	case "reset":
		return unix.IoctlSetTermios(int(d.slave.Fd()), unix.TCSETS, d.before)
	case "hang-up":
		d.slave.Close()
		return d.master.Close()
	}
	return errors.New("no such action")
}

// see waits for text, and forgets what came before it.
func (d *driver) see(text string, deadline <-chan time.Time) error {
	for {
		if _, after, ok := strings.Cut(d.seen, text); ok {
			d.seen = after
			return nil
		}
		select {
		case more, open := <-d.printed:
			if !open {
				return errors.New("the terminal has gone")
			}
			d.seen += string(more)
		case <-deadline:
			return errors.New("was never printed")
		}
	}
}

func (d *driver) until(deadline <-chan time.Time, is func() (bool, error)) error {
	for {
		if yes, err := is(); yes || err != nil {
			return err
		}
		select {
		case <-deadline:
			return errors.New("never")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// end waits for the command, whose terminal has to be as it was.
func (d *driver) end(deadline <-chan time.Time) (int, error) {
	printed := d.printed
	for ended := false; !ended; {
		select {
		case <-d.ended:
			ended = true
		case _, open := <-printed: // not read any more, but the terminal must not fill
			if !open {
				printed = nil
			}
		case <-deadline:
			_ = d.command.Process.Kill()
			return 125, errors.New("the command does not end")
		}
	}
	after, err := unix.IoctlGetTermios(int(d.slave.Fd()), unix.TCGETS)
	if err == nil && *after != *d.before {
		return 125, fmt.Errorf("the terminal's settings were %+v and are %+v", *d.before, *after)
	}
	// All that was printed is in the terminal's buffer: when it is not
	// open any more, its reader finds the end.
	d.slave.Close()
	for range d.printed {
	}
	status, _ := d.command.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}
