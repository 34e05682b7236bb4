package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/internal/workload"
	"github.com/impulse-sh/impulse/triggers"
)

// unknownAnnotations finds annotations that are meant for Impulse and mean nothing: the API server takes any, and a pause that is
// misspelt pauses nothing. In our own group each is a mistake. In KEDA's, and in one that is spelt almost like ours, it is a
// warning: it may be somebody else's.
func unknownAnnotations(o *Object) []Problem {
	var all []Problem
	ours := workload.AnnotationGroups[0]
	for _, key := range slices.Sorted(maps.Keys(o.ScaledObject.Annotations)) {
		group, name, _ := strings.Cut(key, "/")
		group += "/"
		read := slices.Contains(workload.AnnotationGroups, group)
		near := triggers.Nearest(name, workload.Annotations)
		switch {
		case read && slices.Contains(workload.Annotations, name):
			continue
		case !read && (near == "" || triggers.Nearest(group, []string{ours}) == ""):
			continue
		}
		meant, suggestion := group, "known are "+strings.Join(workload.Annotations, ", ")
		if !read {
			meant = ours
		}
		if near != "" {
			suggestion = fmt.Sprintf("did you mean %q?", meant+near)
		}
		p := o.at("metadata.annotations."+key, "unknown annotation", suggestion)
		p.Warning = group != ours
		all = append(all, p)
	}
	return all
}
