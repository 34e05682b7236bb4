package policytest

import (
	"encoding/json"
	"io"
)

// report is the JSON form of results.
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
	// Changes is the number of times that Impulse changed the count; writes of other clients are not included.
	Changes  int       `json:"changes"`
	Failures []Failure `json:"failures,omitempty"`
	// Decisions and Omitted are those of Result.
	Decisions []*Decision `json:"decisions,omitempty"`
	Omitted   int         `json:"omitted,omitempty"`
}

// WriteJSON writes results as JSON. The error is that of w.
func WriteJSON(w io.Writer, results []Result) error {
	all := report{Tests: make([]testReport, len(results))}
	for i := range results {
		r := &results[i]
		t := testReport{File: r.Test.File, Line: r.Test.Line, Name: r.Test.Name, Passed: r.Passed(), Changes: r.Changes, Failures: r.Failures, Decisions: r.Decisions, Omitted: r.Omitted}
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
