package doctor

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxLine bounds a line of the output, in bytes.
const maxLine = 4 << 10

// Write writes the findings as text, grouped by check. With color it uses the colors of a terminal.
func Write(w io.Writer, all []Finding, color bool) error {
	var out strings.Builder
	last := Check("")
	for i := range all {
		f := &all[i]
		if f.Check != last {
			fmt.Fprintf(&out, "%s%s\n", strings.Repeat("\n", min(i, 1)), titles[f.Check])
			last = f.Check
		}
		fmt.Fprintf(&out, "  %s %s\n", paint(f.Result, color), printable.Line(f.Message, maxLine))
		if f.Remedy != "" {
			fmt.Fprintf(&out, "%s-> %s\n", indent, printable.Line(f.Remedy, maxLine))
		}
		if f.Page != "" {
			fmt.Fprintf(&out, "%s   %s\n", indent, f.Page)
		}
	}
	fmt.Fprintf(&out, "\n%s\n", Summary(all))
	_, err := io.WriteString(w, out.String())
	return err
}

// width is that of the longest result.
const width = len(Problem)

var indent = strings.Repeat(" ", 2+width+1)

// paint returns a result of full width, perhaps in its color.
func paint(r Result, color bool) string {
	padded := fmt.Sprintf("%-*s", width, r)
	code := map[Result]string{OK: "32", Warning: "33", Problem: "31", Unknown: "36"}[r]
	if !color {
		return padded
	}
	return "\x1b[" + code + "m" + padded + "\x1b[0m"
}

// Summary is the result of all findings as a sentence.
func Summary(all []Finding) string {
	var parts []string
	for _, of := range []struct {
		result    Result
		one, many string
	}{{Problem, "problem", "problems"}, {Warning, "warning", "warnings"}, {Unknown, "check could not be made", "checks could not be made"}} {
		switch n := Count(all, of.result); {
		case n == 1:
			parts = append(parts, "1 "+of.one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, of.many))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no problem found")
}
