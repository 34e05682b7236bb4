package house

import (
	"go/ast"
	"slices"
	"testing"
)

// TestLogLines checks that a reader of the log can search for one key.
func TestLogLines(t *testing.T) {
	t.Run("have errors under the key error", func(t *testing.T) {
		found := 0
		for _, f := range files(t) {
			if f.test() {
				continue
			}
			for _, key := range logArguments(f.ast) {
				switch key.Value {
				case `"error"`:
					found++
				case `"err"`, `"problem"`, `"cause"`:
					t.Errorf("%s: the key is %s, want \"error\"", f.fset.Position(key.Pos()), key.Value)
				}
			}
		}
		if found < 10 {
			t.Errorf("found %d log lines with an error, want 10 or more", found)
		}
	})
}

// logArguments returns the literals in the arguments of methods with the names of those of a log.
func logArguments(file *ast.File) []*ast.BasicLit {
	methods := []string{"Debug", "Info", "Warn", "Error", "Log", "With", "Any", "String"}
	var all []*ast.BasicLit
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if method, ok := call.Fun.(*ast.SelectorExpr); !ok || !slices.Contains(methods, method.Sel.Name) {
			return true
		}
		for _, arg := range call.Args {
			if literal, ok := arg.(*ast.BasicLit); ok {
				all = append(all, literal)
			}
		}
		return true
	})
	return all
}
