package nats

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestQueue(t *testing.T) {
	t.Run("a queue is read five times a second, whatever its level", testQueueIsReadFiveTimesSecondWhateverItsLevel)
	t.Run("a subscriber gets only the newest reading", testSubscriberGetsOnlyNewestReading)
}

// reportedAt runs a queue in a bubble whose n-th reading is the n-th of these, 10 ms after it was asked for, and returns
// when each was asked for.
func reportedAt(t *testing.T, script ...reading) []time.Duration {
	t.Helper()
	var asked []time.Duration
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := &queue{done: make(chan struct{}), subscribers: map[chan reading]struct{}{}}
		began := time.Now()
		go q.run(ctx, func(context.Context) reading {
			asked = append(asked, time.Since(began))
			<-time.After(10 * time.Millisecond)
			if len(asked) == len(script) {
				cancel()
			}
			return script[len(asked)-1]
		})
		<-q.done
		cancel()
	})
	return asked
}

func testQueueIsReadFiveTimesSecondWhateverItsLevel(t *testing.T) {
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
	q := &queue{subscribers: map[chan reading]struct{}{}}
	slow, late := make(chan reading, 1), make(chan reading, 1)
	q.add(slow)
	for v := range scalers.Milli(5) {
		q.publish(reading{backlog: backlog{level: v}})
	}
	q.add(late)
	for name, readings := range map[string]chan reading{"the slow one": slow, "the newcomer": late} {
		if r := <-readings; r.level != 4 || len(readings) > 0 {
			t.Errorf("%s: got the level %v", name, r.level)
		}
	}
}
