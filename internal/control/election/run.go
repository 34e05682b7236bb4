package election

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/impulse-sh/impulse/third_party/leaderelection"
)

// Run takes part in the election until ctx is done, and then returns nil. It retries while the API server is unavailable. While this
// process leads, it calls lead, whose context ends when the Lease is lost or ctx is done; lead must return then, and not before. The
// Lease is released after lead has returned, so that the next leader need not wait. Only one Run may be active at a time.
func (e *Elector) Run(ctx context.Context, lead func(context.Context)) error {
	for ctx.Err() == nil {
		if err := e.campaign(ctx, lead); err != nil {
			return fmt.Errorf("take part in the election for lease %s: %w", e.lease.Describe(), err)
		}
	}
	return nil
}

// campaign waits for the Lease and leads until it is lost or ctx is done.
func (e *Elector) campaign(ctx context.Context, lead func(context.Context)) error {
	started := make(chan context.Context, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            &renewLock{Interface: e.lease, elector: e},
		LeaseDuration:   LeaseDuration,
		RenewDeadline:   RenewDeadline,
		RetryPeriod:     RetryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(holding context.Context) { started <- holding },
			OnStoppedLeading: func() {},
			OnNewLeader:      e.logLeader,
		},
	})
	if err != nil {
		return err
	}
	// The election goes on after ctx is done, until lead has returned. Elector logs what matters of client-go's own log.
	election, end := context.WithCancel(klog.NewContext(context.WithoutCancel(ctx), logr.Discard()))
	over := make(chan struct{})
	go func() {
		defer close(over)
		elector.Run(election)
	}()
	select {
	case <-ctx.Done():
	case holding := <-started:
		err = e.lead(ctx, holding, lead)
	}
	end() // This releases the Lease.
	<-over
	e.leadership.Store(nil) // The release may have failed, and nothing renews the Lease any more.
	return err
}

// lead runs lead until the Lease is lost or ctx is done.
func (e *Elector) lead(ctx, holding context.Context, lead func(context.Context)) error {
	leading, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(holding, cancel)()
	var watch sync.WaitGroup
	watch.Go(func() {
		e.awaitDeadline(leading)
		cancel()
	})
	defer watch.Wait()
	defer cancel()
	lead(leading)
	if leading.Err() == nil {
		return errors.New("lead returned while this process still leads")
	}
	if ctx.Err() == nil {
		e.log.Warn("lease is lost: nothing is written until it is acquired again", slog.String("lease", e.lease.Describe()))
	}
	return nil
}

// awaitDeadline returns when the leadership ends because the Lease was not renewed, or when ctx is done. client-go notices it later.
func (e *Elector) awaitDeadline(ctx context.Context) {
	for {
		left := time.Until(e.Deadline())
		if left <= 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
		}
	}
}

func (e *Elector) logLeader(identity string) {
	switch identity {
	case "":
	case e.Identity():
		e.log.Info("this process leads", slog.String("lease", e.lease.Describe()))
	default:
		e.log.Info("another process leads", slog.String("lease", e.lease.Describe()), slog.String("leader", identity))
	}
}
