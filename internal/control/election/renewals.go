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

// renewals are the requests of one campaign. Each one that gets the Lease opens the Gate, counted from before it was
// sent; the one that gives the Lease up closes it first. The elector sends one at a time.
type renewals struct {
	resourcelock.Interface
	gate  *Gate
	wrong bool // Whether the last request failed: a failure is logged once.
	other bool // Whether somebody else was seen to hold the Lease last.
	// renewed is when the last record of ours was sent that was written.
	renewed time.Time
	// seen is the last record that was read, raw its bytes, and changed when it was first read, by our own clock.
	seen    *resourcelock.LeaderElectionRecord
	raw     []byte
	changed time.Time
}

// Get implements resourcelock.Interface. Whoever may write Leases may have written this one by hand. A holder is waited for
// from when this process saw the record change, and no longer than bound says. One that vanished from the record without
// having given the Lease up is waited for as well: it may lead until its renew deadline.
func (r *renewals) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := r.Interface.Get(ctx)
	absent := apierrors.IsNotFound(err)
	if !absent { // No Lease yet: whether one can be made, Create finds out.
		r.note(ctx, err)
	}
	if err == nil {
		absent = record.HolderIdentity == "" && record.LeaseDurationSeconds != released
		bound(record)
	}
	if absent && r.other && time.Since(r.changed) < LeaseDuration {
		return r.seen, r.raw, nil
	}
	if err != nil {
		return record, raw, err
	}
	if r.seen == nil || !bytes.Equal(r.raw, raw) {
		r.seen, r.raw, r.changed = record, raw, time.Now()
	}
	r.other = record.HolderIdentity != "" && record.HolderIdentity != r.Identity()
	r.gate.holder.Store(&record.HolderIdentity)
	return record, raw, nil
}

// released is the duration, in seconds, that client-go writes when it gives a Lease up.
const released = 1

// bound makes numbers in a record possible ones: how long its holder is waited for, in seconds, and how often the holder has
// changed, which the API server counts up to 2³¹-1.
func bound(record *resourcelock.LeaderElectionRecord) {
	const shortest, longest = int(LeaseDuration / time.Second), int(longestLease / time.Second)
	record.LeaseDurationSeconds = min(max(record.LeaseDurationSeconds, shortest), longest)
	if record.LeaderTransitions < 0 || record.LeaderTransitions >= math.MaxInt32 {
		record.LeaderTransitions = 0
	}
}

// Create implements resourcelock.Interface.
func (r *renewals) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return r.send(ctx, record, r.Interface.Create)
}

// Update implements resourcelock.Interface. The elector renews each RetryPeriod; a renewal is sent only when the last one was
// RenewEvery ago, and the Gate stays as that one has opened it. The elector of a process that slept through its Lease would
// give up the one that somebody else holds by now: it reads the Lease just before, and does not look at the holder.
func (r *renewals) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == r.Identity() && time.Since(r.renewed) < RenewEvery {
		return nil
	}
	if record.HolderIdentity == "" && r.other {
		r.gate.open.Store(nil)
		return nil
	}
	return r.send(ctx, record, r.Interface.Update)
}

func (r *renewals) send(ctx context.Context, record resourcelock.LeaderElectionRecord,
	write func(context.Context, resourcelock.LeaderElectionRecord) error,
) error {
	keep := record.HolderIdentity == r.Identity()
	if !keep {
		r.gate.open.Store(nil)
	}
	sent := time.Now()
	err := write(ctx, record)
	r.note(ctx, err)
	if err == nil {
		r.gate.holder.Store(&record.HolderIdentity)
		r.renewed = sent
	}
	if err == nil && keep {
		r.gate.term.Store(int64(record.LeaderTransitions))
		r.gate.open.Store(&opening{until: sent.Add(RenewDeadline)})
	}
	return err
}

// note logs the first of a row of failures. That somebody else was faster is none; that the namespace of the Lease is
// not there is one, and without a word nobody would know why nothing is scaled.
func (r *renewals) note(ctx context.Context, err error) {
	wrong := err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err)
	if wrong && !r.wrong {
		r.gate.log.Warn("lease cannot be read or written; trying on",
			slog.String("lease", r.Describe()), slog.Any("err", err))
	}
	r.wrong = wrong
}
