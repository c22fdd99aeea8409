package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// openers are the functions that open a file by its name, and which of their
// arguments that is. Names that another user decides on go through
// libcontainer/sys, which looks at a file before it opens it.
var openers = map[string]int{
	"os.Open": 0, "os.OpenFile": 0, "os.ReadFile": 0, "os.WriteFile": 0, "os.Create": 0,
	"unix.Open": 0, "unix.Openat": 1, "unix.Openat2": 1, "unix.Creat": 0,
	"raw.Open": 1, "raw.Open2": 1,
	"syscall.Open": 0, "syscall.Openat": 1, "sys.ReadFile": 0,
	"retry.Open": 0, "retry.Openat": 1, "retry.Openat2": 1, "retry.OpenFile": 0, "retry.ReadFile": 0,
}

// harmless are flags with which no device is opened and no file is written that
// was there before.
var harmless = []string{"O_PATH", "O_DIRECTORY", "O_EXCL"}

// An opening is a call of an opener that could open anything.
type opening struct{ name, function string }

// nakedOpens returns the calls of openers in a function that are neither
// harmless nor of a name of the host that is written there.
func nakedOpens(function string, body ast.Node, names map[string]string) []opening {
	var found []opening
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := selector.X.(*ast.Ident)
		if !ok || names[x.Name] == "" {
			return true
		}
		name := filepath.Base(names[x.Name]) + "." + selector.Sel.Name
		path, ok := openers[name]
		if !ok || len(call.Args) <= path {
			return true
		}
		writes := name == "os.WriteFile" || name == "os.Create" || name == "unix.Creat"
		if writes || !mentions(call, harmless) && !absolute(call.Args[path]) {
			found = append(found, opening{name, function})
		}
		return true
	})
	return found
}

// mentions reports whether one of the names is anywhere in a call.
func mentions(call *ast.CallExpr, names []string) bool {
	found := false
	ast.Inspect(call, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(names, s.Sel.Name) {
			found = true
		}
		return !found
	})
	return found
}

// absolute reports whether a name begins with a text in the source, that of a
// file of the host.
func absolute(e ast.Expr) bool {
	for {
		switch x := e.(type) {
		case *ast.BinaryExpr:
			e = x.X
		case *ast.BasicLit:
			return x.Kind == token.STRING && strings.HasPrefix(x.Value, `"/`)
		default:
			return false
		}
	}
}

// checkOpens complains of naked opens that no line of the rules gives a reason for.
func (r *rules) checkOpens(f sourceFile) []string {
	if slices.Contains(r.openers, f.pkg) {
		return nil
	}
	var out []string
	for _, o := range f.opens {
		place := f.path + ":" + o.function
		if r.openReasons[place] == "" {
			out = append(out, fmt.Sprintf("%s calls %s: open it through libcontainer/sys, or give the reason in .imports, open %s", o.function, o.name, place))
		}
		r.openUsed[place] = true
	}
	return out
}

// staleOpens complains of reasons for what is not there any more.
func (r *rules) staleOpens() []string {
	var out []string
	for place := range r.openReasons {
		if !r.openUsed[place] {
			out = append(out, fmt.Sprintf(".imports: open %s: it opens nothing by itself", place))
		}
	}
	slices.Sort(out)
	return out
}
