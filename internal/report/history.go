package report

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/pipeline"
	"github.com/impulse-sh/impulse/scalers"
)

// history is the last decisions of an object that had another outcome than the one before, newest first.
type history struct {
	past []v1alpha1.PastDecision
	last gist
}

// gist is what tells one outcome from another: the count, who asked for it, and which rules spoke. What was asked for
// before they spoke is not in it: a load that wobbles above the maximum is one entry.
type gist struct {
	known  bool
	to     int32
	winner int
	rules  uint32
}

// note takes in the decision of a moment, and reports whether its outcome is news. Between changes it costs no allocation.
func (h *history) note(p *pipeline.Outcome) bool {
	if !p.Fresh || !p.Decided {
		return false
	}
	now := gistOf(p.Decision)
	if now == h.last {
		return false
	}
	first := h.last == gist{}
	h.last = now
	entry := pastOf(p)
	if first && len(h.past) > 0 && goesOn(&h.past[0], &entry) {
		return false // We were away, and nothing changed.
	}
	h.past = append([]v1alpha1.PastDecision{entry}, h.past[:min(len(h.past), v1alpha1.MaxHistory-1)]...)
	return true
}

func gistOf(d *scalers.Decision) gist {
	return gist{known: true, to: d.Replicas, winner: d.Winner, rules: rulesOf(d)}
}

// goesOn reports whether b has the outcome of a.
func goesOn(a, b *v1alpha1.PastDecision) bool {
	return a.To == b.To && a.Trigger == b.Trigger && slices.Equal(a.LimitedBy, b.LimitedBy)
}

// rulesOf has a bit for each rule after the formula that changed the number.
func rulesOf(d *scalers.Decision) uint32 {
	var rules uint32
	for _, s := range d.Steps() {
		if s.Rule != scalers.RuleFormula {
			rules |= 1 << s.Rule
		}
	}
	return rules
}

// briefly says how a count came to be, without what a later rule has undone: a window that holds three says nothing of a workload
// that is then at rest.
func briefly(p *scalers.Policy, d *scalers.Decision) string {
	var said []string
	for i, s := range d.Steps() {
		if s.Rule == scalers.RuleFormula || !undone(s, d.Steps()[i+1:]) {
			said = append(said, p.Sentence(d, s))
		}
	}
	if len(said) == 0 {
		return p.Why(d)
	}
	return strings.Join(said, "; ")
}

// undone reports whether one of the later steps takes back all that s did.
func undone(s scalers.Step, later []scalers.Step) bool {
	return slices.ContainsFunc(later, func(l scalers.Step) bool {
		return s.To > s.From && l.To <= s.From || s.To < s.From && l.To >= s.From
	})
}

func pastOf(p *pipeline.Outcome) v1alpha1.PastDecision {
	full := decisionOf(p)
	return v1alpha1.PastDecision{
		Time: metav1.NewMicroTime(p.At.Time()), From: full.From, To: full.To, Raw: full.Raw, Trigger: full.Trigger,
		LimitedBy: full.LimitedBy, Why: shorten(briefly(p.Workload.Policy, p.Decision)),
	}
}
