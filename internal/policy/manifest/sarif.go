package manifest

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/impulse-sh/impulse/internal/diag"
)

// SARIF writes errors and warnings as SARIF 2.1.0, which code hosts show beside the lines of a file.
func SARIF(w io.Writer, version string, problems []diag.Error) error {
	results := make([]sarifResult, 0, len(problems))
	for _, p := range problems {
		results = append(results, resultOf(p))
	}
	log := sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{
			Tool: sarifTool{Driver: sarifDriver{
				Name: "impulse check", Version: version, InformationURI: "https://github.com/impulse-sh/impulse",
				Rules: []sarifRule{{ID: "mistake"}, {ID: "suspicious"}},
			}},
			Results: results,
		}},
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(log); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

func resultOf(p diag.Error) sarifResult {
	p = p.Printable()
	r := sarifResult{RuleID: "mistake", Level: "error", Message: sarifText{p.Problem}}
	if p.Warning {
		r.RuleID, r.Level = "suspicious", "warning"
	}
	if p.Field != "" {
		r.Message.Text = p.Field + ": " + r.Message.Text
	}
	if p.Suggestion != "" {
		r.Message.Text += " (" + p.Suggestion + ")"
	}
	at := sarifPlace{Artifact: sarifArtifact{URI: p.File}}
	if p.Line > 0 {
		at.Region = &sarifRegion{Line: p.Line, Column: max(p.Column, 1)}
	}
	r.Locations = []sarifLocation{{Physical: at}}
	return r
}

type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPlace `json:"physicalLocation"`
	}
	sarifPlace struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn"`
	}
)
