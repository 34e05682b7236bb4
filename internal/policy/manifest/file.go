package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// File is the content of one file.
type File struct {
	Name    string
	Objects []*Object
	// Problems are the mistakes and warnings that were found while the file was read.
	Problems []diag.Error
	// Sinks is the content of a file of sinks of notifications, which holds no object; nil for other files.
	Sinks []byte
	// Unread is the number of objects of which nothing could be read.
	Unread int

	// others is the number of objects of other kinds, by kind.
	others map[string]int
}

// Parse reads the objects of one file, and returns the mistakes in them. Objects of other kinds, such as the Deployment beside its
// ScaledObject, are skipped.
func Parse(file string, content []byte) ([]*Object, []diag.Error) {
	f := ParseFile(file, content)
	return f.Objects, f.Problems
}

// ParseFile is Parse, and reports what was skipped as well.
func ParseFile(name string, content []byte) File {
	f := File{Name: name, others: map[string]int{}}
	if len(content) > maxFile {
		f.Unread, f.Problems = 1, []diag.Error{{File: name, Problem: fmt.Sprintf("is larger than %d bytes", maxFile)}}
		return f
	}
	reader := strictyaml.Reader{File: name}
	for _, node := range reader.Documents(content) {
		for _, item := range items(node) {
			if isSinks(item) {
				f.Sinks = content
				f.others["list of sinks"]++
				continue
			}
			if isOther(item) {
				f.others[strictyaml.Text(strictyaml.Child(item, "kind"))]++
				continue
			}
			f.add(parseObject(name, item))
		}
	}
	f.Problems, f.Unread = append(f.Problems, reader.Errors()...), f.Unread+reader.Count()
	if bytes.Contains(content, []byte("{{")) {
		suggestRendering(f.Problems)
	}
	if len(f.Objects)+len(f.Problems)+len(f.others) == 0 {
		f.Problems = append(f.Problems, noObjectError(name))
	}
	return f
}

// suggestRendering adds to the mistakes that concern a whole document that it may be a template, which is no manifest yet.
func suggestRendering(problems []diag.Error) {
	for i := range problems {
		if p := &problems[i]; p.Field == "" && p.Suggestion == "" {
			p.Suggestion = "a template has to be rendered first, as helm template does"
		}
	}
}

// add adds an object, or counts it if it is nil, and the mistakes in it.
func (f *File) add(o *Object, problems []diag.Error) {
	f.Problems = append(f.Problems, problems...)
	if o == nil {
		f.Unread++
		return
	}
	f.Objects = append(f.Objects, o)
}

// Others describes the objects of other kinds, such as "2 Deployment, 1 Service"; "" if there are none.
func (f *File) Others() string {
	all := make([]string, 0, len(f.others))
	for _, kind := range slices.Sorted(maps.Keys(f.others)) {
		all = append(all, fmt.Sprintf("%d %s", f.others[kind], kind))
	}
	return strings.Join(all, ", ")
}

// noObjectError is the error of files without an object that is read.
func noObjectError(files string) diag.Error {
	return diag.Error{File: files, Problem: "holds no object", Suggestion: "a ScaledObject, an object of KEDA or a HorizontalPodAutoscaler was expected"}
}

// isSinks reports whether a document has the sinks of notifications.
func isSinks(node *yaml.Node) bool {
	return strictyaml.Child(node, "sinks") != nil && strictyaml.Child(node, "apiVersion") == nil && strictyaml.Child(node, "kind") == nil
}

// isOther reports whether an object has a group and a kind, and neither of them resembles one that is read.
func isOther(node *yaml.Node) bool {
	group, _, _ := strings.Cut(strictyaml.Text(strictyaml.Child(node, "apiVersion")), "/")
	kind := strictyaml.Text(strictyaml.Child(node, "kind"))
	switch {
	case group == "" || kind == "", kind == hpaKind, group == "keda.sh", group == "keda.k8s.io", resemblesHPA(group, kind):
		return false
	default:
		return diag.Nearest(group, []string{v1alpha1.GroupName}) == "" && diag.Nearest(kind, kinds) == ""
	}
}

// resemblesHPA reports whether a kind of the group autoscaling is probably a misspelt HorizontalPodAutoscaler.
func resemblesHPA(apiVersion, kind string) bool {
	group, _, _ := strings.Cut(apiVersion, "/")
	return group == "autoscaling" && diag.Nearest(kind, []string{hpaKind}) != ""
}

// ParseNode reads the object of a node, or the objects of a List.
func ParseNode(file string, node *yaml.Node) ([]*Object, []diag.Error) {
	var f File
	for _, item := range items(node) {
		f.add(parseObject(file, item))
	}
	return f.Objects, f.Problems
}

// Bounds of lists that contain lists, and with them of a list that contains itself.
const (
	maxLists = 8
	maxItems = 100_000
)

// items returns the objects of a List, or of a list of one kind such as ScaledObjectList; otherwise the object itself.
func items(node *yaml.Node) []*yaml.Node { return appendItems(nil, node, 0) }

func appendItems(all []*yaml.Node, node *yaml.Node, depth int) []*yaml.Node {
	of, isList := strings.CutSuffix(strictyaml.Text(strictyaml.Child(node, "kind")), "List")
	list := strictyaml.Resolve(strictyaml.Child(node, "items"))
	if !isList || list == nil || list.Kind != yaml.SequenceNode || depth == maxLists || len(all) > maxItems {
		return append(all, node)
	}
	for _, item := range list.Content {
		if of != "" {
			item = withKind(item, strictyaml.Child(node, "apiVersion"), of)
		}
		all = appendItems(all, item, depth+1)
	}
	return all
}

// withKind returns an item with the kind of its list, if it does not name one itself: the API server leaves it out.
func withKind(item, apiVersion *yaml.Node, kind string) *yaml.Node {
	item = strictyaml.Resolve(item)
	if item.Kind != yaml.MappingNode || apiVersion == nil || strictyaml.Child(item, "kind") != nil {
		return item
	}
	named := *item
	text := func(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value} }
	named.Content = append([]*yaml.Node{text("apiVersion"), apiVersion, text("kind"), text(kind)}, item.Content...)
	return &named
}
