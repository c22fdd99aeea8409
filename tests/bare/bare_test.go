package bare

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// architectures are those that have an entry of our own.
var architectures = []string{"amd64", "arm64"}

// programs is the directory of the program's binaries, one for each architecture,
// with symbols. The Makefile, which knows how they are built, makes them.
func programs(t *testing.T) string {
	dir := os.Getenv("BARE_PROGRAMS")
	if dir == "" {
		t.Skip("BARE_PROGRAMS names no directory of binaries: make lint makes them")
	}
	return dir
}

func TestProgram(t *testing.T) {
	dir := programs(t)
	rules, err := readRules("rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range architectures {
		p, err := readProgram(filepath.Join(dir, arch))
		if err != nil {
			t.Fatal(err)
		}
		const enough = 30
		complaints := check(p, rules)
		for i, complaint := range complaints {
			if i == enough {
				t.Errorf("%s: and %d more", arch, len(complaints)-i)
				break
			}
			t.Errorf("%s: %s", arch, complaint)
		}
	}
	for _, complaint := range rules.stale() {
		t.Errorf("rules: %s", complaint)
	}
}

// TestCheckBites: each thing that needs the runtime is found, in a program that has
// all of them, and with its path.
func TestCheckBites(t *testing.T) {
	programs(t)
	for _, arch := range architectures {
		p := fixture(t, arch)
		t.Run(arch, func(t *testing.T) { bites(t, p) })
	}
}

// bitten are functions of the program, lines of rules, and what is complained of.
var bitten = []struct{ root, extra, want string }{
	{"clean", "", ""},
	{"allocate", "", "main.allocate → main.escape (main.go:*) calls runtime.newobject, which allocates"},
	{"makes", "", "main.makes (main.go:*) calls runtime.makeslice, which allocates"},
	{"grow", "", "main.grow (main.go:*) calls runtime.growslice, which allocates"},
	{"convert", "", "main.convert (main.go:*) calls runtime.convT64, which converts to an interface"},
	{"assert", "", "main.assert (main.go:*) calls runtime.typeAssert, which converts an interface"},
	{"lookUp", "", "which uses a map"},
	{"concatenate", "", "main.concatenate (main.go:*) calls runtime.concatstring2, which builds a string"},
	{"text", "", "main.text (main.go:*) calls runtime.slicebytetostring, which builds a string"},
	{"explicit", "", "main.explicit (main.go:*) calls runtime.gopanic, which panics"},
	{"deferred", "", "calls runtime.deferreturn, which defers"},
	{"starts", "", "main.starts (main.go:*) calls runtime.newproc, which starts a goroutine"},
	{"receive", "", "main.receive (main.go:*) calls runtime.chanrecv1, which uses a channel"},
	{"scheduled", "", "calls runtime.entersyscall, which tells the scheduler of a system call"},
	{"locked", "", "is the runtime's"},
	{"byInit", "", "main.byInit (main.go:*) uses the variable main.set, which is not set: main.init.0 does that"},
	{"byInitElement", "", "uses the variable main.elements, which is not set: main.init.0 does that"},
	{"byInitAddress", "", "uses the variable main.pointed, which is not set: main.init.0 does that"},
	{"byExpression", "", "uses the variable main.computed, which is not set: main.init does that"},
	{"byMain", "", "uses the variable main.chosen, which is not set: main.main does that"},
	{"byInit", "variable main.set zero will do", ""},
	{"ofRuntime", "", "main.ofRuntime (main.go:*) uses the variable os.Args, which is not set: "},
	{"through", "", "main.through (main.go:*) calls what only a register or memory names: CALL "},
	{"through", "indirect main.through main.table all that it may call", "main.through → main.two → main.escape (main.go:*) calls runtime.newobject"},
	{"throughFields", "indirect main.throughFields main.steps the steps", "main.throughFields → main.(*thing).second → main.escape (main.go:*) calls runtime.newobject"},
	{"throughFields", "indirect main.throughFields main.others the steps", ""},
	{"through", "indirect main.through main.table,main.others all that it may call", "main.through → main.two → "},
	{"through", "indirect main.through main.set no table", "main.set names no function"},
	{"method", "", "calls what only a register or memory names"},
	{"refer", "", "main.refer → main.two → main.escape"},
	{"closure", "", "main.closure → main.closure.func1 → main.escape"},
	{"switches", "", ""},
	{"recurse", "", "main.recurse → main.recurse: no bound for the stack"},
	{"recurse", "recursion main.recurse 3 levels", ""},
	{"recurse", "recursion main.recurse 300 levels", "main.recurse may need "},
	{"even", "", "main.even → main.odd → main.even: no bound for the stack"},
	{"even", "recursion main.even 4 levels", ""},
	{"both", "recursion main.even 400 levels", "main.both may need * → main.odd ("},
	{"deep", "", "main.deep may need "},
	{"deep", "", "main.deep (*) → main.deeper ("},
	{"allocate", "except main.escape for now", ""},
	{"allocate", "except main.allocate for now", ""},
	{"recurse", "except main.recurse for now", ""},
	{"clean", "except main.length needless", "except main.length: nothing needs it"},
	{"clean", "except main.escape not reached", "except main.escape: nothing needs it"},
	{"clean", "indirect main.length main.table needless", "indirect main.length: nothing needs it"},
	{"clean", "recursion main.length 2 needless", "recursion main.length: nothing needs it"},
	{"clean", "variable main.set needless", "variable main.set: nothing needs it"},
	{"absent", "", "root main.absent: there is no such function"},
}

func bites(t *testing.T, p *program) {
	allowed, err := readRules("rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range bitten {
		t.Run(c.root+" "+c.extra, func(t *testing.T) {
			rules, err := parseRules("stack 4096\nroot main." + c.root + "\n" + c.extra)
			if err != nil {
				t.Fatal(err)
			}
			rules.allowed = allowed.allowed
			complaints := append(check(p, rules), rules.stale()...)
			fits := func(complaint string) bool { return matches(c.want, complaint) }
			if c.want == "" && len(complaints) > 0 || c.want != "" && !slices.ContainsFunc(complaints, fits) {
				t.Errorf("got %q, want %q", complaints, c.want)
			}
		})
	}
}

// matches: the parts of a pattern between its * are in a text, in that order.
func matches(pattern, text string) bool {
	for _, part := range strings.Split(pattern, "*") {
		_, rest, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = rest
	}
	return true
}

// fixture builds the program of testdata.
func fixture(t *testing.T, arch string) *program {
	path := filepath.Join(t.TempDir(), arch)
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./testdata/fixture")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p, err := readProgram(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRulesRefuseNonsense(t *testing.T) {
	for _, text := range []string{
		"root main.f",
		"stack 4096",
		"stack many\nroot main.f",
		"stack 4096\nroot main.f because",
		"stack 4096\nroot main.f\nroot main.f",
		"stack 4096\nroot main.f\nallow runtime.memmove",
		"stack 4096\nroot main.f\nexcept main.g",
		"stack 4096\nroot main.f\nindirect main.g main.table",
		"stack 4096\nroot main.f\nrecursion main.g often enough",
		"stack 4096\nroot main.f\nignore main.g so",
	} {
		if _, err := parseRules(text); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}
