package lint

import (
	"strings"
	"testing"
)

// root is the module's top directory, seen from this package.
const root = "../.."

func TestTree(t *testing.T) {
	rules, err := readRules(root + "/.imports")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := readTree(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree) == 0 {
		t.Skip("no package of the program yet")
	}
	for _, complaint := range append(rules.check(tree), rules.staleOpens()...) {
		t.Error(complaint)
	}
}

// Each rule is shown to find code that breaks it.
func TestRulesBite(t *testing.T) {
	const config = `
group leaves = sys
. cli
cli lib @leaves
lib @leaves
sys
unsafe sys
speak . cli
exit . cli
heavy encoding/json os/exec
heavy-allowed cli:os/exec
tools gen
only sys.Dig lib/digger.go
openers sys
open lib/x.go:told the name is ours
lines 10 4
types 2 3
type lib.large it mirrors the device
`
	for _, c := range []struct{ name, pkg, source, want string }{
		{"fine", "lib", `import "m/sys"; var _ = sys.X`, ""},
		{"upwards", "lib", `import "m/cli"; var _ = cli.X`, "lib imports cli"},
		{"unlisted", "utils", ``, "utils is not in .imports"},
		{"through a group", "cli", `import "m/sys"; var _ = sys.X`, ""},
		{"unsafe outside", "lib", `import "unsafe"; var _ unsafe.Pointer`, "lib imports unsafe"},
		{"unsafe inside", "sys", `import "unsafe"; var _ unsafe.Pointer`, ""},
		{"heavy", "lib", `import "encoding/json"; var _ = json.Marshal`, "lib imports encoding/json"},
		{"heavy, excepted", "cli", `import "os/exec"; var _ = exec.Command`, ""},
		{"print", "lib", `import "fmt"; func f() { fmt.Println(1) }`, "lib calls fmt.Println"},
		{"stdout", "lib", `import "os"; var _ = os.Stdout`, "lib uses os.Stdout"},
		{"exit", "lib", `import "os"; func f() { os.Exit(1) }`, "lib calls os.Exit"},
		{"exit in cli", "cli", `import "os"; func f() { os.Exit(1) }`, ""},
		{"long function", "lib", "func f() {\n\n\n\n}", "function f has 5 lines"},
		{"a predicate", "lib", "// f tells whether it is.\nfunc f() bool { return true }", `a comment begins "f tells whether"`},
		{"use elsewhere", "lib", `import "m/sys"; var _ = sys.Dig`, "uses sys.Dig, which only lib/digger.go may"},
		{"tool", "gen", `import "os/exec"; var _ = exec.Command`, ""},
		{"open", "lib", `import "os"; func f(p string) { os.Open(p) }`, "f calls os.Open"},
		{"open at", "lib", `import "golang.org/x/sys/unix"; func f(p string) { unix.Openat(3, p, unix.O_RDONLY, 0) }`, "f calls unix.Openat"},
		{"open to look", "lib", `import "golang.org/x/sys/unix"; func f(p string) { unix.Open(p, unix.O_PATH, 0) }`, ""},
		{"open the host's", "lib", `import "os"; func f(p string) { os.Open("/proc/" + p + "/stat") }`, ""},
		{"create", "lib", `import "os"; func f() { os.Create("/run/x") }`, "f calls os.Create"},
		{"open with a reason", "lib", `import "os"; func told(p string) { os.Open(p) }`, ""},
		{"open in sys", "sys", `import "os"; func f(p string) { os.Open(p) }`, ""},
		{"methods", "lib", "type t int; func (t) a() {}; func (*t) b() {}; func (t) c() {}", "type lib.t has 3 methods"},
		{"methods of a generic type", "lib", "type t[T, U any] struct{}; func (t[T, U]) a() {}; func (*t[T, U]) b() {}; func (t[T, U]) c() {}", "type lib.t has 3 methods"},
		{"methods of two types", "lib", "type t int; type u int; func (t) a() {}; func (t) b() {}; func (u) c() {}", ""},
		{"fields", "lib", "type t struct { A, b int; C, D string }; func (*t) a() {}", "type lib.t has 4 fields"},
		{"methods and fields", "lib", "type t struct { io.Reader; a, b, c int }; func (*t) a() {}; func (t) b() {}; func (t) c() {}", "has 3 methods, the budget is 2, and 4 fields"},
		{"fields of a record", "lib", "type t struct { A, B, C, D int }; func (*t) a() {}", ""},
		{"fields without methods", "lib", "type t struct { a, b, c, d int }; func (t) a() {}", ""},
		{"large with a reason", "lib", "type large struct { a, b, c, d int }; func (*large) a() {}", ""},
		{"reason not needed", "lib", "type large struct { a, b int }; func (*large) a() {}", "type lib.large: it is within"},
		{"reason for nothing", "lib", "type largest struct{}", "type lib.large: there is no such type"},
		{"long file", "lib", strings.Repeat("\n", 12), "has 12 lines"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, err := parseRules(config)
			if err != nil {
				t.Fatal(err)
			}
			source := "package p; " + c.source
			file, err := parseFile("m", c.pkg, c.pkg+"/x.go", []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(c.source, "large") {
				clear(rules.typeReasons)
			}
			got := strings.Join(rules.check([]sourceFile{file}), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestRulesRefuseNonsense(t *testing.T) {
	for _, config := range []string{
		"group x sys",
		"lib @unknown",
		"lines ten 5",
		"lines 10",
		"types 10",
		"types 10 ten",
		"type lib.t",
		"type lib because so",
		"open lib/x.go:f",
		"open lib/x.go because so",
		"heavy-allowed lib",
		"only sys.Dig",
		"lib\nlib",
	} {
		if _, err := parseRules(config); err == nil {
			t.Errorf("%q: accepted", config)
		}
	}
}
