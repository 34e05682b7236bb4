package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/alertmanager"
	"github.com/impulse-sh/impulse/triggers/cron"
)

func TestEngine(t *testing.T) {
	t.Run("everything due at an instant is applied before one decision", testEverythingDueAtInstantIsAppliedBeforeOneDecision)
	t.Run("our own write causes no decision, a foreign one does", testOurOwnWriteCausesNoDecisionForeignOneDoes)
	t.Run("the core decides again at each Next", testCoreDecidesAgainAtEachNext)
	t.Run("without a new reading the last one stands until it is too old", testWithoutNewReadingLastOneStandsUntilItIsTooOld)
	t.Run("a continuous level causes a decision only when it changes", testContinuousLevelCausesDecisionOnlyWhenItChanges)
	t.Run("a run can be repeated", testRunCanBeRepeated)
	t.Run("a missing feed is unknown", testMissingFeedIsUnknown)
	t.Run("a schedule follows the virtual clock", testScheduleFollowsVirtualClock)
	t.Run("alerts count while they fire", testAlertsCountWhileTheyFire)
	t.Run("steps follow time while an alert fires", testStepsFollowTimeWhileAlertFires)
	t.Run("alerts arrive at the namespace's receiver", testAlertsArriveAtNamespacesReceiver)
	t.Run("an empty answer counts as zero when the trigger is configured so", testEmptyAnswerCountsAsZeroWhenTriggerSaysSo)
	t.Run("pods grow older and are sampled anew", testPodsGrowOlderAndAreSampledAnew)
	t.Run("a mean is that of the ready pods while others are pending", testMeanIsThatOfReadyPodsWhileOthersArePending)
	t.Run("replicas are ready after the start-up delay", testReplicasAreReadyAfterStartUpDelay)
	t.Run("series go on with their last value", testSeriesGoOnWithTheirLastValue)
	t.Run("counts stand until the next", testCountsStandUntilNext)
}

var start = scalers.InstantOf(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))

// policy returns a policy of 1 to 10 replicas, one for each unit of the level of a trigger called q, and a scale-down window of a
// minute.
func policy() *scalers.Policy {
	return &scalers.Policy{
		Min: 1, Max: 10, Idle: scalers.NoIdle, Down: scalers.Behavior{Window: time.Minute},
		Triggers: []scalers.Trigger{{Name: "q", Target: 1000}},
	}
}

// numbers returns a feed of one number every 10 s.
func numbers(values ...int64) Feed {
	runs := make([]Run, len(values))
	for i, v := range values {
		runs[i] = Run{First: scalers.Milli(v * 1000), Times: 1}
	}
	return Regular{Ticker: Ticker{Start: start, Interval: 10 * time.Second}, Series: NewSeries(runs...)}
}

// turns lists the turns up to a time, one per line.
func turns(s *Scenario, until time.Duration) string {
	var out strings.Builder
	for t := range s.Turns(s.Start.Add(until)) {
		fmt.Fprintf(&out, "%s:", t.At.Sub(s.Start))
		for _, cause := range []struct {
			is   bool
			name string
		}{{t.FirstSeen, "first seen"}, {t.Written, "written"}, {t.Arrived != 0, fmt.Sprintf("arrived %b", t.Arrived)}, {t.TimerFired, "timer"}} {
			if cause.is {
				fmt.Fprintf(&out, " %s,", cause.name)
			}
		}
		if t.Decided {
			fmt.Fprintf(&out, " %d → %d,", t.From, t.Decision.Replicas)
		}
		fmt.Fprintf(&out, " %d ready of %d\n", t.Target.Ready, t.Target.Current)
	}
	return out.String()
}

func expectTurns(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimLeft(strings.ReplaceAll(want, "\t", ""), "\n"); got != want {
		t.Errorf("got the turns\n%s\nwant\n%s", got, want)
	}
}

