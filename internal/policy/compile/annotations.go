package compile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
)

// AnnotationGroups are the groups of the annotations that are read, Impulse's own first. Annotations are the names in each group, of which
// Pauses pause an object. OwnAnnotations are the names that only Impulse's group has.
var (
	AnnotationGroups = []string{"impulse.sh/", "autoscaling.keda.sh/"}
	Pauses           = []string{"paused", "paused-replicas", "paused-scale-in", "paused-scale-out"}
	Annotations      = append(slices.Clone(Pauses), "force-activation")
	OwnAnnotations   = []string{"paused-until", "paused-reason"}
)

// The annotations with the end of a pause, as a time in RFC 3339, and with its reason. They apply to the pause of either group.
const (
	PausedUntil  = "impulse.sh/paused-until"
	PausedReason = "impulse.sh/paused-reason"

	pausedUntilField = "metadata.annotations." + PausedUntil
)

// annotation returns the key and the value of an annotation of either group; that of impulse.sh takes precedence.
func annotation(so *v1alpha1.ScaledObject, name string) (key, value string) {
	for _, group := range AnnotationGroups {
		if v, ok := so.Annotations[group+name]; ok {
			return group + name, v
		}
	}
	return "", ""
}

// boolAnnotation parses an annotation that is true or false.
func boolAnnotation(so *v1alpha1.ScaledObject, name string, errs *errorList) bool {
	key, text := annotation(so, name)
	if key == "" {
		return false
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		errs.add("metadata.annotations."+key, fmt.Sprintf("%q is not true or false", text), "")
	}
	return on
}

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
		read, known := slices.Contains(AnnotationGroups, group), Annotations
		if !read || group == ours {
			known = slices.Concat(Annotations, OwnAnnotations)
		}
		near := diag.Nearest(name, known)
		switch {
		case read && slices.Contains(known, name):
			continue
		case !read && (near == "" || diag.Nearest(group, []string{ours}) == ""):
			continue
		}
		meant, suggestion := group, "known are "+strings.Join(known, ", ")
		if slices.Contains(OwnAnnotations, name) {
			near = name
		}
		if !read || slices.Contains(OwnAnnotations, near) {
			meant = ours
		}
		if near != "" {
			suggestion = diag.DidYouMean(meant + near)
		}
		all = append(all, UnknownAnnotation{Key: key, Suggestion: suggestion, Ours: group == ours})
	}
	return all
}

// withoutEffect describes the annotations of an object that have no effect; "" when there are none.
func withoutEffect(so *v1alpha1.ScaledObject) string {
	var sentences []string
	for _, a := range UnknownAnnotations(so.Annotations) {
		sentences = append(sentences, a.String())
	}
	if mistake := PauseMistake(so); mistake != nil {
		sentences = append(sentences, fmt.Sprintf("annotation %s: %s (%s)", PausedUntil, mistake.Problem, mistake.Suggestion))
	}
	return strings.Join(sentences, "; ")
}
