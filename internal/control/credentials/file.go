package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFileBytes bounds the size of a file with parameters.
const maxFileBytes = 1 << 20

// errNoRoot is the error of every file if no folder of files is configured.
var errNoRoot = errors.New("no file may be read: impulse run has no --filepath-root")

// readFile reads the wanted parameters from a file.
func (r *reading) readFile(name string) error {
	content, err := r.fileContent(name)
	if err != nil {
		return fmt.Errorf("filePath %s: %w", name, err)
	}
	var values map[string]string
	if json.Unmarshal(content, &values) != nil { // Its error could repeat a value.
		return fmt.Errorf("filePath %s: the file is not a JSON object of texts", name)
	}
	for parameter, value := range values {
		if r.wants(parameter) {
			r.values[parameter] = value
		}
	}
	return nil
}

// fileContent returns the content of a file below the root, or, for a TriggerAuthentication, below the folder of its namespace. A symbolic
// link may not lead out of that folder.
func (r *reading) fileContent(name string) ([]byte, error) {
	folder := r.k.all.options.Root
	if folder == "" {
		return nil, errNoRoot
	}
	if r.k.use.Ref.Kind != clusterKind {
		folder = filepath.Join(folder, r.k.objectNamespace)
	}
	return readBelow(folder, name)
}

// readBelow reads a file in a folder.
func readBelow(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, reasonOf(err)
	}
	defer func() { _ = root.Close() }() // It was only read.
	info, err := root.Stat(name)
	if err != nil {
		return nil, reasonOf(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, reasonOf(err)
	}
	defer func() { _ = f.Close() }() // It was only read.
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(content) > maxFileBytes {
		err = fmt.Errorf("it has more than %d bytes", maxFileBytes)
	}
	return content, err
}

// reasonOf returns the reason of an error without the path, which authors of objects need not learn.
func reasonOf(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