func testEverythingDueAtInstantIsAppliedBeforeOneDecision(t *testing.T) {
	s := &Scenario{Policy: policy(), Start: start, Replicas: 1, Feeds: []Feed{numbers(3, 1, 1, 1, 1, 1, 1, 1, 1)}, Writes: []Write{{start.Add(60 * time.Second), 7}}}
	expectTurns(t, turns(s, 65*time.Second), `
		0s: first seen, arrived 1, 1 → 3, 3 ready of 3
		10s: arrived 1, 3 → 3, 3 ready of 3
		20s: arrived 1, 3 → 3, 3 ready of 3
		30s: arrived 1, 3 → 3, 3 ready of 3
		40s: arrived 1, 3 → 3, 3 ready of 3
		50s: arrived 1, 3 → 3, 3 ready of 3
		1m0s: written, arrived 1, timer, 7 → 1, 1 ready of 1
	`)
}

func testOurOwnWriteCausesNoDecisionForeignOneDoes(t *testing.T) {
	s := &Scenario{
		Policy: policy(), Start: start, Replicas: 1, Feeds: []Feed{Regular{Ticker: Ticker{start, time.Hour}, Series: NewSeries(Run{First: 4000, Times: 1})}},
		Writes: []Write{{start.Add(time.Second), 4}, {start.Add(2 * time.Second), 6}, {start.Add(2 * time.Second), 9}},
	}
	expectTurns(t, turns(s, time.Minute), `
		0s: first seen, arrived 1, 1 → 4, 4 ready of 4
		1s: written, 4 ready of 4
		2s: written, 9 → 4, 4 ready of 4
	`)
}

func testCoreDecidesAgainAtEachNext(t *testing.T) {
	p := policy()
	p.Up.Policies = []scalers.RatePolicy{{Amount: 2, Period: 7 * time.Second}}
	s := &Scenario{
		Policy: p, Start: start, Replicas: 1, StartupDelay: 5 * time.Second,
		Feeds: []Feed{Regular{Ticker: Ticker{start, time.Hour}, Series: NewSeries(Run{First: 6000, Times: 1})}},
	}
	expectTurns(t, turns(s, time.Minute), `
		0s: first seen, arrived 1, 1 → 3, 1 ready of 3
		7s: timer, 3 → 5, 3 ready of 5
		14s: timer, 5 → 6, 5 ready of 6
	`)
}

func testWithoutNewReadingLastOneStandsUntilItIsTooOld(t *testing.T) {
	p := policy()
	p.Triggers[0].StaleAfter = 30 * time.Second
	series := NewSeries(Run{First: 3000, Times: 1}, Run{Answer: Silent, Times: 1})
	s := &Scenario{Policy: p, Start: start, Replicas: 3, Feeds: []Feed{Regular{Ticker: Ticker{start, 10 * time.Second}, Series: series}}}
	expectTurns(t, turns(s, 35*time.Second), `
		0s: first seen, arrived 1, 3 → 3, 3 ready of 3
		10s: 3 ready of 3
		20s: 3 ready of 3
		30s: 3 ready of 3
		30.000000001s: timer, 3 → 3, 3 ready of 3
	`)
}

func testContinuousLevelCausesDecisionOnlyWhenItChanges(t *testing.T) {
	p := policy()
	p.Triggers[0].Continuous = true
	series := NewSeries(Run{First: 3000, Times: 2}, Run{Answer: Failed, Times: 2}, Run{Answer: NaN, Times: 1}, Run{First: 4000, Times: 1})
	s := &Scenario{Policy: p, Start: start, Replicas: 3, Feeds: []Feed{Regular{Ticker: Ticker{start, 10 * time.Second}, Series: series}}}
	expectTurns(t, turns(s, 65*time.Second), `
		0s: first seen, arrived 1, 3 → 3, 3 ready of 3
		10s: 3 ready of 3
		20s: arrived 1, 3 → 3, 3 ready of 3
		30s: 3 ready of 3
		40s: arrived 1, 3 → 3, 3 ready of 3
		50s: arrived 1, 3 → 4, 4 ready of 4
		1m0s: 4 ready of 4
	`)
}

