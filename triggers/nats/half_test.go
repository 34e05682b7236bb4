package nats

import (
	"context"
	"math"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestHalfAnswer(t *testing.T) {
	t.Run("half an answer of the server is unknown", testHalfAnswerOfServerIsUnknown)
}

func testHalfAnswerOfServerIsUnknown(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	publish(t, js, 3)
	open := func(bytes int64) (triggers.Source, *testkit.HalfAnswer) {
		half := &testkit.HalfAnswer{Bytes: bytes}
		env := environment(nil)
		env.Dial = half.Dial
		return mustOpen(t, configured(s.url()), env), half
	}
	source, all := open(math.MaxInt64)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var whole int64
	_ = source.Run(ctx, func(e scalers.Event) { // It returns the error of ctx.
		if e.Err == nil && whole == 0 {
			whole = all.Delivered()
			stop()
		}
	})
	const parts = 16
	var cut [parts]*runningSource
	for i := range cut {
		source, _ := open(whole * int64(i) / parts)
		cut[i] = runSource(t, source)
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
