package cron

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReference(t *testing.T) {
	t.Run("windows agree with a wall clock", testWindowsAgreeWithWallClock)
}

// times is a schedule as lists of minutes, hours and weekdays.
type times struct{ minutes, hours, weekdays []int }

func (ts times) expression() string {
	return fmt.Sprintf("%s %s * * %s", list(ts.minutes), list(ts.hours), list(ts.weekdays))
}

func list(numbers []int) string {
	var words []string
	for _, n := range numbers {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, ",")
}

func (ts times) at(wall time.Time) bool {
	return slices.Contains(ts.minutes, wall.Minute()) && slices.Contains(ts.hours, wall.Hour()) && slices.Contains(ts.weekdays, int(wall.Weekday()))
}

// some returns some numbers below n: at least one, and at most this many.
func some(rng *rand.Rand, n, most int) []int {
	chosen := rng.Perm(n)[:1+rng.IntN(most)]
	slices.Sort(chosen)
	return chosen
}

// randomTimes returns random times, many of them in the hours in which clocks are set.
func randomTimes(rng *rand.Rand) times {
	ts := times{some(rng, 60, 2), some(rng, 24, 3), []int{0, 1, 2, 3, 4, 5, 6}}
	if rng.IntN(2) == 0 {
		ts.hours = some(rng, 4, 2)
	}
	if rng.IntN(3) == 0 {
		ts.weekdays = some(rng, 7, 3)
	}
	return ts
}

// reference is a reference model: whether a window is open in each minute, from a list of what the wall clock shows.
type reference struct {
	from time.Time
	open []bool
}

const (
	lead = 10 * 24 * 60 // Minutes before the first of the model, so that each weekday has come.
	span = 3 * 24 * 60
)

// newReference returns the model of three days from an instant.
func newReference(from time.Time, zone *time.Location, start, end times) reference {
	// By a wall clock that is never set: open from a start to an end.
	first := wallTime(from, zone).Add(-(lead + span) * time.Minute)
	wall := make([]bool, lead+4*span)
	for i := range wall {
		now := first.Add(time.Duration(i) * time.Minute)
		wall[i] = start.at(now) || i > 0 && wall[i-1] && !end.at(now)
	}
	// In fact: at each instant, all wall times between the lowest to come and the highest so far count as now.
	lowest, highest := make([]int, 3*span), make([]int, 3*span) // A span more on each side.
	for i := range highest {
		highest[i] = int(wallTime(from.Add(time.Duration(i-span)*time.Minute), zone).Sub(first) / time.Minute)
	}
	copy(lowest, highest)
	for i := 1; i < len(highest); i++ {
		highest[i] = max(highest[i], highest[i-1])
		lowest[len(lowest)-1-i] = min(lowest[len(lowest)-1-i], lowest[len(lowest)-i])
	}
	t := reference{from: from, open: make([]bool, span)}
	for i := range t.open {
		t.open[i] = slices.Contains(wall[lowest[i+span]:highest[i+span]+1], true)
	}
	return t
}

func testWindowsAgreeWithWallClock(t *testing.T) {
	rng := rand.New(rand.NewPCG(2026, 3))
	zones := []string{
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Africa/Cairo",
		"Antarctica/Troll", "America/Havana", "Europe/Dublin", "Pacific/Apia", "Asia/Gaza", "Asia/Kolkata", "Etc/UTC",
	}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			compareWindows(t, rng, zone)
		}
	}
}

func FuzzWindows(f *testing.F) {
	f.Add(uint64(1), "Europe/Berlin")
	f.Add(uint64(2), "America/Santiago")
	f.Fuzz(func(t *testing.T, seed uint64, name string) {
		zone, err := location(name)
		if err != nil {
			return
		}
		compareWindows(t, rand.New(rand.NewPCG(seed, 0)), zone)
	})
}

// compareWindows compares random windows with the reference model around an instant at which the clock is set.
func compareWindows(t *testing.T, rng *rand.Rand, zone *time.Location) {
	t.Helper()
	start, end := randomTimes(rng), randomTimes(rng)
	c := Config{Timezone: zone.String(), Start: start.expression(), End: end.expression()}
	if c.Validate() != nil {
		return // It never closes.
	}
	w, err := c.window()
	if err != nil {
		t.Fatal(err)
	}
	year := time.Date(2010+rng.IntN(30), time.Month(1+rng.IntN(12)), 1, 0, 0, 0, 0, time.UTC)
	if _, set := year.In(zone).ZoneBounds(); !set.IsZero() {
		year = set
	}
	from := year.UTC().Add(-span / 2 * time.Minute).Truncate(time.Minute)
	model := newReference(from, zone, start, end)
	_, expected := w.at(from)
	for i, open := range model.open {
		at := from.Add(time.Duration(i) * time.Minute)
		changed := i > 0 && open != model.open[i-1]
		if changed || i == 0 || rng.IntN(64) == 0 {
			if w.open(at) != open {
				t.Fatalf("%s from %q to %q at %s: got open %v, want the reference model's %v", zone, c.Start, c.End, at.In(zone), !open, open)
			}
		}
		if changed != expected.Equal(at) && i > 0 {
			t.Fatalf("%s from %q to %q at %s: the model changes: %v, want that at the edge %s", zone, c.Start, c.End, at.In(zone), changed, expected.In(zone))
		}
		if changed {
			_, expected = w.at(at)
		}
	}
}
