package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestReporter(t *testing.T) {
	t.Run("an error that changes only in its numbers writes nothing", testErrorThatChangesOnlyInItsNumbersWritesNothing)
	t.Run("a value that changes slightly writes nothing", testValueThatChangesSlightlyWritesNothing)
	t.Run("an unchanged status is not written after a restart", testUnchangedStatusIsNotWrittenAfterRestart)
	t.Run("a failure and its recovery are written", testFailureAndItsRecoveryAreWritten)
	t.Run("a refusal stays until the object is accepted", testRefusalStaysUntilObjectIsAccepted)
	t.Run("a failed status update is retried", testFailedStatusUpdateIsRetried)
	t.Run("the history has the decisions that changed the outcome", testHistoryHasDecisionsThatChangedOutcome)
	t.Run("a dry run is reported as such", testDryRunIsReportedAsSuch)
	t.Run("the usage of pods has the unit of its target", testUsageOfPodsHasUnitOfItsTarget)
	t.Run("measurements of single pods are in the status, and their small changes write nothing", testMeasurementsOfSinglePodsAreInStatusAndTheirSmallChangesWriteNothing)
}

// store is a Store in memory.
type store struct {
	mu    sync.Mutex
	saved []*v1alpha1.ScaledObjectStatus
	fail  error
}

func (s *store) Save(_ context.Context, _ Object, status *v1alpha1.ScaledObjectStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.saved = append(s.saved, status)
	return nil
}

// env is a reporter with its store and one workload, in a bubble of fake time.
type env struct {
	t        *testing.T
	store    *store
	reporter *Reporter
	spec     *compile.Workload
	memory   scalers.Memory
	current  int32
	// pods, if not nil, are the measurements of single pods in the next events.
	pods []scalers.Pod
	// stale is the reason why the next events are stale, "" when they are not. notice is their notice of the source.
	stale  string
	notice scalers.Notice
}

// in runs a test in an env whose workload has one trigger. It wants one replica for each 10 of its level.
func in(t *testing.T, before *v1alpha1.ScaledObjectStatus, test func(t *testing.T, d *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &env{t: t, store: &store{}, current: 3}
		d.reporter = New(d.store, Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
		d.spec = &compile.Workload{
			Namespace: "shop", Name: "web", Target: actuator.Target{Namespace: "shop", Kind: "Deployment", Name: "web"},
			Triggers: []compile.Trigger{{Name: "queue"}},
			Policy: &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{
				{Name: "queue", Target: 10_000, StaleAfter: time.Hour},
			}},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.reporter.Run(ctx)
		}()
		d.reporter.Resume(d.spec, before)
		test(t, d)
		cancel()
		<-done
	})
}

// reportLevel reports the decision on a level, or on a failed reading, after edits have changed the outcome.
func (d *env) reportLevel(level int64, err error, edits ...func(*autoscaler.Outcome)) *v1alpha1.ScaledObjectStatus {
	d.t.Helper()
	now := scalers.InstantOf(time.Now())
	events := []scalers.Event{{Trigger: "queue", At: now, Value: scalers.Milli(level * 1000), Current: d.current, Ready: d.current, Err: err, Pods: d.pods, PerPod: d.pods != nil}}
	events[0].Stale, events[0].Unconfirmed, events[0].Notice = d.stale != "", d.stale, d.notice
	return d.reportEvents(events, edits...)
}

// reportEvents reports the decision on events.
func (d *env) reportEvents(events []scalers.Event, edits ...func(*autoscaler.Outcome)) *v1alpha1.ScaledObjectStatus {
	d.t.Helper()
	now := scalers.InstantOf(time.Now())
	decision := scalers.Decide(d.spec.Policy, scalers.Input{Now: now, Current: d.current, Events: events, Memory: d.memory})
	d.memory = decision.Memory
	outcome := &autoscaler.Outcome{
		Workload: d.spec, At: now, Events: events, Arrived: 1, Decision: &decision, Decided: true, Fresh: true, From: d.current,
		Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: d.current}}, TargetKnown: true, Memory: &d.memory,
	}
	for _, edit := range edits {
		edit(outcome)
	}
	d.reporter.Decided(outcome)
	<-time.After(2 * minInterval)
	synctest.Wait()
	return d.last()
}

