package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestArrows checks that the list of arrows and the page say no more and no less than what is there.
func TestArrows(t *testing.T) {
	t.Run("every arrow is used", testEveryArrowIsUsed)
	t.Run("policies use only types and errors of the actuator", testPoliciesUseOnlyTypesAndErrorsOfActuator)
	t.Run("docs/architecture.md has every folder", testArchitectureHasEveryFolder)
}

func testEveryArrowIsUsed(t *testing.T) {
	all := files(t)
	uses := func(folder, target string) bool {
		return slices.ContainsFunc(all, func(f file) bool {
			return below(f.dir, folder) && slices.ContainsFunc(f.imports, func(path string) bool {
				imported, ours := strings.CutPrefix(path, module+"/")
				return ours && below(imported, target)
			})
		})
	}
	for _, arrows := range []map[string][]string{may, within} {
		for folder, targets := range arrows {
			for _, target := range targets {
				if !uses(folder, target) {
					t.Errorf("nothing in %s imports %s: remove the arrow", folder, target)
				}
			}
		}
	}
}

func testPoliciesUseOnlyTypesAndErrorsOfActuator(t *testing.T) {
	types := []string{"Target", "Scale", "Observation"}
	for _, f := range files(t) {
		if !below(f.dir, "internal/policy") || !slices.Contains(f.imports, module+"/actuator") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name := selector.Sel.Name
			if of, ok := selector.X.(*ast.Ident); ok && of.Name == "actuator" && !slices.Contains(types, name) && !strings.HasPrefix(name, "Err") {
				t.Errorf("%s uses actuator.%s, want only %v and errors", f.fset.Position(n.Pos()), name, types)
			}
			return true
		})
	}
}

// folderRow is a row of the table of folders.
var folderRow = regexp.MustCompile("(?m)^\\| `([a-z0-9/-]+)` \\|")

func testArchitectureHasEveryFolder(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/architecture.md"), "\n## The folders\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[string]bool{}
	for _, row := range folderRow.FindAllStringSubmatch(table, -1) {
		rows[row[1]] = true
		if info, err := os.Stat(filepath.Join(root, row[1])); err != nil || !info.IsDir() {
			t.Errorf("the table of folders has %s, which is no folder", row[1])
		}
	}
	if len(rows) < 20 {
		t.Fatalf("found %d folders in the table, want 20 or more", len(rows))
	}
	for _, f := range files(t) {
		covered := rows[f.dir]
		if !strings.HasPrefix(f.dir, "internal/") { // Its rows are those of packages; elsewhere a row is for all that is below.
			for row := range rows {
				covered = covered || below(f.dir, row)
			}
		}
		if !covered {
			t.Errorf("the table of folders has no row for %s", f.dir)
			rows[f.dir] = true
		}
	}
}
