package house

import (
	"go/ast"
	"slices"
	"testing"
)

// A reader of the log searches for one key.
func TestLogLines(t *testing.T) {
	methods := []string{"Debug", "Info", "Warn", "Error", "Log", "With", "Any", "String"}
	t.Run("have errors under the key error", func(t *testing.T) {
		found := 0
		for _, f := range files(t) {
			if f.test() {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if method, ok := call.Fun.(*ast.SelectorExpr); !ok || !slices.Contains(methods, method.Sel.Name) {
					return true
				}
				for _, arg := range call.Args {
					key, ok := arg.(*ast.BasicLit)
					if !ok {
						continue
					}
					switch key.Value {
					case `"error"`:
						found++
					case `"err"`, `"problem"`, `"cause"`:
						t.Errorf("%s: the key is %s, want \"error\"", f.fset.Position(key.Pos()), key.Value)
					}
				}
				return true
			})
		}
		if found < 10 {
			t.Errorf("found %d log lines with an error, want 10 or more", found)
		}
	})
}
