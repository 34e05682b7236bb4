package cron

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func mustWindow(t testing.TB, zone, start, end string) window {
	t.Helper()
	s, err := open(Config{Timezone: zone, Start: start, End: end, DesiredReplicas: 3}, triggers.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*source).window
}

func TestTheWindowIsOpenWhenItWasOpenedLast(t *testing.T) {
	cases := []struct {
		name, zone, start, end, at string
		open                       bool
		next                       string
	}{
		{"before", "Etc/UTC", "0 8 * * *", "0 20 * * *", "2026-03-02T07:59:59Z", false, "2026-03-02T08:00:00Z"},
		{"at the start", "Etc/UTC", "0 8 * * *", "0 20 * * *", "2026-03-02T08:00:00Z", true, "2026-03-02T20:00:00Z"},
		{"at the end", "Etc/UTC", "0 8 * * *", "0 20 * * *", "2026-03-02T20:00:00Z", false, "2026-03-03T08:00:00Z"},
		{"over midnight", "Etc/UTC", "0 22 * * *", "0 6 * * *", "2026-03-02T03:00:00Z", true, "2026-03-02T06:00:00Z"},
		{"monday to the same evening", "Etc/UTC", "0 8 * * 1", "0 20 * * *", "2026-03-02T12:00:00Z", true, "2026-03-02T20:00:00Z"},
		{"closed on tuesday", "Etc/UTC", "0 8 * * 1", "0 20 * * *", "2026-03-03T12:00:00Z", false, "2026-03-03T20:00:00Z"},
		{"over the weekend", "Etc/UTC", "0 18 * * 5", "0 8 * * 1", "2026-03-01T12:00:00Z", true, "2026-03-02T08:00:00Z"},
		{"leap day", "Etc/UTC", "0 0 29 2 *", "0 0 1 3 *", "2027-06-01T00:00:00Z", false, "2028-02-29T00:00:00Z"},
		{"start inside the missing hour comes with the skip", "Europe/Berlin", "30 2 * * *", "0 5 * * *", "2026-03-29T01:00:00Z", true, "2026-03-29T03:00:00Z"},
		{"and not before", "Europe/Berlin", "30 2 * * *", "0 5 * * *", "2026-03-29T00:59:59Z", false, "2026-03-29T01:00:00Z"},
		{"start and end inside the missing hour", "Europe/Berlin", "15 2 * * *", "45 2 * * *", "2026-03-29T01:00:00Z", false, "2026-03-30T00:15:00Z"},
		{"end inside the doubled hour comes the first time", "Europe/Berlin", "0 1 * * *", "30 2 * * *", "2026-10-25T00:30:00Z", false, "2026-10-26T00:00:00Z"},
		{"and not again", "Europe/Berlin", "15 2 * * *", "30 2 * * *", "2026-10-25T01:20:00Z", false, "2026-10-26T01:15:00Z"},
		{"half an hour of daylight saving", "Australia/Lord_Howe", "15 2 * * *", "0 4 * * *", "2026-10-03T15:30:00Z", true, "2026-10-03T17:00:00Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := mustWindow(t, c.zone, c.start, c.end)
			at := parseTime(t, c.at)
			if open := w.open(at); open != c.open {
				t.Errorf("open at %s: %v, expected %v", c.at, open, c.open)
			}
			if next, _ := w.next(at); !next.Equal(parseTime(t, c.next)) {
				t.Errorf("next edge after %s: %s, expected %s", c.at, next.UTC().Format(time.RFC3339), c.next)
			}
		})
	}
}

