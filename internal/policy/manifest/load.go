package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/regularfile"
)

// ErrNoFile is returned when a folder holds no file that Load reads.
var ErrNoFile = errors.New("there is no .yaml, .yml or .json file in it")

// Load reads the objects of files and folders: of a folder, those of every .yaml, .yml and .json file directly in it. "-" is stdin. It
// returns the mistakes in files, and an error that joins those of files that could not be read.
func Load(paths []string, stdin io.Reader) ([]*Object, []diag.Error, error) {
	var (
		objects  []*Object
		problems []diag.Error
	)
	files, err := LoadFiles(paths, stdin)
	for i := range files {
		objects, problems = append(objects, files[i].Objects...), append(problems, files[i].Problems...)
	}
	if len(objects)+len(problems) == 0 && err == nil && hasSinks(files) {
		problems = append(problems, noObjectError(strings.Join(paths, ", ")))
	}
	return objects, problems, err
}

// LoadFiles is Load, file by file.
func LoadFiles(paths []string, stdin io.Reader) ([]File, error) {
	var (
		files  []File
		failed []error
	)
	names, err := expand(paths)
	if err != nil {
		failed = append(failed, err)
	}
	found := 0
	for _, name := range names {
		content, err := readFile(name, stdin)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		f := ParseFile(name, content)
		files, found = append(files, f), found+len(f.Objects)+len(f.Problems)+len(f.Sinks)
	}
	if found+len(failed) == 0 {
		files = append(files, File{Problems: []diag.Error{noObjectError(strings.Join(paths, ", "))}})
	}
	return files, errors.Join(failed...)
}

// hasSinks reports whether a file has sinks of notifications.
func hasSinks(files []File) bool {
	return slices.ContainsFunc(files, func(f File) bool { return f.Sinks != nil })
}

// expand replaces folders by their files.
func expand(paths []string) ([]string, error) {
	var (
		files  []string
		failed []error
	)
	for _, path := range paths {
		if path == "-" {
			files = append(files, path)
			continue
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			failed = append(failed, fmt.Errorf("%s: there is no such file", path))
		case err != nil:
			failed = append(failed, err)
		case !info.IsDir():
			files = append(files, path)
		default:
			found, err := filesIn(path)
			files = append(files, found...)
			failed = append(failed, err)
		}
	}
	return files, errors.Join(failed...)
}

func filesIn(dir string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", dir, err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoFile)
	}
	slices.Sort(files)
	return files, nil
}

// FileError is the error of one file that could not be read; it names the file.
type FileError struct {
	File string
	err  error
}

// Error returns the text of the error.
func (e *FileError) Error() string { return e.err.Error() }

// Unwrap returns the error of the file.
func (e *FileError) Unwrap() error { return e.err }

// readFile returns the content of a file, or of stdin for "-".
func readFile(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		content, err := regularfile.ReadAll(stdin, maxFile)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		return content, nil
	}
	content, err := regularfile.ReadFile(file, maxFile)
	if err != nil {
		return nil, &FileError{file, err}
	}
	return content, nil
}

// UnreadFiles splits an error of Load for a folder. A file of it that could not be read becomes an entry of the list, so that the other
// files can be used. The error that remains concerns path itself.
func UnreadFiles(path string, err error) ([]diag.Error, error) {
	var problems []diag.Error
	var rest []error
	for _, one := range joinedErrors(err) {
		file, ok := errors.AsType[*FileError](one)
		if !ok || file.File == path {
			rest = append(rest, one)
			continue
		}
		problems = append(problems, diag.Error{File: file.File, Problem: "could not be read: " + file.Error()})
	}
	return problems, errors.Join(rest...)
}

// joinedErrors returns the errors that err joins, or err itself; none for nil.
func joinedErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
