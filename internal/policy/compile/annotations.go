package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/internal/diag"
)

// UnknownAnnotation is an annotation that seems to be meant for Impulse, and has no effect. The API server accepts any annotation, so
// that a misspelt pause pauses nothing.
type UnknownAnnotation struct {
	Key string
	// Suggestion names the annotations that may have been meant.
	Suggestion string
	// Ours reports whether it is in the group impulse.sh. One of KEDA's group, or of a group that is spelt almost like ours, may belong to
	// another program.
	Ours bool
}

// String describes the annotation in one sentence.
func (a UnknownAnnotation) String() string {
	return fmt.Sprintf("annotation %s has no effect (%s)", a.Key, a.Suggestion)
}

// UnknownAnnotations returns the unknown annotations of an object, ordered by key.
func UnknownAnnotations(annotations map[string]string) []UnknownAnnotation {
	var all []UnknownAnnotation
	ours := AnnotationGroups[0]
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		group, name, _ := strings.Cut(key, "/")
		group += "/"
		read := slices.Contains(AnnotationGroups, group)
		near := diag.Nearest(name, Annotations)
		switch {
		case read && slices.Contains(Annotations, name):
			continue
		case !read && (near == "" || diag.Nearest(group, []string{ours}) == ""):
			continue
		}
		meant, suggestion := group, "known are "+strings.Join(Annotations, ", ")
		if !read {
			meant = ours
		}
		if near != "" {
			suggestion = diag.DidYouMean(meant + near)
		}
		all = append(all, UnknownAnnotation{Key: key, Suggestion: suggestion, Ours: group == ours})
	}
	return all
}

// joinUnknown describes unknown annotations in one text.
func joinUnknown(all []UnknownAnnotation) string {
	sentences := make([]string, len(all))
	for i, a := range all {
		sentences[i] = a.String()
	}
	return strings.Join(sentences, "; ")
}
