package alertlist

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Text writes alerts as a table. wide adds the time of the last delivery, the credential or trigger, and the labels.
func Text(w io.Writer, all []Alert, wide bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	header := "NAMESPACE\tALERT\tSTATE\tSINCE\tSELECTED BY"
	if wide {
		header += "\tLAST RECORDED\tTHROUGH\tLABELS"
	}
	fmt.Fprintln(out, header)
	for i := range all {
		a := &all[i]
		row := []string{a.Namespace, cmp.Or(plain(a.Name()), "-"), a.state().String(), moment(a.since()), brief(a.selectors())}
		if wide {
			row = append(row, moment(a.LastSeen), cmp.Or(a.Credential, a.Trigger, "-"), set(a.labels()))
		}
		fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	return out.Flush()
}

// selectors returns the objects that select an alert, each with the state for it if that is not the alert's State.
func (a *Alert) selectors() []string {
	all := slices.Clone(a.SelectedBy)
	for i, object := range all {
		if is := a.Otherwise[object]; is != "" {
			all[i] += ": " + is
		}
	}
	return all
}

// since returns when an alert began, or was resolved.
func (a *Alert) since() time.Time {
	if a.State == Resolved && a.EndsAt != nil {
		return *a.EndsAt
	}
	return a.StartsAt
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + "Z" }

// set formats labels as Alertmanager does. Values of senders are quoted.
func set(labels map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, plain(name)+"="+strconv.QuoteToGraphic(labels[name]))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// plain returns a name of a sender, quoted if it contains special characters.
func plain(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