// last returns the last status that was written; nil if none was.
func (d *env) last() *v1alpha1.ScaledObjectStatus {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	if len(d.store.saved) == 0 {
		return nil
	}
	return d.store.saved[len(d.store.saved)-1]
}

// expectWrites fails the test unless n statuses were written.
func (d *env) expectWrites(n int) {
	d.t.Helper()
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	if len(d.store.saved) != n {
		d.t.Fatalf("%d statuses written, want %d", len(d.store.saved), n)
	}
}

// reasonsOf returns STATUS/REASON of each condition, by its type.
func reasonsOf(s *v1alpha1.ScaledObjectStatus) map[string]string {
	all := map[string]string{}
	for _, c := range s.Conditions {
		all[c.Type] = string(c.Status) + "/" + c.Reason
	}
	return all
}

func testErrorThatChangesOnlyInItsNumbersWritesNothing(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		server := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9090}
		for i := range 100 {
			d.reportLevel(0, &net.OpError{
				Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 40312 + i}, Addr: server,
				Err: triggers.VaryingErrorf("no answer after %s", time.Duration(i)*17*time.Millisecond),
			})
		}
		d.expectWrites(1)
		if got := d.reportLevel(0, errors.New("connection refused")).Triggers[0].LastError; got != "connection refused" {
			t.Errorf("after another error lastError is still %s", got)
		}
		d.expectWrites(2)
	})
}

func testValueThatChangesSlightlyWritesNothing(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.reportLevel(30, nil)
		d.expectWrites(1)
		for range 100 {
			d.reportLevel(29, nil)
			d.reportLevel(30, nil)
		}
		d.expectWrites(1)
	})
}

func testUnchangedStatusIsNotWrittenAfterRestart(t *testing.T) {
	var before *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) { before = d.reportLevel(30, nil) })
	in(t, before, func(_ *testing.T, d *env) {
		d.reportLevel(30, nil)
		d.expectWrites(0)
		d.reportLevel(70, nil)
		d.expectWrites(1)
	})
}

func testFailureAndItsRecoveryAreWritten(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		if got := reasonsOf(d.reportLevel(30, nil)); got["Ready"] != "True/Ready" || got["Active"] != "True/TriggerActive" || got["AbleToScale"] != "True/ReadyToScale" {
			t.Errorf("conditions %v", got)
		}
		s := d.reportLevel(0, errors.New("connection refused"))
		if got := reasonsOf(s); got["Ready"] != "False/TriggerFailed" || s.Triggers[0].LastError != "connection refused" || s.Targets != "?/10" {
			t.Errorf("conditions %v, triggers %+v", got, s.Triggers)
		}
		if got := reasonsOf(d.reportLevel(30, nil)); got["Ready"] != "True/Ready" {
			t.Errorf("conditions %v", got)
		}
		d.expectWrites(3)
	})
}

func testRefusalStaysUntilObjectIsAccepted(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name, so.Status = "shop", "web", *d.reportLevel(30, nil)
		so.Generation = 9
		d.reporter.Refused(so, "InvalidSpec", "no such field", true)
		s := d.reportLevel(70, nil) // An older version is in effect, and the newest one was seen.
		if got := reasonsOf(s); got["Ready"] != "False/InvalidSpec" || s.Reason != "InvalidSpec" || s.ObservedGeneration != 9 {
			t.Errorf("got the reason %s of generation %d and the conditions %v, want InvalidSpec of 9", s.Reason, s.ObservedGeneration, got)
		}
		d.reporter.Accepted(d.spec)
		if got := reasonsOf(d.reportLevel(70, nil)); got["Ready"] != "True/Ready" {
			t.Errorf("conditions %v", got)
		}
	})
}

func testFailedStatusUpdateIsRetried(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.store.fail = errors.New("API server is away")
		d.reportLevel(30, nil)
		d.expectWrites(0)
		d.store.mu.Lock()
		d.store.fail = nil
		d.store.mu.Unlock()
		<-time.After(time.Minute)
		synctest.Wait()
		d.expectWrites(1)
	})
}

