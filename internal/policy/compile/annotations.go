package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/internal/diag"
)

// UnknownAnnotation is an annotation that seems to be meant for Impulse, and has no effect: the API server accepts any, and a pause
// that is misspelt pauses nothing.
type UnknownAnnotation struct {
	Key string
	// Suggestion says what may have been meant.
	Suggestion string
	// Ours reports whether it is of our own group. One of KEDA's, or of a group that is spelt almost like ours, may be somebody
	// else's.
	Ours bool
}

// String describes the annotation in one sentence.
func (a UnknownAnnotation) String() string {
	return fmt.Sprintf("annotation %s has no effect (%s)", a.Key, a.Suggestion)
}

// UnknownAnnotations returns those of an object's annotations, in the order of their keys.
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

// joinUnknown joins what there is to say of unknown annotations.
func joinUnknown(all []UnknownAnnotation) string {
	sentences := make([]string, len(all))
	for i, a := range all {
		sentences[i] = a.String()
	}
	return strings.Join(sentences, "; ")
}
