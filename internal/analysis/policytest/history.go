package policytest

import (
	"cmp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// past is one event before t = 0; at is not positive.
type past struct {
	at          time.Duration
	recommended *int32
	change      int32
	active      bool
}

// history reads the events before t = 0.
func (r *reader) history(into **[]past) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		all := []past{}
		r.List(node, path, func(node *yaml.Node, path string) { all = append(all, r.past(node, path)) })
		slices.SortStableFunc(all, func(a, b past) int { return cmp.Compare(a.at, b.at) })
		*into = &all
	}
}

func (r *reader) past(node *yaml.Node, path string) past {
	var p past
	given := r.mapping(node, path, fields{
		"at": func(node *yaml.Node, path string) {
			r.duration(-maxLength, func(d time.Duration) {
				if d > 0 {
					r.Report(node, path, node.Value+" is after t = 0", "history is what happened before, such as -60s")
				}
				p.at = d
			})(node, path)
		},
		"recommended": r.number(0, func(n int32) { p.recommended = &n }),
		"change":      r.number(-1<<31, func(n int32) { p.change = n }),
		"lastActive":  r.flag(&p.active),
	})
	switch {
	case given == nil:
	case given["at"] == nil:
		r.Report(node, strictyaml.Join(path, "at"), "is required", "when it happened, such as -60s")
	case given["recommended"] == nil && given["change"] == nil && given["lastActive"] == nil:
		r.Report(node, path, "has no event", "recommended, change or lastActive")
	}
	return p
}

// tolerance reads a share, such as 0.1, in millionths.
func (r *reader) tolerance(into *int64) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		const expected = "a share such as 0.1"
		text, ok := r.Scalar(node, path, expected)
		if !ok {
			return
		}
		share, err := scalers.ParseMillionths(text)
		switch {
		case err != nil:
			r.Report(node, path, err.Error(), expected+" was expected")
		case share < 0:
			r.WrongType(node, path, expected)
		default:
			*into = share
		}
	}
}

// memory returns the memory at start. Without a history the workload is new; a history without a
// recommendation is one in which there was none.
func (s *spec) memory(p *scalers.Policy, start scalers.Instant) scalers.Memory {
	var m scalers.Memory
	if s.history == nil {
		return m
	}
	m.Seen = true
	for _, h := range *s.history {
		at := start.Add(h.at)
		if h.recommended != nil {
			m = m.Recommended(p, at, *h.recommended)
		}
		m = m.Scaled(p, at, 0, h.change)
		if h.active {
			m.LastActive = at
		}
	}
	return m
}
