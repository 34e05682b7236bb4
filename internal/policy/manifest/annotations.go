package manifest

import (
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// unknownAnnotations finds annotations that are meant for Impulse and have no effect. In our own group each is a mistake; any other
// may be somebody else's, and is a warning.
func unknownAnnotations(o *Object) []diag.Error {
	var all []diag.Error
	for _, a := range compile.UnknownAnnotations(o.ScaledObject.Annotations) {
		p := o.errorAt("metadata.annotations."+a.Key, "unknown annotation", a.Suggestion)
		p.Warning = !a.Ours
		all = append(all, p)
	}
	return all
}
