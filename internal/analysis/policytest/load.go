package policytest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/regularfile"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/triggers"
)

// maxFile bounds one file, in bytes.
const maxFile = 32 << 20

// Load reads the tests of files; "-" is stdin. The error joins those of files that cannot be read; the mistakes in the other files are
// returned beside the tests. The tests must not be run when there is an error or a mistake.
func Load(paths []string, stdin io.Reader, kinds []triggers.Kind) ([]*Test, []diag.Error, error) {
	l := &loader{kinds: kinds, objects: map[string]*object{}}
	var (
		tests    []*Test
		problems []diag.Error
		failed   []error
	)
	for _, path := range paths {
		content, err := read(path, stdin)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found, wrong := l.parse(path, content)
		tests, problems = append(tests, found...), append(problems, wrong...)
	}
	return tests, problems, errors.Join(failed...)
}

// read returns the content of a file of tests.
func read(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		content, err := regularfile.ReadAll(stdin, maxFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return content, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such file", path)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a folder: name the files in it, such as %s", path, filepath.Join(path, "*.test.yaml"))
	}
	return regularfile.ReadFile(path, maxFile)
}

// loader reads files, and each object that they name once.
type loader struct {
	kinds []triggers.Kind
	// objects are those that were read, by their file.
	objects map[string]*object
}

// parse reads the tests of one file.
func (l *loader) parse(file string, content []byte) ([]*Test, []diag.Error) {
	r := &reader{Reader: strictyaml.Reader{File: file}, content: content}
	var tests []*Test
	for _, document := range r.Documents(content) {
		given := r.mapping(document, "", fields{
			"tests": func(node *yaml.Node, path string) {
				r.List(node, path, func(node *yaml.Node, path string) {
					tests = append(tests, l.test(r, node, path, len(tests)+1))
					r.Object = ""
				})
			},
		})
		if given != nil && given["tests"] == nil && r.Count() == 0 {
			r.Report(document, "tests", "is required", "a file of tests is a map with a list of tests")
		}
	}
	if len(tests) == 0 && r.Count() == 0 {
		r.Add(diag.Error{File: file, Problem: "holds no test", Suggestion: "a map with a list of tests was expected"})
	}
	return tests, r.Errors()
}
