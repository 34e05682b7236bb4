package election

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// renewLock are the requests of one campaign. Each one that gets the Lease opens the Gate, counted from before it was
// sent; the one that gives the Lease up closes it first. The elector sends one at a time.
type renewLock struct {
	resourcelock.Interface
	elector     *Elector
	failing     bool // Whether the last request failed: a failure is logged once.
	heldByOther bool // Whether somebody else was seen to hold the Lease last.
	// renewed is when the last record of ours was sent that was written.
	renewed time.Time
	// record is the last record that was read, raw its bytes, and changed when it was first read, by our own clock.
	record     *resourcelock.LeaderElectionRecord
	raw        []byte
	observedAt time.Time
}

// Get implements resourcelock.Interface. Whoever may write Leases may have written this one by hand. A holder is waited for
// from when this process saw the record change, and no longer than bound says. One that vanished from the record without
// having given the Lease up is waited for as well: it may lead until its renew deadline.
func (r *renewLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := r.Interface.Get(ctx)
	absent := apierrors.IsNotFound(err)
	if !absent { // No Lease yet: whether one can be made, Create finds out.
		r.logFailure(ctx, err)
	}
	if err == nil {
		absent = record.HolderIdentity == "" && record.LeaseDurationSeconds != released
		sanitize(record)
	}
	if absent && r.heldByOther && time.Since(r.observedAt) < LeaseDuration {
		return r.record, r.raw, nil
	}
	if err != nil {
		return record, raw, err
	}
	if r.record == nil || !bytes.Equal(r.raw, raw) {
		r.record, r.raw, r.observedAt = record, raw, time.Now()
	}
	r.heldByOther = record.HolderIdentity != "" && record.HolderIdentity != r.Identity()
	r.elector.leader.Store(&record.HolderIdentity)
	return record, raw, nil
}

// released is the duration, in seconds, that client-go writes when it gives a Lease up.
const released = 1

// sanitize makes numbers in a record possible ones: how long its holder is waited for, in seconds, and how often the holder has
// changed, which the API server counts up to 2³¹-1.
func sanitize(record *resourcelock.LeaderElectionRecord) {
	const shortest, longest = int(LeaseDuration / time.Second), int(maxLeaseDuration / time.Second)
	record.LeaseDurationSeconds = min(max(record.LeaseDurationSeconds, shortest), longest)
	if record.LeaderTransitions < 0 || record.LeaderTransitions >= math.MaxInt32 {
		record.LeaderTransitions = 0
	}
}

// Create implements resourcelock.Interface.
func (r *renewLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return r.send(ctx, record, r.Interface.Create)
}

// Update implements resourcelock.Interface. The elector renews each RetryPeriod; a renewal is sent only when the last one was
// RenewEvery ago, and the Gate stays as that one has opened it. The elector of a process that slept through its Lease would
// give up the one that somebody else holds by now: it reads the Lease just before, and does not look at the holder.
func (r *renewLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == r.Identity() && time.Since(r.renewed) < RenewInterval {
		return nil
	}
	if record.HolderIdentity == "" && r.heldByOther {
		r.elector.leadership.Store(nil)
		return nil
	}
	return r.send(ctx, record, r.Interface.Update)
}

func (r *renewLock) send(ctx context.Context, record resourcelock.LeaderElectionRecord,
	write func(context.Context, resourcelock.LeaderElectionRecord) error,
) error {
	keep := record.HolderIdentity == r.Identity()
	if !keep {
		r.elector.leadership.Store(nil)
	}
	sent := time.Now()
	err := write(ctx, record)
	r.logFailure(ctx, err)
	if err == nil {
		r.elector.leader.Store(&record.HolderIdentity)
		r.renewed = sent
	}
	if err == nil && keep {
		r.elector.transitions.Store(int64(record.LeaderTransitions))
		r.elector.leadership.Store(&leadership{until: sent.Add(RenewDeadline)})
	}
	return err
}

// logFailure logs the first of a row of failures. That somebody else was faster is none; that the namespace of the Lease is
// not there is one, and without a word nobody would know why nothing is scaled.
func (r *renewLock) logFailure(ctx context.Context, err error) {
	wrong := err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err)
	if wrong && !r.failing {
		r.elector.log.Warn("lease cannot be read or written; trying on",
			slog.String("lease", r.Describe()), slog.Any("err", err))
	}
	r.failing = wrong
}
