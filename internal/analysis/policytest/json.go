package policytest

import (
	"encoding/json"
	"io"
)

// report is what machines are told.
type report struct {
	Passed int          `json:"passed"`
	Failed int          `json:"failed"`
	Tests  []testReport `json:"tests"`
}

type testReport struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Changes counts how often the count was changed by us.
	Changes  int       `json:"changes"`
	Failures []Failure `json:"failures,omitempty"`
	// Decisions are all there were, where they were asked for; Omitted counts those that were too many.
	Decisions []*Moment `json:"decisions,omitempty"`
	Omitted   int       `json:"omitted,omitempty"`
}

// WriteJSON writes results for machines.
func WriteJSON(w io.Writer, results []Result) error {
	all := report{Tests: make([]testReport, len(results))}
	for i := range results {
		r := &results[i]
		t := testReport{File: r.Test.File, Line: r.Test.Line, Name: r.Test.Name, Passed: r.Passed(), Changes: r.Changes, Failures: r.Failures, Decisions: r.Moments, Omitted: r.Omitted}
		if all.Tests[i] = t; t.Passed {
			all.Passed++
		} else {
			all.Failed++
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(all)
}
