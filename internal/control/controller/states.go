package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/statefile"
)

// States keeps the status of objects from files, and what is remembered of them, in a folder.
type States struct{ dir string }

// NewStates returns the states in a folder, which it makes when there is none.
func NewStates(dir string) (*States, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of states: %w", err)
	}
	if err := statefile.Tidy(dir); err != nil {
		return nil, fmt.Errorf("tidy the folder of states: %w", err)
	}
	return &States{dir: dir}, nil
}

// unreadableMemory stands where a memory was that cannot be read any more. It is the text of none.
const unreadableMemory = "lost"

// Load returns a status; an empty one when none was saved. One that is broken has been set aside, which the error says: the
// status is then empty but for a memory that counts as lost.
func (s *States) Load(namespace, name string) (v1alpha1.ScaledObjectStatus, error) {
	var status v1alpha1.ScaledObjectStatus
	err := statefile.Load(s.path(namespace, name), &status)
	switch {
	case err == nil:
		return status, nil
	case errors.Is(err, fs.ErrNotExist):
		return v1alpha1.ScaledObjectStatus{}, nil
	default:
		return v1alpha1.ScaledObjectStatus{Memory: unreadableMemory}, err
	}
}

// Peek reads the status of one object from a folder that another process keeps, and changes nothing. It is empty when none was
// saved yet.
func Peek(dir, namespace, name string) (v1alpha1.ScaledObjectStatus, error) {
	if _, err := os.Stat(dir); err != nil {
		return v1alpha1.ScaledObjectStatus{}, fmt.Errorf("find the folder of states: %w", err)
	}
	var status v1alpha1.ScaledObjectStatus
	err := statefile.Peek((&States{dir: dir}).path(namespace, name), &status)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return status, err
}

// Save replaces a status: after a crash there is the old one or the new one.
func (s *States) Save(_ context.Context, o status.Object, status *v1alpha1.ScaledObjectStatus) error {
	return statefile.Save(s.path(o.Namespace, o.Name), status)
}

// Remove removes a status; none is no error.
func (s *States) Remove(namespace, name string) error {
	if err := os.Remove(s.path(namespace, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// path is where a status is; neither name can hold a separator or a comma.
func (s *States) path(namespace, name string) string {
	return filepath.Join(s.dir, namespace+","+name+".json")
}
