package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// fromFiles reads an object from the files of an Impulse in file mode, with the status that it has stored.
func (c *cluster) fromFiles(namespace, name string) (*v1alpha1.ScaledObject, error) {
	objects, problems, err := manifest.Load([]string{c.files}, nil)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	compiled, more := manifest.Compile(objects, builtin.Kinds())
	mistakes := slices.DeleteFunc(append(problems, more...), func(p diag.Error) bool { return p.Warning || compile.KeepsPaused(&p) })
	for _, o := range compiled {
		followed := !slices.ContainsFunc(mistakes, func(p diag.Error) bool { return p.File == o.File })
		if followed && o.ScaledObject.Namespace == namespace && o.ScaledObject.Name == name {
			o.ScaledObject.Status, err = controller.Peek(filepath.Join(c.stateDir, app.ObjectStates), namespace, name)
			return o.ScaledObject, err
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
