package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

const (
	// startGrace is how long after a start an outcome is not reported that differs from the stored status only in what this process does not
	// know: most sources answer again within that time. What is still unknown then is reported. If the only reason is that triggers have not
	// been read, this takes firstReadingGrace, because the first readings of many objects take a while.
	startGrace        = 10 * time.Second
	firstReadingGrace = 30 * time.Second
)

// isInterim reports whether an outcome after a start is not to be reported yet, because it may differ from the stored status only in that
// triggers or the target are unknown. The caller must hold r.mu.
func (r *Reporter) isInterim(o *object, p *autoscaler.Outcome) bool {
	if o.stored == nil {
		return false
	}
	grace, now := graceOf(o, p), time.Now()
	if grace == 0 {
		return false
	}
	if o.interimSince.IsZero() {
		o.interimSince = now
	}
	left := o.interimSince.Add(grace).Sub(now)
	if left > 0 {
		r.queue.AddAfter(o.key(), left)
	}
	return left > 0
}

// graceOf returns how long an outcome after a start may be interim; 0 if there is no reason to wait. The first status of an object waits only
// for first readings. Failures that a fallback counts never wait: a process that is restarted often would otherwise never fall back.
func graceOf(o *object, p *autoscaler.Outcome) time.Duration {
	unread, failed := unknownTriggers(p)
	switch isNew := len(o.stored.Conditions) == 0; {
	case o.refusal != (refusal{}), p.Write != nil, failed && p.Workload.Policy.Fallback != nil:
		return 0
	case isNew && (!p.Decided || !unread || failed || p.Decision.Replicas != p.Target.Scale.Replicas):
		return 0
	case isNew:
		return startGrace
	case !lacksOnly(o.stored, p, unread || failed):
		return 0
	case p.TargetKnown && !failed:
		return firstReadingGrace
	default:
		return startGrace
	}
}

// lacksOnly reports whether an outcome in which triggers may be unknown lacks something, and what it has is the same as in the stored status:
// the version, the target, the counts, whether they are written, and what a restart would remember.
// A target that cannot be scaled is known.
func lacksOnly(stored *v1alpha1.ScaledObjectStatus, p *autoscaler.Outcome, unknown bool) bool {
	paused, _ := p.Workload.Pause(p.At)
	blockedBefore, _ := blockedIn(stored)
	blocked, _ := blockedBy(p)
	switch {
	case stored.ObservedGeneration != p.Workload.Generation, stored.Reference != p.Workload.Target.String(),
		meta.IsStatusConditionTrue(stored.Conditions, v1alpha1.ConditionPaused) != (paused != ""):
		return false
	case notifiedIn(stored, &notified{}).refused != "":
		return false
	case !p.TargetKnown:
		return ReasonOf(p.Target.Err, "") == ""
	case blockedBefore != blocked:
		return false
	case !unknown, !isCount(stored.Replicas, p.Target.Scale.Replicas):
		return false
	default:
		return !p.Decided || isCount(stored.DesiredReplicas, p.Decision.Replicas) && isRemembered(stored, p)
	}
}

// unknownTriggers reports whether a trigger has not been read, and whether one is unknown for another reason.
func unknownTriggers(p *autoscaler.Outcome) (unread, failed bool) {
	for i := range p.Events {
		switch unknownBecause(p, i) {
		case "":
		case notReadYet:
			unread = true
		default:
			failed = true
		}
	}
	return unread, failed
}

// isRemembered reports whether a process that resumes the stored memory would lower the count no earlier, nor raise it earlier, than one that
// resumes the present memory.
func isRemembered(stored *v1alpha1.ScaledObjectStatus, p *autoscaler.Outcome) bool {
	var m scalers.Memory
	if m.UnmarshalText([]byte(stored.Memory)) != nil || recommendedIn(&m, p).insufficientFor(recommendedIn(p.Memory, p)) {
		return false
	}
	return !p.Decision.Active || meta.IsStatusConditionTrue(stored.Conditions, v1alpha1.ConditionActive)
}

func isCount(stored *int32, count int32) bool { return stored != nil && *stored == count }

// endInterim reports the present outcome of an object of which only interim ones were seen since the start.
func (r *Reporter) endInterim(key string) {
	r.mu.Lock()
	var running Inspected
	if o := r.objects[key]; o != nil && o.stored != nil && !o.interimSince.IsZero() {
		running = o.running
	}
	r.mu.Unlock()
	if running != nil {
		running.Inspect(r.Decided)
	}
}
