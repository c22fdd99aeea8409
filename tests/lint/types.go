package lint

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// A typeSize counts what a file says of a type of its package.
type typeSize struct {
	methods []string
	fields  int
	hides   bool // not all fields are exported
	changes bool // it has a method with a pointer for its receiver
}

// record reports whether a type only carries values. Its fields are as many as those of
// what it mirrors, such as a step of a plan, a file, or the options of a command: who
// fills it in or reads it finds each by its name. Where methods change what others can't
// see, each field is a state that all of them have to keep in mind.
func (t *typeSize) record() bool { return !t.hides || !t.changes }

// addType notes a struct's fields.
func (f *sourceFile) addType(spec *ast.TypeSpec) {
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	size := f.types[spec.Name.Name]
	for _, field := range s.Fields.List {
		size.fields += max(1, len(field.Names))
		size.hides = size.hides || slices.ContainsFunc(field.Names, func(name *ast.Ident) bool { return !name.IsExported() })
	}
	f.types[spec.Name.Name] = size
}

// addMethod notes a method of a type.
func (f *sourceFile) addMethod(decl *ast.FuncDecl) {
	if decl.Recv == nil {
		return
	}
	receiver := decl.Recv.List[0].Type
	star, pointer := receiver.(*ast.StarExpr)
	if pointer {
		receiver = star.X
	}
	switch generic := receiver.(type) {
	case *ast.IndexExpr:
		receiver = generic.X
	case *ast.IndexListExpr:
		receiver = generic.X
	}
	name := receiver.(*ast.Ident).Name
	size := f.types[name]
	size.methods = append(size.methods, decl.Name.Name)
	size.changes = size.changes || pointer
	f.types[name] = size
}

// checkTypes complains of types with more methods or fields than the budget has,
// and of exemptions that are not needed. Of records it counts no fields.
func (r *rules) checkTypes(tree []sourceFile) []string {
	all := r.typeSizes(tree)
	var out []string
	for name, size := range all {
		var over []string
		if n := len(size.methods); r.typeMethods > 0 && n > r.typeMethods {
			over = append(over, fmt.Sprintf("%d methods, the budget is %d", n, r.typeMethods))
		}
		if r.typeFields > 0 && size.fields > r.typeFields && !size.record() {
			over = append(over, fmt.Sprintf("%d fields, the budget is %d", size.fields, r.typeFields))
		}
		switch reason := r.typeReasons[name]; {
		case len(over) > 0 && reason == "":
			out = append(out, fmt.Sprintf("type %s has %s: give a part that has a subject a type of its own, or the reason in .imports, type %s",
				name, strings.Join(over, ", and "), name))
		case len(over) == 0 && reason != "":
			out = append(out, fmt.Sprintf(".imports: type %s: it is within the budget", name))
		}
	}
	for name := range r.typeReasons {
		if _, known := all[name]; !known {
			out = append(out, fmt.Sprintf(".imports: type %s: there is no such type", name))
		}
	}
	slices.Sort(out)
	return out
}

// typeSizes adds up what the files of each package say. A method with variants for
// several architectures is one.
func (r *rules) typeSizes(tree []sourceFile) map[string]*typeSize {
	all := map[string]*typeSize{}
	for _, f := range tree {
		if f.generated || slices.Contains(r.tools, f.pkg) {
			continue
		}
		for name, part := range f.types {
			name = f.pkg + "." + name
			if all[name] == nil {
				all[name] = new(typeSize)
			}
			size := all[name]
			for _, method := range part.methods {
				if !slices.Contains(size.methods, method) {
					size.methods = append(size.methods, method)
				}
			}
			size.fields = max(size.fields, part.fields)
			size.hides = size.hides || part.hides
			size.changes = size.changes || part.changes
		}
	}
	return all
}
