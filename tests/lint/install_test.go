package lint

import (
	"os/exec"
	"strings"
	"testing"
)

// What "go install ./..." would install is the program. Another one has to be among
// the ignored directories of go.mod. Where modules are not downloaded, -e lists names all the
// same.
func TestInstallsOnlyCrunGo(t *testing.T) {
	list := exec.Command("go", "list", "-e", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	module, err := modulePath(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if programs := strings.Fields(string(out)); len(programs) != 1 || programs[0] != module {
		t.Errorf("go install ./... installs %q, want %q alone", programs, module)
	}
}
