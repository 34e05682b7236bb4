package nats

import (
	"context"
	"math"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestHalfAnswer(t *testing.T) {
	t.Run("half an answer of the server is unknown", testHalfAnswerOfServerIsUnknown)
}

func testHalfAnswerOfServerIsUnknown(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	publish(t, js, 3)
	open := func(bytes int64) (*runningSource, *testkit.HalfAnswer) {
		half := &testkit.HalfAnswer{Bytes: bytes}
		env := environment(nil)
		env.Dial = half.Dial
		return runSource(t, mustOpen(t, configured(s.url()), env)), half
	}
	r, all := open(math.MaxInt64)
	r.until("3")
	r.stop()
	whole := all.Delivered()
	const parts = 16
	var cut [parts]*runningSource
	for i := range cut {
		cut[i], _ = open(whole * int64(i) / parts)
	}
	for i, r := range cut {
		var got string
		testkit.Eventually(t, "it reports", func(context.Context) bool {
			got = r.lastEvent()
			return got != "nothing"
		})
		if got == "3" && i < parts/2 || len(got) == 1 && got != "3" { // The first connection may have delivered a second answer.
			t.Errorf("%d of %d parts of the answer: got %s, want unknown", i, parts, got)
		}
	}
}
