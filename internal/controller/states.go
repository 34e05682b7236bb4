package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/report"
)

// States keeps the status of objects from files, and what is remembered of them, in a folder.
type States struct{ dir string }

// NewStates returns the states in a folder, which it makes when there is none.
func NewStates(dir string) (*States, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of states: %w", err)
	}
	return &States{dir: dir}, nil
}

// Load returns a status; an empty one when none was saved.
func (s *States) Load(namespace, name string) (v1alpha1.ScaledObjectStatus, error) {
	var status v1alpha1.ScaledObjectStatus
	content, err := os.ReadFile(s.path(namespace, name))
	if errors.Is(err, fs.ErrNotExist) {
		return status, nil
	}
	if err != nil {
		return status, err
	}
	if err := json.Unmarshal(content, &status); err != nil {
		return v1alpha1.ScaledObjectStatus{}, fmt.Errorf("decode %s: %w", s.path(namespace, name), err)
	}
	return status, nil
}

// Save replaces a status: after a crash there is the old one or the new one.
func (s *States) Save(_ context.Context, o report.Object, status *v1alpha1.ScaledObjectStatus) error {
	content, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the status of %s/%s: %w", o.Namespace, o.Name, err)
	}
	path := s.path(o.Namespace, o.Name)
	temporary := path + ".new"
	if err := writeThrough(temporary, content); err != nil {
		return fmt.Errorf("write %s: %w", temporary, err)
	}
	return os.Rename(temporary, path)
}

// path is where a status is; neither name can hold a separator or a comma.
func (s *States) path(namespace, name string) string {
	return filepath.Join(s.dir, namespace+","+name+".json")
}

// writeThrough writes a file and waits until it is on the disk.
func writeThrough(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}
