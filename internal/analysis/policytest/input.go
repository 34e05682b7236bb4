package policytest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// input is one input of the scenario: one of its parts is set.
type input struct {
	node *yaml.Node
	// trigger is the name of the trigger that reads the values or the pods.
	trigger string
	named   *yaml.Node // The node of the name.
	values  *engine.Series
	pods    []pod
	perPod  bool
	// alert fires during firing.
	alert  *triggers.Alert
	firing span
	// ready is the number of ready pods.
	ready *engine.Series
	// write is a foreign write.
	write *write
}

// span is a span of time since t = 0. until is math.MaxInt64 when it does not end.
type span struct{ from, until time.Duration }

type write struct {
	at time.Duration
	to int32
}

// input reads one input.
func (r *reader) input(node *yaml.Node, path string) input {
	in, before := input{node: node}, r.Count()
	alert := triggers.Alert{}
	given := r.mapping(node, path, fields{
		"trigger": func(node *yaml.Node, path string) {
			r.text(&in.trigger)(node, path)
			in.named = node
		},
		"values": func(node *yaml.Node, path string) {
			in.values = &engine.Series{}
			r.series(in.values)(node, path)
		},
		"pods":        r.pods(&in.pods),
		"alert":       r.labels(&alert.Labels),
		"annotations": r.labels(&alert.Annotations),
		"firing":      r.firing(&in.firing),
		readyReplicas: func(node *yaml.Node, path string) {
			in.ready = &engine.Series{}
			r.counts(in.ready)(node, path)
		},
		"replicas": func(node *yaml.Node, path string) {
			in.write = &write{}
			r.write(in.write)(node, path)
		},
	})
	if given["alert"] != nil {
		in.alert = &alert
	}
	if in.perPod = given["pods"] != nil; r.Count() == before {
		r.checkParts(node, path, given)
	}
	return in
}

// readyReplicas is the key of the input that may be given once only.
const readyReplicas = "readyReplicas"

// parts has, for each kind of input, the other keys that it may have.
var parts = map[string][]string{
	"trigger": {"values", "pods"}, "alert": {"annotations", "firing"}, readyReplicas: nil, "replicas": nil,
}

// checkParts reports an input that is not exactly one kind, or is incomplete.
func (r *reader) checkParts(node *yaml.Node, path string, given map[string]*yaml.Node) {
	var begun []string
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		if given[key] != nil {
			begun = append(begun, key)
		}
	}
	if len(begun) != 1 {
		what := "is no input"
		if len(begun) > 1 {
			what = "is several things at once: " + strings.Join(begun, ", ")
		}
		r.Report(node, path, what, "an input is one of alert, readyReplicas, replicas, trigger")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if key != begun[0] && !slices.Contains(parts[begun[0]], key) {
			r.Report(given[key], strictyaml.Join(path, key), "does not go with "+begun[0], "")
		}
	}
	switch values, pods := given["values"] != nil, given["pods"] != nil; {
	case begun[0] == "trigger" && values == pods:
		r.Report(node, path, "needs values or pods, not both", "")
	case begun[0] == "alert" && given["firing"] == nil:
		r.Report(node, strictyaml.Join(path, "firing"), "is required", "such as firing: [1m, 4m30s]")
	}
}

// labels reads a map of strings.
func (r *reader) labels(into *map[string]string) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		if node.Kind != yaml.MappingNode {
			r.WrongType(node, path, "a map")
			return
		}
		*into = make(map[string]string, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, at := node.Content[i], strictyaml.Join(path, node.Content[i].Value)
			if _, twice := (*into)[key.Value]; twice {
				r.Report(key, at, "is given twice", "")
			}
			(*into)[key.Value], _ = r.Scalar(node.Content[i+1], at, "a text")
		}
	}
}

// firing reads the span in which an alert fires.
func (r *reader) firing(into *span) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		into.until = math.MaxInt64
		if node.Kind != yaml.SequenceNode || len(node.Content) < 1 || len(node.Content) > 2 {
			r.WrongType(node, path, "a list of one or two times, such as [1m, 4m30s] or [1m],")
			return
		}
		for i, set := range []func(time.Duration){
			func(d time.Duration) { into.from = d }, func(d time.Duration) { into.until = d },
		}[:len(node.Content)] {
			r.duration(0, set)(r.Resolve(node.Content[i]), fmt.Sprintf("%s[%d]", path, i))
		}
		if into.until <= into.from {
			r.Report(node, path, fmt.Sprintf("ends at %s, not after it begins at %s", scalers.Short(into.until), scalers.Short(into.from)), "")
		}
	}
}

// write reads a foreign write.
func (r *reader) write(into *write) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		given := r.mapping(node, path, fields{
			"at": r.duration(0, func(d time.Duration) { into.at = d }),
			"to": r.number(0, func(n int32) { into.to = n }),
		})
		for _, key := range []string{"at", "to"} {
			if given != nil && given[key] == nil {
				r.Report(node, strictyaml.Join(path, key), "is required", "such as replicas: {at: 2m, to: 9}")
			}
		}
	}
}

// last returns the last instant at which an input changes; the first one of an alert without an end.
func (in *input) last(interval time.Duration) time.Duration {
	var last time.Duration
	for _, s := range []*engine.Series{in.values, in.ready} {
		if s != nil {
			last = max(last, time.Duration(s.Len()-1)*interval)
		}
	}
	if in.alert != nil {
		last = max(last, in.firing.from)
		if in.firing.until != math.MaxInt64 {
			last = max(last, in.firing.until)
		}
	}
	if in.write != nil {
		last = max(last, in.write.at)
	}
	return last
}

// instantOf returns the instant a time after start; Never for one without an end.
func instantOf(start scalers.Instant, d time.Duration) scalers.Instant {
	if d == math.MaxInt64 {
		return scalers.Never
	}
	return start.Add(d)
}
