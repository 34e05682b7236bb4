package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// indexFunction is a test function that only runs subtests by name, and its body.
	indexFunction = regexp.MustCompile(`(?ms)^func (Test\w+)\(t \*testing\.T\) \{\n(.*?)^\}`)
	subtest       = regexp.MustCompile(`(?m)^\tt\.Run\("([^"]+)", `)
	// namedTest is a test as pages name it: the function, and the sentence of a subtest.
	namedTest = regexp.MustCompile("`(Test[A-Z]\\w+)(?:/([^`]+))?`")
)

func TestReliability(t *testing.T) {
	t.Run("every test that a page names exists", testEveryTestThatPageNamesExists)
}

func testEveryTestThatPageNamesExists(t *testing.T) {
	declared := declaredTests(t)
	named := 0
	for _, page := range pages(t) {
		for _, m := range namedTest.FindAllStringSubmatch(strings.ReplaceAll(read(t, page), "\n  ", " "), -1) {
			named++
			if name := strings.TrimSuffix(m[1]+"/"+m[2], "/"); !declared[name] {
				t.Errorf("%s names the test %q, which does not exist", page, name)
			}
		}
	}
	if named < 50 {
		t.Errorf("the pages name %d tests, want at least 50: is their form another one?", named)
	}
}

// declaredTests returns the names of all test functions and of their subtests, such as "TestStore" and "TestStore/a newer activation counts at once".
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, function := range indexFunction.FindAllStringSubmatch(string(content), -1) {
			declared[function[1]] = true
			for _, m := range subtest.FindAllStringSubmatch(function[2], -1) {
				declared[function[1]+"/"+m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return declared
}
