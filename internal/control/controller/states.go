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

// States stores the status of objects that come from files, including their memory, in a folder.
type States struct{ dir string }

// NewStates returns the States in a folder, and creates the folder if it does not exist.
func NewStates(dir string) (*States, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of states: %w", err)
	}
	if err := statefile.RemovePartial(dir); err != nil {
		return nil, fmt.Errorf("tidy the folder of states: %w", err)
	}
	return &States{dir: dir}, nil
}

// unreadableMemory replaces a memory that cannot be read. It is not a valid memory, so the controller treats it as lost.
const unreadableMemory = "lost"

// Load returns the status of an object, or an empty one if none was saved. A file that cannot be read is renamed, as the error
// says; the returned status is then empty except for a memory that counts as lost.
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

// Peek reads the status of one object from a folder that another process writes, and changes nothing. It returns an empty status
// if none was saved yet.
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

// Save replaces a status atomically: after a crash, the file holds the old one or the new one.
func (s *States) Save(_ context.Context, o status.Object, status *v1alpha1.ScaledObjectStatus) error {
	return statefile.Save(s.path(o.Namespace, o.Name), status)
}

// Remove removes a status, if there is one.
func (s *States) Remove(namespace, name string) error {
	if err := os.Remove(s.path(namespace, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// path returns the file of a status. Neither name can contain a path separator or a comma.
func (s *States) path(namespace, name string) string {
	return filepath.Join(s.dir, namespace+","+name+".json")
}
