package election

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/third_party/leaderelection/resourcelock"
)

func TestCadence(t *testing.T) {
	t.Parallel()
	t.Run("the Lease is renewed at most once a second", testLeaseIsRenewedAtMostOnceSecond)
	t.Run("a renewal that hangs does not lose the Lease", testRenewalThatHangsDoesNotLoseLease)
	t.Run("the Lease is renewed until lead has returned", testLeaseIsRenewedUntilLeadHasReturned)
}

// lock is a Lease in memory: an API server cannot say when each renewal was sent, nor let just one of them hang.
type lock struct {
	resourcelock.LeaseLock

	record *resourcelock.LeaderElectionRecord
	// takes is how long a renewal takes; the hangs-th one hangs until the request's time-out.
	takes time.Duration
	hangs int
	// sent are the times of the renewals.
	sent []time.Time
}

// Get reads the record.
func (l *lock) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if l.record == nil {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, "impulse")
	}
	record := *l.record
	return &record, []byte(record.RenewTime.String()), nil
}

// Create writes the first record.
func (l *lock) Create(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	l.record = &record
	return nil
}

// Update writes a record, and records the time.
func (l *lock) Update(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	l.sent = append(l.sent, time.Now())
	if len(l.sent) == l.hangs {
		<-time.After(requestTimeout)
		return errors.New("no answer")
	}
	<-time.After(l.takes)
	l.record = &record
	return nil
}

// elector returns the candidate a.
func (l *lock) elector() *Elector {
	l.LockConfig.Identity = "a"
	return &Elector{lease: l, log: slog.New(slog.DiscardHandler)}
}

// leadMinute leads by a lock for a minute without a break, and returns the least time that was left until the renew deadline.
func (l *lock) leadMinute(t *testing.T) time.Duration {
	t.Helper()
	e := l.elector()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left, led := time.Hour, 0
	err := e.Run(ctx, func(leading context.Context) {
		led++
		for range 600 {
			select {
			case <-leading.Done():
				t.Error("leading has ended")
				cancel()
				return
			case <-time.After(100 * time.Millisecond):
				left = min(left, time.Until(e.Deadline()))
			}
		}
		cancel()
	})
	if err != nil || led != 1 {
		t.Errorf("Run led %d times, and returned error %v, want once, and none", led, err)
	}
	return left
}

func testLeaseIsRenewedAtMostOnceSecond(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{0, 10 * time.Millisecond, 400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			l := &lock{takes: takes}
			left := l.leadMinute(t)
			renewals := l.sent[:len(l.sent)-1] // The last one gives the Lease up.
			for i := 1; i < len(renewals); i++ {
				if gap := renewals[i].Sub(renewals[i-1]); gap < RenewInterval || gap > RenewInterval+RetryPeriod+takes {
					t.Errorf("with renewals of %s, got %s between two, want between %s and %s", takes, gap, RenewInterval, RenewInterval+RetryPeriod+takes)
				}
			}
			if least := RenewDeadline - RenewInterval - RetryPeriod - 2*takes; left < least {
				t.Errorf("when a renewal takes %s, the renew deadline comes as near as %s, want at least %s", takes, left, least)
			}
		})
	}
}

func testRenewalThatHangsDoesNotLoseLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lock{takes: 10 * time.Millisecond, hangs: 20}
		if left := l.leadMinute(t); left <= 0 {
			t.Errorf("got %s left until the renew deadline, want more than 0", left)
		}
	})
}

func testLeaseIsRenewedUntilLeadHasReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lock{}
		e := l.elector()
		ctx, cancel := context.WithCancel(t.Context())
		var returned time.Time
		err := e.Run(ctx, func(leading context.Context) {
			cancel()
			<-leading.Done()
			<-time.After(time.Minute) // It winds up.
			if returned = time.Now(); !e.IsLeader(returned) {
				t.Error("the Lease is lost before lead returned")
			}
		})
		if err != nil {
			t.Error(err)
		}
		if released := l.sent[len(l.sent)-1]; l.record.HolderIdentity != "" || released.Before(returned) {
			t.Errorf("the last request was sent at %s, and left the holder %q; want a release after %s", released, l.record.HolderIdentity, returned)
		}
	})
}
