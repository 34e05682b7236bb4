package manifest

import (
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// UnknownAnnotation is the problem of an annotation that seems to be meant for Impulse and has no effect.
const UnknownAnnotation = "unknown annotation"

// unknownAnnotations returns the annotations that seem to be meant for Impulse and have no effect. One in the group impulse.sh is a
// mistake; any other may belong to another program, and is a warning.
func unknownAnnotations(o *Object) []diag.Error {
	var all []diag.Error
	for _, a := range compile.UnknownAnnotations(o.ScaledObject.Annotations) {
		p := o.ErrorAt("metadata.annotations."+a.Key, UnknownAnnotation, a.Suggestion)
		p.Warning = !a.Ours
		all = append(all, p)
	}
	return all
}