func testHistoryHasDecisionsThatChangedOutcome(t *testing.T) {
	var stored *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		for _, level := range []int64{30, 29, 250, 400, 70} {
			stored = d.reportLevel(level, nil)
		}
		expectHistory(t, stored, "3→7 []", "3→10 [maxReplicaCount]", "3→3 []")
		if why := stored.History[1].Why; why != "queue is 250, target 10 per replica: asks for 25; lowered from 25 to the maximum, 10" {
			t.Errorf("the entry has the reason %q", why)
		}
		for range 20 {
			d.reportLevel(30, nil)
			stored = d.reportLevel(70, nil)
		}
		if n := len(stored.History); n != v1alpha1.MaxHistory {
			t.Errorf("%d entries, want no more than %d", n, v1alpha1.MaxHistory)
		}
		stored = d.reportLevel(0, errors.New("connection refused"))
		if newest := stored.History[0]; newest.To != 3 || newest.Why != "held, as nothing is known: queue is unknown" {
			t.Errorf("the newest entry is %+v", newest)
		}
	})
	in(t, stored, func(t *testing.T, d *env) {
		d.reportLevel(0, errors.New("connection refused"))
		again := d.reportLevel(70, nil)
		if again.History[0].To != 7 || !reflect.DeepEqual(again.History[1:], stored.History[:v1alpha1.MaxHistory-1]) {
			t.Errorf("after a restart the history is %+v, want one entry more than %+v", again.History, stored.History)
		}
	})
}

// expectHistory checks a history, newest first: FROM→TO [LIMITED BY].
func expectHistory(t *testing.T, s *v1alpha1.ScaledObjectStatus, want ...string) {
	t.Helper()
	var got []string
	for _, past := range s.History {
		got = append(got, fmt.Sprintf("%d→%d %v", past.From, past.To, past.LimitedBy))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the history is %v, want %v", got, want)
	}
}

func testDryRunIsReportedAsSuch(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.DryRun = true
		s := d.reportLevel(70, nil)
		if got := reasonsOf(s); got["AbleToScale"] != "False/DryRun" || s.Reason != "DryRun" || *s.Replicas != 3 || *s.DesiredReplicas != 7 {
			t.Errorf("conditions %v, reason %s, %d of %d", got, s.Reason, *s.Replicas, *s.DesiredReplicas)
		}
	})
}

func testUsageOfPodsHasUnitOfItsTarget(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Policy.Triggers = []scalers.Trigger{{Name: "queue", Metric: scalers.Utilization, PerPod: true, Target: 50_000}}
		now := scalers.InstantOf(time.Now())
		events := []scalers.Event{{Trigger: "queue", At: now, Current: 3, PerPod: true, Pods: []scalers.Pod{
			{Sampled: true, HasRequest: true, Usage: 750, Request: 1000, Started: 1, ReadyChanged: 1, SampledAt: now},
		}}}
		decision := scalers.Decide(d.spec.Policy, scalers.Input{Now: now, Current: 3, Events: events})
		d.reporter.Decided(&autoscaler.Outcome{
			Workload: d.spec, At: now, Events: events, Arrived: 1, Decision: &decision, Decided: true, Fresh: true, From: 3,
			Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: 3}}, TargetKnown: true, Memory: &decision.Memory,
		})
		<-time.After(2 * minInterval)
		synctest.Wait()
		if s := d.last(); s == nil || s.Targets != "75/50" {
			t.Errorf("the status is %+v, want the targets 75/50", s)
		}
	})
}

func testMeasurementsOfSinglePodsAreInStatusAndTheirSmallChangesWriteNothing(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Policy.Triggers[0] = scalers.Trigger{Name: "queue", Metric: scalers.Utilization, PerPod: true, Target: 50_000, StaleAfter: time.Hour}
		pod := func(usage scalers.Milli) scalers.Pod {
			return scalers.Pod{Sampled: true, HasRequest: true, Usage: usage, Request: 100}
		}
		unsampled := pod(0)
		unsampled.Sampled = false
		d.pods = []scalers.Pod{pod(100), pod(200), unsampled}
		s := d.reportLevel(0, nil)
		want := v1alpha1.PodsStatus{Measured: 2, Missing: 1, Usage: "0.15", Request: "0.1", Counted: 3, Level: "100"}
		if got := s.Triggers[0].Pods; got == nil || *got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		d.expectWrites(1)
		d.pods = []scalers.Pod{pod(101), pod(200), unsampled}
		d.reportLevel(0, nil)
		d.expectWrites(1)
	})
}
