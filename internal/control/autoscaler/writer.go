package autoscaler

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// A target is written at most writesPerSecond times a second, after a burst.
	writesPerSecond, writesBurst = 5, 10
	// writeTimeout bounds one write.
	writeTimeout = 5 * time.Second
	// After a failure a raise is tried again sooner than a lowering, so that raises go first when the API server pushes
	// back. The pauses double from the first to the longest.
	firstRaise, longestRaise = 100 * time.Millisecond, 10 * time.Second
	firstLower, longestLower = time.Second, 30 * time.Second
	// notLeadingPause is the pause before a process that does not lead asks again.
	notLeadingPause = time.Second
	// conflictPause is how long a write that met a conflict waits for the observation that explains it.
	conflictPause = time.Second
	// oddConflicts is how many conflicts in a row that no observation explains are worth telling.
	oddConflicts = 3
)

// writer is the write in flight and what stands between a decision and the next one.
type writer struct {
	limiter *rate.Limiter
	results chan result
	// flying is true while flight is under way; lost when its end is not known, and it may have landed.
	flying, lost bool
	flight       flight
	// overtaken is true when a decision was taken since the flight began: from the count before it.
	overtaken bool
	// caused is when the first event happened that is not answered by a write yet; zero when no event calls for one.
	caused scalers.Instant
	// conflict is true from a conflict until the observation that explains it.
	conflict bool
	// refusals are the changes that admission did not let through.
	refusals refusals
	// failures counts the failed writes since the last success; the last failed at failedAt for the reason err.
	failures int
	failedAt scalers.Instant
	err      error
	// retry is when to try again; Never when nothing is to be tried.
	retry scalers.Instant
}

// flight is one write.
type flight struct {
	from actuator.Scale
	to   int32
	// why is the decision that it carries out, and policy what it was decided by.
	why    scalers.Decision
	policy *scalers.Policy
	caused scalers.Instant
	// version is that of the view when it began.
	version int
}

// result is how a flight ended.
type result struct {
	scale actuator.Scale
	err   error
}

func newWriter() writer {
	return writer{limiter: rate.NewLimiter(writesPerSecond, writesBurst), results: make(chan result, 1), retry: scalers.Never}
}

// cause notes an event that may call for a write.
func (w *writer) cause(at scalers.Instant) {
	if w.caused == 0 || at < w.caused {
		w.caused = at
	}
}

// conflicted reports whether a conflict was waiting for an observation, which has come.
func (w *writer) conflicted() bool {
	waited := w.conflict
	w.conflict = false
	return waited
}

// forgive forgets what went wrong with a target that was written, or is another one now.
func (w *writer) forgive() {
	w.failures, w.err, w.lost, w.conflict, w.refusals = 0, nil, false, false, refusals{}
}

// rest forgets what went wrong with a target that has the count we want. What admission refused is remembered: a load that
// wobbles across its limit is no reason to ask more often.
func (w *writer) rest() {
	if !refused(w.err) {
		w.forgive()
	}
}

// trouble is why the target does not have the count that is wanted, where that is worth telling; an explained conflict is not:
// it is answered at once.
func (w *writer) trouble() error {
	if errors.Is(w.err, actuator.ErrConflict) && (!w.conflict || w.failures < oddConflicts) {
		return nil
	}
	return w.err
}

// pursue starts the write that the newest decision asks for, unless one is under way or it has to wait.
func (p *Pipeline) pursue(ctx context.Context, now scalers.Instant) {
	p.contest.expire(now)
	w := &p.writer
	if w.flying {
		return
	}
	w.retry = scalers.Never
	if !p.decided || !p.view.known {
		return
	}
	current, want := p.view.scale.Replicas, p.decision.Replicas
	if want == current {
		w.caused = 0
		w.rest()
		return
	}
	if p.view.hpa != "" || p.workload.DryRun {
		w.caused = 0
		return
	}
	if w.retry = p.startAt(now, want-current); w.retry > now {
		return
	}
	w.retry = scalers.Never
	w.flying, w.lost, w.conflict, w.overtaken = true, false, false, false
	w.flight = flight{
		from: p.view.scale, to: want, why: p.decision, policy: p.workload.Policy, caused: w.caused, version: p.view.version,
	}
	w.caused = 0
	go p.fly(ctx, p.view.scale, want)
}

