package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// fromFiles reads an object from the files of an Impulse in file mode, with the status that it has stored.
func (c *cluster) fromFiles(namespace, name string) (*v1alpha1.ScaledObject, error) {
	all, mistakes, err := c.followed()
	if err != nil {
		return nil, err
	}
	for _, so := range all {
		if so.Namespace == namespace && so.Name == name {
			return so, c.peek(so)
		}
	}
	missing := fmt.Errorf("there is no ScaledObject %q in namespace %q in %s", name, namespace, c.files)
	if len(mistakes) == 0 {
		return nil, missing
	}
	lines := make([]string, len(mistakes))
	for i, p := range mistakes {
		lines[i] = p.Error()
	}
	return nil, fmt.Errorf("%w; these files have mistakes, and their last good versions stay in effect:\n%s", missing, strings.Join(lines, "\n"))
}

// allFromFiles reads the objects that a query selects. Objects of files with mistakes are missing; the error names them.
func (c *cluster) allFromFiles(q objects.Query) ([]*v1alpha1.ScaledObject, error) {
	selector, err := labels.Parse(q.Selector)
	if err != nil {
		return nil, fmt.Errorf("--selector: %w", err)
	}
	all, mistakes, err := c.followed()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(so *v1alpha1.ScaledObject) bool {
		return q.Namespace != "" && so.Namespace != q.Namespace || !selector.Matches(labels.Set(so.Labels))
	})
	var errs []error
	for _, so := range all {
		errs = append(errs, c.peek(so))
	}
	for _, p := range mistakes {
		errs = append(errs, p)
	}
	return all, errors.Join(errs...)
}

// peek reads the status that Impulse has stored.
func (c *cluster) peek(so *v1alpha1.ScaledObject) (err error) {
	so.Status, err = controller.Peek(filepath.Join(c.stateDir, app.ObjectStates), so.Namespace, so.Name)
	return err
}

// followed returns the objects of the files that Impulse follows, and the mistakes in the other files, whose last good versions it follows.
func (c *cluster) followed() ([]*v1alpha1.ScaledObject, []diag.Error, error) {
	read, problems, err := manifest.Load([]string{c.files}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("--config: %w", err)
	}
	compiled, more := manifest.Compile(read, builtin.Kinds())
	mistakes := slices.DeleteFunc(append(problems, more...), func(p diag.Error) bool { return p.Warning || compile.KeepsPaused(&p) })
	var all []*v1alpha1.ScaledObject
	for _, o := range compiled {
		if !slices.ContainsFunc(mistakes, func(p diag.Error) bool { return p.File == o.File }) {
			all = append(all, o.ScaledObject)
		}
	}
	return all, mistakes, nil
}
