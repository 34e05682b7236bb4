package policytest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of a JUnit report: one suite for each file.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Line      int           `xml:"line,attr"`
		Failure   *junitFailure `xml:"failure"`
		Output    string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes results as a JUnit report. The error is that of w.
func WriteJUnit(w io.Writer, results []Result) error {
	var all junitReport
	for i := range results {
		r := &results[i]
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != line(r.Test.File) {
			all.Suites = append(all.Suites, junitSuite{Name: line(r.Test.File)})
		}
		suite := &all.Suites[len(all.Suites)-1]
		c := r.junit()
		suite.Cases = append(suite.Cases, c)
		suite.Tests++
		all.Tests++
		if c.Failure != nil {
			suite.Failures++
			all.Failures++
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junit is one test in the report.
func (r *Result) junit() junitCase {
	c := junitCase{Name: line(r.Test.Name), ClassName: line(r.Test.File), File: line(r.Test.File), Line: r.Test.Line}
	var text strings.Builder
	if r.write(&text); len(r.Failures) > 0 {
		f := &r.Failures[0]
		c.Failure = &junitFailure{Message: line("expected " + f.Expected + "; got " + f.Got), Text: text.String()}
	} else if len(r.Decisions) > 0 {
		c.Output = text.String()
	}
	return c
}
