package cron

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestCron(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
	t.Run("the level is exact and stands until the next edge", testLevelIsExactAndStandsUntilNextEdge)
	t.Run("the level changes at the instant of the edge", testLevelChangesAtInstantOfEdge)
	t.Run("a start within the window emits its level at once", testStartWithinWindowEmitsItsLevelAtOnce)
	t.Run("a clock that is set is detected within a minute", testClockThatIsSetIsDetectedWithinMinute)
	t.Run("mistakes are explained", testMistakesAreExplained)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	triggertest.Conform(t, Kind(), triggertest.Fixture{Metadata: Kind().Example})
}

func testLevelIsExactAndStandsUntilNextEdge(t *testing.T) {
	if got := (Config{}).Trigger(); !got.Exact || !got.Continuous || got.Target != 1000 {
		t.Errorf("Trigger: got %+v, want it exact and continuous with target 1", got)
	}
}

// change is a level and when it was emitted.
type change struct {
	after time.Duration
	level scalers.Milli
}

// watch runs a source for a time and returns its events. The caller is a synctest bubble, which begins at midnight UTC.
func watch(t *testing.T, c Config, now func() time.Time, length time.Duration) []change {
	t.Helper()
	s, err := open(c, triggers.Env{Trigger: "office", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	began := time.Now()
	var changes []change
	err = s.Run(ctx, func(e scalers.Event) {
		if e.Trigger != "office" || e.Err != nil || !e.At.Time().Equal(now()) {
			t.Errorf("got the event %+v, want a known level of the trigger office, at the present time", e)
		}
		changes = append(changes, change{time.Since(began), e.Value})
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run: got %v, want the error of its context", err)
	}
	return changes
}

func testLevelChangesAtInstantOfEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Timezone: "Etc/UTC", Start: "0 8 * * *", End: "30 9 * * *", DesiredReplicas: 4}
		got := watch(t, c, time.Now, 33*time.Hour)
		want := []change{{0, 0}, {8 * time.Hour, 4000}, {9*time.Hour + 30*time.Minute, 0}, {32 * time.Hour, 4000}}
		if !slices.Equal(got, want) {
			t.Errorf("got the levels %v, want %v", got, want)
		}
	})
}

func testStartWithinWindowEmitsItsLevelAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{Timezone: "Etc/UTC", Start: "0 20 * * *", End: "0 6 * * *", DesiredReplicas: 4}
		if got, want := watch(t, c, time.Now, time.Hour), []change{{0, 4000}}; !slices.Equal(got, want) {
			t.Errorf("got the levels %v, want %v", got, want)
		}
	})
}

func testClockThatIsSetIsDetectedWithinMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		stop := time.AfterFunc(time.Hour+10*time.Second, func() { ahead.Store(int64(8 * time.Hour)) })
		defer stop.Stop()
		back := time.AfterFunc(2*time.Hour+10*time.Second, func() { ahead.Store(0) })
		defer back.Stop()
		c := Config{Timezone: "Etc/UTC", Start: "0 8 * * *", End: "0 18 * * *", DesiredReplicas: 4}
		want := []change{{0, 0}, {time.Hour + time.Minute, 4000}, {2*time.Hour + time.Minute, 0}}
		if got := watch(t, c, now, 3*time.Hour); !slices.Equal(got, want) {
			t.Errorf("got the levels %v, want %v", got, want)
		}
	})
}

func testMistakesAreExplained(t *testing.T) {
	valid := map[string]string{"timezone": "Etc/UTC", "start": "0 8 * * *", "end": "0 20 * * *", "desiredReplicas": "1"}
	for _, c := range []struct{ field, value, want string }{
		{"timezone", "europe/berlin", `"europe/berlin" is no time zone (did you mean "Europe/Berlin"?)`},
		{"timezone", "America/New York", `did you mean "America/New_York"?`},
		{"timezone", "Local", `"Local" is no time zone (write a name of the IANA database`},
		{"timezone", "../../etc/passwd", "is no time zone"},
		{"start", "0 8 * * 7", "Sunday is 0 or SUN"},
		{"start", "0 8 * * MOO", "MOO is no number"},
		{"start", "0 25 * * *", "above maximum (23)"},
		{"start", "0 0 8 * * *", "expected exactly 5 fields, found 6"},
		{"start", "@every 5m", "has no fixed times"},
		{"start", "TZ=Asia/Tokyo 0 8 * * *", "put it in timezone"},
		{"start", "CRON_TZ=x", "put it in timezone"},
		{"start", ", * * * *", "never comes"},
		{"end", "0 0 30 2 *", `"0 0 30 2 *" never comes (check the day and the month)`},
		{"end", "0 8 * * *", "the window would never close"},
		{"end", "00 08 * * 0-6", "the window would never close"},
		{"desiredReplicas", "-1", "must not be below 0"},
		{"desiredReplicas", "2.5", `"2.5" is not a whole number`},
	} {
		metadata := maps.Clone(valid)
		metadata[c.field] = c.value
		_, err := Kind().Decode(metadata)
		mistakes := triggers.FieldErrors(err)
		if len(mistakes) != 1 || mistakes[0].Field != c.field || !strings.Contains(mistakes[0].Error(), c.want) {
			t.Errorf("Decode with %s %q: got %v, want one mistake with %q", c.field, c.value, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"0 8 * * *", "@daily", "@every 1h", "*/5 0-23/2 1,15 * MON", "TZ=UTC", "", "60 * * * *", "@", "? ? ? ? ?", "0 0 29 2 *"} {
		f.Add(seed, "30 2 * * 0", "Europe/Berlin", int64(1774745999))
	}
	f.Fuzz(func(t *testing.T, start, end, zone string, unix int64) {
		c := Config{Timezone: zone, Start: start, End: end, DesiredReplicas: 1}
		if c.Validate() != nil {
			return
		}
		w, err := c.window()
		if err != nil {
			t.Fatalf("the window of a valid config: got %v, want no error", err)
		}
		now := time.Unix(unix%4_000_000_000, 0)
		open, edge := w.at(now)
		if edge.IsZero() {
			return
		}
		if w.open(now) != open || !edge.After(now) || w.open(edge) == open || w.open(edge.Add(-1)) != open {
			t.Errorf("from %q to %q in %s after %s: got the edge %s, want the first instant at which open changes", start, end, zone, now.UTC(), edge.UTC())
		}
	})
}
