package loglimit

import (
	"strconv"
	"testing"
	"time"
)

func TestLoglimit(t *testing.T) {
	t.Run("the log of invented senders is bounded", testLogOfInventedSendersIsBounded)
}

func testLogOfInventedSendersIsBounded(t *testing.T) {
	var l Limiter
	now, logged := time.Unix(0, 0), 0
	for i := range 10 * maxKeys {
		if _, due := l.Due(Key{Message: strconv.Itoa(i)}, now); due {
			logged++
		}
	}
	if logged != maxKeys+1 || len(l.keys) != maxKeys+1 {
		t.Errorf("%d were logged, and %d are remembered", logged, len(l.keys))
	}
	now = now.Add(Interval)
	if times, due := l.Due(Key{Message: "new"}, now); times != 1 || !due || len(l.keys) > maxKeys {
		t.Errorf("an hour later: %d, %v; %d are remembered", times, due, len(l.keys))
	}
}
