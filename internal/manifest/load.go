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
)

// ErrNoFile is returned when a folder holds no file that Load reads.
var ErrNoFile = errors.New("there is no .yaml, .yml or .json file in it")

// Load reads files and folders; of a folder, every .yaml, .yml and .json file in it, not below. "-" is stdin. What cannot
// be read is an error; what is wrong in what could be read is a problem.
func Load(paths []string, stdin io.Reader) ([]*Object, []Problem, error) {
	var (
		objects  []*Object
		problems []Problem
		failed   []error
	)
	files, err := expand(paths)
	if err != nil {
		failed = append(failed, err)
	}
	for _, file := range files {
		content, err := readFile(file, stdin)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		o, p := Parse(file, content)
		objects, problems = append(objects, o...), append(problems, p...)
	}
	if len(objects)+len(problems)+len(failed) == 0 {
		problems = append(problems, empty(strings.Join(paths, ", ")))
	}
	return objects, problems, errors.Join(failed...)
}

// expand replaces folders by the files in them.
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
			found, err := inFolder(path)
			files = append(files, found...)
			failed = append(failed, err)
		}
	}
	return files, errors.Join(failed...)
}

func inFolder(dir string) ([]string, error) {
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

func readFile(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		content, err := io.ReadAll(io.LimitReader(stdin, maxFile+1))
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return content, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return content, nil
}
