package policytest

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/internal/printable"
)

// WriteText writes the failed tests as text (all tests and their decisions if every is true), and then how many failed and passed. It
// returns an error of w.
func WriteText(w io.Writer, results []Result, every bool) error {
	var out strings.Builder
	failed := 0
	for i := range results {
		r := &results[i]
		if !r.Passed() {
			failed++
		}
		if every || !r.Passed() {
			r.write(&out)
		}
	}
	if failed > 0 {
		fmt.Fprintf(&out, "%d failed, ", failed)
	}
	fmt.Fprintf(&out, "%d passed\n", len(results)-failed)
	_, err := io.WriteString(w, out.String())
	return err
}

// line returns text of a file in one line.
func line(text string) string { return printable.Line(text, printable.Longest) }

// write writes one result.
func (r *Result) write(out *strings.Builder) {
	verdict := "PASS"
	if !r.Passed() {
		verdict = "FAIL"
	}
	fmt.Fprintf(out, "%s %s (%s:%d)\n", verdict, line(r.Test.Name), line(r.Test.File), r.Test.Line)
	for _, m := range r.Decisions {
		change := strconv.Itoa(int(m.Replicas))
		if m.From != m.Replicas {
			change = fmt.Sprintf("%d → %d", m.From, m.Replicas)
		}
		fmt.Fprintf(out, "  %s: %s: %s\n", m.At, change, line(strings.Join(m.Causes, "; ")))
		m.write(out, "    ")
	}
	if r.Omitted > 0 {
		fmt.Fprintf(out, "  … and %d decisions more\n", r.Omitted)
	}
	for _, f := range r.Failures {
		fmt.Fprintf(out, "  %s:%d: expected %s\n", line(r.Test.File), f.Line, line(f.Expected))
		fmt.Fprintf(out, "    got, at %s: %s\n", f.At, line(f.Got))
		fmt.Fprintf(out, "    as %s\n", line(strings.Join(f.Readings, "; ")))
		fmt.Fprintf(out, "    decided at %s, from %d:\n", f.Decision.At, f.Decision.From)
		f.Decision.write(out, "      ")
	}
}
