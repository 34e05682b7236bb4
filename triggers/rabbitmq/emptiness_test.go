package rabbitmq

import (
	"testing"
	"time"
)

func TestEmptiness(t *testing.T) {
	t.Run("an empty queue without consumers is confirmed after a minute if messages were waiting", testEmptyQueueWithoutConsumersIsConfirmedAfterMinute)
}

func testEmptyQueueWithoutConsumersIsConfirmedAfterMinute(t *testing.T) {
	start := time.Unix(0, 0)
	for name, answers := range map[string][]struct {
		seconds          int
		ready, consumers int64
		unconfirmed      bool
	}{
		"at first":              {{0, 0, 0, false}, {5, 0, 0, false}},
		"after messages":        {{0, 9, 0, false}, {5, 0, 0, true}, {64, 0, 0, true}, {65, 0, 0, false}, {66, 0, 0, false}},
		"with consumers":        {{0, 9, 2, false}, {5, 0, 2, false}, {9, 0, 0, false}},
		"the leader comes back": {{0, 9, 2, false}, {5, 0, 0, true}, {9, 8, 2, false}, {60, 0, 0, true}, {100, 0, 0, true}, {120, 0, 0, false}},
		"consumers come back":   {{0, 9, 2, false}, {5, 0, 0, true}, {9, 0, 2, false}, {15, 0, 0, false}},
	} {
		var e emptiness
		for _, a := range answers {
			err := e.check(queue{ready: &a.ready, consumers: a.consumers}, start.Add(time.Duration(a.seconds)*time.Second))
			if (err != nil) != a.unconfirmed {
				t.Errorf("%s, %d s: got %v for %d messages and %d consumers, want an error: %t", name, a.seconds, err, a.ready, a.consumers, a.unconfirmed)
			}
		}
	}
}