func parseTime(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestTheWindowAgreesWithAClockOnTheWall walks a wall clock minute by minute over days with and without a change of the
// offset, and opens and closes a window when it shows the times of the schedule, or skips them.
func TestTheWindowAgreesWithAClockOnTheWall(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 11))
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Casablanca"}
	days := []string{"2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2026-04-04", "2018-11-03", "2026-02-14"}
	for range 40 {
		zone, day := zones[rng.IntN(len(zones))], days[rng.IntN(len(days))]
		from, to := rng.IntN(24*60), rng.IntN(24*60)
		if from == to {
			continue
		}
		w := mustWindow(t, zone, daily(from), daily(to))
		at := parseTime(t, day+"T00:00:00Z")
		twin := newWallTwin(w.zone, at.Add(-48*time.Hour), from, to)
		for ; at.Before(parseTime(t, day+"T00:00:00Z").Add(48 * time.Hour)); at = at.Add(time.Minute) {
			if open, want := w.open(at), twin.open(at); open != want {
				t.Fatalf("%s %s-%s at %s: open is %v, the clock on the wall says %v", zone, daily(from), daily(to), at.In(w.zone), open, want)
			}
		}
	}
}

func daily(minute int) string {
	return strings.TrimSpace(time.Date(2000, 1, 1, 0, minute, 0, 0, time.UTC).Format("4 15 ") + "* * *")
}

// wallTwin is the plain way: a clock that is looked at each minute, and that has never shown a minute before.
type wallTwin struct {
	zone     *time.Location
	at       time.Time
	highest  time.Time // The latest wall time shown so far.
	from, to int
	isOpen   bool
}

func newWallTwin(zone *time.Location, at time.Time, from, to int) *wallTwin {
	return &wallTwin{zone: zone, at: at, highest: wall(at, zone), from: from, to: to}
}

func (w *wallTwin) open(now time.Time) bool {
	for ; !w.at.After(now); w.at = w.at.Add(time.Minute) {
		shown := wall(w.at, w.zone)
		for m := w.highest.Add(time.Minute); !m.After(shown); m = m.Add(time.Minute) {
			switch m.Hour()*60 + m.Minute() {
			case w.from:
				w.isOpen = true
			case w.to:
				w.isOpen = false
			}
			w.highest = m
		}
	}
	return w.isOpen
}

func TestTheLevelChangesAtTheEdgeItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now() // Midnight, 1 January 2000, in the bubble.
		s, err := open(Config{Timezone: "Etc/UTC", Start: "0 8 * * *", End: "30 9 * * *", DesiredReplicas: 4}, triggers.Env{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
		defer cancel()
		var got []time.Duration
		var levels []scalers.Milli
		err = s.Run(ctx, func(e scalers.Event) {
			got, levels = append(got, time.Since(began)), append(levels, e.Value)
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run returned %v", err)
		}
		want := []time.Duration{0, 8 * time.Hour, 9*time.Hour + 30*time.Minute}
		if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || levels[1] != 4000 || levels[2] != 0 {
			t.Errorf("levels %v at %v, expected 0, 4, 0 at %v", levels, got, want)
		}
	})
}

func TestMistakesAreSaidAllAtOnce(t *testing.T) {
	_, err := Kind().Decode(map[string]string{
		"timezone": "Europe/Berlim", "start": "0 25 * * *", "end": "0 0 30 2 *", "desiredReplicas": "many", "replicas": "3",
	})
	said := ""
	for _, m := range triggers.FieldErrors(err) {
		said += m.Error() + "\n"
	}
	for _, want := range []string{`unknown time zone "Europe/Berlim"`, `"0 25 * * *" is not a cron expression`, "never comes", `"many" is not a whole number`, "replicas: unknown parameter"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
}

func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{"0 8 * * *", "@daily", "@every 1h", "*/5 0-23/2 1,15 * MON", "TZ=UTC 0 0 * * *", "", "60 * * * *", "@"} {
		f.Add(seed)
	}
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if problem, _ := check(text); problem != "" {
			return
		}
		s, err := parse(text)
		if err != nil {
			t.Fatalf("%q passes the check but not the parser: %v", text, err)
		}
		w, now := window{s, s, zone}, time.Date(2026, 3, 8, 6, 59, 0, 0, time.UTC)
		if next, ok := w.next(now); ok && !next.After(now) {
			t.Errorf("%q: the next edge after %s is %s", text, now, next)
		}
	})
}
