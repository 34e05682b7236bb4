package testkit

import (
	"context"
	"testing"
	"time"
)

const (
	// Timeout is how long a condition may take to become true on a busy machine.
	Timeout = 2 * time.Minute
	// attemptTimeout bounds one evaluation of a condition: a program that is starting may not answer at all.
	attemptTimeout = 2 * time.Second
	pollInterval   = 20 * time.Millisecond
)

// Eventually waits until cond is true, as Poll does. It fails the test when that takes longer than Timeout. The message is
// "waited 2m0s for: ", followed by the parameter what.
func Eventually(tb testing.TB, what string, cond func(ctx context.Context) bool) {
	tb.Helper()
	if !Poll(tb, cond) {
		tb.Fatalf("waited %s for: %s", Timeout, what)
	}
}

// Poll evaluates cond every 20 ms, each time for at most 2 s, until it is true. It returns false when that takes longer than
// Timeout.
func Poll(tb testing.TB, cond func(ctx context.Context) bool) bool {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Timeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	attempt := func() bool {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		return cond(ctx)
	}
	for !attempt() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
