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
func (g *Gate) Run(ctx context.Context, lead func(context.Context)) error {
	for ctx.Err() == nil {
		if err := g.campaign(ctx, lead); err != nil {
			return fmt.Errorf("take part in the election for lease %s: %w", g.lease.Describe(), err)
		}
	}
	return nil
}

// campaign waits for the Lease and leads until it is lost or ctx is done.
func (g *Gate) campaign(ctx context.Context, lead func(context.Context)) error {
	started := make(chan context.Context, 1)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            &renewals{Interface: g.lease, gate: g},
		LeaseDuration:   LeaseDuration,
		RenewDeadline:   RenewDeadline,
		RetryPeriod:     RetryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(holding context.Context) { started <- holding },
			OnStoppedLeading: func() {},
			OnNewLeader:      g.newLeader,
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
		err = g.lead(ctx, holding, lead)
	}
	end() // And release.
	<-over
	return err
}

// lead runs lead until the Lease is lost or ctx is done.
func (g *Gate) lead(ctx, holding context.Context, lead func(context.Context)) error {
	leading, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(holding, cancel)()
	var watch sync.WaitGroup
	watch.Go(func() {
		g.expire(leading)
		cancel()
	})
	defer watch.Wait()
	defer cancel()
	lead(leading)
	if leading.Err() == nil {
		return errors.New("leading ended by itself")
	}
	if ctx.Err() == nil {
		g.log.Warn("lease is lost: nothing is written until it is held again", slog.String("lease", g.lease.Describe()))
	}
	return nil
}

// expire returns when the Gate closes because the Lease was not renewed, or ctx is done. The elector notices later.
func (g *Gate) expire(ctx context.Context) {
	for {
		left := time.Until(g.Deadline())
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

func (g *Gate) newLeader(identity string) {
	switch identity {
	case "":
	case g.Identity():
		g.log.Info("this process leads", slog.String("lease", g.lease.Describe()))
	default:
		g.log.Info("another process leads", slog.String("lease", g.lease.Describe()), slog.String("leader", identity))
	}
}
