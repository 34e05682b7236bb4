package pipeline

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// writesPerSecond and writeBurst bound the writes to one target.
	writesPerSecond = 5
	writeBurst      = 10
	// writeTimeout bounds one write; it lies within the leader's renew deadline.
	writeTimeout = 2 * time.Second
	// shortestRetry and longestRetry bound how long a failed write is left before it is tried again.
	shortestRetry = 100 * time.Millisecond
	longestRetry  = 30 * time.Second
)

// writer is what is known about writing to the target: one write is under way at most, and a newer decision takes the
// place of the one that waits for it.
type writer struct {
	busy bool
	done chan result
	// err is why the last write failed; nil after one that succeeded.
	err   error
	retry time.Duration
	// next is when the next write may be tried; Never while none waits.
	next scalers.Instant
	// notBefore is when a failed write may be tried again.
	notBefore scalers.Instant
	// wrote is the resource version of our newest write.
	wrote   string
	limit   *rate.Limiter
	contest contest
}

// result is how a write ended.
type result struct {
	from, to int32
	scale    actuator.Scale
	err      error
	cause    scalers.Instant
	at       scalers.Instant
}

func newWriter() writer {
	return writer{done: make(chan result, 1), next: scalers.Never, limit: rate.NewLimiter(writesPerSecond, writeBurst)}
}

// write starts the write that the decision asks for, or says when it may be started.
func (p *Pipeline) write(ctx context.Context, now scalers.Instant) {
	s := &p.state
	w := &s.writer
	w.next = scalers.Never
	from, to := s.target.Scale.Replicas, s.decision.Replicas
	if from == to {
		s.cause = 0
		return
	}
	if w.busy || s.target.ForeignHPA != "" || !p.MayWrite() {
		return
	}
	if at := max(w.notBefore, w.contest.answerAt(to > from)); at > now {
		w.next = at
		return
	}
	reservation := w.limit.ReserveN(now.Time(), 1)
	if delay := reservation.DelayFrom(now.Time()); delay > 0 {
		reservation.CancelAt(now.Time())
		w.next = now.Add(delay)
		return
	}
	w.busy = true
	seen, cause := s.target.Scale, s.cause
	s.cause = 0
	go func() {
		// The write outlives ctx: it is bounded by its own time-out, and Run waits for it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		scale, err := p.Actuator.Set(ctx, p.Workload.Target, seen, to)
		w.done <- result{from: from, to: to, scale: scale, err: err, cause: cause, at: p.now()}
	}()
}

// written takes over how a write ended.
func (p *Pipeline) written(r result) {
	s := &p.state
	w := &s.writer
	w.busy = false
	now := p.now()
	if w.err = r.err; r.err != nil {
		w.retry = min(max(2*w.retry, shortestRetry), longestRetry)
		w.notBefore = now.Add(w.retry)
		if errors.Is(r.err, actuator.ErrConflict) {
			// Nothing is wrong: the watch brings what changed, and the next decision is taken on that.
			w.err = nil
		}
		s.cause = max(s.cause, r.cause)
		p.report(now, &r)
		return
	}
	w.retry, w.notBefore, w.wrote = 0, 0, r.scale.ResourceVersion
	s.memory = s.memory.Scaled(p.Workload.Policy, r.at, r.from, r.to)
	if s.target.Scale.UID == r.scale.UID && !older(r.scale.ResourceVersion, s.target.Scale.ResourceVersion) {
		s.target.Scale = r.scale
	}
	p.report(now, &r)
}

// older reports whether resource version a is older than b; not when either is unknown.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
