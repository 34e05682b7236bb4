package election

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"
)

// Run takes part in the election until ctx is done, however long the API server is away, and returns nil then. While
// this process leads, it runs lead, whose context ends when the Lease is lost or ctx is done; lead must return then and
// not before. The Lease is kept until lead has returned and is then given up, so that the next leader need not wait.
// Run must not be called twice at a time.
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
	// The election outlives ctx while lead winds up. Its own log is about what is said better here.
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
	end() // And release.
	<-over
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
		return errors.New("leading ended by itself")
	}
	if ctx.Err() == nil {
		e.log.Warn("lease is lost: nothing is written until it is held again", slog.String("lease", e.lease.Describe()))
	}
	return nil
}

// awaitDeadline returns when the Gate closes because the Lease was not renewed, or ctx is done. The elector notices later.
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
