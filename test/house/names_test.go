package house

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// elements returns the paths of all files of the project and its modules, from the root, but those that others wrote or a build made.
func elements(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"third_party", "node_modules", "bin"}, d.Name()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, path)
		all = append(all, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// everyFile parses the Go files of all modules of the project.
func everyFile(t *testing.T) []file {
	t.Helper()
	var all []file
	for _, path := range elements(t) {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		f, err := parse(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// declaredNames returns the names that a file declares: functions, types, constants, variables, fields, methods and parameters.
func declaredNames(tree *ast.File) map[string]bool {
	names := map[string]bool{}
	add := func(expressions ...ast.Expr) {
		for _, e := range expressions {
			if name, ok := e.(*ast.Ident); ok {
				names[name.Name] = true
			}
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			names[n.Name.Name] = true
		case *ast.TypeSpec:
			names[n.Name.Name] = true
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				add(n.Key, n.Value)
			}
		}
		return true
	})
	return names
}

// namedArguments match the methods and functions whose literal arguments users see as names: those of logs, of flags and of the labels of
// metrics.
var namedArguments = regexp.MustCompile(`^(Debug|Info|Warn|Error|Log|With|Any|(String|Bool|Int|Int32|Duration|Float64)\w*|Var|VarP|NewDesc|WithLabelValues)$`)

// name is the form of a key of a log, a flag, a metric or a label.
var simpleName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// publicNames returns the names that users see: those of struct tags, the literal arguments of namedArguments, and the names and labels of
// metrics.
func publicNames(tree *ast.File) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if method, ok := n.Fun.(*ast.SelectorExpr); ok && namedArguments.MatchString(method.Sel.Name) {
				addLiterals(names, n.Args...)
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Name" {
				addLiterals(names, n.Value)
			}
		case *ast.CompositeLit:
			if list, ok := n.Type.(*ast.ArrayType); ok && list.Len == nil {
				addLiterals(names, n.Elts...)
			}
		case *ast.Field:
			addTags(names, n.Tag)
		}
		return true
	})
	return names
}

// addLiterals adds the texts that have the form of a name.
func addLiterals(names map[string]bool, expressions ...ast.Expr) {
	for _, e := range expressions {
		literal, ok := e.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if text, err := strconv.Unquote(literal.Value); err == nil && simpleName.MatchString(text) {
			names[text] = true
		}
	}
}

// addTags adds the names in the tag of a field, which may be nil.
func addTags(names map[string]bool, literal *ast.BasicLit) {
	if literal == nil {
		return
	}
	tag, _ := strconv.Unquote(literal.Value)
	for _, key := range []string{"json", "yaml"} {
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get(key), ",")
		names[name] = true
	}
}
