package policytest

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/scalers"
)

// pod is what a test says of one pod; the times are how long ago something was at t = 0.
type pod struct {
	name                                 string
	phase                                string
	unready, deleting                    bool
	usage, request                       *scalers.Milli
	age, readyChanged, sampleAge, window time.Duration
}

// phases are those that a pod may be in.
var phases = []string{"Running", "Pending", "Succeeded", "Failed", "Unknown"} //nolint:gochecknoglobals // A constant list.

// pods reads a list of pods.
func (r *reader) pods(into *[]pod) field {
	return func(node *yaml.Node, path string) {
		names := map[string]bool{}
		r.list(node, path, func(node *yaml.Node, path string) {
			p := r.pod(node, path)
			if names[p.name] {
				r.wrong(node, join(path, "name"), "is another pod's as well", "")
			}
			names[p.name] = true
			*into = append(*into, p)
		})
	}
}

// pod reads one pod: running, ready, a day old, sampled just now over 60 s where nothing else is said.
func (r *reader) pod(node *yaml.Node, path string) pod {
	p := pod{phase: "Running", age: 24 * time.Hour, window: time.Minute}
	ready := true
	given := r.mapping(node, path, fields{
		"name": r.text(&p.name),
		"phase": func(node *yaml.Node, path string) {
			r.oneOf(&p.phase, phases)(node, path)
		},
		"ready":        r.flag(&ready),
		"deleting":     r.flag(&p.deleting),
		"request":      r.milli(func(m scalers.Milli) { p.request = &m }),
		"usage":        r.milli(func(m scalers.Milli) { p.usage = &m }),
		"age":          r.duration(0, func(d time.Duration) { p.age = d }),
		"readyChanged": r.duration(0, func(d time.Duration) { p.readyChanged = d }),
		"sampleAge":    r.duration(0, func(d time.Duration) { p.sampleAge = d }),
		"window":       r.duration(0, func(d time.Duration) { p.window = d }),
	})
	p.unready = !ready
	if given["readyChanged"] == nil {
		p.readyChanged = p.age
	}
	if given != nil && given["name"] == nil {
		r.wrong(node, join(path, "name"), "is required", "")
	}
	return p
}

// oneOf reads one of several words.
func (r *reader) oneOf(into *string, words []string) field {
	return func(node *yaml.Node, path string) {
		var word string
		r.text(&word)(node, path)
		if slices.Contains(words, word) {
			*into = word
			return
		}
		if word != "" {
			r.wrong(node, path, "\""+word+"\" is unknown", near(word, words))
		}
	}
}
