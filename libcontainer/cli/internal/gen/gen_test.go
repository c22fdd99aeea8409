package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crun-go/crun-go/libcontainer/cli"
)

// Every command has a page, every flag is on it with its meaning.
func TestPages(t *testing.T) {
	files := pages("1.2.3", "2026-01-31")
	program, commands := cli.Table()
	if len(files) != len(commands)+1 {
		t.Errorf("%d pages for %d commands and the program", len(files), len(commands))
	}
	check := func(name string, d *cli.Command) {
		text := files[name]
		if !strings.Contains(text, ` 8 "2026-01-31" "crun\-go 1.2.3" `) {
			t.Errorf("%s: no title", name)
		}
		for _, f := range d.Flags() {
			meaning, _, _ := strings.Cut(f.Meaning, " ")
			_, item, found := strings.Cut(text, ".TP\n\\fB"+escape(f.Forms[0])+"\\fR")
			_, item, _ = strings.Cut(item, "\n")
			if !found || f.Meaning == "" || !strings.HasPrefix(strings.ToLower(item), strings.ToLower(plain(meaning))) {
				t.Errorf("%s: flag %q: %v, %.40q", name, f.Forms, found, item)
			}
		}
	}
	check("man8/crun-go.8", program)
	for _, c := range commands {
		check("man8/crun-go-"+c.Name+".8", c)
		if !strings.Contains(files["man8/crun-go.8"], `.BR crun\-go\-`+escape(c.Name)+" (8)\n") {
			t.Errorf("crun-go.8 does not name %s", c.Name)
		}
	}
}

// Formatters have nothing to say about them.
func TestRoff(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for name, text := range pages("1.2.3", "2026-01-31") {
		path := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, path)
	}
	for _, args := range [][]string{{"mandoc", "-Tlint", "-Wwarning"}, {"groff", "-man", "-Tutf8", "-ww", "-z"}} {
		t.Run(args[0], func(t *testing.T) {
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skip(err)
			}
			out, err := exec.Command(args[0], append(args[1:], names...)...).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestText(t *testing.T) {
	p := new(page)
	p.text("one -- a-b 'c'\n.d\n\n    # e -f \\g\n\nh")
	want := "one \\-\\- a-b \\(cqc\\(cq\n\\&.d\n.IP\n.EX\n# e \\-f \\eg\n.EE\n.PP\nh\n"
	if p.String() != want {
		t.Errorf("%q", p.String())
	}
	args := []cli.Arg{{Choices: []string{"add", "remove"}}, {Name: "container-id"}, {Name: "ps options", Optional: true, Many: true}}
	if got := arguments(args); got != `\fBadd|remove\fR \fIcontainer\-id\fR [\fIps options\fR...]` {
		t.Error(got)
	}
}
