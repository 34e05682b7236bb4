package external

import (
	"context"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	pb "github.com/impulse-sh/impulse/triggers/external/externalscaler"
)

func TestPush(t *testing.T) {
	t.Run("a streamed change is read at once", testStreamedChangeIsReadAtOnce)
	t.Run("a streamed target is read at once", testStreamedTargetIsReadAtOnce)
	t.Run("streamed activity counts until the next reading", testStreamedActivityCountsUntilNextReading)
	t.Run("an old server without StreamMetricSpec streams activity", testOldServerStreamsActivity)
	t.Run("streams are opened again after a restart", testStreamsAreOpenedAgainAfterRestart)
	t.Run("a server that does not stream is polled, with a notice", testServerThatDoesNotStreamIsPolled)
	t.Run("failures in a row are reported once per interval", testFailuresInRowAreReportedOncePerInterval)
	t.Run("a workload follows the server", testWorkloadFollowsServer)
}

// runStreaming runs an external-push trigger that is polled never, and waits for its streams.
func runStreaming(t *testing.T, s *server, streams int) *running {
	t.Helper()
	r := run(t, PushKind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, never, nil).Env)
	testkit.Eventually(t, "the streams are open", func(context.Context) bool { return s.openStreams() == streams })
	return r
}

func testStreamedChangeIsReadAtOnce(t *testing.T) {
	s := startServer(t, nil, false)
	r := runStreaming(t, s, 2)
	s.measure(0, 10, false)
	s.stream()
	r.until("the level 0 and no activity", func(e scalers.Event) bool {
		return e.Err == nil && e.Value == 0 && e.Activity == scalers.InactiveBySource
	})
	s.measureFloats(15, 10)
	s.stream()
	if e := r.untilLevel(1500); e.Activity != scalers.ActiveBySource || e.Notice != (scalers.Notice{}) {
		t.Errorf("got the activity %d and the notice %v, want activity and no notice", e.Activity, e.Notice)
	}
}

func testStreamedTargetIsReadAtOnce(t *testing.T) {
	s := startServer(t, nil, false)
	r := runStreaming(t, s, 2)
	s.measure(30, 5, true)
	s.stream()
	r.untilLevel(6000)
}

func testStreamedActivityCountsUntilNextReading(t *testing.T) {
	source := &pushSource{signals: newSignals()}
	source.signals.received(true)
	if !source.signals.drain() || source.signals.drain() {
		t.Error("streamed activity does not count for exactly one reading")
	}
	source.signals.received(true)
	source.signals.restore(source.signals.drain())
	if !source.signals.drain() {
		t.Error("streamed activity does not count for the reading after one that failed")
	}
	source.signals.received(true)
	source.signals.received(false)
	if source.signals.drain() {
		t.Error("streamed activity counts although the server has streamed since that there is none")
	}
}

func testOldServerStreamsActivity(t *testing.T) {
	s := startServer(t, nil, true)
	r := runStreaming(t, s, 1)
	s.measure(70, 10, true)
	s.stream()
	if e := r.untilLevel(7000); e.Notice != (scalers.Notice{}) {
		t.Errorf("got the notice %v from an old server, want none", e.Notice)
	}
}

func testStreamsAreOpenedAgainAfterRestart(t *testing.T) {
	s := startServer(t, nil, false)
	r := runStreaming(t, s, 2)
	r.untilLevel(3000)
	s.stop()
	r.untilError("connection refused")
	s.measure(50, 10, true)
	s.start()
	r.untilLevel(5000)
	testkit.Eventually(t, "the streams are open", func(context.Context) bool { return s.openStreams() == 2 })
	s.measure(60, 10, true)
	s.stream()
	r.untilLevel(6000)
}

func testServerThatDoesNotStreamIsPolled(t *testing.T) {
	s := startServer(t, nil, false)
	s.stop()
	s.unary = true
	s.start()
	r := run(t, PushKind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	e := r.until("a notice", func(e scalers.Event) bool { return e.Notice.Reason == reasonNotStreaming })
	want := "changes are noticed only at pollingInterval: the server does not implement StreamIsActive: unknown method StreamIsActive for service externalscaler.ExternalScaler"
	if e.Err != nil || e.Value != 3000 || e.Notice.Text != want {
		t.Errorf("got the level %s, the error %v and the notice %q, want 3 and %q", e.Value, e.Err, e.Notice.Text, want)
	}
	s.measure(80, 10, true)
	r.untilLevel(8000)
}

func testFailuresInRowAreReportedOncePerInterval(t *testing.T) {
	s := startServer(t, nil, false)
	r := runStreaming(t, s, 2)
	r.untilLevel(3000)
	s.set(func(s *server) { s.specs = []*pb.MetricSpec{} })
	s.stream()
	r.untilError("has no metric")
	calls := s.specCalls()
	testkit.Eventually(t, "three more readings", func(context.Context) bool { return s.specCalls() >= calls+3 })
	select {
	case e := <-r.events:
		t.Errorf("got another event with the error %v within one interval, want none", e.Err)
	default:
	}
	s.measure(40, 10, true)
	r.untilLevel(4000)
}

// testWorkloadFollowsServer is the behavior of KEDA that its users rely on: idle 0, minimum 1, maximum 3.
func testWorkloadFollowsServer(t *testing.T) {
	s := startServer(t, nil, false)
	s.measure(0, 10, false)
	r := runStreaming(t, s, 2)
	target := Config{}.Trigger()
	target.Name, target.StaleAfter = "jobs", time.Hour
	policy := &scalers.Policy{Idle: 0, Min: 1, Max: 3, Triggers: []scalers.Trigger{target}}
	var memory scalers.Memory
	replicas := int32(0)
	for _, c := range []struct {
		change func()
		level  scalers.Milli
		want   int32
	}{
		{func() {}, 0, 0},
		{func() { s.measure(10, 10, true) }, 1000, 1},
		{func() { s.measure(20, 10, true) }, 2000, 2},
		{func() { s.measureFloats(22.222, 10) }, 2223, 3},
		{func() { s.measureFloats(22.222, 6.111) }, 3637, 3},
		{func() { s.measureFloats(6.111, 10) }, 612, 1},
		{func() { s.measure(0, 10, false) }, 0, 0},
	} {
		c.change()
		s.stream()
		e := r.until("the level "+c.level.String(), func(e scalers.Event) bool {
			return e.Err == nil && e.Value == c.level && (e.Activity == scalers.ActiveBySource) == (c.level > 0)
		})
		e.Current, e.Ready = replicas, replicas
		d := scalers.Decide(policy, scalers.Input{Now: e.At.Add(time.Second), Current: replicas, Events: []scalers.Event{e}, Memory: memory})
		replicas, memory = d.Replicas, d.Memory
		if replicas != c.want {
			t.Errorf("level %s: got %d replicas, want %d: %s", c.level, replicas, c.want, policy.Why(&d))
		}
	}
}
