// Package statefile keeps what must survive a crash in files: each is written aside, synced and renamed into place, with a
// checksum. After a crash at any instant there is the old content or the new one; what is neither is set aside.
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

// file is the form of a file. The checksum is that of the content's bytes as they stand there.
type file struct {
	SHA256  string          `json:"sha256"`
	Content json.RawMessage `json:"content"`
}

// BrokenError is a file that is torn, or was changed by another hand. It has been set aside, for people to look at: what it
// held is not known.
type BrokenError struct {
	// Path is where it was, Aside where it is.
	Path, Aside string
	Err         error
}

// Error says where the file is now, and what is wrong with it.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("%s is broken and was set aside as %s: %v", e.Path, e.Aside, e.Err)
}

// Unwrap returns what is wrong with the file.
func (e *BrokenError) Unwrap() error { return e.Err }

// Load reads content. It returns fs.ErrNotExist when there is no such file, and a *BrokenError for one that cannot be
// trusted; content is not changed then.
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

// Peek reads content that another process may keep, and changes nothing. It returns fs.ErrNotExist when there is no such file.
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

// Save replaces a file, and returns when the new content would survive a loss of power.
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

// replace writes a file aside and renames it into place. Nothing is left of an attempt that failed.
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

// newFile begins the names of files that are being written.
const newFile = ".new-"

// RemovePartial removes what a crash left half written in a folder. Nobody writes there meanwhile.
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
