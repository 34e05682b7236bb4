package status

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestQuiet(t *testing.T) {
	t.Run("a workload whose readings vary is written at most once an hour", testWorkloadWhoseReadingsVaryIsWrittenAtMostOnceAnHour)
	t.Run("a lasting error after one that varies is written, at once if nothing had varied", testLastingErrorAfterOneThatVariesIsWritten)
	t.Run("counts and conditions are written at once while errors vary", testCountsAndConditionsAreWrittenAtOnceWhileErrorsVary)
	t.Run("an error whose numbers vary is not written again after a restart", testErrorWhoseNumbersVaryIsNotWrittenAgainAfterRestart)
	t.Run("a workload whose readings vary is not written again after a restart", testWorkloadWhoseReadingsVaryIsNotWrittenAgainAfterRestart)
	t.Run("the metrics show each reading, although nothing is written", testMetricsShowEachReadingAlthoughNothingIsWritten)
}

// wobbling is a workload whose readings vary.
type wobbling struct {
	count   int32
	policy  func(*scalers.Policy)
	sources []func(r *rand.Rand) (level int64, err error)
}

// between returns a source of levels in tenths, from least to most.
func between(least, most int64) func(*rand.Rand) (int64, error) {
	return func(r *rand.Rand) (int64, error) { return least + r.Int64N(most-least+1), nil }
}

// failing returns a source that fails with one of these errors each time.
func failing(all ...func(r *rand.Rand) error) func(*rand.Rand) (int64, error) {
	return func(r *rand.Rand) (int64, error) { return 0, all[r.IntN(len(all))](r) }
}

func always(text string) func(*rand.Rand) error {
	return func(*rand.Rand) error { return errors.New(text) }
}

// wobblings returns the cases in which an autoscaler that writes what it computes writes at every reading.
func wobblings() map[string]wobbling {
	type sources = []func(*rand.Rand) (int64, error)
	tolerant := func(p *scalers.Policy) { p.Up.Tolerance, p.Down.Tolerance = tenPercent, tenPercent }
	slow := func(p *scalers.Policy) {
		p.Up.Policies = []scalers.RatePolicy{{Amount: 1, Period: 2 * time.Hour}}
	}
	numbered := func(r *rand.Rand) error {
		return fmt.Errorf("request %08x: dial 10.0.0.%d:%d: no answer after %s", r.Uint32(), r.IntN(9), r.IntN(1<<16), time.Duration(r.IntN(1e9)))
	}
	return map[string]wobbling{
		"on a ceiling":                        {10, nil, sources{between(860, 940)}},
		"on a ceiling, without a window":      {10, func(p *scalers.Policy) { p.Down.Window, p.Up.Window = 0, time.Hour }, sources{between(905, 1005)}},
		"at the upper edge of a tolerance":    {10, tolerant, sources{between(1060, 1140)}},
		"at the lower edge of a tolerance":    {10, tolerant, sources{between(860, 940)}},
		"between two winners":                 {10, nil, sources{between(850, 1000), between(850, 1000)}},
		"between two winners that are equal":  {10, nil, sources{between(910, 1000), between(910, 1000)}},
		"inside a window that holds":          {10, func(p *scalers.Policy) { p.Down.Window = 9 * time.Hour }, sources{between(300, 700)}},
		"inside a window that holds at times": {10, nil, sources{between(600, 1000)}},
		"at a rate limit":                     {10, slow, sources{between(500, 2000)}},
		"at the edge of a rate limit":         {10, slow, sources{between(900, 1150)}},
		"at the maximum":                      {10, func(p *scalers.Policy) { p.Max = 10 }, sources{between(900, 1500)}},
		"far above the maximum":               {10, func(p *scalers.Policy) { p.Max = 10 }, sources{between(1100, 2500)}},
		"at the minimum":                      {10, func(p *scalers.Policy) { p.Min = 10 }, sources{between(500, 1000)}},
		"with an error whose text alternates": {10, nil, sources{failing(always("connection refused"), always("no route to host"))}},
		"with an error whose numbers vary":    {10, nil, sources{failing(numbered)}},
		"with an error beside a known level":  {10, nil, sources{failing(numbered, always("connection refused")), between(860, 1000)}},
		"with an error under a fallback": {
			10, func(p *scalers.Policy) { p.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 10} },
			sources{failing(numbered, always("connection refused"), always("no route to host"))},
		},
	}
}

func testWorkloadWhoseReadingsVaryIsWrittenAtMostOnceAnHour(t *testing.T) {
	for name, w := range wobblings() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(5) {
				synctest.Test(t, func(t *testing.T) { w.expectQuiet(t, seed) })
			}
		})
	}
}

// atStart is the number of statuses, and of Events, that a workload has at first besides: what it is in, and a limit that comes seldom is written up
// to three times before its end has to last an hour.
const atStart = 7

