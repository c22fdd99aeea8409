package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A sourceFile is what the rules ask about one Go file.
type sourceFile struct {
	path      string // relative to the module's root
	pkg       string // its directory, "." for the module's root
	own       []string
	foreign   []string
	uses      []string // package-qualified names such as os.Exit, each once
	functions []function
	opens     []opening
	types     map[string]typeSize
	phrases   []string // of comments, that should be "reports whether"
	lines     int
	generated bool // not read by people, so its length is free
}

// unusual is how a function that returns a bool is not to be documented.
var unusual = regexp.MustCompile(`(?m)^\w+ (tells|says|returns) whether`)

type function struct {
	name  string
	lines int
}

// readTree parses every Go file of the program: all of the module but test
// files, tests/ and testdata. Build constraints are not applied, every variant
// obeys the rules.
func readTree(root string) ([]sourceFile, error) {
	module, err := modulePath(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	var tree []sourceFile
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && relative != "."
			if hidden || relative == "tests" || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parseFile(module, filepath.Dir(relative), relative, text)
		tree = append(tree, file)
		return err
	})
	return tree, err
}

func modulePath(gomod string) (string, error) {
	text, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: no module line", gomod)
}

func parseFile(module, pkg, path string, text []byte) (sourceFile, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return sourceFile{}, err
	}
	f := sourceFile{path: path, pkg: pkg, lines: set.File(parsed.FileStart).LineCount(), generated: ast.IsGenerated(parsed), types: map[string]typeSize{}}
	names := map[string]string{} // name in this file: import path
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return sourceFile{}, err
		}
		if own, ok := strings.CutPrefix(imported, module+"/"); ok {
			f.own = append(f.own, own)
		} else {
			f.foreign = append(f.foreign, imported)
		}
		name := filepath.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
	}
	for _, comment := range parsed.Comments {
		f.phrases = append(f.phrases, unusual.FindAllString(comment.Text(), -1)...)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && names[x.Name] != "" {
				use := filepath.Base(names[x.Name]) + "." + n.Sel.Name
				if !slices.Contains(f.uses, use) {
					f.uses = append(f.uses, use)
				}
			}
		case *ast.TypeSpec:
			f.addType(n)
		case *ast.FuncDecl:
			f.addMethod(n)
			lines := set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1
			if !isTable(n) {
				f.functions = append(f.functions, function{n.Name.Name, lines})
			}
			f.opens = append(f.opens, nakedOpens(n.Name.Name, n, names)...)
		}
		return true
	})
	return f, nil
}

// isTable reports whether a function is a table that is written as a switch: little
// else, and in each case a few statements without any of their own. It may be long.
func isTable(f *ast.FuncDecl) bool {
	if f.Body == nil {
		return false
	}
	flat := true
	rest, table := 0, 0
	for _, statement := range f.Body.List {
		s, ok := statement.(*ast.SwitchStmt)
		if !ok {
			rest++
			continue
		}
		table++
		for _, c := range s.Body.List {
			body := c.(*ast.CaseClause).Body
			flat = flat && len(body) <= 3
			for _, inner := range body {
				switch inner.(type) {
				case *ast.DeclStmt, *ast.ExprStmt, *ast.AssignStmt, *ast.ReturnStmt:
				default:
					flat = false
				}
			}
		}
	}
	return flat && table == 1 && rest <= 2
}
