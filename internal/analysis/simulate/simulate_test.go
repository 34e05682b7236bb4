package simulate

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestSimulate(t *testing.T) {
	t.Run("a replica is ready after its delay and the newest go first", testReplicaIsReadyAfterItsDelayAndNewestGoFirst)
	t.Run("the ready count is the wanted one of the delay before", testReadyCountIsWantedOneOfDelayBefore)
	t.Run("a score counts both errors and the backlog", testScoreCountsBothErrorsAndBacklog)
	t.Run("a missing measurement is not zero", testMissingMeasurementIsNotZero)
	t.Run("the oracle is never wrong", testOracleIsNeverWrong)
	t.Run("a jump is followed at the next reading and reverted after the window", testJumpIsFollowedAtNextReadingAndRevertedAfterWindow)
	t.Run("pictures and tables are written", testPicturesAndTablesAreWritten)
	t.Run("bad input is explained", testBadInputIsExplained)
	t.Run("a gap or NaN in a CSV is no reading", testGapOrNaNInCSVIsNoReading)
	t.Run("a simulation can be interrupted", testSimulationCanBeInterrupted)
}

// at returns the instant a number of seconds after begin.
func at(seconds int) scalers.Instant {
	return begin + scalers.Instant(seconds)*scalers.Instant(time.Second)
}

// modelOf returns a load of one number each minute, of which a replica can serve 10.
func modelOf(load ...int) *Model {
	l := &Load{Columns: []Column{{Name: "value"}}}
	for i, n := range load {
		l.Times = append(l.Times, at(60*i))
		l.Columns[0].Cells = append(l.Columns[0].Cells, Cell{Value: scalers.Milli(n) * 1000})
	}
	return &Model{Load: l, Column: &l.Columns[0], Capacity: 10_000}
}

func testReplicaIsReadyAfterItsDelayAndNewestGoFirst(t *testing.T) {
	wanted := []Step{{at(0), 2}, {at(100), 6}, {at(110), 4}, {at(120), 5}, {at(200), 1}, {at(210), 3}, {at(215), 1}}
	want := []Step{{at(0), 2}, {at(130), 4}, {at(150), 5}, {at(200), 1}}
	if got := ready(wanted, 30*time.Second); !reflect.DeepEqual(got, want) {
		t.Errorf("ready are %v, want %v", got, want)
	}
	if got := ready(wanted, 0); !reflect.DeepEqual(got, wanted) {
		t.Errorf("without a delay ready are %v, want %v", got, wanted)
	}
}

// Counts change at random: at any time, the ready replicas are the least count that was wanted during the delay before.
func testReadyCountIsWantedOneOfDelayBefore(t *testing.T) {
	const delay = 7
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		wanted, counts := []Step{{at(0), 3}}, []int32{}
		for second := range 60 {
			if rng.IntN(4) == 0 && second > 0 {
				wanted = append(wanted, Step{at(second), rng.Int32N(6)})
			}
			counts = append(counts, wanted[len(wanted)-1].N)
		}
		c := newCursor(at(0), at(60), ready(wanted, delay*time.Second))
		for c.next() {
			for s := int(c.from.Sub(begin).Seconds()); at(s) < c.until; s++ {
				least := counts[s]
				for back := max(s-delay, 0); back < s; back++ {
					least = min(least, counts[back])
				}
				if c.at[0] != least {
					t.Fatalf("seed %d: at %d s %d are ready, want %d of %v", seed, s, c.at[0], least, wanted)
				}
			}
		}
	}
}

func testScoreCountsBothErrorsAndBacklog(t *testing.T) {
	// Needed are 1, 3, 3, 0 and 1; there are 2 all the time but for a short while.
	m := modelOf(10, 30, 30, 0, 10)
	wanted := []Step{{at(0), 2}, {at(180), 3}, {at(240), 2}}
	s := score(m, wanted, ready(wanted, 0), m.Demand())
	want := Score{
		ReplicaHours: 11. / 60, UnderShare: 2. / 5, UnderMean: 1, OverShare: 3. / 5, OverMean: 5. / 3, Actions: 2, Flaps: 1,
		// One of three waits for two minutes, which is 120 replica-seconds; three work it off in 40 s.
		LongestBacklog: 160 * time.Second,
	}
	if s.ReplicaHours -= want.ReplicaHours; math.Abs(s.ReplicaHours) > 1e-9 {
		t.Errorf("got replica-hours that differ by %g, want %g", s.ReplicaHours, want.ReplicaHours)
	}
	if s.ReplicaHours = want.ReplicaHours; s != want {
		t.Errorf("the score is %+v, want %+v", s, want)
	}
}

