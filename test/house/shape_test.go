package house

import (
	"go/ast"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestShape(t *testing.T) {
	t.Run("files are not too long", testFilesAreNotTooLong)
	t.Run("every package has a doc comment", testEveryPackageHasDocComment)
	t.Run("package names are not util, common, manager or helper", testPackageNamesAreNotUtilCommonManagerOrHelper)
	t.Run("tests neither sleep nor skip", testTestsNeitherSleepNorSkip)
	t.Run("the README is short", testREADMEIsShort)
	t.Run("every target of the Makefile has help", testEveryTargetOfMakefileHasHelp)
}

func testFilesAreNotTooLong(t *testing.T) {
	var sizes []int
	for _, f := range files(t) {
		lines := strings.Count(f.source, "\n")
		if f.generated() {
			continue
		}
		if lines > 400 {
			t.Errorf("%s has %d lines: split it (400 at most)", f.path, lines)
		}
		if !f.test() {
			sizes = append(sizes, lines)
		}
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median > 150 {
		t.Errorf("the median file has %d lines, more than 150", median)
	}
}

func testEveryPackageHasDocComment(t *testing.T) {
	comments := map[string][]file{}
	for _, f := range files(t) {
		if f.test() || f.generated() {
			continue
		}
		comments[f.dir] = slices.Clip(comments[f.dir])
		if f.ast.Doc != nil {
			comments[f.dir] = append(comments[f.dir], f)
		}
	}
	for dir, documented := range comments {
		if len(documented) != 1 {
			t.Errorf("%s: got package comments in %d files, want one", dir, len(documented))
			continue
		}
		f := documented[0]
		start, places := "Package "+f.ast.Name.Name+" ", []string{"doc.go"}
		if !ownDoc(f) {
			places = append(places, f.ast.Name.Name+".go")
		}
		if f.ast.Name.Name == "main" {
			start = "Command " + path.Base(dir) + " "
		}
		if text := f.ast.Doc.Text(); !strings.HasPrefix(text, start) {
			t.Errorf("%s: the package comment begins with %.30q, want %q", f.path, text, start)
		}
		if !slices.Contains(places, path.Base(f.path)) {
			t.Errorf("%s: got the package comment of %s here, want it in one of %q", f.path, dir, places)
		}
	}
}

// ownDoc reports whether the package of a file must have its comment in doc.go.
func ownDoc(f file) bool {
	top, _, _ := strings.Cut(f.dir, "/")
	return slices.Contains([]string{"internal", "actuator", "scalers", "triggers"}, top) && f.ast.Name.Name != "main"
}

func testPackageNamesAreNotUtilCommonManagerOrHelper(t *testing.T) {
	for _, f := range files(t) {
		for _, word := range []string{"util", "utils", "common", "manager", "helper", "helpers", "misc"} {
			if slices.Contains(strings.Split(f.dir, "/"), word) || strings.TrimSuffix(filepath.Base(f.path), ".go") == word {
				t.Errorf("%s: %q is not the name of a subject", f.path, word)
			}
		}
	}
}

func testTestsNeitherSleepNorSkip(t *testing.T) {
	for _, f := range files(t) {
		if !f.test() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch sel.Sel.Name {
			case "Skip", "Skipf", "SkipNow":
				t.Errorf("%s: a skipped test hides a missing part", f.fset.Position(n.Pos()))
			case "Sleep":
				t.Errorf("%s: wait on a condition, or use synctest", f.fset.Position(n.Pos()))
			}
			return true
		})
	}
}

func testREADMEIsShort(t *testing.T) {
	if lines := strings.Count(read(t, "README.md"), "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, more than 150", lines)
	}
}

func testEveryTargetOfMakefileHasHelp(t *testing.T) {
	makefile := read(t, "Makefile")
	for target := range strings.FieldsSeq("help build test lint generate verify bench demo sandbox e2e clean") {
		if !strings.Contains(makefile, "\n"+target+": ") {
			t.Errorf("the Makefile has no target %s", target)
		}
	}
	out, err := exec.CommandContext(t.Context(), "make", "-s", "-C", root, "help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(makefile) {
		if target, ok := strings.CutPrefix(line, ".PHONY: "); ok && !strings.Contains(string(out), "  "+strings.TrimSpace(target)+" ") {
			t.Errorf("make help does not show %s", strings.TrimSpace(target))
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
