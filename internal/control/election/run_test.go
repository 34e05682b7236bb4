package election

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/third_party/leaderelection/resourcelock"
)

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("leading ends exactly at the renew deadline", testLeadingEndsExactlyAtRenewDeadline)
	t.Run("a write that the Lease ends is known as a timeout with any protocol", testWriteThatLeaseEndsIsKnownAsTimeout)
}

func testLeadingEndsExactlyAtRenewDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Elector{lease: &resourcelock.LeaseLock{}, log: slog.New(slog.DiscardHandler)}
		start := time.Now()
		e.leadership.Store(&leadership{until: start.Add(RenewDeadline)})
		renewal := time.AfterFunc(2*time.Second, func() {
			e.leadership.Store(&leadership{until: time.Now().Add(RenewDeadline)})
		})
		defer renewal.Stop()
		// client-go still considers the Lease held: its context, the second argument, does not end.
		err := e.lead(t.Context(), context.Background(), func(ctx context.Context) {
			<-ctx.Done()
			if got, want := time.Since(start), 2*time.Second+RenewDeadline; got != want {
				t.Errorf("leading ended after %s, want %s", got, want)
			}
			if e.IsLeader(time.Now()) {
				t.Error("IsLeader is still true after leading ended")
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// net/http returns the error of a context over HTTP/2, and its cause over HTTP/1.1.
func testWriteThatLeaseEndsIsKnownAsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := Within(t.Context(), time.Now().Add(time.Second), func(ctx context.Context) error {
			<-ctx.Done()
			return errors.Join(ctx.Err(), context.Cause(ctx))
		})
		if want := errors.Join(context.DeadlineExceeded, context.DeadlineExceeded); err == nil || err.Error() != want.Error() {
			t.Errorf("the context ended with the error and the cause %q, want %q", err, want)
		}
	})
}
