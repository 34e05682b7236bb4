package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	module = "github.com/impulse-sh/impulse"
	root   = "../.."
)

// file is one Go file of the main module, parsed.
type file struct {
	path    string // slash-separated, from the root
	dir     string
	ast     *ast.File
	fset    *token.FileSet
	source  string
	imports []string
}

func (f file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

func (f file) generated() bool { return ast.IsGenerated(f.ast) }

// files parses every Go file of the main module. Parsing, not `go list`: the test cache sees the files that were read.
func files(t *testing.T) []file {
	t.Helper()
	var all []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipForeign(path, d)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parse(path)
		if err != nil {
			return err
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found only %d Go files below %s: the walk is broken", len(all), root)
	}
	return all
}

// skipForeign leaves out hidden folders, test data, copies of other modules and folders that are modules of their own.
func skipForeign(path string, d fs.DirEntry) error {
	if path == root {
		return nil
	}
	if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "third_party" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func parse(path string) (file, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return file{}, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, path, source, parser.ParseComments)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	f := file{path: rel, dir: filepath.ToSlash(filepath.Dir(rel)), ast: tree, fset: fset, source: string(source)}
	for _, spec := range tree.Imports {
		f.imports = append(f.imports, strings.Trim(spec.Path.Value, `"`))
	}
	return f, nil
}
