package overview

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxCell bounds a cell, in bytes.
const maxCell = 120

// Table writes rows with aligned columns. Rows that are written later have the widths of the earlier ones, or more.
type Table struct {
	// Namespaces adds the namespace, and Wide the winner, the levels, the next decision and the end of a pause.
	Namespaces, Wide bool

	widths []int
	begun  bool
}

// header returns the names of the columns.
func (t *Table) header() []string {
	var names []string
	if t.Namespaces {
		names = append(names, "NAMESPACE")
	}
	names = append(names, "NAME", "TARGET", "CURRENT", "DESIRED", "MIN", "MAX", "HELD BY", "TRIGGERS", "AGE")
	if t.Wide {
		names = append(names, "WINNER", "LEVELS", "NEXT", "PAUSED UNTIL", "PAUSE REASON")
	}
	return names
}

// cells returns the cells of a row at a time.
func (t *Table) cells(r *Row, now time.Time) []string {
	var cells []string
	if t.Namespaces {
		cells = append(cells, r.Namespace)
	}
	cells = append(cells, r.Name, r.Target, count(r.Current), count(r.Desired), strconv.Itoa(int(r.Min)), strconv.Itoa(int(r.Max)),
		r.HeldBy, r.State(), Age(now, r.Created))
	if t.Wide {
		next, until := "", ""
		if !r.Next.IsZero() {
			next = "in " + duration.HumanDuration(r.Next.Sub(now))
		}
		if r.Pause.Until != 0 {
			until = r.Pause.Until.Time().Format(time.RFC3339)
		}
		cells = append(cells, r.Winner, r.Levels, next, until, r.Pause.Reason)
	}
	for i, cell := range cells {
		if cells[i] = printable.Line(cell, maxCell); cell == "" {
			cells[i] = "-"
		}
	}
	return cells
}

// Write writes rows, the first time with the names of the columns. The error is that of w.
func (t *Table) Write(w io.Writer, rows []Row, now time.Time) error {
	var lines [][]string
	if !t.begun {
		t.begun = true
		lines = append(lines, t.header())
	}
	for i := range rows {
		lines = append(lines, t.cells(&rows[i], now))
	}
	for _, line := range lines {
		for i, cell := range line {
			if i == len(t.widths) {
				t.widths = append(t.widths, 0)
			}
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for _, line := range lines {
		last := len(line) - 1
		for i, cell := range line[:last] {
			fmt.Fprintf(&out, "%s%*s", cell, t.widths[i]-utf8.RuneCountInString(cell)+3, "")
		}
		out.WriteString(line[last] + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// Changed reports whether the row of an object shows something else than an earlier one, but for times that pass.
func (t *Table) Changed(before, after *Row) bool {
	a, b := *before, *after
	a.Next, b.Next = time.Time{}, time.Time{}
	return strings.Join(t.cells(&a, a.Created), "\t") != strings.Join(t.cells(&b, b.Created), "\t")
}

// Age describes the time since an object was created, as kubectl does; "" if that time is unknown.
func Age(now, created time.Time) string {
	if created.IsZero() {
		return ""
	}
	return duration.HumanDuration(now.Sub(created))
}

// count describes a count; "" while it is unknown.
func count(n *int32) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(int(*n))
}
