package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestRunning(t *testing.T) {
	t.Run("a lag that stays at one committed offset does not count, but keeps the trigger active", testPersistentLag)
	t.Run("the activation value is compared with the whole lag", testActivationValueIsComparedWithWholeLag)
	t.Run("a lag that is limited has a notice, which does not come and go", testLimitedLagHasNotice)
	t.Run("an argument of a formula is the level alone", testArgumentOfFormulaIsLevelAlone)
	t.Run("triggers of one cluster share a client, and those of one group the readings", testTriggersShareClientAndReadings)
	t.Run("a topic deleted while running is unknown", testTopicDeletedWhileRunningIsUnknown)
}

// newSource returns a source whose events the test makes by itself.
func newSource(t *testing.T, pairs ...string) *source {
	t.Helper()
	decoded, err := Kafka().Decode((&cluster{servers: "a:1"}).metadata(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	c, ok := decoded.(config)
	if !ok {
		t.Fatalf("got a %T", decoded)
	}
	_, g := c.query()
	return &source{group: g}
}

// at returns the event for a reading of partitions with the given committed offsets and ends, in turn.
func (s *source) at(instant scalers.Instant, offsets ...int64) scalers.Event {
	var all []partitionState
	for i := 0; i+1 < len(offsets); i += 2 {
		all = append(all, partitionState{topicPartition: topicPartition{"orders", int32(i)}, committed: offsets[i], end: offsets[i+1]})
	}
	return s.event(instant, all)
}

func testPersistentLag(t *testing.T) {
	s := newSource(t, "excludePersistentLag", "true", "lagThreshold", "1", "allowIdleConsumers", "true")
	for i, c := range []struct {
		offsets  []int64
		want     scalers.Milli
		activity scalers.Activity
	}{
		{[]int64{5, 9, 0, 3}, 7000, scalers.ActiveByLevel},                    // There is no reading before.
		{[]int64{5, 9, 1, 3}, 2000, scalers.ActiveBySource},                   // Only the second partition is consumed.
		{[]int64{5, 12, 2, 3}, 1000, scalers.ActiveBySource},                  // New records change nothing in that.
		{[]int64{5, 12, 2, 3}, 0, scalers.ActiveBySource},                     // Nobody consumes anything.
		{[]int64{6, 12, 3, 3}, 6000, scalers.ActiveByLevel},                   // Somebody consumes again.
		{[]int64{12, 12, 3, 3}, 0, scalers.ActiveByLevel},                     // Nothing waits: the core sees that 0 is not active.
		{[]int64{12, 12, notCommitted, 3}, 1000, scalers.ActiveByLevel},       // An offset that is not committed cannot stay the same.
		{[]int64{12, 12, notCommitted, 3, 0, 1}, 2000, scalers.ActiveByLevel}, // Nor can that of a new partition.
	} {
		got := s.at(scalers.Instant(i+1), c.offsets...)
		if got.Value != c.want || got.Activity != c.activity {
			t.Errorf("reading %d: got %s with activity %d, want %s with %d", i, got.Value, got.Activity, c.want, c.activity)
		}
		if again := s.at(scalers.Instant(i+1), c.offsets...); again.Value != got.Value {
			t.Errorf("reading %d, delivered again: got %s, want %s", i, again.Value, got.Value)
		}
	}
}

func testActivationValueIsComparedWithWholeLag(t *testing.T) {
	s := newSource(t, "lagThreshold", "1", "activationLagThreshold", "5")
	if got := s.at(1, 0, 6); got.Value != 1000 || got.Activity != scalers.ActiveBySource {
		t.Errorf("a lag of 6 in one partition: got %s with activity %d, want 1 and active", got.Value, got.Activity)
	}
	if got := s.at(2, 0, 5); got.Value != 1000 || got.Activity != scalers.InactiveBySource {
		t.Errorf("a lag of 5 in one partition: got %s with activity %d, want 1 and not active", got.Value, got.Activity)
	}
}

func testLimitedLagHasNotice(t *testing.T) {
	s := newSource(t, "lagThreshold", "10")
	for i, c := range []struct {
		lag    int64
		notice bool
	}{{10, false}, {20, false}, {21, true}, {19, true}, {11, true}, {10, false}, {20, false}, {500, true}} {
		got := s.at(scalers.Instant(i+1), 0, c.lag, 0, 0)
		if noticed := got.Notice.Reason == reasonLimited; noticed != c.notice {
			t.Errorf("a lag of %d: got the notice %+v, want one: %t", c.lag, got.Notice, c.notice)
		}
		if c.notice && !strings.Contains(got.Notice.Text, "at most 20, one lagThreshold for each of 2 partitions") {
			t.Errorf("got the notice %q", got.Notice.Text)
		}
	}
	s = newSource(t, "limitToPartitionsWithLag", "true")
	if got := s.at(1, 0, 500, 0, 0); got.Value != 10_000 || !strings.Contains(got.Notice.Text, "for each partition with lag") {
		t.Errorf("got %s and the notice %q, want 10 and one about partitions with lag", got.Value, got.Notice.Text)
	}
}

func testArgumentOfFormulaIsLevelAlone(t *testing.T) {
	s := newSource(t, "lagThreshold", "1")
	s.env.Input = true
	if got := s.at(1, 0, 6); got.Value != 1000 || got.Activity != scalers.ActiveByLevel {
		t.Errorf("got %s with activity %d, want the level 1 alone", got.Value, got.Activity)
	}
}

// run runs a trigger until the test ends. The channel has its newest event.
func run(t *testing.T, kind triggers.Kind, metadata map[string]string, env triggers.Env) <-chan scalers.Event {
	t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	source, err := kind.Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan scalers.Event, 1)
	testkit.Background(t, func(ctx context.Context) error {
		return source.Run(ctx, func(e scalers.Event) {
			select {
			case <-events:
			default:
			}
			events <- e
		})
	})
	return events
}

// environment returns an Env with a running poller, which dials with d.
func environment(t *testing.T, every time.Duration, d *dialer) triggers.Env {
	t.Helper()
	env := triggers.Env{Pool: triggers.NewPool(), Poller: triggers.NewPoller(8, 8), PollingInterval: every, Dial: d.dial}
	testkit.Background(t, env.Poller.Run)
	return env
}

func testTriggersShareClientAndReadings(t *testing.T) {
	c := start(t, kfake.SeedTopics(1, "refunds"))
	d := &dialer{}
	env := environment(t, time.Hour, d)
	first := <-run(t, Kafka(), c.metadata(), env)
	dials := d.count()
	listed := c.Fault(kfake.Fault{Keys: nil, Count: -1, Observe: true})
	second := <-run(t, Kafka(), c.metadata("lagThreshold", "1"), env)
	if first.Err != nil || second.Err != nil || first.Value != 3000 || second.Value != 3000 {
		t.Errorf("got %s, %v and %s, %v; want 3 twice", first.Value, first.Err, second.Value, second.Err)
	}
	if n := listed.Hits(); n != 0 {
		t.Errorf("the second trigger of the group sent %d requests, want 0", n)
	}
	if other := <-run(t, Kafka(), c.metadata("topic", "refunds"), env); other.Err != nil || other.Value != 1000 {
		t.Errorf("got %s, %v; want 1", other.Value, other.Err)
	}
	if n := d.count() - dials; n != 0 {
		t.Errorf("the trigger of another topic opened %d connections, want 0", n)
	}
}

func testTopicDeletedWhileRunningIsUnknown(t *testing.T) {
	c := start(t)
	c.produce("orders", 0, 10)
	events := run(t, Kafka(), c.metadata("offsetResetPolicy", "earliest"), environment(t, 200*time.Millisecond, &dialer{}))
	wait := func(what string, wanted func(scalers.Event) bool) {
		t.Helper()
		testkit.Eventually(t, what, func(ctx context.Context) bool {
			select {
			case e := <-events:
				return wanted(e)
			case <-ctx.Done():
				return false
			}
		})
	}
	wait("a lag of 10", func(e scalers.Event) bool { return e.Err == nil && e.Value == 10_000 })
	c.remove("orders")
	wait("an unknown lag", func(e scalers.Event) bool {
		return e.Err != nil && !e.AtLeast && strings.Contains(e.Err.Error(), "topic orders does not exist")
	})
	c.create("orders", 2)
	wait("a lag of 0", func(e scalers.Event) bool { return e.Err == nil && e.Value == 0 })
}
