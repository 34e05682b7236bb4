package policytest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// Expectation is an expectation at an instant, or at every instant from one to another, both included.
type Expectation struct {
	Line     int
	From, To time.Duration
	// Replicas is the count; Raw, Trigger and LimitedBy are those of the latest decision. Nil: any value.
	Replicas, Raw *int32
	Trigger       *string
	LimitedBy     *[]string

	trigger *yaml.Node // The node of the name.
}

// String describes the expectation in one line.
func (e *Expectation) String() string {
	var parts []string
	if e.Replicas != nil {
		parts = append(parts, fmt.Sprintf("replicas %d", *e.Replicas))
	}
	if e.Raw != nil {
		parts = append(parts, fmt.Sprintf("raw %d", *e.Raw))
	}
	if e.Trigger != nil {
		parts = append(parts, "trigger "+*e.Trigger)
	}
	if e.LimitedBy != nil {
		parts = append(parts, "limitedBy "+names(*e.LimitedBy))
	}
	when := "at " + scalers.Short(e.From)
	if e.To != e.From {
		when = "from " + scalers.Short(e.From) + " to " + scalers.Short(e.To)
	}
	return when + ": " + strings.Join(parts, ", ")
}

func names(list []string) string { return "[" + strings.Join(list, ", ") + "]" }

// expectation reads one expectation.
func (r *reader) expectation(node *yaml.Node, path string) Expectation {
	e, before := Expectation{Line: node.Line}, r.Count()
	instant := func(into *time.Duration) strictyaml.Field {
		return func(node *yaml.Node, path string) {
			r.duration(0, func(d time.Duration) {
				if d > maxLength {
					r.Report(node, path, node.Value+" is too far away", "at most "+scalers.Short(maxLength))
				}
				*into = d
			})(node, path)
		}
	}
	given := r.mapping(node, path, fields{
		"at": func(node *yaml.Node, path string) {
			instant(&e.From)(node, path)
			e.To = e.From
		},
		"from":     instant(&e.From),
		"to":       instant(&e.To),
		"replicas": r.number(0, func(n int32) { e.Replicas = &n }),
		"raw":      r.number(0, func(n int32) { e.Raw = &n }),
		"trigger": func(node *yaml.Node, path string) {
			var name string
			r.text(&name)(node, path)
			e.Trigger, e.trigger = &name, node
		},
		"limitedBy": r.limitedBy(&e.LimitedBy),
	})
	if r.Count() > before {
		return e
	}
	at, from, to := given["at"] != nil, given["from"] != nil, given["to"] != nil
	switch {
	case at == from, from != to:
		r.Report(node, path, "has no time", "at: T, or from: T and to: T")
	case e.To < e.From:
		r.Report(node, path, fmt.Sprintf("ends at %s, before it begins at %s", scalers.Short(e.To), scalers.Short(e.From)), "")
	case e.Replicas == nil && e.Raw == nil && e.Trigger == nil && e.LimitedBy == nil:
		r.Report(node, path, "expects nothing", "replicas, raw, trigger or limitedBy")
	}
	return e
}

// limitedBy reads a list of rule names.
func (r *reader) limitedBy(into **[]string) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		list := []string{}
		r.List(node, path, func(node *yaml.Node, path string) {
			var name string
			r.text(&name)(node, path)
			if name != "" && !slices.Contains(rules(), name) {
				r.Report(node, path, fmt.Sprintf("%q is no rule", name), diag.Suggest(name, rules()))
			}
			list = append(list, name)
		})
		*into = &list
	}
}

// rules returns the names of the rules after the formula, in the order of limitedBy.
func rules() []string {
	var all []string
	for rule := scalers.RuleFormula + 1; rule.String() != "?"; rule++ {
		all = append(all, rule.String())
	}
	return all
}
