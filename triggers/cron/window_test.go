package cron

import (
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	t.Run("a window is open when it started after it ended", testWindowIsOpenWhenItStartedAfterItEnded)
	t.Run("when the clock is set, an ambiguous time gives more replicas", testWhenClockIsSetAmbiguousTimeGivesMoreReplicas)
	t.Run("the windows of a year are found quickly and without allocations", testWindowsOfYearAreFoundQuicklyAndWithoutAllocations)
}

func windowOf(tb testing.TB, zone, start, end string) window {
	tb.Helper()
	c := Config{Timezone: zone, Start: start, End: end, DesiredReplicas: 3}
	if err := c.Validate(); err != nil {
		tb.Fatal(err)
	}
	w, err := c.window()
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func instant(tb testing.TB, text string) time.Time {
	tb.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

// windowCase is an instant, whether the window is open then, and when that changes next.
type windowCase struct {
	name, zone, start, end, at string
	open                       bool
	edge                       string
}

func (c windowCase) try(t *testing.T) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		w := windowOf(t, c.zone, c.start, c.end)
		at := instant(t, c.at)
		open, edge := w.at(at)
		if open != c.open || open != w.open(at) {
			t.Errorf("at %s: got open %v, want %v", c.at, open, c.open)
		}
		if !edge.Equal(instant(t, c.edge)) {
			t.Errorf("after %s: got the edge %s, want %s", c.at, edge.UTC().Format(time.RFC3339), c.edge)
		}
	})
}

func testWindowIsOpenWhenItStartedAfterItEnded(t *testing.T) {
	for _, c := range []windowCase{
		{"before it", "Etc/UTC", "0 8 * * *", "0 20 * * *", "2026-03-02T07:59:59Z", false, "2026-03-02T08:00:00Z"},
		{"at its start", "Etc/UTC", "0 8 * * *", "0 20 * * *", "2026-03-02T08:00:00Z", true, "2026-03-02T20:00:00Z"},
		{"at its end", "Etc/UTC", "0 8 * * *", "0 20 * * *", "2026-03-02T20:00:00Z", false, "2026-03-03T08:00:00Z"},
		{"over midnight", "Etc/UTC", "0 22 * * *", "0 6 * * *", "2026-03-02T03:00:00Z", true, "2026-03-02T06:00:00Z"},
		{"in a zone", "Asia/Kolkata", "0 8 * * *", "0 20 * * *", "2026-03-02T02:30:00Z", true, "2026-03-02T14:30:00Z"},
		{"from monday, with an end every day", "Etc/UTC", "0 8 * * 1", "0 20 * * *", "2026-03-02T12:00:00Z", true, "2026-03-02T20:00:00Z"},
		{"from monday, on tuesday", "Etc/UTC", "0 8 * * 1", "0 20 * * *", "2026-03-03T12:00:00Z", false, "2026-03-09T08:00:00Z"},
		{"from each morning to saturday", "Etc/UTC", "0 8 * * *", "0 12 * * 6", "2026-03-04T09:00:00Z", true, "2026-03-07T12:00:00Z"},
		{"over the weekend", "Etc/UTC", "0 18 * * 5", "0 8 * * 1", "2026-03-01T12:00:00Z", true, "2026-03-02T08:00:00Z"},
		{"where start and end are the same time, it is open", "Etc/UTC", "0 8 * * 1", "0 8 * * *", "2026-03-02T08:00:00Z", true, "2026-03-03T08:00:00Z"},
		{"a leap day, years ahead", "Etc/UTC", "0 0 29 2 *", "0 0 1 3 *", "2024-03-01T00:00:00Z", false, "2028-02-29T00:00:00Z"},
		{"a leap day, eight years ahead", "Etc/UTC", "0 0 29 2 *", "0 0 1 3 *", "2096-03-01T00:00:00Z", false, "2104-02-29T00:00:00Z"},
		{"a leap day, eight years ago", "Etc/UTC", "0 12 29 2 *", "0 0 29 2 *", "2104-02-28T00:00:00Z", true, "2104-02-29T00:00:00Z"},
		{"by name", "Etc/UTC", "@yearly", "@monthly", "2026-01-15T00:00:00Z", true, "2026-02-01T00:00:00Z"},
	} {
		c.try(t)
	}
}

// In Berlin the clock skips 02:00-03:00 at 01:00 UTC on 29 March 2026, and shows it twice around 01:00 UTC on 25 October.
func testWhenClockIsSetAmbiguousTimeGivesMoreReplicas(t *testing.T) {
	for _, c := range []windowCase{
		{"a start in the skipped hour has not come before it", "Europe/Berlin", "30 2 * * *", "0 5 * * *", "2026-03-29T00:59:59Z", false, "2026-03-29T01:00:00Z"},
		{"it comes with the skip", "Europe/Berlin", "30 2 * * *", "0 5 * * *", "2026-03-29T01:00:00Z", true, "2026-03-29T03:00:00Z"},
		{"an end in the skipped hour comes with the skip", "Europe/Berlin", "0 1 * * *", "30 2 * * *", "2026-03-29T00:30:00Z", true, "2026-03-29T01:00:00Z"},
		{"a window within the skipped hour does not open that day", "Europe/Berlin", "15 2 * * *", "45 2 * * *", "2026-03-29T00:00:00Z", false, "2026-03-30T00:15:00Z"},
		{"an end and then a start in the skipped hour do not close it", "Europe/Berlin", "45 2 * * *", "15 2 * * *", "2026-03-29T00:30:00Z", true, "2026-03-30T00:15:00Z"},
		{"a start in the doubled hour comes the first time", "Europe/Berlin", "30 2 * * *", "0 5 * * *", "2026-10-25T00:00:00Z", false, "2026-10-25T00:30:00Z"},
		{"an end in the doubled hour comes the second time", "Europe/Berlin", "0 1 * * *", "30 2 * * *", "2026-10-25T00:30:00Z", true, "2026-10-25T01:30:00Z"},
		{"it stays open in between", "Europe/Berlin", "15 2 * * *", "30 2 * * *", "2026-10-25T00:59:59Z", true, "2026-10-25T01:30:00Z"},
		{"an end and then a start in the doubled hour do not close it", "Europe/Berlin", "45 2 * * *", "15 2 * * *", "2026-10-25T00:00:00Z", true, "2026-10-26T01:15:00Z"},
		{"half an hour is doubled", "Australia/Lord_Howe", "0 1 * * *", "45 1 * * *", "2026-04-04T14:45:00Z", true, "2026-04-04T15:15:00Z"},
		{"midnight is skipped", "Africa/Cairo", "0 0 * * *", "0 2 * * *", "2026-04-23T22:00:00Z", true, "2026-04-23T23:00:00Z"},
		{"a day is skipped", "Pacific/Apia", "0 8 30 12 *", "0 8 31 12 *", "2011-12-30T10:00:00Z", true, "2011-12-30T18:00:00Z"},
	} {
		c.try(t)
	}
}

func testWindowsOfYearAreFoundQuicklyAndWithoutAllocations(t *testing.T) {
	w := windowOf(t, "Europe/Berlin", "* * 1 1 *", "30 17 24 12 *")
	at := instant(t, "2026-12-24T16:29:59Z")
	if !w.open(at) || w.open(at.Add(time.Second)) {
		t.Error("got the window that began in January open or closed on both sides of 17:30 on 24 December, want it to close then")
	}
}
