package cli

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestLinked: the program is small because the linker leaves out what is never called. One call of MethodByName, which
// text/template makes, and it has to keep every exported method of every type: a third more, in memory twice for each start.
func TestLinked(t *testing.T) {
	if testing.Short() {
		t.Skip("links the program, which takes seconds")
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command here to link the program with: ", err)
	}
	run := func(args ...string) ([]byte, error) {
		cmd := exec.Command(tool, args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
		return cmd.CombinedOutput()
	}
	if out, err := run("list", "-deps", "../.."); err != nil {
		t.Skipf("this user has not the modules to link the program from: %v\n%s", err, out)
	}
	binary := filepath.Join(t.TempDir(), program)
	if out, err := run("build", "-trimpath", "-buildvcs=false", "-tags", "urfave_cli_no_docs", "-o", binary, "../.."); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	linked := symbols(t, binary)
	if !slices.Contains(linked, "main.main") {
		t.Fatalf("%d symbols and no main.main", len(linked))
	}
	for _, name := range []string{
		"reflect.Value.MethodByName", "reflect.(*rtype).MethodByName", "reflect.Value.Method", "reflect.(*rtype).Method",
		"text/template.(*Template).Execute", "text/template.(*Template).execute",
		"encoding/json.Marshal", "encoding/json.Unmarshal", "encoding/json.(*Encoder).Encode", "encoding/json.(*Decoder).Decode",
		"github.com/urfave/cli/v2.(*App).Run", "github.com/urfave/cli/v2.(*Command).Run", "github.com/urfave/cli/v2.printHelp",
	} {
		if slices.Contains(linked, name) {
			t.Error("linked: ", name)
		}
	}
}

func symbols(t *testing.T, binary string) []string {
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range table {
		names = append(names, s.Name)
	}
	return names
}
