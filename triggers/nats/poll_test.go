package nats

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestPoll(t *testing.T) {
	t.Run("a consumer is read five times a second, whatever its level", testConsumerIsReadFiveTimesSecondWhateverItsLevel)
	t.Run("a subscriber gets only the newest reading", testSubscriberGetsOnlyNewestReading)
}

// reportedAt runs a poll in a bubble. Its n-th read returns the n-th reading of script after 10 ms. reportedAt returns the start times of
// the reads.
func reportedAt(t *testing.T, script ...reading) []time.Duration {
	t.Helper()
	var starts []time.Duration
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &poll{done: make(chan struct{}), subscribers: map[chan reading]struct{}{}}
		began := time.Now()
		go p.run(ctx, func(context.Context) reading {
			starts = append(starts, time.Since(began))
			<-time.After(10 * time.Millisecond)
			if len(starts) == len(script) {
				cancel()
			}
			return script[len(starts)-1]
		})
		<-p.done
		cancel()
	})
	return starts
}

func testConsumerIsReadFiveTimesSecondWhateverItsLevel(t *testing.T) {
	got := reportedAt(t, reading{}, reading{backlog: backlog{level: 1000}}, reading{err: errors.New("away")}, reading{}, reading{})
	for i, at := range got {
		if want := time.Duration(i) * readInterval; at != want {
			t.Errorf("reading %d was at %s, want %s", i, at, want)
		}
	}
	if readInterval > 200*time.Millisecond {
		t.Errorf("a message to an idle queue waits up to %s to be seen", readInterval)
	}
}

func testSubscriberGetsOnlyNewestReading(t *testing.T) {
	p := &poll{subscribers: map[chan reading]struct{}{}}
	slow, late := make(chan reading, 1), make(chan reading, 1)
	p.add(slow)
	for v := range scalers.Milli(5) {
		p.publish(reading{backlog: backlog{level: v}})
	}
	p.add(late)
	for name, readings := range map[string]chan reading{"the slow one": slow, "the newcomer": late} {
		if r := <-readings; r.level != 4 || len(readings) > 0 {
			t.Errorf("%s: got the level %v", name, r.level)
		}
	}
}
