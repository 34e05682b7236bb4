package live

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

func TestView(t *testing.T) {
	t.Run("an object has what its owner observes now, whether or not it is written", testObjectHasWhatItsOwnerObservesNow)
	t.Run("an object at its minimum is idle or steady, and not limited", testObjectAtItsMinimumIsNotLimited)
	t.Run("an unknown level is a gap, and never zero", testUnknownLevelIsGap)
	t.Run("a count that is not written says why", testCountThatIsNotWrittenSaysWhy)
	t.Run("an object without an autoscaler has its newest status", testObjectWithoutAutoscalerHasItsNewestStatus)
	t.Run("the series begins anew with other triggers", testSeriesBeginsAnewWithOtherTriggers)
	t.Run("an object that nobody reads costs no allocation", testObjectThatNobodyReadsCostsNoAllocation)
	t.Run("a deleted object is not found, even if its autoscaler reports once more", testDeletedObjectIsNotFound)
}

func testObjectHasWhatItsOwnerObservesNow(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		web.source.level(450)
		pass(2 * time.Second)
		web.source.level(460) // The outcome is the same: the status keeps 450.
		pass(3 * time.Second)
		o := e.read("web")
		if !o.Present || *o.Replicas != 5 || *o.Desired != 5 || *o.Minimum != 1 || *o.Maximum != 10 || o.State != Steady || o.Levels != "460/100" || o.Trigger != "rps" {
			t.Errorf("got %+v, want 5 replicas of 1 to 10, steady, 460/100", o.Row)
		}
		s := o.Sources[0]
		if *s.Level != 460 || *s.Target != 100 || s.PollingInterval != 5 || !s.ReadAt.Equal(time.Now().Add(-3*time.Second)) || s.Type != "prometheus" {
			t.Errorf("got the source %+v, want 460 of 100 that was read 3s ago", s)
		}
		if got := o.Status.Triggers[0].Value; got != "460" || !o.Status.LastDecision.Time.Time.Equal(time.Now().Add(-3*time.Second)) {
			t.Errorf("got the value %s in the status, and a decision at %s, want those of the last reading", got, o.Status.LastDecision.Time)
		}
		if o.Explanation == nil || o.Explanation.To != 5 || !strings.Contains(o.Sentences.Headline, "shop/web (Deployment/web) keeps 5 replicas") {
			t.Errorf("got the explanation %+v, %+v, want that 5 replicas are kept", o.Explanation, o.Sentences)
		}
		expectSeriesEnd(t, o.Series, 460, 5)
		if len(o.Status.History) == 0 || o.Status.History[0].To != 5 {
			t.Errorf("got the history %+v, want the decision for 5", o.Status.History)
		}
	})
}

func testObjectAtItsMinimumIsNotLimited(t *testing.T) {
	for _, tt := range []struct {
		active, limited, want string
	}{
		{"False", v1alpha1.ReasonMinReplicaCount, Idle},
		{"True", v1alpha1.ReasonMinReplicaCount, Steady},
		{"True", v1alpha1.ReasonMaxReplicaCount, Limited},
		{"False", v1alpha1.ReasonStabilization, Limited},
	} {
		s := &v1alpha1.ScaledObjectStatus{Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue},
			{Type: v1alpha1.ConditionActive, Status: metav1.ConditionStatus(tt.active)},
			{Type: v1alpha1.ConditionScalingLimited, Status: metav1.ConditionTrue, Reason: tt.limited},
		}}
		if got := stateOf(s, false); got != tt.want {
			t.Errorf("Active %s and %s: got %s, want %s", tt.active, tt.limited, got, tt.want)
		}
	}
}

// expectSeriesEnd fails the test unless a series ends with a level, and with n replicas that are asked for, decided and there.
func expectSeriesEnd(t *testing.T, s *Series, level Level, n int32) {
	t.Helper()
	if last := len(s.Levels.Times) - 1; last < 1 || s.Levels.Values[0][last] != level || *s.Levels.Demand[last] != n {
		t.Errorf("got the series %+v, want %v and %d at its end", s.Levels, level, n)
	}
	if last := s.Counts[len(s.Counts)-1]; *last.Replicas != n || *last.Desired != n || last.Maximum != 10 {
		t.Errorf("got the counts %+v, want %d of 10", last, n)
	}
}

func testUnknownLevelIsGap(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		web.source.level(450)
		pass(time.Second)
		web.source.fail("connection refused")
		pass(time.Second)
		text, err := e.view.Object("shop", "web")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `"values":[[450,null]]`) && !strings.Contains(string(text), `"values":[[null,450,null]]`) {
			t.Errorf("got %s, want values that end with 450, null", text)
		}
		o := decode[Object](t, text)
		if o.State != Failing || o.Levels != "?/100" || o.Sources[0].Level != nil || *o.Replicas != 5 || !strings.Contains(o.Message, "connection refused") {
			t.Errorf("got %+v with %+v, want failing with 5 replicas, and no level", o.Row, o.Sources[0])
		}
		levels := o.Series.Levels
		if n := len(levels.Times); levels.Demand[n-1] != nil || levels.Unknown[0][len(levels.Unknown[0])-1] != n-1 {
			t.Errorf("got the series %+v, want an unknown point without demand at its end", levels)
		}
	})
}

