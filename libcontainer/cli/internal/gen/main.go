// Command gen writes what is installed beside the binary and made from the same descriptions as its help: the manual pages
// and the completions. It is no part of the binary.
//
//	go run ./libcontainer/cli/internal/gen -version 0.1.0 -date 2026-01-31 DIR
//
// DIR then has man8/crun-go.8, man8/crun-go-create.8 and so on, and completions/crun-go.bash, _crun-go and crun-go.fish.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/crun-go/crun-go/libcontainer/cli"
)

func main() {
	log.SetFlags(0)
	version := flag.String("version", "", "of the program")
	date := flag.String("date", "", "of the pages, YYYY-MM-DD")
	complete := flag.String("completion", "", "print the completion for a `SHELL` (the program calls itself)")
	flag.Parse()
	if *complete != "" {
		os.Exit(cli.Main([]string{"crun-go", "completion", *complete}, *version, ""))
	}
	if flag.NArg() != 1 || *version == "" || *date == "" {
		log.Fatal("usage: gen -version VERSION -date DATE DIR")
	}
	if err := write(flag.Arg(0), *version, *date); err != nil {
		log.Fatal(err)
	}
}

func write(dir, version, date string) error {
	files := pages(version, date)
	for shell, name := range map[string]string{"bash": "crun-go.bash", "zsh": "_crun-go", "fish": "crun-go.fish"} {
		text, err := completion(shell)
		if err != nil {
			return fmt.Errorf("complete for %s: %w", shell, err)
		}
		files["completions/"+name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// completion is what the command of that name prints.
func completion(shell string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd := exec.Command(self, "-completion", shell)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	err = cmd.Run()
	return out.String(), err
}