// open returns the sources of the workload, whose readings are those of a seed.
func (w *wobbling) open(seed uint64) []triggers.Source {
	sources := make([]triggers.Source, 0, len(w.sources))
	for i, next := range w.sources {
		sources = append(sources, &wobble{time.Duration(i) * 100 * time.Millisecond, rand.New(rand.NewPCG(seed, uint64(i))), next})
	}
	return sources
}

// expectQuiet runs the workload for some hours.
func (w *wobbling) expectQuiet(t *testing.T, seed uint64) {
	t.Helper()
	s := runWorkload(t, w.count, &v1alpha1.ScaledObjectStatus{}, w.policy, w.open(seed)...)
	defer s.stop()
	limit, took := 1+atStart, 90*time.Minute // A rate limit ends after two hours: not where one of these times ends.
	for began := time.Now(); time.Since(began) < 5*time.Hour; limit, took = 1, time.Hour {
		statuses, events, counts := s.wait(took)
		// A new count has a status when it is wanted and one when it is there, and then one for each limit beside it that was not reported yet.
		if limit += 4 * counts; statuses > limit || events > limit {
			t.Errorf("seed %d: in the %s until %s there are %d statuses and %d Events, want at most %d", seed, took, time.Since(began), statuses, events, limit)
		}
	}
	for i := range s.all[1:] {
		if a, b := s.all[i], s.all[i+1]; sameOutcome(a, b) && limitIn(a) == limitIn(b) && sameTexts(a, b) && !newRecommendation(a, b) {
			t.Errorf("seed %d: two statuses have the same outcome, want one: %s %v\n%+v\n%+v", seed, a.Memory, b.Memory, a.LastDecision, b.LastDecision)
		}
	}
}

func limitIn(s *v1alpha1.ScaledObjectStatus) scalers.Rule {
	return limitNamed(s.LastDecision.Raw, s.LastDecision.To, s.LastDecision.LimitedBy)
}

// newRecommendation reports whether the memory of b has a newest recommendation that a process which resumes a would not know of.
func newRecommendation(a, b *v1alpha1.ScaledObjectStatus) bool {
	var before, after scalers.Memory
	return before.UnmarshalText([]byte(a.Memory)) != nil || after.UnmarshalText([]byte(b.Memory)) != nil ||
		newest(after.Highs, 0) > newest(before.Highs, 0) || newest(after.Lows, 100) < newest(before.Lows, 100)
}

func testLastingErrorAfterOneThatVariesIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, script(func(since time.Duration) (int64, error) {
			switch {
			case since < time.Hour:
				return 0, errors.New("refused")
			case since < 2*time.Hour:
				return 0, errors.New("forbidden")
			case since < 3*time.Hour:
				return 0, fmt.Errorf("request %d timed out", since)
			default:
				return 0, errors.New("no route to host")
			}
		}))
		defer s.stop()
		s.expectError("at the start", "refused", s.lastError(2*time.Second))
		s.expectError("after an hour", "forbidden", s.lastError(time.Hour))
		s.hour() // The error varies from its end on.
		s.hour()
		if n, _ := s.written(); n > 3 {
			t.Errorf("%d statuses were written while the error varied, want one at most, and the two before", n)
		}
		s.expectError("once another error has lasted", "no route to host", s.lastError(longestSettling))
	})
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) { // No reading follows the last error.
		for _, text := range []string{"first", "second", "third"} {
			d.reportLevel(0, errors.New(text))
		}
		d.expectWrites(2)
		<-time.After(shortestSettling)
		synctest.Wait()
		if got := d.last().Triggers[0].LastError; got != "third" {
			t.Errorf("the status has the error %q, want the third", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // An error that has varied for a short time is settled soon.
		s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, script(func(since time.Duration) (int64, error) {
			if since < 10*time.Minute {
				return 0, fmt.Errorf("request %d timed out", since)
			}
			return 0, errors.New("no route to host")
		}))
		defer s.stop()
		s.expectError("once another error has lasted", "no route to host", s.lastError(15*time.Minute+2*interval))
	})
}

// expectError fails the test unless an error is the wanted one.
func (s *scaled) expectError(when, want, got string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: the status has the error %q, want %q", when, got, want)
	}
}

func testCountsAndConditionsAreWrittenAtOnceWhileErrorsVary(t *testing.T) {
	level := func(since time.Duration) (int64, error) {
		if level := []int64{1000, 0, 1000, 1500, 0}[since/(2*time.Minute)%5]; level > 0 {
			return level, nil
		}
		return 0, fmt.Errorf("request %d timed out", since)
	}
	failing := func(since time.Duration) (int64, error) { return 0, fmt.Errorf("request %d was refused", since) }
	synctest.Test(t, func(t *testing.T) { expectPresentStatus(t, script(level)) })
	synctest.Test(t, func(t *testing.T) { expectPresentStatus(t, script(level), script(failing)) })
}

