package explain

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Decided is a past decision on an object, which is NAMESPACE/NAME.
type Decided struct {
	Object string `json:"object"`

	v1alpha1.PastDecision
}

// History writes past decisions on one object as a table, the newest last. The error is that of w.
func History(w io.Writer, newestFirst []v1alpha1.PastDecision) error {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(out, "AT\tREPLICAS\tTRIGGER\tRAW\tLIMITED BY\tWHY")
	for _, p := range slices.Backward(newestFirst) {
		fmt.Fprintln(out, strings.Join(pastCells(&p), "\t"))
	}
	return out.Flush()
}

// Histories writes past decisions on several objects as a table, the newest last. The error is that of w.
func Histories(w io.Writer, newestFirst []Decided) error {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(out, "AT\tOBJECT\tREPLICAS\tTRIGGER\tRAW\tLIMITED BY\tWHY")
	for _, p := range slices.Backward(newestFirst) {
		fmt.Fprintln(out, strings.Join(slices.Insert(pastCells(&p.PastDecision), 1, p.Object), "\t"))
	}
	return out.Flush()
}

// pastCells returns the cells of a past decision.
func pastCells(p *v1alpha1.PastDecision) []string {
	count := fmt.Sprintf("%d → %d", p.From, p.To)
	if p.From == p.To {
		count = strconv.Itoa(int(p.To))
	}
	raw := "-"
	if p.Raw != nil {
		raw = strconv.Itoa(int(*p.Raw))
	}
	why := p.Why
	if p.NotWritten != "" {
		why = "not written: " + p.NotWritten + "; " + why
	}
	return []string{
		p.Time.UTC().Format("2006-01-02 15:04:05") + "Z", count, dash(line(p.Trigger)), raw, dash(line(strings.Join(p.LimitedBy, ", "))), line(why),
	}
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
