package seccomp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// profiles reads the seccomp sections that engines wrote into config.json.
func profiles(t testing.TB) map[string]*specs.LinuxSeccomp {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no profiles in testdata: %v", err)
	}
	all := map[string]*specs.LinuxSeccomp{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cfg := &specs.LinuxSeccomp{}
		if err := json.Unmarshal(raw, cfg); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = cfg
	}
	return all
}
