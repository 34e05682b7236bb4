package policytest

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/internal/regularfile"
)

// object is the ScaledObject of a file, or the error of reading it. Its mistakes are reported at the first test that names it.
type object struct {
	*manifest.Object

	err error
}

// workload compiles the object of a test; nil when it is invalid.
func (l *loader) workload(r *reader, node *yaml.Node, path string, settings compile.Settings) *compile.Workload {
	o := l.object(r, node, path)
	if o == nil {
		return nil
	}
	w, problems := o.Compile(l.kinds, settings)
	r.reportAll(problems)
	return w
}

// reportAll reports the mistakes of an object.
func (r *reader) reportAll(problems []diag.Error) {
	for _, p := range problems {
		if !p.Warning {
			r.Add(p)
		}
	}
}

// object returns the object at a node, or in the file that the node names; nil when it is invalid.
func (l *loader) object(r *reader, node *yaml.Node, path string) *manifest.Object {
	switch {
	case node.Kind == yaml.MappingNode:
		objects, problems := manifest.ParseNode(r.File, node)
		r.reportAll(problems)
		return r.onlyScaledObject(node, path, objects)
	case node.Kind == yaml.ScalarNode && node.Tag == "!!str":
		return l.fromFile(r, node, path)
	default:
		r.WrongType(node, path, "an object, or a path to one,")
		return nil
	}
}

// onlyScaledObject returns the ScaledObject of a test's object file; nil when there is not exactly one.
func (r *reader) onlyScaledObject(node *yaml.Node, path string, objects []*manifest.Object) *manifest.Object {
	var found []*manifest.Object
	for _, o := range objects {
		if o.ScaledObject != nil {
			found = append(found, o)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	if r.valid() {
		r.Report(node, path, fmt.Sprintf("holds %d ScaledObjects", len(found)), "a test has one")
	}
	return nil
}

// fromFile reads the object of a file; its path is relative to the folder of the tests.
func (l *loader) fromFile(r *reader, node *yaml.Node, path string) *manifest.Object {
	file := node.Value
	if !filepath.IsAbs(file) && r.File != "-" {
		file = filepath.Join(filepath.Dir(r.File), file)
	}
	o := l.objects[file]
	if o == nil {
		o = &object{}
		l.objects[file] = o
		content, err := regularfile.ReadFile(file, maxFile)
		if err != nil {
			o.err = err
		} else {
			objects, problems := manifest.Parse(file, content)
			r.reportAll(problems)
			o.Object = r.onlyScaledObject(node, path, objects)
		}
	}
	switch {
	case errors.Is(o.err, fs.ErrNotExist):
		r.Report(node, path, file+": there is no such file", "the path is taken from the folder of this file")
	case o.err != nil:
		r.Report(node, path, o.err.Error(), "")
	}
	return o.Object
}