func testRunCanBeRepeated(t *testing.T) {
	s := &Scenario{
		Policy: policy(), Start: start, Replicas: 1, Feeds: []Feed{numbers(3, 5, 1)}, Writes: []Write{{start.Add(time.Second), 7}},
		Memory: scalers.Memory{}.Recommended(policy(), start.Add(-time.Second), 4),
	}
	first := turns(s, 5*time.Minute)
	if second := turns(s, 5*time.Minute); first != second {
		t.Errorf("the second run has the turns\n%s\nwant those of the first\n%s", second, first)
	}
	for range s.Turns(start.Add(time.Minute)) {
		break // A caller may stop early.
	}
}

func testMissingFeedIsUnknown(t *testing.T) {
	s := &Scenario{Policy: policy(), Start: start, Replicas: 5}
	expectTurns(t, turns(s, time.Hour), "0s: first seen, 5 → 5, 5 ready of 5\n")
}

// workloadOf returns a workload with one trigger of a kind.
func workloadOf(t *testing.T, kind triggers.Kind, metadata map[string]string) *compile.Workload {
	t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	level := c.Trigger()
	level.Name = kind.Name
	p := policy()
	p.Triggers = []scalers.Trigger{level}
	return &compile.Workload{Namespace: "shop", Policy: p, Triggers: []compile.Trigger{{Name: kind.Name, Kind: kind, Config: c}}}
}

func testScheduleFollowsVirtualClock(t *testing.T) {
	w := workloadOf(t, cron.Kind(), map[string]string{"timezone": "Etc/UTC", "start": "1 8 * * *", "end": "3 8 * * *", "desiredReplicas": "4"})
	feeds, err := DerivedFeeds(w, nil)
	if err != nil {
		t.Fatal(err)
	}
	scenario := &Scenario{Policy: w.Policy, Start: start, Replicas: 1, Feeds: feeds}
	expectTurns(t, turns(scenario, time.Hour), `
		0s: first seen, arrived 1, 1 → 1, 1 ready of 1
		1m0s: arrived 1, timer, 1 → 4, 4 ready of 4
		3m0s: arrived 1, 4 → 4, 4 ready of 4
		4m0s: timer, 4 → 1, 1 ready of 1
	`)
}

// alert returns an alert that fires from one second until another.
func alert(from, until int64, value string, labels ...string) Alert {
	a := Alert{From: start.Add(time.Duration(from) * time.Second), Until: start.Add(time.Duration(until) * time.Second)}
	a.Labels, a.Annotations = map[string]string{}, map[string]string{"value": value}
	for _, l := range labels {
		name, value, _ := strings.Cut(l, "=")
		a.Labels[name] = value
	}
	return a
}

