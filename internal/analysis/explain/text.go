package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

// Text writes an explanation as text. about names the object and its target: "shop/web (Deployment/web)". The error is that of w.
func (e *Explanation) Text(w io.Writer, about string) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", line(e.headline(about)))
	table(&out, e.triggerRows())
	for _, one := range e.Notices {
		fmt.Fprintf(&out, "  Note: %s\n", sentence(one))
	}
	out.WriteString("\nWhy:\n")
	if e.Unchanged != "" {
		fmt.Fprintf(&out, "  %s\n", line(e.Unchanged))
	}
	table(&out, e.stepRows())
	if e.Recorded != "" {
		fmt.Fprintf(&out, "\nWhat comes next: %s\n", line(e.Recorded))
		_, err := io.WriteString(w, out.String())
		return err
	}
	fmt.Fprintf(&out, "\nWhat %s, while every %s stays as it is:\n", e.aheadTitle(), e.constantText())
	table(&out, e.aheadRows())
	for _, one := range e.Undated {
		fmt.Fprintf(&out, "  But %s.\n", line(one))
	}
	if len(e.Otherwise) > 0 {
		out.WriteString("\nWhat would change it now:\n")
		table(&out, e.otherwiseRows())
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// aheadTitle describes the changes ahead: of the count, or of the wanted count while nothing is written.
func (e *Explanation) aheadTitle() string {
	if e.blocked() {
		return "will be wanted"
	}
	return "comes by itself"
}

// constantText names the values that are assumed to stay as they are.
func (e *Explanation) constantText() string {
	if e.Scheduled {
		return "value but the schedule's"
	}
	return "value"
}

// headline returns the first line: the count and the obstacles.
func (e *Explanation) headline(about string) string {
	at, course, end := "At "+e.At.UTC().Format("2006-01-02 15:04:05.999")+"Z", e.currentOutcome(), "."
	if e.Now != nil && e.Now.After(e.At) {
		at = span(e.Now.Sub(e.At).Round(time.Second)) + " ago, at" + at[len("At"):]
		course, end = e.pastOutcome(), ". What was read then:"
	}
	return fmt.Sprintf("%s %s %s%s%s", at, about, course, e.obstacleText(), end)
}

// currentOutcome describes how a decision of this instant changes the count.
func (e *Explanation) currentOutcome() string {
	switch blocked := e.blocked(); {
	case e.From == e.To && blocked:
		return fmt.Sprintf("keeps %s, and no other count would be written", replicas(e.To))
	case e.From == e.To:
		return "keeps " + replicas(e.To)
	case blocked:
		return fmt.Sprintf("would go from %d to %s, and stays at %d", e.From, replicas(e.To), e.From)
	default:
		return fmt.Sprintf("goes from %d to %s", e.From, replicas(e.To))
	}
}

// pastOutcome describes what became of the count since a past decision.
func (e *Explanation) pastOutcome() string {
	went := fmt.Sprintf("went from %d to %s", e.From, replicas(e.To))
	wanted := fmt.Sprintf("was to go from %d to %s", e.From, replicas(e.To))
	switch {
	case e.From == e.To:
		return "kept " + replicas(e.To)
	case e.targetCount == nil && e.blocked():
		return wanted
	case e.targetCount == nil:
		return went
	case *e.targetCount == e.To:
		return fmt.Sprintf("%s, and has had %d since", went, e.To)
	default:
		return fmt.Sprintf("%s, and has %d now", wanted, *e.targetCount)
	}
}

func (e *Explanation) triggerRows() [][]string {
	rows := [][]string{{"TRIGGER", "FORMULA", "ASKS FOR", "ACTIVE"}}
	for i := range e.Triggers {
		t := &e.Triggers[i]
		proposal, active := t.proposalText(), "no"
		if t.Indifferent {
			active = "-"
		}
		if t.Active {
			active = "yes"
		}
		if t.Unknown == "" {
			rows = append(rows, []string{t.Name, t.Formula, proposal, active})
			continue
		}
		if !t.Active && !t.Indifferent {
			active = "?"
		}
		rows = append(rows, []string{t.Name, t.unknown(), proposal, active})
	}
	return rows
}

// unknown returns the reason why the level is unknown.
func (t *Trigger) unknown() string {
	if because, failed := strings.CutPrefix(t.Unknown, scalers.Failed.String()+": "); failed {
		return "unknown: " + because
	}
	return "unknown: it " + t.Unknown
}

// proposalText describes the count that a trigger asks for.
func (t *Trigger) proposalText() string {
	switch {
	case t.Proposal == nil && t.Unknown != "":
		return "?"
	case t.Proposal == nil:
		return "nothing"
	case t.Unknown != "":
		return fmt.Sprintf("%d at least", *t.Tolerated)
	case *t.Tolerated != *t.Proposal:
		return fmt.Sprintf("%d, within tolerance: %d", *t.Proposal, *t.Tolerated)
	default:
		return strconv.Itoa(int(*t.Proposal))
	}
}

func (e *Explanation) stepRows() [][]string {
	var rows [][]string
	for _, s := range e.Steps {
		rows = append(rows, []string{fmt.Sprintf("%d → %d", s.From, s.To), s.Rule, s.Why})
	}
	return rows
}

func (e *Explanation) aheadRows() [][]string {
	var rows [][]string
	if len(e.Ahead) == 0 {
		nothing := "nothing changes"
		if e.Scheduled {
			nothing += " in the next 24 hours"
		}
		if len(e.Undated) > 0 {
			nothing = "nothing that is known ahead"
		}
		rows = append(rows, []string{nothing})
	}
	for _, c := range e.Ahead {
		rows = append(rows, []string{moment(c.At), "in " + span(c.At.Sub(e.At)), fmt.Sprintf("%d → %d", c.From, c.To), c.Why})
	}
	return rows
}

func (e *Explanation) otherwiseRows() [][]string {
	var rows [][]string
	for i := range e.Otherwise {
		o := &e.Otherwise[i]
		switch {
		case o.When != "":
			rows = append(rows, []string{o.Trigger + ": " + o.When, o.outcome()})
		case o.Above != nil && o.counts:
			rows = append(rows, []string{fmt.Sprintf("%s asking for more than %s", o.Trigger, *o.Above), replicas(o.To)})
		case o.AtMost != nil && o.counts:
			rows = append(rows, []string{fmt.Sprintf("%s asking for %s or fewer", o.Trigger, *o.AtMost), replicas(o.To)})
		case o.Above != nil:
			rows = append(rows, []string{fmt.Sprintf("%s above %s", o.Trigger, *o.Above), replicas(o.To)})
		case o.AtMost != nil:
			rows = append(rows, []string{fmt.Sprintf("%s at %s or below", o.Trigger, *o.AtMost), replicas(o.To)})
		case o.Raises:
			rows = append(rows, []string{o.Trigger + ", however high", "nothing: " + o.Because})
		default:
			rows = append(rows, []string{o.Trigger + ", however low", "nothing: " + o.Because})
		}
	}
	return rows
}

// outcome describes the effect of When.
func (o *Otherwise) outcome() string {
	switch {
	case o.Because == "":
		return replicas(o.To)
	case o.Then == nil:
		return "nothing: " + o.Because
	default:
		return fmt.Sprintf("%s at %s; until then %s", replicas(o.Then.To), moment(o.Then.At), o.Because)
	}
}

// sentence ends a text with a full stop, unless it ends with a question mark.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// line returns text of a source or a status in one line.
func line(text string) string { return printable.Line(text, printable.Longest) }

// table writes rows with aligned columns, indented.
func table(out io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = line(cell)
		}
		fmt.Fprintln(w, "  "+strings.Join(cells, "\t"))
	}
	w.Flush() //nolint:errcheck // A builder does not fail.
}

func replicas(n int32) string {
	if n == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", n)
}

// moment formats a time of day in UTC, to the millisecond when it has one.
func moment(t time.Time) string { return t.UTC().Format("15:04:05.999") + "Z" }

// span formats a duration to the second, or finer below one.
func span(d time.Duration) string {
	switch {
	case d >= time.Second:
		d = d.Round(time.Second)
	case d >= 100*time.Millisecond:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Millisecond)
	}
	return scalers.Short(d)
}
