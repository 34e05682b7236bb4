package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// maxNames bounds the names in a summary, and maxName one of them, in bytes.
	maxNames = 3
	maxName  = 63
)

// summaryOf returns the summary of an AlertSet; nil for an empty one.
func summaryOf(all []v1alpha1.AlertRecord) *v1alpha1.AlertSummary {
	if len(all) == 0 {
		return nil
	}
	s := &v1alpha1.AlertSummary{Namespace: cmp.Or(ParseEndpoint(all[0].Endpoint).Namespace, "*")}
	names := map[string]struct{}{}
	for i := range all {
		a := &all[i]
		endpoint := ParseEndpoint(a.Endpoint)
		switch {
		case !a.Firing && a.LateFiring == nil:
			s.Resolved++
			continue
		case endpoint.Object != "":
			s.Pushed++
			names[endpoint.Object+"/"+endpoint.Trigger] = struct{}{}
		default:
			s.Firing++
			names[truncate(a.Labels["alertname"])] = struct{}{}
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	s.Names = strings.Join(sorted[:min(len(sorted), maxNames)], ", ")
	if more := len(sorted) - maxNames; more > 0 {
		s.Names += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// truncate shortens a name that a sender has chosen to maxName.
func truncate(name string) string {
	if len(name) <= maxName {
		return name
	}
	return strings.ToValidUTF8(name[:maxName], "") + "…"
}
