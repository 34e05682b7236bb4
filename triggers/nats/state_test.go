package nats

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestState(t *testing.T) {
	t.Run("of a paused consumer only the unacknowledged messages count", testOfPausedConsumerOnlyUnacknowledgedMessagesCount)
	t.Run("a consumer that the server will delete is reported before and after", testConsumerThatServerWillDeleteIsReportedBeforeAndAfter)
}

// bothWays opens a trigger over a connection and one over the monitoring endpoint.
func bothWays(t *testing.T, s *server) map[string]*runningSource {
	t.Helper()
	env := environment(nil)
	env.PollingInterval, env.Poller = 100*time.Millisecond, triggers.NewPoller(2, 2)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = env.Poller.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return map[string]*runningSource{
		"connection": runSource(t, mustOpen(t, configured(s.url()), env)), "monitoring": runSource(t, mustOpen(t, monitored(s.monitoring), env)),
	}
}

// untilEvent waits for an event.
func (r *runningSource) untilEvent(what string, is func(e scalers.Event) bool) {
	r.t.Helper()
	var last scalers.Event
	defer func() {
		if r.t.Failed() {
			r.t.Logf("the last event: %+v", last)
		}
	}()
	testkit.Eventually(r.t, what, func(context.Context) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		last = r.last
		return r.all > 0 && is(last)
	})
}

func testOfPausedConsumerOnlyUnacknowledgedMessagesCount(t *testing.T) {
	s := start(t)
	js := s.client()
	consumer := createWork(t, js, 1)
	publish(t, js, 9)
	runs := bothWays(t, s)
	for _, r := range runs {
		r.until("9")
	}
	drain(t, consumer, 2, false)
	until := time.Now().Add(time.Hour).UTC()
	if _, err := js.PauseConsumer(t.Context(), "WORK", "workers", until); err != nil {
		t.Fatal(err)
	}
	want := scalers.Notice{Reason: "ConsumerPaused", Text: fmt.Sprintf(
		"consumer workers is paused until %s: 7 messages wait, are not delivered and start no replicas", until.Format(time.RFC3339))}
	for way, r := range runs {
		r.untilEvent(way+" reports a paused consumer", func(e scalers.Event) bool {
			return e.Err == nil && e.Value == 2000 && e.Suspended && e.Notice == want
		})
	}
	if _, err := js.ResumeConsumer(t.Context(), "WORK", "workers"); err != nil {
		t.Fatal(err)
	}
	for way, r := range runs {
		r.untilEvent(way+" reports that the pause is over", func(e scalers.Event) bool {
			return e.Err == nil && e.Value == 9000 && !e.Suspended && e.Notice == scalers.Notice{}
		})
	}
}

func testConsumerThatServerWillDeleteIsReportedBeforeAndAfter(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	publish(t, js, 3)
	runs := bothWays(t, s)
	remake := func(threshold time.Duration) {
		t.Helper()
		_, err := js.CreateOrUpdateConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{
			Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy, InactiveThreshold: threshold,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	remake(time.Hour)
	for way, r := range runs {
		r.untilEvent(way+" reports that the consumer may be deleted", func(e scalers.Event) bool {
			return e.Err == nil && e.Value == 3000 && !e.Suspended && e.Notice.Reason == "ConsumerExpires" && e.Notice.IdleOnly &&
				strings.Contains(e.Notice.Text, "workers has inactive_threshold 1h0m0s")
		})
	}
	remake(time.Second)
	for way, r := range runs {
		r.untilEvent(way+" reports that the consumer is gone", func(e scalers.Event) bool {
			return e.Err != nil && strings.Contains(e.Err.Error(), "does not exist: if it had inactive_threshold")
		})
	}
}
