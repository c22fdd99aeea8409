// Command applets is the programs that critest expects in its images beside
// busybox's, distinguished by name, static so that images need nothing else.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	applets := map[string]func([]string) error{
		"nginx": serve, "httpd": serve, "nnp": effective, "pgrep": grep, "sh": shell, "ipcs": segments,
		"pause": pause,
	}
	name := filepath.Base(os.Args[0])
	run, ok := applets[name]
	if !ok {
		run = func([]string) error { return fmt.Errorf("no such applet") }
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// serve [LINE]: a web server on $PORT, 80 by default, with a pid file as nginx has
// one; LINE is what it logs first. SIGTERM, SIGINT and SIGQUIT end it.
func serve(args []string) error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	go func() {
		<-ended
		os.Exit(0)
	}()
	if err := os.WriteFile("/var/run/nginx.pid", fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return err
	}
	fmt.Println(strings.Join(args, " "))
	port := os.Getenv("PORT")
	if port == "" {
		port = "80"
	}
	return http.ListenAndServe(":"+port, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello\n")
	}))
}

// pause does nothing until SIGTERM ends it, as what holds a pod's namespaces does: CRI-O
// gives that all the time its caller has.
func pause([]string) error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
	return nil
}

// effective reports whether the set-user-ID bit of the file counted.
func effective([]string) error {
	fmt.Println("Effective uid:", os.Geteuid())
	return nil
}

// grep NAME: the pids of processes whose name has NAME in it, as pgrep(1).
func grep(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected a name")
	}
	found := 1
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, file := range names {
		name, _ := os.ReadFile(file)
		pid := filepath.Base(filepath.Dir(file))
		if strings.Contains(string(name), args[0]) && pid != fmt.Sprint(os.Getpid()) {
			found = 0
			fmt.Println(pid)
		}
	}
	os.Exit(found)
	return nil
}

// segments are the shared memory segments of the namespace, as ipcs -m shows them.
func segments([]string) error {
	list, err := os.ReadFile("/proc/sysvipc/shm")
	fmt.Print(string(list))
	return err
}

// shell is busybox's, but for a single word to execute: busybox would run its own
// applet of that name, whatever there is in the file system.
func shell(args []string) error {
	if len(args) == 2 && args[0] == "-c" && !strings.ContainsAny(args[1], " \t\n;&|<>()$`\\\"'*?[]#~=%{}!") {
		if path, err := exec.LookPath(args[1]); err == nil {
			err = syscall.Exec(path, args[1:], os.Environ())
			return fmt.Errorf("%s: %w", args[1], err)
		}
		// What LookPath finds not executable is there all the same.
		if _, err := os.Stat(filepath.Join("/bin", args[1])); err == nil {
			fmt.Fprintf(os.Stderr, "%s: %s: Permission denied\n", os.Args[0], args[1])
			os.Exit(126)
		}
	}
	return syscall.Exec("/bin/busybox", append([]string{os.Args[0]}, args...), os.Environ())
}
