package house

import (
	"go/ast"
	"slices"
	"testing"
)

func TestDecisionLoop(t *testing.T) {
	t.Run("depends on its arguments alone", testLoopIsPure)
}

func testLoopIsPure(t *testing.T) {
	const loop = "internal/policy/loop"
	allowed := []string{
		"errors", "slices", "time", "golang.org/x/time/rate", "k8s.io/apimachinery/pkg/util/resourceversion",
		module + "/actuator", module + "/scalers",
	}
	clocks := []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}
	found := 0
	for _, f := range files(t) {
		if f.dir != loop || f.test() {
			continue
		}
		found++
		for _, path := range f.imports {
			if !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s: the loop may import only %v", f.path, path, allowed)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
				t.Errorf("%s: a goroutine or a channel: that is the driver's part", f.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if p, ok := n.X.(*ast.Ident); ok && p.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					t.Errorf("%s calls time.%s: time is an argument", f.fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
	if found == 0 {
		t.Errorf("got no file in %s, want some", loop)
	}
}
