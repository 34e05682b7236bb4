package status

import (
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// outcome has the values whose change causes a write of the status. Levels are not among them, and neither are intermediate results
// such as raw, the winner and the tolerance, so that a level that varies causes no writes.
type outcome struct {
	generation int64
	desired    int32
	current    int32
	// limit is the rule that limits the count; type settling decides when its change is reported.
	limit     scalers.Rule
	active    bool
	decided   bool
	known     bool
	contested bool
	blocked   string
	paused    scalers.Paused
	// unknown has a bit for each trigger that is unknown, and unread for each that has not been read. texts has the errors; type settling
	// decides when their change is reported.
	unknown, unread uint32
	texts           uint64
	// failures are the consecutive failures up to the threshold of the fallback, so that a restart continues to count them.
	failures uint64
	// bases are the counts that step triggers add to, so that a restart keeps them.
	bases uint64
	// stale has a bit for each trigger with a stale alert, and lapsed for each trigger with an alert whose ttl has expired.
	stale   uint32
	lapsed  uint32
	notices uint64
	refused refusal
	// annotations describes annotations that have no effect.
	annotations string
}

// notReadYet is why a trigger is unknown that has not been read since this process began to lead.
const notReadYet = "not read yet"

// seed makes hashes of this process comparable.
var seed = maphash.MakeSeed()

// outcomeOf returns the outcome to report.
func outcomeOf(p *autoscaler.Outcome, refused refusal) outcome {
	o := outcome{
		generation: p.Workload.Generation, contested: p.Contested, decided: p.Decided, known: p.TargetKnown,
		current: p.Target.Scale.Replicas, refused: refused, annotations: p.Workload.UnknownAnnotations,
	}
	o.blocked, _ = blockedBy(p)
	o.paused = p.Workload.Policy.Paused.Effective(p.At)
	if p.Decided {
		d := p.Decision
		o.desired, o.active, o.limit = d.Replicas, d.Active, limitOf(d)
	}
	o.texts, o.failures, o.bases, o.notices = textsOf(p), failuresOf(p), basesOf(p), noticesOf(p)
	for i := range p.Events {
		if unknownBecause(p, i) != "" {
			o.unknown |= 1 << i
		}
		if p.Events[i].At == 0 {
			o.unread |= 1 << i
		}
		if p.Events[i].Stale {
			o.stale |= 1 << i
		}
		if p.Events[i].Lapsed != "" {
			o.lapsed |= 1 << i
		}
	}
	return o
}

// textsOf hashes the errors of the target and of the unknown triggers.
func textsOf(p *autoscaler.Outcome) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range p.Events {
		why := unknownBecause(p, i)
		if err := p.Events[i].Err; err != nil {
			why = triggers.ErrorIdentity(err)
		}
		if why != "" {
			_ = h.WriteByte(byte(i))
			_, _ = h.WriteString(why)
		}
	}
	for _, err := range []error{p.Target.Err, p.WriteErr} {
		_ = h.WriteByte(scalers.MaxTriggers)
		if err != nil {
			_, _ = h.WriteString(triggers.ErrorIdentity(err))
		}
	}
	return h.Sum64()
}

// noticesOf hashes the reasons of the notices of triggers, without their texts, and the levels that they foresee.
func noticesOf(p *autoscaler.Outcome) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range p.Events {
		if n, foreseen := noticeOf(p, i), p.Events[i].Foreseen; n.Reason != "" || foreseen != (scalers.Foreseen{}) {
			_ = h.WriteByte(byte(i))
			_, _ = h.WriteString(n.Reason)
			maphash.WriteComparable(&h, foreseen)
		}
	}
	return h.Sum64()
}

// failuresOf hashes the consecutive failures of each trigger, up to the threshold of the fallback.
func failuresOf(p *autoscaler.Outcome) uint64 {
	limit := p.Workload.Policy.Fallback
	if limit == nil || len(p.Memory.Failures) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, f := range p.Memory.Failures {
		maphash.WriteComparable(&h, f.Trigger)
		maphash.WriteComparable(&h, min(int64(f.Count), int64(limit.FailureThreshold)+1))
	}
	return h.Sum64()
}

// basesOf hashes the counts that step triggers add to.
func basesOf(p *autoscaler.Outcome) uint64 {
	if len(p.Memory.Bases) == 0 {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, b := range p.Memory.Bases {
		maphash.WriteComparable(&h, b)
	}
	return h.Sum64()
}

// unknownBecause returns the reason for which trigger i is unknown, or "".
func unknownBecause(p *autoscaler.Outcome, i int) string {
	e := &p.Events[i]
	switch {
	case e.At == 0:
		return notReadYet
	case e.Err != nil:
		return e.Err.Error()
	case p.Workload.Policy.Propose(i, e, p.At).Known:
		return ""
	case e.Value < 0:
		return "the value is negative"
	case e.Ready <= 0 && p.Workload.Policy.Triggers[i].Metric == scalers.Value:
		return "no pod is ready"
	default:
		return "the last reading is stale"
	}
}

// blockedBy returns the reason and message for which the target cannot be scaled; both are "" if it can.
func blockedBy(p *autoscaler.Outcome) (reason, message string) {
	switch err := p.Target.Err; {
	case err != nil:
		return refusedBy(p, err, v1alpha1.ReasonTargetUnknown)
	case !p.TargetKnown:
		return v1alpha1.ReasonTargetUnknown, "the target has not been read yet"
	case p.Workload.DryRun:
		return v1alpha1.ReasonDryRun, p.Workload.DryRunMessage()
	case p.Target.ForeignHPA != "":
		return v1alpha1.ReasonForeignHPA, "HorizontalPodAutoscaler " + p.Target.ForeignHPA + " scales the same target; delete it, and Impulse continues"
	case p.WriteErr != nil:
		return refusedBy(p, p.WriteErr, v1alpha1.ReasonScaleFailed)
	case p.Contested:
		return v1alpha1.ReasonContested, "another client keeps changing the target's replicas; Impulse writes with increasing delays"
	default:
		return "", ""
	}
}

// refusedBy returns the reason and message for an error of the actuator.
func refusedBy(p *autoscaler.Outcome, err error, otherwise string) (reason, message string) {
	target := &p.Workload.Target
	switch reason = ReasonOf(err, otherwise); reason {
	case v1alpha1.ReasonTargetNotFound:
		return reason, fmt.Sprintf("there is no %s %s in namespace %s", target.Kind, target.Name, target.Namespace)
	case v1alpha1.ReasonForbidden:
		return reason, err.Error() + " (see Permissions in deploy/manifests/README.md)"
	default:
		return reason, err.Error()
	}
}

// ReasonOf returns the condition reason for an error of the actuator. If it has no reason of its own, ReasonOf returns
// otherwise.
func ReasonOf(err error, otherwise string) string {
	switch {
	case errors.Is(err, actuator.ErrNotFound):
		return v1alpha1.ReasonTargetNotFound
	case errors.Is(err, actuator.ErrNoScale):
		return v1alpha1.ReasonNoScaleSubresource
	case errors.Is(err, actuator.ErrForbidden):
		return v1alpha1.ReasonForbidden
	case errors.Is(err, actuator.ErrDenied):
		return v1alpha1.ReasonDeniedByAdmission
	case errors.Is(err, actuator.ErrAltered):
		return v1alpha1.ReasonChangedByAdmission
	default:
		return otherwise
	}
}
