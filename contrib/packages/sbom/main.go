// Command sbom writes what a binary was linked from:
//
//	go run ./contrib/packages/sbom BINARY DIR
//
// DIR/sbom.cdx.json lists the modules with their versions and licenses, in CycloneDX
// 1.5, and DIR/THIRD-PARTY has the texts of the licenses. Both are made of the build
// information in the binary and of the modules' files, so the same binary gives the
// same bytes. SOURCE_DATE_EPOCH is their time.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

type (
	bom struct {
		Format       string      `json:"bomFormat"`
		SpecVersion  string      `json:"specVersion"`
		SerialNumber string      `json:"serialNumber"`
		Version      int         `json:"version"`
		Metadata     metadata    `json:"metadata"`
		Components   []component `json:"components"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type     string         `json:"type"`
		Ref      string         `json:"bom-ref"`
		Name     string         `json:"name"`
		Version  string         `json:"version"`
		Hashes   []digest       `json:"hashes,omitempty"`
		Licenses []licenseEntry `json:"licenses"`
		Purl     string         `json:"purl"`
	}
	digest struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licenseEntry struct {
		License licenseID `json:"license"`
	}
	licenseID struct {
		ID string `json:"id"`
	}
)

func write(binary, dir string) error {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	self := library(info.Main.Path, strings.TrimPrefix(os.Getenv("VERSION"), "v"), "Apache-2.0")
	self.Type, self.Hashes = "application", []digest{{"SHA-256", hex.EncodeToString(sum[:])}}
	var notices strings.Builder
	components, err := linked(info, &notices)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(bom{
		Format: "CycloneDX", SpecVersion: "1.5", Version: 1, SerialNumber: "urn:uuid:" + uuid(sum),
		Metadata:   metadata{time.Unix(seconds, 0).UTC().Format(time.RFC3339), self},
		Components: components,
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "sbom.cdx.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "THIRD-PARTY"), []byte(notices.String()), 0o644)
}

// linked returns the modules and Go's standard library, and collects their licenses.
func linked(info *debug.BuildInfo, notices *strings.Builder) ([]component, error) {
	// An experiment that is switched off is no part of the version: "go1.26.8-X:nogreenteagc".
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), "-X:")
	if !strings.HasPrefix(runtime.Version(), "go"+goVersion) {
		return nil, fmt.Errorf("the binary was built by Go %s, this is %s: its license may be another", goVersion, runtime.Version())
	}
	goroot, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	id, err := licenseOf(goroot, "Go's standard library "+goVersion, notices)
	if err != nil {
		return nil, err
	}
	list := []component{library("std", goVersion, id)}
	for _, module := range info.Deps {
		if module.Replace != nil {
			return nil, fmt.Errorf("%s is replaced: no version says what was linked", module.Path)
		}
		dir, err := output("go", "list", "-m", "-f", "{{.Dir}}", module.Path)
		if err != nil {
			return nil, err
		}
		id, err := licenseOf(dir, module.Path+" "+module.Version, notices)
		if err != nil {
			return nil, err
		}
		list = append(list, library(module.Path, module.Version, id))
	}
	return list, nil
}

func library(path, version, license string) component {
	purl := "pkg:golang/" + path + "@" + version
	return component{Type: "library", Ref: purl, Name: path, Version: version, Purl: purl, Licenses: []licenseEntry{{licenseID{license}}}}
}

// licenseOf appends the texts in a module's directory to notices, and returns the
// license's identifier in SPDX.
func licenseOf(dir, title string, notices *strings.Builder) (string, error) {
	var files []string
	for _, pattern := range []string{"LICENSE*", "COPYING*", "NOTICE*", "PATENTS*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	id := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if id == "" {
			id = identify(string(text))
		}
		fmt.Fprintf(notices, "%s: %s\n\n%s\n\n%s\n\n", title, filepath.Base(file), strings.TrimSpace(string(text)), strings.Repeat("-", 78))
	}
	if id == "" {
		return "", fmt.Errorf("%s: no license is known by its text among %q", title, files)
	}
	return id, nil
}

// identify returns the identifier of a license in SPDX, or "" for an unknown one.
func identify(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("Apache License Version 2.0"):
		return "Apache-2.0"
	case has("Permission is hereby granted, free of charge"):
		return "MIT"
	case has("Redistribution and use in source and binary forms") && has("Neither the name"):
		return "BSD-3-Clause"
	}
	return ""
}

// uuid makes a UUID of a hash, of version 8: by its maker's rules.
func uuid(sum [sha256.Size]byte) string {
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func output(command string, args ...string) (string, error) {
	c := exec.Command(command, args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}
