package policytest

import (
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// pod is one pod of a test. age, readyChanged and sampleAge are ages at t = 0; window is the window of the sample.
type pod struct {
	name                                 string
	phase                                string
	unready, deleting                    bool
	usage, request                       *scalers.Milli
	age, readyChanged, sampleAge, window time.Duration
}

// phases are the phases of a pod, by name.
var phases = map[string]scalers.PodPhase{
	"Running": scalers.PodRunning, "Pending": scalers.PodPending, "Succeeded": scalers.PodSucceeded, "Failed": scalers.PodFailed,
	"Unknown": scalers.PodUnknown,
}

// pods reads a list of pods.
func (r *reader) pods(into *[]pod) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		names := map[string]bool{}
		r.List(node, path, func(node *yaml.Node, path string) {
			p := r.pod(node, path)
			if names[p.name] {
				r.Report(node, strictyaml.Join(path, "name"), "is a duplicate: another pod of this list has the same name", "")
			}
			names[p.name] = true
			*into = append(*into, p)
		})
	}
}

// pod reads one pod. By default it is running, ready, a day old, and sampled at t = 0 over 60 s.
func (r *reader) pod(node *yaml.Node, path string) pod {
	p := pod{phase: "Running", age: 24 * time.Hour, window: time.Minute}
	ready := true
	given := r.mapping(node, path, fields{
		"name": r.text(&p.name),
		"phase": func(node *yaml.Node, path string) {
			r.oneOf(&p.phase, slices.Sorted(maps.Keys(phases)))(node, path)
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
		r.Report(node, strictyaml.Join(path, "name"), "is required", "")
	}
	return p
}

// podsAt returns the pods of an input at t = 0.
func (in *input) podsAt(start scalers.Instant) []scalers.Pod {
	pods := make([]scalers.Pod, len(in.pods))
	for i := range in.pods {
		p := &in.pods[i]
		pods[i] = scalers.Pod{
			Phase: phases[p.phase], Deleting: p.deleting, NotReady: p.unready, Window: p.window,
			Started: start.Add(-p.age), ReadyChanged: start.Add(-p.readyChanged), SampledAt: start.Add(-p.sampleAge),
		}
		if p.usage != nil {
			pods[i].Sampled, pods[i].Usage = true, *p.usage
		}
		if p.request != nil {
			pods[i].HasRequest, pods[i].Request = true, *p.request
		}
	}
	return pods
}

// oneOf reads one of several words.
func (r *reader) oneOf(into *string, words []string) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		var word string
		r.text(&word)(node, path)
		if slices.Contains(words, word) {
			*into = word
			return
		}
		if word != "" {
			r.Report(node, path, "\""+word+"\" is unknown", diag.Suggest(word, words))
		}
	}
}