func testMissingMeasurementIsNotZero(t *testing.T) {
	m := modelOf(30, 0, 0, 20)
	for i, answer := range []engine.Answer{engine.Silent, engine.NaN} {
		m.Column.Cells[i+1] = Cell{Answer: answer}
	}
	if got, want := m.Demand(), []Step{{at(0), 3}, {at(180), 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("needed are %v, want %v", got, want)
	}
	if got := m.Load.cell(m.Column, at(180+4*60), time.Minute); got.Answer != engine.Stale {
		t.Errorf("got %+v long after the last number, want a stale cell", got)
	}
}

func testOracleIsNeverWrong(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		load := make([]int, 50)
		for i := range load {
			load[i] = rng.IntN(200)
		}
		m := modelOf(load...)
		o := &Track{Wanted: m.Demand()}
		if s := score(m, o.Wanted, o.Wanted, m.Demand()); s.UnderShare != 0 || s.OverShare != 0 || s.LongestBacklog != 0 {
			t.Fatalf("seed %d: got the score %+v, want neither under, over nor backlog", seed, s)
		}
	}
}

const policy = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  pollingInterval: 15
  minReplicaCount: 1
  maxReplicaCount: 20
  triggers:
  - {type: prometheus, metadata: {serverAddress: http://p:9090, query: up, threshold: 10}}
`

// files writes files into a folder, and returns their paths.
func files(t *testing.T, contents ...string) []string {
	t.Helper()
	paths := make([]string, len(contents))
	for i, content := range contents {
		paths[i] = filepath.Join(t.TempDir(), "file.yaml")
		if err := os.WriteFile(paths[i], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func simulate(t *testing.T, csv string, change func(*Options)) (*Result, error) {
	t.Helper()
	paths := files(t, policy, csv)
	o := Options{Kinds: builtin.Kinds(), Files: paths[:1], Input: paths[1], Baselines: Baselines()}
	change(&o)
	return Simulate(t.Context(), o)
}

// A load that jumps from 20 to 100 and back.
const jump = "time,value\n0,20\n600,100\n1200,20\n3000,20\n"

func testJumpIsFollowedAtNextReadingAndRevertedAfterWindow(t *testing.T) {
	r, err := simulate(t, jump, func(*Options) {})
	if err != nil {
		t.Fatal(err)
	}
	// The load is read each 15 s; the window is 300 s from the last reading of 100.
	want := []Step{{at(0), 2}, {at(600), 10}, {at(1485), 2}}
	if got := r.Policies[0].Wanted; !reflect.DeepEqual(got, want) {
		t.Errorf("wanted are %v, want %v", got, want)
	}
	// The HPA may only double, to 4 at least, at each of its ticks, and its window's edge belongs to it.
	want = []Step{{at(0), 1}, {at(0), 2}, {at(600), 4}, {at(615), 8}, {at(630), 10}, {at(1500), 2}}
	if got := r.Policies[1].Wanted; !reflect.DeepEqual(got[len(got)-4:], want[2:]) {
		t.Errorf("the HPA wants %v, want %v", got, want)
	}
	if c := r.Policies[3]; c.Name != "constant" || !reflect.DeepEqual(c.Wanted, []Step{{at(0), 10}}) {
		t.Errorf("got %+v, want the constant with 10 replicas from the start", c)
	}
}

func testPicturesAndTablesAreWritten(t *testing.T) {
	r, err := simulate(t, jump, func(*Options) {})
	if err != nil {
		t.Fatal(err)
	}
	for ext, begin := range map[string]string{"png": "\x89PNG", "svg": "<?xml", "html": "<!DOCTYPE html>"} {
		path := filepath.Join(t.TempDir(), "out."+ext)
		if err := r.PlotTo(path); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(content), begin) || len(content) < 5000 {
			t.Errorf("got %d bytes of %s, %v; want 5000 or more that begin with %q", len(content), ext, err, begin)
		}
	}
	if err := r.PlotTo(filepath.Join(t.TempDir(), "out.gif")); err == nil || !strings.Contains(err.Error(), "expected .png, .svg or .html") {
		t.Errorf("got the error %v for a gif, want the formats that are possible", err)
	}
	var table bytes.Buffer
	if err := r.Table(&table); err != nil || strings.Count(table.String(), "\n") != 6 {
		t.Errorf("got the table\n%s%v\nwant 6 lines", table.String(), err)
	}
}

func testBadInputIsExplained(t *testing.T) {
	row := "time,value\n"
	for csv, want := range map[string]string{
		"":                        "there are no rows",
		row:                       "there are no rows",
		"time\n0\n":               ":1: the first row must name the time and at least one column",
		"0,20\n60,100\n":          ":1: the first row is one of numbers: write the names of the columns above it, such as time,value",
		"\ufeff0,20\n60,100\n":    ":1: the first row is one of numbers",
		"2026-03-01 08:00:00,1\n": ":1: the first row is one of numbers",
		"time,rps,rps\n0,1,2\n":   `:1: "rps" is the name of two columns`,
		row + "0,1\n0,2\n":        ":3: 0: the time is not after that of the row before",
		row + "yesterday,1\n":     `:2: "yesterday" is not a time`,
		row + "1700000000000,1\n": `:2: "1700000000000" is not a time`,
		row + "0,1\n60,much\n":    `:3: column value: "much" is not a number`,
		row + "0,1,2\n":           "wrong number of fields",
		"time,rps,cpu\n0,1,2\n":   "trigger prometheus: the load has no column for it",
		row + "0,1\n60,\"2\n":     `extraneous or missing " in quoted-field`,
	} {
		if _, err := simulate(t, csv, func(o *Options) { o.Capacity = "10" }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v for %q, want %q", err, csv, want)
		}
	}
	for want, change := range map[string]func(*Options){
		`"ten" is not a number`:                                            func(o *Options) { o.Capacity = "ten" },
		"0.0005 is finer than 0.001":                                       func(o *Options) { o.Capacity = "0.0005" },
		`"0" is not a number above 0`:                                      func(o *Options) { o.Capacity = "0" },
		"--load-column rps: the load has no column for it; it has [value]": func(o *Options) { o.Column = "rps" },
		`"vpa" is no baseline`:                                             func(o *Options) { o.Baselines = []string{"vpa"} },
		"there is no such file":                                            func(o *Options) { o.Files = []string{"/absent"} },
		"read the load: open /absent":                                      func(o *Options) { o.Input = "/absent" },
		"there is no load: give --input FILE or --prometheus":              func(o *Options) { o.Input = "" },
		"--from is not before --to":                                        func(o *Options) { o.Input, o.Prometheus, o.From, o.To = "", "http://127.0.0.1:1", "1h", "2h" },
		`--from: "monday"`:                                                 func(o *Options) { o.Input, o.Prometheus, o.From, o.To = "", "http://127.0.0.1:1", "monday", "0s" },
		"connection refused":                                               func(o *Options) { o.Input, o.Prometheus, o.From, o.To = "", "http://127.0.0.1:1", "1h", "0s" },
	} {
		if _, err := simulate(t, jump, change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %q", err, want)
		}
	}
}

