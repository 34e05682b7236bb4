package status

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// history is the last decisions of an object that had another outcome than the one before, newest first.
type history struct {
	past []v1alpha1.PastDecision
	last summary
	// open is true while the count of the newest decision is still to be written.
	open bool
}

// summary is what tells one outcome from another: the count, and the rule that limits. What was asked for, and by which trigger, is
// not in it: a load that wobbles above the maximum is one entry.
type summary struct {
	known bool
	to    int32
	limit scalers.Rule
}

// historyOf continues the history of a status.
func historyOf(s *v1alpha1.ScaledObjectStatus) history {
	return history{past: slices.Clone(s.History), open: len(s.History) > 0 && s.History[0].NotWritten != ""}
}

// add takes in the decision of a moment, and reports whether its outcome is news: the count is another one, or what limits is
// and counts. Between changes it costs no allocation.
func (h *history) add(p *autoscaler.Outcome, counts bool) bool {
	if !p.Fresh || !p.Decided {
		return false
	}
	now := summaryOf(p.Decision)
	if !h.last.changes(now, counts) {
		return false
	}
	first := h.last == summary{}
	h.last = now
	entry := pastOf(p)
	if first && len(h.past) > 0 && sameAs(&h.past[0], &entry) {
		return false // We were away, and nothing changed.
	}
	h.open = entry.From != entry.To
	h.past = append([]v1alpha1.PastDecision{entry}, h.past[:min(len(h.past), v1alpha1.MaxHistory-1)]...)
	return true
}

// markWritten notes why the count of the newest decision is not written, until it is.
func (h *history) markWritten(p *autoscaler.Outcome) {
	if !h.open || len(h.past) == 0 {
		return
	}
	newest := &h.past[0]
	reason, _ := blockedBy(p)
	free := reason == "" || reason == v1alpha1.ReasonContested
	switch {
	case p.Write != nil && p.Write.Err == nil && p.Write.To == newest.To, free && p.Target.Scale.Replicas == newest.To:
		newest.NotWritten, h.open = "", false
	case !free:
		newest.NotWritten = reason
	}
}

func summaryOf(d *scalers.Decision) summary {
	return summary{known: true, to: d.Replicas, limit: limitOf(d)}
}

// changes reports whether now is another outcome. Another rule that limits the same count is where that counts.
func (g summary) changes(now summary, counts bool) bool {
	return g.known != now.known || g.to != now.to || counts && g.limit != now.limit
}

// sameAs reports whether b has the outcome of a.
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
