package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// guard is a figure of -quick that must not become worse than in the committed results. It is a ratio of two measurements of the same run, or a
// count: a slow or busy machine makes neither much worse, and a time alone is no guard.
type guard struct {
	// name is that of the result, and figure what is read from it.
	name   string
	figure figure
	// A figure may be times the committed one, and atLeast in any case. times is 0 for a count that has no reason to grow.
	times, atLeast float64
	// cause is where to look when the figure is too large.
	cause string
}

// figure is a part of a result.
type figure struct {
	what string
	of   func(result) float64
}

var (
	count  = figure{"count", func(r result) float64 { return r.P50 }}
	beside = figure{"ratio to its reference", func(r result) float64 { return r.RatioP50 }}
)

// guards are wide enough for a machine that is busy with something else, and narrow enough for the regressions that they name.
var guards = []guard{
	{"rest/300/writes", count, 0, 30, "each wobble of a reading is written: see type outcome in internal/control/status, and TestQuiet"},
	{"rest/300/lease-writes", count, 0, 2, "the Lease is renewed too often: see internal/control/election"},
	{"rest/300/goroutines-per-object", count, 0, 0.95, "an object has a goroutine of its own: see TestCost in internal/control/controller"},
	{"rest/300/memory-per-object", beside, 1.5, 0, "an object keeps more: see TestCost in internal/control/controller, and a heap profile (PROFILE=DIR)"},
	{"rest/300/rss", beside, 1.5, 0, "the process keeps more: see a heap profile (PROFILE=DIR)"},
	{"rest/300/allocations-per-reading", count, 1.3, 0, "a reading allocates more: see a CPU profile (PROFILE=DIR), and the benchmarks of triggers"},
	{"rest/300/source-peak", count, 2, 2.5, "readings are not spread over their interval: see the Poller in triggers"},
	{"start/300/again/status-writes", count, 0, 15, "a restart writes statuses whose outcome stands: see Resume in internal/control/status"},
	{"edge/300/last-write", beside, 2.5, 8, "counts wait for each other or for other writes: see internal/kube/writes and internal/workqueue"},
	{"rate/20/refused", count, 0, 20, "senders get 503, because records wait: see internal/kube/writes and internal/ingest/store"},
	{"rate/20/late", count, 0, 4, "counts were not written: see the log of Impulse"},
	{"rate/20/reaction", beside, 2, 3, "counts wait: see internal/kube/writes and internal/control/autoscaler"},
	{"rate/20/accept", beside, 2, 5, "records wait: see internal/kube/writes and internal/ingest/store"},
}

// guarded is a guard with what it compares.
type guarded struct {
	guard

	committed, now, allowed float64
	// missing is the file that does not have the result; "" means that both have.
	missing string
}

// regressed reports whether the figure is worse than allowed, or unknown.
func (g *guarded) regressed() bool { return g.missing != "" || g.now > g.allowed }

// check compares the results of a run with committed ones. It is a pure function.
func check(all []guard, committed, now []result) []guarded {
	checked := make([]guarded, len(all))
	for i, g := range all {
		c := &checked[i]
		c.guard = g
		before, known := named(committed, g.name)
		after, measured := named(now, g.name)
		switch {
		case !measured:
			c.missing = "this run"
		case !known:
			c.missing = "the committed results"
		default:
			c.committed, c.now = g.figure.of(before), g.figure.of(after)
			c.allowed = max(g.times*c.committed, g.atLeast)
		}
	}
	return checked
}

// named returns the result of a name.
func named(all []result, name string) (result, bool) {
	i := slices.IndexFunc(all, func(r result) bool { return r.Name == name })
	if i < 0 {
		return result{}, false
	}
	return all[i], true
}

// compareWith compares the results of a run with those in a file, shows a table, and returns an error that names what has regressed.
func compareWith(w io.Writer, path string, now []result) error {
	committed, err := readResults(path)
	if err != nil {
		return err
	}
	checked := check(guards, committed, now)
	showChecked(w, checked)
	var regressed []error
	for i := range checked {
		switch c := &checked[i]; {
		case c.missing != "":
			regressed = append(regressed, fmt.Errorf("%s: %s has no such result; `make bench-quick OUT=%s` adds those of this machine", c.name, c.missing, path))
		case c.regressed():
			regressed = append(regressed, fmt.Errorf("%s: the %s is %.3g, at most %.3g is allowed (committed: %.3g): %s", c.name, c.figure.what, c.now, c.allowed, c.committed, c.cause))
		}
	}
	if len(regressed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d figures have regressed, or are unknown:\n%w\nIf it is meant, commit the new results: make bench-quick OUT=%s",
		len(regressed), len(checked), errors.Join(regressed...), path)
}

// showChecked writes a table of what was compared.
func showChecked(w io.Writer, checked []guarded) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, strings.Join([]string{"figure", "", "committed", "now", "allowed", "", ""}, "\t"))
	for i := range checked {
		c := &checked[i]
		verdict := "ok"
		switch {
		case c.missing != "":
			verdict = "UNKNOWN"
		case c.regressed():
			verdict = "REGRESSED"
		}
		fmt.Fprintf(tw, "%s\t%s\t%.3g\t%.3g\t%.3g\t%s\t\n", c.name, c.figure.what, c.committed, c.now, c.allowed, verdict)
	}
	_ = tw.Flush()
}