// fly is one write. It is finished even when the workload is no longer wanted: Run waits for it.
func (p *Pipeline) fly(ctx context.Context, from actuator.Scale, to int32) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	scale, err := p.options.Actuator.Set(ctx, p.options.Workload.Target, from, to)
	p.writer.results <- result{scale, err}
}

// startAt is when a write may be started; it takes a place within the rate of writes when that is now.
func (p *Pipeline) startAt(now scalers.Instant, change int32) scalers.Instant {
	if at := max(p.writer.notBefore(change), p.contest.notBefore(change > 0)); at > now {
		return at
	}
	if !p.options.MayWrite() {
		return now.Add(notLeadingPause)
	}
	t := now.Time()
	place := p.writer.limiter.ReserveN(t, 1)
	wait := place.DelayFrom(t)
	if wait > 0 {
		place.CancelAt(t)
	}
	return now.Add(wait)
}

// notBefore is when a write of this change may be tried again after failures.
func (w *writer) notBefore(change int32) scalers.Instant {
	switch {
	case w.conflict:
		return w.failedAt.Add(backoff(conflictPause, longestLower, w.failures))
	case w.failures == 0 || errors.Is(w.err, actuator.ErrConflict), refused(w.err) && w.refusals.smaller(change):
		return 0
	case change > 0:
		return w.failedAt.Add(backoff(firstRaise, longestRaise, w.failures))
	default:
		return w.failedAt.Add(backoff(firstLower, longestLower, w.failures))
	}
}

// landed takes in how a write ended, and reports whether it calls for another decision.
func (p *Pipeline) landed(r result) bool {
	now := p.now()
	w := &p.writer
	f := &w.flight
	w.flying = false
	ended := &Write{From: f.from.Replicas, To: f.to, Stored: f.from.Replicas, Err: r.err, Decision: &f.why, Policy: f.policy, Latency: -1}
	if f.caused != 0 {
		ended.Latency = now.Sub(f.caused)
	}
	p.outcome.Write = ended
	if r.err == nil {
		ended.Stored = f.to
		p.scaled(now, r.scale, f.to)
		return w.overtaken || p.view.foreign
	}
	if f.caused != 0 {
		w.cause(f.caused)
	}
	w.failures, w.failedAt, w.err = w.failures+1, now, r.err
	switch {
	case errors.Is(r.err, actuator.ErrConflict):
		// Nothing is wrong: an observation brings what changed, unless it has come already.
		w.conflict = p.view.version == f.version
		return !w.conflict
	case errors.Is(r.err, actuator.ErrAltered):
		ended.Stored = r.scale.Replicas
		p.stored(now, r.scale, r.scale.Replicas)
		w.refusals.add(f.to - r.scale.Replicas)
		return w.overtaken || p.view.foreign
	case errors.Is(r.err, actuator.ErrDenied):
		w.refusals.add(f.to - f.from.Replicas)
	}
	w.lost = ambiguous(r.err)
	return p.view.foreign
}

// ambiguous reports whether a write that failed may have landed: its answer was lost.
func ambiguous(err error) bool {
	return !errors.Is(err, actuator.ErrNotFound) && !errors.Is(err, actuator.ErrNoScale) && !errors.Is(err, actuator.ErrForbidden) && !refused(err)
}

// scaled takes in that the count is now what we asked for.
func (p *Pipeline) scaled(now scalers.Instant, s actuator.Scale, count int32) {
	p.writer.forgive()
	p.stored(now, s, count)
}

// stored takes in the count that our write has left. If an observation has told of that count before, it was no other hand's.
func (p *Pipeline) stored(now scalers.Instant, s actuator.Scale, count int32) {
	f := &p.writer.flight
	p.memory = p.memory.Scaled(f.policy, now, f.from.Replicas, count)
	if s.UID == p.view.scale.UID && !older(s, p.view.scale) {
		p.view.scale = s
	}
	if p.view.scale.Replicas == count {
		p.view.foreign = false
	}
	p.view.remember(now)
}