func testAlertsCountWhileTheyFire(t *testing.T) {
	w := workloadOf(t, alertmanager.Kind(), map[string]string{"matchers": `{alertname=~"Slow.*", severity!="info"}`, "threshold": "1", "value": "annotation:value"})
	feeds, err := DerivedFeeds(w, []Alert{
		alert(10, 100, "2", "alertname=Slow"),
		alert(20, 100, "3", "alertname=SlowToo"),
		alert(30, 50, "5", "alertname=Slow"), // The same alert, with another value for a time.
		alert(0, 100, "9", "alertname=Slow", "severity=info"),
		alert(0, 100, "9", "alertname=Fast"),
		alert(60, 70, "many", "alertname=SlowAsWell"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for turn := range (&Scenario{Policy: w.Policy, Start: start, Feeds: feeds}).Turns(start.Add(time.Hour)) {
		if turn.Arrived != 0 {
			levels = append(levels, fmt.Sprint(turn.At.Sub(start), " ", turn.Events[0].Value, " ", turn.Events[0].Err))
		}
	}
	expected := []string{
		"0s 0 <nil>", "10s 2 <nil>", "20s 5 <nil>", "30s 8 <nil>", "50s 5 <nil>",
		`1m0s 0 alert SlowAsWell, annotation value: "many" is not a number`, "1m10s 5 <nil>", "1m40s 0 <nil>",
	}
	if !slices.Equal(levels, expected) {
		t.Errorf("got the levels\n%s\nwant\n%s", strings.Join(levels, "\n"), strings.Join(expected, "\n"))
	}
}

func testStepsFollowTimeWhileAlertFires(t *testing.T) {
	w := workloadOf(t, alertmanager.Kind(), map[string]string{"matchers": `{alertname="Slow"}`, "step": "+2", "stepInterval": "30s"})
	feeds, err := DerivedFeeds(w, []Alert{alert(10, 100, "", "alertname=Slow"), alert(20, 30, "", "alertname=Slow")})
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for turn := range (&Scenario{Policy: w.Policy, Start: start, Feeds: feeds}).Turns(start.Add(time.Hour)) {
		if turn.Arrived != 0 {
			levels = append(levels, fmt.Sprint(turn.At.Sub(start), " ", turn.Events[0].Value))
		}
	}
	if expected := []string{"0s 0", "10s 1", "40s 2", "1m10s 3", "1m40s 0"}; !slices.Equal(levels, expected) {
		t.Errorf("got the levels %v, want %v", levels, expected)
	}
}

func testAlertsArriveAtNamespacesReceiver(t *testing.T) {
	w := workloadOf(t, alertmanager.Kind(), map[string]string{"matchers": `{alertname="Slow"}`, "replicas": "5", "scope": "cluster"})
	feeds, err := DerivedFeeds(w, []Alert{alert(0, 100, "", "alertname=Slow")})
	if err != nil {
		t.Fatal(err)
	}
	expectTurns(t, turns(&Scenario{Policy: w.Policy, Start: start, Replicas: 1, Feeds: feeds}, time.Minute-1), "0s: first seen, arrived 1, 1 → 1, 1 ready of 1\n")
}

func testEmptyAnswerCountsAsZeroWhenTriggerSaysSo(t *testing.T) {
	all := triggers.Zeros{Null: true, Negative: true}
	for _, c := range []struct {
		answer  Answer
		value   scalers.Milli
		zeros   triggers.Zeros
		unknown bool
		want    scalers.Milli
	}{
		{Number, 3, all, false, 3},
		{Number, -3, all, false, 0},
		{Number, -3, triggers.Zeros{Null: true}, false, -3},
		{Stale, 0, all, false, 0},
		{NaN, 0, all, false, 0},
		{Infinite, 0, all, false, 0},
		{Failed, 0, all, true, 0},
		{Stale, 0, triggers.Zeros{Negative: true}, true, 0},
		{NaN, 0, triggers.Zeros{}, true, 0},
		{Infinite, 0, triggers.Zeros{}, true, 0},
	} {
		e, ok := c.answer.Event(c.value, c.zeros)
		if !ok || (e.Err != nil) != c.unknown || e.Value != c.want {
			t.Errorf("the answer of %+v is the reading %+v, %t; want the level %s, unknown %t", c, e, ok, c.want, c.unknown)
		}
	}
	if _, ok := Silent.Event(3, all); ok {
		t.Error("a silent answer is a reading, want none")
	}
}

func testPodsGrowOlderAndAreSampledAnew(t *testing.T) {
	feed := Pods{Ticker{start, 10 * time.Second}, []scalers.Pod{{Started: start.Add(-20 * time.Second), SampledAt: start.Add(-5 * time.Second)}}}
	first, _ := feed.Read(start, Target{})
	later, _ := feed.Read(start.Add(30*time.Second), Target{})
	if !later.PerPod || later.Pods[0].Started != first.Pods[0].Started || later.Pods[0].SampledAt != start.Add(25*time.Second) || first.Pods[0].SampledAt != start.Add(-5*time.Second) {
		t.Errorf("got the pods %+v, and %+v 30 s later; want them sampled 30 s later, and started at the same time", first.Pods, later.Pods)
	}
}

func testMeanIsThatOfReadyPodsWhileOthersArePending(t *testing.T) {
	p := &scalers.Policy{Triggers: []scalers.Trigger{{Name: "cpu", PerPod: true, CPU: true, Metric: scalers.Utilization, Target: 50_000}}}
	feed := Mean{Regular{Ticker: Ticker{start, time.Second}, Series: NewSeries(Run{First: 80_000, Times: 1}, Run{Answer: NaN, Times: 1})}, true}
	e, _ := feed.Read(start, Target{Current: 5, Ready: 3})
	e.At, e.Current = start, 5
	if q := p.Propose(0, &e, start); !q.Known || q.Level != 80_000 || q.Pods.Ready != 3 || q.Pods.Unready != 2 {
		t.Errorf("got the proposal %+v, want the level 80 of 3 ready pods and 2 unready ones", q)
	}
	if e, ok := feed.Read(start.Add(time.Second), Target{}); !ok || e.Err == nil {
		t.Errorf("got the reading %+v for NaN, want an unknown one", e)
	}
	if e, _ := feed.Read(start, Target{Current: maxPods + 1}); e.Err == nil {
		t.Errorf("more than %d pods are made up, want an error", maxPods)
	}
}

// The reference model is a list of all pods, of which the youngest are removed first.
func testReplicasAreReadyAfterStartUpDelay(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		delay := time.Duration(r.IntN(30)) * time.Second
		n := r.Int32N(5)
		got, pods, now := newReplicas(n, delay), slices.Repeat([]scalers.Instant{start.Add(-time.Hour)}, int(n)), start
		for range 100 {
			now = now.Add(time.Duration(r.IntN(20)) * time.Second)
			if r.IntN(3) > 0 {
				n := r.Int32N(12)
				got.scale(now, n)
				pods = append(pods, slices.Repeat([]scalers.Instant{now}, 12)...)[:n]
			}
			ready := int32(0)
			for _, since := range pods {
				if since.Add(delay) <= now {
					ready++
				}
			}
			if got.current() != int32(len(pods)) || got.ready(now) != ready || len(got.counts) > len(pods)+1 {
				t.Fatalf("seed %d: %d ready of %d, want %d of %d", seed, got.ready(now), got.current(), ready, len(pods))
			}
		}
	}
}

func testSeriesGoOnWithTheirLastValue(t *testing.T) {
	s := NewSeries(Run{First: 1000, Times: 2}, Run{First: 0, By: -1000, Times: 3}, Run{Answer: Silent, Times: 2}, Run{First: 9000, Times: 1})
	var got []string
	for k := range s.Len() + 2 {
		answer, value := s.At(k)
		if answer == Silent {
			got = append(got, "_")
		} else {
			got = append(got, value.String())
		}
	}
	if text := strings.Join(got, " "); text != "1 1 0 -1 -2 _ _ 9 9 9" {
		t.Errorf("got the series %s, want 1 1 0 -1 -2 _ _ 9 9 9", text)
	}
	if answer, _ := (Series{}).At(3); answer != Silent {
		t.Errorf("got the answer %d of an empty series, want %d", answer, Silent)
	}
	far := Run{First: 1, By: 1 << 62, Times: 10}
	if far.At(9) != 1<<63-1 || (Run{By: -1 << 62, First: -1}).At(9) != -1<<63 {
		t.Errorf("got %d and %d far out, want the highest and the lowest number", far.At(9), Run{By: -1 << 62, First: -1}.At(9))
	}
}

func testCountsStandUntilNext(t *testing.T) {
	r := Regular{Ticker: Ticker{start, 10 * time.Second}, Series: NewSeries(Run{Answer: Silent, Times: 2}, Run{First: 3000, Times: 1}, Run{Answer: Silent, Times: 5})}
	for second, want := range map[int64]int32{-1: -1, 0: -1, 19: -1, 20: 3, 29: 3, 30: 3, 1000: 3} {
		n, ok := r.Count(start.Add(time.Duration(second) * time.Second))
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("got the count %d at %d s, want %d", n, second, want)
		}
	}
}
