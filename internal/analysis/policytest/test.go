package policytest

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/scalers"
)

// Test is one test, ready to run.
type Test struct {
	File string
	Line int
	Name string

	scenario     *engine.Scenario
	expectations []Expectation
	changes      *limit
	// end is the last instant that matters.
	end scalers.Instant
}

// Scenario returns the workload of the test and all that happens to it.
func (t *Test) Scenario() *engine.Scenario { return t.scenario }

// limit is the highest number of times that Impulse may change the count.
type limit struct {
	line int
	most int
}

// epoch is t = 0 of a test without a start.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// maxLength bounds the time that a test covers, and maxIntervals its readings.
const (
	maxLength    = 10 * 366 * 24 * time.Hour
	maxIntervals = 5_000_000
)

// spec is a test as it is written in the file.
type spec struct {
	name         string
	object       *yaml.Node
	start        time.Time
	replicas     *int32
	interval     time.Duration
	startupDelay time.Duration
	settings     compile.Settings
	history      *[]past
	inputs       []input
	expectations []Expectation
	changes      *limit
}

// test reads one test; nil when it is invalid.
func (l *loader) test(r *reader, node *yaml.Node, path string, n int) *Test {
	s := &spec{name: fmt.Sprintf("test %d", n), start: epoch, interval: 15 * time.Second, settings: compile.DefaultSettings()}
	r.begin(s.name)
	given := r.mapping(node, path, fields{
		"name": func(node *yaml.Node, path string) {
			r.text(&s.name)(node, path)
			r.rename(s.name)
		},
		"scaledObject": func(node *yaml.Node, _ string) { s.object = node },
		"start":        r.instant(&s.start),
		"replicas":     r.number(0, func(n int32) { s.replicas = &n }),
		"interval":     r.duration(time.Millisecond, func(d time.Duration) { s.interval = d }),
		"startupDelay": r.duration(0, func(d time.Duration) { s.startupDelay = d }),
		"settings":     r.settings(&s.settings),
		"history":      r.history(&s.history),
		"inputs": func(node *yaml.Node, path string) {
			r.List(node, path, func(node *yaml.Node, path string) { s.inputs = append(s.inputs, r.input(node, path)) })
		},
		"expect": func(node *yaml.Node, path string) {
			r.List(node, path, func(node *yaml.Node, path string) { s.expectations = append(s.expectations, r.expectation(node, path)) })
		},
		"maxChanges": func(node *yaml.Node, path string) {
			r.number(0, func(n int32) { s.changes = &limit{node.Line, int(n)} })(node, path)
		},
	}, "expect")
	if given == nil {
		return nil
	}
	if given["scaledObject"] == nil {
		r.Report(node, strictyaml.Join(path, "scaledObject"), "is required", "the object itself, or a path to it")
	}
	if len(s.expectations) == 0 && (given["expect"] == nil || r.valid()) {
		r.Report(node, strictyaml.Join(path, "expect"), "is required", "such as expect: [{at: 45s, replicas: 8}]")
	}
	return l.build(r, node, path, s)
}

// build returns the test of a spec; nil when it is invalid.
func (l *loader) build(r *reader, node *yaml.Node, path string, s *spec) *Test {
	if s.object == nil {
		return nil
	}
	w := l.workload(r, s.object, strictyaml.Join(path, "scaledObject"), s.settings)
	if w == nil {
		return nil
	}
	s.check(r, w, path)
	if !r.valid() {
		return nil
	}
	t := &Test{File: r.File, Line: node.Line, Name: s.name, expectations: s.expectations, changes: s.changes}
	scenario, err := s.scenario(w)
	if err != nil {
		r.Report(node, path, err.Error(), "")
		return nil
	}
	t.scenario, t.end = scenario, s.end()
	return t
}

// instant reads an instant in the form of RFC 3339.
func (r *reader) instant(into *time.Time) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		const expected = "a time such as 2026-03-01T08:00:00Z"
		text, ok := r.Scalar(node, path, expected)
		if !ok {
			return
		}
		t, err := time.Parse(time.RFC3339, text)
		switch {
		case err != nil:
			r.WrongType(node, path, expected)
		case t.Year() < 1970 || t.Year() > 2200:
			r.Report(node, path, text+" is too far away", "a year from 1970 to 2200")
		default:
			*into = t
		}
	}
}

// settings reads the settings that Impulse has for all objects.
func (r *reader) settings(into *compile.Settings) strictyaml.Field {
	return func(node *yaml.Node, path string) {
		r.mapping(node, path, fields{
			"cpuInitializationPeriod": r.duration(0, func(d time.Duration) { into.CPUInitializationPeriod = d }),
			"initialReadinessDelay":   r.duration(0, func(d time.Duration) { into.InitialReadinessDelay = d }),
			"tolerance":               r.tolerance(&into.Tolerance),
		})
	}
}
