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

// object is the ScaledObject of a file, or why there is none. What is wrong in it is said at the first test that names it.
type object struct {
	*manifest.Object

	err error
}

// workload compiles the object of a test; nil when something is wrong with it.
func (l *loader) workload(r *reader, node *yaml.Node, path string, settings compile.Settings) *compile.Workload {
	o := l.object(r, node, path)
	if o == nil {
		return nil
	}
	w, problems := o.Compile(l.kinds, settings)
	r.take(problems)
	return w
}

// take takes over the problems of an object.
func (r *reader) take(problems []diag.Error) {
	for _, p := range problems {
		if !p.Warning {
			r.Add(p)
		}
	}
}

// object returns the object that stands at a node or in the file that it names.
func (l *loader) object(r *reader, node *yaml.Node, path string) *manifest.Object {
	switch {
	case node.Kind == yaml.MappingNode:
		objects, problems := manifest.ParseNode(r.File, node)
		r.take(problems)
		return r.only(node, path, objects)
	case node.Kind == yaml.ScalarNode && node.Tag == "!!str":
		return l.fromFile(r, node, path)
	default:
		r.WrongType(node, path, "an object, or a path to one,")
		return nil
	}
}

// only returns the one ScaledObject among objects.
func (r *reader) only(node *yaml.Node, path string, objects []*manifest.Object) *manifest.Object {
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

// fromFile reads the object of a file, which is named from the folder of the tests.
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
			r.take(problems)
			o.Object = r.only(node, path, objects)
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