func testCountThatIsNotWrittenSaysWhy(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		defer web.stop()
		web.target.mu.Lock()
		web.target.err = actuator.ErrForbidden
		web.target.mu.Unlock()
		web.source.level(450)
		pass(time.Second)
		o := e.read("web")
		if o.State != Failing || o.Reason != v1alpha1.ReasonForbidden || *o.Replicas != 1 || *o.Desired != 5 || !o.Point.Blocked {
			t.Errorf("got %+v with the point %+v, want 1 of 5 replicas, Forbidden and blocked", o.Row, o.Point)
		}
		if o.Explanation == nil || len(o.Explanation.Obstacles) == 0 || o.Explanation.Obstacles[0].Reason != v1alpha1.ReasonForbidden {
			t.Errorf("got the explanation %+v, want the obstacle", o.Explanation)
		}
	})
}

func testObjectWithoutAutoscalerHasItsNewestStatus(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "u", Generation: 3}}
		so.Spec.ScaleTargetRef.Name = "web"
		e.view.Add(status.Object{Namespace: "shop", Name: "web", UID: "u"})
		if o := e.read("web"); o.State != Waiting || o.Status != nil || o.Series != nil {
			t.Errorf("got %+v for an object that is not known yet, want waiting", o)
		}
		e.reporter.Refused(so, v1alpha1.ReasonInvalidSpec, `spec.triggers[0]: unknown field "<script>"`, false)
		o := e.read("web")
		if o.Present || o.State != Failing || o.Reason != v1alpha1.ReasonInvalidSpec || !strings.Contains(o.Message, "<script>") || o.Minimum != nil || o.Explanation != nil {
			t.Errorf("got %+v, want failing because of the spec", o)
		}
		text, err := e.view.List(nil)
		if err != nil || strings.Contains(string(text), "<script>") || !strings.Contains(string(text), `\u003cscript`) {
			t.Errorf("got %s, %v, want the message with escapes", text, err)
		}
	})
}

func testSeriesBeginsAnewWithOtherTriggers(t *testing.T) {
	e := newEntry(status.Object{})
	e.observe(outcomeOf("a"))
	e.observe(outcomeOf("a"))
	first := e.levels.timeline
	e.observe(outcomeOf("b"))
	if len(first) != 1 || len(e.levels.timeline) != 1 || e.levels.triggers[0] != "b" || len(e.counts.timeline) != 1 {
		t.Errorf("got %v, then %v of %v, and the counts at %v, want one point each", first, e.levels.timeline, e.levels.triggers, e.counts.timeline)
	}
}

// outcomeOf returns an outcome of a workload with one trigger.
func outcomeOf(trigger string) *autoscaler.Outcome {
	w := &compile.Workload{Namespace: "shop", Name: "web", Policy: &scalers.Policy{Min: 1, Max: 9, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{{Name: trigger, Target: 1000}}}}
	now := scalers.InstantOf(time.Now())
	events := []scalers.Event{{Trigger: trigger, At: now, Value: 3000}}
	d := scalers.Decide(w.Policy, scalers.Input{Now: now, Current: 1, Events: events})
	return &autoscaler.Outcome{
		Workload: w, At: now, Events: events, Decision: &d, Decided: true, Fresh: true, Memory: &scalers.Memory{},
		Target: actuator.Observation{Scale: actuator.Scale{Replicas: 1}}, TargetKnown: true,
	}
}

func testObjectThatNobodyReadsCostsNoAllocation(t *testing.T) {
	e, p := newEntry(status.Object{}), outcomeOf("a")
	for range 2 * maxPoints { // Until the series has grown.
		p.At += scalers.Instant(time.Second)
		p.Decision.Raw++
		e.observe(p)
	}
	if n := testing.AllocsPerRun(1000, func() {
		p.At += scalers.Instant(time.Second)
		p.Decision.Raw++
		e.observe(p)
	}); n > 0 {
		t.Errorf("got %v allocations for a reading, want none", n)
	}
}

func testDeletedObjectIsNotFound(t *testing.T) {
	in(t, func(t *testing.T, e *env) {
		web := e.run("web")
		web.source.level(450)
		synctest.Wait()
		e.view.Forget(web.of)
		e.reporter.Forget("shop", "web")
		web.source.level(650)
		synctest.Wait()
		web.stop()
		if _, err := e.view.Object("shop", "web"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if text, err := e.view.List(nil); err != nil || string(text) != `{"total":0,"rows":[]}` {
			t.Errorf("got %s, %v, want no rows", text, err)
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	e, p := newEntry(status.Object{}), outcomeOf("a")
	for i := range b.N {
		p.At += scalers.Instant(5 * time.Second)
		p.Events[0].Value = scalers.Milli(3000 + math.Abs(math.Sin(float64(i)))*1000)
		e.observe(p)
	}
}
