package election

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/impulse-sh/impulse/third_party/leaderelection/resourcelock"
)

// renewLock sends the requests of one campaign. Each request that acquires or renews the Lease extends the leadership, counted from
// before the request was sent. The leadership ends before a request that releases the Lease is sent. client-go sends one request at
// a time.
type renewLock struct {
	resourcelock.Interface
	elector     *Elector
	failure     string // Why the last request failed; "" if it did not. Only the first of several failures in a row for one reason is logged.
	heldByOther bool   // Whether another process held the Lease when it was read last.
	missing     bool   // Whether there was no Lease when it was read last.
	// renewed is when the last successful renewal was sent.
	renewed time.Time
	// record is the last record that was read, raw its bytes, and observedAt when this process first read it.
	record     *resourcelock.LeaderElectionRecord
	raw        []byte
	observedAt time.Time
}

// Get implements resourcelock.Interface. It does not trust the record, which may have been edited by hand: candidates wait for the
// holder from when this process first read the record, for the duration that sanitize allows. They also wait for a holder that
// vanished from the record without releasing the Lease: it may lead until its renew deadline.
func (r *renewLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := r.Interface.Get(ctx)
	absent := apierrors.IsNotFound(err)
	r.missing = absent
	if !absent { // If there is no Lease yet, Create follows, and logs its own failure.
		r.logFailure(ctx, err)
	}
	if err == nil {
		absent = record.HolderIdentity == "" && record.LeaseDurationSeconds != releasedSeconds
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
	r.elector.observeLeader(record.HolderIdentity)
	return record, raw, nil
}

// releasedSeconds is the duration, in seconds, that client-go writes when it releases a Lease.
const releasedSeconds = 1

// sanitize brings the numbers of a record into range: the lease duration, and the number of transitions, for which the API server
// accepts up to 2³¹-1.
func sanitize(record *resourcelock.LeaderElectionRecord) {
	const shortest, longest = int(LeaseDuration / time.Second), int(maxLeaseDuration / time.Second)
	record.LeaseDurationSeconds = min(max(record.LeaseDurationSeconds, shortest), longest)
	if record.LeaderTransitions < 0 || record.LeaderTransitions >= math.MaxInt32 {
		record.LeaderTransitions = 0
	}
}

// Create implements resourcelock.Interface.
func (r *renewLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := r.send(ctx, record, r.Interface.Create)
	r.missing = r.missing && err != nil
	return err
}

// Update implements resourcelock.Interface. client-go renews each RetryPeriod; a renewal is sent only if the last one was at least a
// RenewInterval ago. After a process was suspended for longer than its Lease, client-go would release the Lease that another process
// holds by now, because it does not check the holder; Update does not send that request. It sends none either if there was no Lease, for which client-go
// would have no name: the Lease must be created.
func (r *renewLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if record.HolderIdentity == r.Identity() && time.Since(r.renewed) < RenewInterval {
		return nil
	}
	if record.HolderIdentity == "" && r.heldByOther {
		r.elector.leadership.Store(nil)
		return nil
	}
	if r.missing {
		if record.HolderIdentity == "" {
			r.elector.leadership.Store(nil)
		}
		return errMissing
	}
	return r.send(ctx, record, r.Interface.Update)
}

// errMissing is the error of an update while there is no Lease.
var errMissing = errors.New("the lease does not exist")

func (r *renewLock) send(ctx context.Context, record resourcelock.LeaderElectionRecord,
	write func(context.Context, resourcelock.LeaderElectionRecord) error,
) error {
	holds := record.HolderIdentity == r.Identity()
	if !holds {
		r.elector.leadership.Store(nil)
	}
	sent := time.Now()
	err := write(ctx, record)
	r.logFailure(ctx, err)
	if err == nil {
		r.elector.observeLeader(record.HolderIdentity)
		r.renewed = sent
	}
	if err == nil && holds {
		r.elector.transitions.Store(int64(record.LeaderTransitions))
		r.elector.leadership.Store(&leadership{until: sent.Add(RenewDeadline)})
	}
	return err
}

// logFailure logs the first of several failures in a row for one reason. A conflict with another candidate is not a failure. A missing
// namespace of the Lease is one: without the log line, nothing would show why Impulse does not scale.
func (r *renewLock) logFailure(ctx context.Context, err error) {
	failure := ""
	if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
		failure = cmp.Or(string(apierrors.ReasonForError(err)), "no answer")
	}
	if failure != "" && failure != r.failure {
		r.elector.log.Warn("lease cannot be read or written; retrying",
			slog.String("lease", r.Describe()), slog.Any("error", err))
	}
	r.failure = failure
}
