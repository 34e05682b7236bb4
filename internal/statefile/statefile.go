package statefile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// file is the format of a file. The checksum covers the bytes of the content as they are in the file.
type file struct {
	SHA256  string          `json:"sha256"`
	Content json.RawMessage `json:"content"`
}

// BrokenError is the error of a file that is incomplete or was changed by another program. The file has been renamed, so that people
// can inspect it; its state is unknown.
type BrokenError struct {
	// Path is the path that the file had, Aside the one that it has.
	Path, Aside string
	Err         error
}

// Error returns both paths and the reason.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s is broken and was set aside as %s: %v", e.Path, e.Aside, e.Err)
}

// Unwrap returns the reason.
func (e *BrokenError) Unwrap() error { return e.Err }

// Load decodes a file into content. Errors are fs.ErrNotExist for a missing file, and a *BrokenError for one that is not as it was
// saved. With an error content is unchanged.
func Load(path string, content any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	err = decode(raw, content)
	if err == nil {
		return nil
	}
	broken := &BrokenError{Path: path, Aside: path + ".broken", Err: err}
	if err := os.Rename(path, broken.Aside); err != nil {
		return fmt.Errorf("set a broken file aside: %w", err)
	}
	return broken
}

// Peek is Load for a file of another process: it renames nothing.
func Peek(path string, content any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := decode(raw, content); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func decode(raw []byte, content any) error {
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if sum(f.Content) != f.SHA256 {
		return errors.New("the checksum does not match")
	}
	if err := json.Unmarshal(f.Content, content); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// Save replaces the content of a file. When it returns nil, the new content survives a loss of power.
func Save(path string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	whole, err := json.Marshal(file{SHA256: sum(raw), Content: raw})
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	if err := replace(path, whole); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// replace writes a temporary file and renames it. It removes the temporary file if that fails.
func replace(path string, content []byte) error {
	aside, err := os.CreateTemp(filepath.Dir(path), newFile+"*")
	if err != nil {
		return err
	}
	_, err = aside.Write(content)
	err = errors.Join(err, aside.Sync(), aside.Close())
	if err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(aside.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// newFile is the prefix of the names of temporary files.
const newFile = ".new-"

// RemovePartial removes the temporary files that a crash left in a folder. Nobody may write there meanwhile.
func RemovePartial(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, newFile+"*"))
	if err != nil {
		return err
	}
	var failed []error
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
