package pictures

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the pictures again")

const root = "../../"

// drawn compares a picture of the documentation with what is drawn now.
func drawn(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(root+file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(root + file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not drawn from its text (%v): go test ./tests/pictures -update", file, err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestArchitecture(t *testing.T) {
	text := read(t, "docs/architecture.txt")
	if err := Check(text); err != nil {
		t.Error("docs/architecture.txt:", err)
	}
	drawn(t, "docs/architecture.svg", Boxes("From config.json to the container's program", text))
	// The packages in it are those that there are.
	packages := strings.Fields("bundle specconv plan create exec mounts checkpoint initproc cli")
	for _, match := range regexp.MustCompile(`│ ([a-z]+)  +[a-zA-Z]`).FindAllStringSubmatch(text, -1) {
		packages = append(packages, match[1])
	}
	if len(packages) != 20 {
		t.Errorf("%d packages: %q", len(packages), packages)
	}
	for _, name := range packages {
		found := strings.Contains(text, name)
		if found {
			found = slices.ContainsFunc([]string{"", "libcontainer/", "specconv/"}, func(dir string) bool {
				info, err := os.Stat(root + dir + name)
				return err == nil && info.IsDir()
			})
		}
		if !found {
			t.Errorf("%q is no package of the picture", name)
		}
	}
}

func TestScreen(t *testing.T) {
	const columns = 110
	text := read(t, "docs/screen.txt")
	for _, line := range wider(text, columns) {
		t.Errorf("docs/screen.txt: wider than %d columns: %s", columns, line)
	}
	drawn(t, "docs/screen.svg", Terminal("crun-go at a terminal: run, an error, check, plan", text, columns))
}

// TestTerminal: styles are those of what a terminal is sent, and words are where they are there.
func TestTerminal(t *testing.T) {
	const text = "\x1b[2m#\x1b[m \x1b[1mls <a>\x1b[m\r\n\x1b[1;31merror:\x1b[0m x   y z\r\n"
	got := string(Terminal("a & b", text, 20))
	for _, want := range []string{
		"<title>a &amp; b</title>", `<text class="s2" x="12" y="24.5">#</text>`, `<text class="s1" x="26.5" y="24.5">ls &lt;a&gt;</text>`,
		`<text class="s1 s31" x="12" y="41.5">error:</text>`, `<text x="62.6" y="41.5">x</text>`, `<text x="91.5" y="41.5">y z</text>`, `height="58"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture lacks %s: %s", want, got)
		}
	}
	if got, want := plain(text), "# ls <a>\r\nerror: x   y z\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := wider(text, 12); len(got) != 1 {
		t.Errorf("wider than 12 columns: %q", got)
	}
	// What is drawn is known.
	for _, class := range terminalClasses[1:7] {
		if !strings.Contains(got, "."+class.Name+" {") {
			t.Errorf("no style %s", class.Name)
		}
	}
}

// TestBoxes: a box, an arrow up to it, its title, and words.
func TestBoxes(t *testing.T) {
	const text = "┌─────┐\n│ one │     ┌───┐\n│ a<b │────▶│ x │\n└─────┘     └───┘\n"
	if err := Check(text); err != nil {
		t.Error(err)
	}
	got := string(Boxes("a & b", text))
	for _, want := range []string{
		"<title>a &amp; b</title>", `<text class="title" x="26.5" y="41.5">one</text>`, `<text x="26.5" y="58.5">a&lt;b</text>`,
		`<text class="title" x="113.2" y="58.5">x</text>`, `<rect class="edge" x="15.6" y="20.5" width="43.4" height="51" rx="5"/>`,
		`<line class="line" x1="59" y1="54.5" x2="102.4" y2="54.5"/>`, `<path class="head" d="M102.4 54.5L`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the picture lacks %s: %s", want, got)
		}
	}
	if n := strings.Count(got, `class="box"`); n != 2 {
		t.Errorf("%d boxes", n)
	}
	if err := Check("  ──▶│\n ──  │\n"); err == nil {
		t.Error("a line that ends nowhere is not found")
	}
}
