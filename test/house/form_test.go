package house

import (
	"go/ast"
	"strings"
	"testing"
)

// TestForm checks the form of tests: the function names the unit, and t.Run has the sentences.
func TestForm(t *testing.T) {
	t.Run("every test has a sentence in t.Run", testEveryTestHasSentence)
}

func testEveryTestHasSentence(t *testing.T) {
	for _, f := range everyFile(t) {
		if !f.test() {
			continue
		}
		for _, declaration := range f.ast.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv != nil || !strings.HasPrefix(function.Name.Name, "Test") || function.Name.Name == "TestMain" {
				continue
			}
			found := false
			ast.Inspect(function, func(n ast.Node) bool {
				if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == "Run" {
					of, ok := selector.X.(*ast.Ident)
					found = found || ok && of.Name == "t"
				}
				return !found
			})
			if !found {
				t.Errorf("%s: %s has no t.Run with a sentence", f.path, function.Name.Name)
			}
		}
	}
}
