// Command gen writes the manual pages, from the table that the help is made from. It is not part of the binary.
//
//	go run ./libcontainer/cli/internal/gen -version 0.1.0 -date 2026-01-31 DIR
//
// DIR then has man8/crun-go.8, man8/crun-go-create.8 and so on.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	version := flag.String("version", "", "of the program")
	date := flag.String("date", "", "of the pages, YYYY-MM-DD")
	flag.Parse()
	if flag.NArg() != 1 || *version == "" || *date == "" {
		log.Fatal("usage: gen -version VERSION -date DATE DIR")
	}
	if err := write(flag.Arg(0), *version, *date); err != nil {
		log.Fatal(err)
	}
}

func write(dir, version, date string) error {
	for name, text := range pages(version, date) {
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