// expectPresentStatus fails the test if the written count or a written condition is older than a few seconds.
func expectPresentStatus(t *testing.T, sources ...triggers.Source) {
	t.Helper()
	active := func(p *scalers.Policy) { p.ForceActivation = true } // So that a trigger which fails changes one condition only.
	s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, active, sources...)
	defer s.stop()
	for began := time.Now(); time.Since(began) < 6*time.Hour; {
		<-time.After(interval + 2*minInterval)
		synctest.Wait()
		now, written := s.present(), s.last()
		if *now.DesiredReplicas != *written.DesiredReplicas || *now.Replicas != *written.Replicas {
			t.Fatalf("after %s the status has %d of %d replicas, want %d of %d", time.Since(began),
				*written.Replicas, *written.DesiredReplicas, *now.Replicas, *now.DesiredReplicas)
		}
		if want, got := conditionsIn(now), conditionsIn(written); want != got {
			t.Fatalf("after %s the status has the conditions %s, want %s", time.Since(began), got, want)
		}
	}
}

// conditionsIn returns the conditions of a status, without the limit, which may be the one of some minutes ago.
func conditionsIn(s *v1alpha1.ScaledObjectStatus) string {
	var all strings.Builder
	for _, c := range s.Conditions {
		if c.Type != v1alpha1.ConditionScalingLimited {
			fmt.Fprintf(&all, "%s=%s/%s ", c.Type, c.Status, c.Reason)
		}
	}
	return all.String()
}

func testErrorWhoseNumbersVaryIsNotWrittenAgainAfterRestart(t *testing.T) {
	attempt := 0
	timedOut := func(time.Duration) (int64, error) {
		attempt++
		return 0, triggers.VaryingErrorf("request %d timed out", attempt)
	}
	var before *v1alpha1.ScaledObjectStatus
	synctest.Test(t, func(t *testing.T) {
		s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, script(timedOut))
		s.hour()
		s.stop()
		before = s.last()
	})
	synctest.Test(t, func(t *testing.T) {
		s := runWorkload(t, 10, before, nil, script(timedOut))
		defer s.stop()
		if n, _, _ := s.hour(); n > 0 {
			t.Errorf("%d statuses were written after the restart, want none: %+v", n, s.last())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := runWorkload(t, 10, before, nil, script(func(time.Duration) (int64, error) { return 0, errors.New("no such host") }))
		defer s.stop()
		s.expectError("after a restart with another error", "no such host", s.lastError(shortestSettling+2*interval))
	})
}

func testWorkloadWhoseReadingsVaryIsNotWrittenAgainAfterRestart(t *testing.T) {
	all := wobblings()
	for _, name := range []string{"on a ceiling", "at the lower edge of a tolerance", "between two winners", "far above the maximum", "at the minimum"} {
		w := all[name]
		var before *v1alpha1.ScaledObjectStatus
		synctest.Test(t, func(t *testing.T) {
			s := runWorkload(t, w.count, &v1alpha1.ScaledObjectStatus{}, w.policy, w.open(1)...)
			s.wait(2 * time.Hour)
			s.stop()
			before = s.last()
		})
		synctest.Test(t, func(t *testing.T) {
			s := runWorkload(t, w.count, before, w.policy, w.open(2)...)
			defer s.stop()
			if n, _, _ := s.hour(); n > 0 {
				t.Errorf("%s: %d statuses were written after the restart, want none:\n%+v\n%+v", name, n, before, s.last())
			}
		})
	}
}

func testMetricsShowEachReadingAlthoughNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var level atomic.Int64
		level.Store(901)
		s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, script(func(time.Duration) (int64, error) { return level.Load(), nil }))
		defer s.stop()
		d := env{t: t, reporter: s.reporter}
		synctest.Wait()
		<-time.After(2 * minInterval)
		for before, _ := s.written(); level.Load() < 1000; level.Add(1) {
			<-time.After(interval)
			synctest.Wait()
			all := strings.Join(d.exported(s.reporter), "\n") + "\n"
			for _, want := range []string{
				fmt.Sprintf(`trigger_value{namespace="shop",scaledobject="web",trigger="a",type=""} %g`, float64(level.Load())/10),
				`trigger_target{namespace="shop",scaledobject="web",trigger="a",type=""} 10`, `desired_replicas{namespace="shop",scaledobject="web"} 10`,
			} {
				if !strings.Contains(all, want+"\n") {
					t.Fatalf("the metrics have no %s:\n%s", want, all)
				}
			}
			if now, _ := s.written(); now != before {
				t.Fatalf("%d statuses were written, want none: the test shows nothing", now-before)
			}
		}
	})
}