func testGapOrNaNInCSVIsNoReading(t *testing.T) {
	l, err := ReadCSV("load.csv", strings.NewReader("\ufeff\"time\",value\n0,1\n60,\n120,nan\n180,2\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Cell{{Value: 1000}, {Answer: engine.Silent}, {Answer: engine.NaN}, {Value: 2000}}
	if got := l.Columns[0].Cells; !reflect.DeepEqual(got, want) {
		t.Errorf("got the cells %+v, want %+v", got, want)
	}
}

func testSimulationCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	paths := files(t, policy, "time,value\n0,1\n864000,1\n")
	if _, err := Simulate(ctx, Options{Kinds: builtin.Kinds(), Files: paths[:1], Input: paths[1]}); err == nil {
		t.Error("a simulation whose context is done ran to its end, want an error")
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(jump)
	f.Add("time,a,b\n2026-03-01T08:00:00Z,1,\n2026-03-01 08:00:01,nan,1e300\n")
	f.Fuzz(func(t *testing.T, content string) {
		l, err := ReadCSV("fuzz.csv", strings.NewReader(content))
		if err != nil {
			return
		}
		for i := 1; i < len(l.Times); i++ {
			if l.Times[i] <= l.Times[i-1] {
				t.Fatalf("got the times %v, want rising ones", l.Times)
			}
		}
		for _, c := range l.Columns {
			if len(c.Cells) != len(l.Times) {
				t.Fatalf("got %d cells in a column, want %d, one for each time", len(c.Cells), len(l.Times))
			}
		}
	})
}
