package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// watch is a container that can trace, and looks for processes to take over: it prints
// everything it sees of every other process once, as "PID WHAT VALUE", until stop exists;
// files are those that it reports if they are below the other's root.
func watch(stop string, files []string) error {
	told := map[string]bool{}
	own := fmt.Sprint(os.Getpid())
	tell := func(pid, what, value string) {
		if value == "" {
			return // gone meanwhile
		}
		if line := pid + " " + what + " " + value; !told[line] {
			told[line] = true
			fmt.Println(line)
		}
	}
	for unix.Access(stop, unix.F_OK) != nil {
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return err
		}
		for _, e := range entries {
			if pid := e.Name(); strings.Trim(pid, "0123456789") == "" && pid != own {
				lookInto(pid, files, tell)
			}
		}
	}
	return nil
}

func lookInto(pid string, files []string, tell func(pid, what, value string)) {
	dir := "/proc/" + pid + "/"
	exe, _ := os.Readlink(dir + "exe")
	if exe == "" || strings.HasPrefix(exe, "/bin/") {
		return // gone, a kernel thread, or a program of the container's
	}
	tell(pid, "exe", exe)
	for _, file := range files {
		if unix.Access(dir+"root"+file, unix.F_OK) == nil {
			tell(pid, "file", file)
		}
	}
	if fds, err := os.ReadDir(dir + "fd"); err == nil {
		for _, fd := range fds {
			if target, err := os.Readlink(dir + "fd/" + fd.Name()); err == nil {
				tell(pid, "fd", fd.Name()+" "+target)
			}
		}
	}
	if env, err := os.ReadFile(dir + "environ"); err == nil && len(env) > 0 {
		tell(pid, "environ", strings.ReplaceAll(strings.TrimSuffix(string(env), "\x00"), "\x00", " "))
	}
	if maps, err := os.ReadFile(dir + "maps"); err == nil {
		for line := range strings.Lines(string(maps)) {
			if f := strings.Fields(line); len(f) > 5 && f[5][0] == '/' {
				tell(pid, "map", f[5])
			}
		}
	}
	for _, link := range []string{"cwd", "root"} {
		target, _ := os.Readlink(dir + link)
		tell(pid, link, target)
	}
	status, _ := os.ReadFile(dir + "status")
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if slices.Contains([]string{"CapPrm", "CapEff", "CapBnd", "Seccomp", "Uid", "Threads"}, name) {
			tell(pid, name, value)
		}
	}
}
