package status

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// history has the last decisions of an object whose outcome differed from the one before, newest first.
type history struct {
	// past is shared with statuses, so it is replaced, and never changed.
	past []v1alpha1.PastDecision
	last summary
	// open is true while the count of the newest decision has not been written.
	open bool
}

// summary identifies an outcome: the count, and the rule that limits it. The winning trigger and what it asks for are not part of it,
// so that a load that varies above the maximum is one entry.
type summary struct {
	known bool
	to    int32
	limit scalers.Rule
}

// historyOf returns the history in a status.
func historyOf(s *v1alpha1.ScaledObjectStatus) history {
	return history{past: s.History, open: len(s.History) > 0 && s.History[0].NotWritten != ""}
}

// add adds the decision of an outcome if its summary has changed, and reports whether it did. limitCounts is true if a change of
// the limit alone is enough. It does not allocate unless it adds the decision.
func (h *history) add(p *autoscaler.Outcome, limitCounts bool) bool {
	if !p.Fresh || !p.Decided {
		return false
	}
	now := summaryOf(p.Decision)
	if !h.last.changes(now, limitCounts) {
		return false
	}
	first := h.last == summary{}
	h.last = now
	entry := pastOf(p)
	if first && len(h.past) > 0 && sameAs(&h.past[0], &entry) {
		return false // Nothing has changed while no process led.
	}
	h.open = entry.From != entry.To
	h.past = append([]v1alpha1.PastDecision{entry}, h.past[:min(len(h.past), v1alpha1.MaxHistory-1)]...)
	return true
}

// markWritten sets the reason for which the count of the newest decision is not written, until it is.
func (h *history) markWritten(p *autoscaler.Outcome) {
	if !h.open || len(h.past) == 0 {
		return
	}
	newest := &h.past[0]
	reason, _ := blockedBy(p)
	free := reason == "" || reason == v1alpha1.ReasonContested
	switch {
	case p.Write != nil && p.Write.Err == nil && p.Write.To == newest.To, free && p.Target.Scale.Replicas == newest.To:
		h.open = false
		h.mark("")
	case !free:
		h.mark(reason)
	}
}

// mark sets the reason for which the count of the newest decision is not written.
func (h *history) mark(notWritten string) {
	if h.past[0].NotWritten == notWritten {
		return
	}
	h.past = slices.Clone(h.past)
	h.past[0].NotWritten = notWritten
}

func summaryOf(d *scalers.Decision) summary {
	return summary{known: true, to: d.Replicas, limit: limitOf(d)}
}

// changes reports whether now differs. A change of the limit alone is a difference only if limitCounts is true.
func (g summary) changes(now summary, limitCounts bool) bool {
	return g.known != now.known || g.to != now.to || limitCounts && g.limit != now.limit
}

// sameAs reports whether two decisions have the same summary.
func sameAs(a, b *v1alpha1.PastDecision) bool {
	return a.To == b.To && limitNamed(a.Raw, a.To, a.LimitedBy) == limitNamed(b.Raw, b.To, b.LimitedBy)
}

func pastOf(p *autoscaler.Outcome) v1alpha1.PastDecision {
	full := decisionOf(p)
	return v1alpha1.PastDecision{
		Time: metav1.NewMicroTime(p.At.Time()), From: full.From, To: full.To, Raw: full.Raw, Trigger: full.Trigger,
		LimitedBy: full.LimitedBy, Why: shorten(whyOf(p, p.Workload.Policy, p.Decision, p.From)),
	}
}
