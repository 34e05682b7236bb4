package notify

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"
)

// Filter chooses the notifications of a sink. The zero value chooses all.
type Filter struct {
	// Types, Namespaces and Rules are alternatives; empty means any. Rules are reasons of the condition ScalingLimited, and concern Limited
	// and Unlimited only.
	Types             []Type
	Namespaces, Rules []string
	// Selector selects by the labels of the ScaledObject; nil selects all.
	Selector labels.Selector
	// MinChange is the least change of a count that Scaled reports.
	MinChange int64
}

// Match reports whether a sink gets an event.
func (f *Filter) Match(e *Event) bool {
	switch {
	case len(f.Types) > 0 && !slices.Contains(f.Types, e.Type),
		len(f.Namespaces) > 0 && !slices.Contains(f.Namespaces, e.Namespace),
		len(f.Rules) > 0 && (e.Type == Limited || e.Type == Unlimited) && !slices.Contains(f.Rules, e.Reason),
		f.Selector != nil && !f.Selector.Matches(labels.Set(e.Labels)),
		e.Type == Scaled && e.change() < f.MinChange:
		return false
	default:
		return true
	}
}
