package status

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

// Shadow returns an autoscaler.Reporter for the shadow policies of all workloads. It reports their counts in the status of the object,
// and nowhere else.
func (r *Reporter) Shadow() autoscaler.Reporter { return shadow{r} }

type shadow struct{ reporter *Reporter }

// Decided implements autoscaler.Reporter.
func (s shadow) Decided(p *autoscaler.Outcome) {
	if !p.Decided || p.Writing {
		return
	}
	s.reporter.mu.Lock()
	defer s.reporter.mu.Unlock()
	o := s.reporter.known(p.Workload)
	if o == nil {
		return
	}
	now := summaryOf(p.Decision)
	if !o.shadowReported.changes(now, o.shadowLimit.update(now.limit, o.shadowReported.limit, p.At.Time())) {
		return
	}
	o.shadowLimit.report(now.limit, o.shadowReported.limit, p.At.Time())
	o.shadowReported, o.shadow = now, shadowOf(p)
	if o.latest == nil {
		return // The first status of the live policy will include it.
	}
	status := *o.latest
	status.Shadow, status.OriginalReplicaCount = o.shadow, o.origin.of(status.Reference)
	o.latest = &status
	o.setPending(&status)
	s.reporter.showStatus(o, &status)
	s.reporter.schedule(o)
}

func shadowOf(p *autoscaler.Outcome) *v1alpha1.ShadowStatus {
	d := decisionOf(p)
	return &v1alpha1.ShadowStatus{
		Since: metav1.NewMicroTime(p.At.Time()), Replicas: d.To, Raw: d.Raw, Trigger: d.Trigger, LimitedBy: slices.Clone(d.LimitedBy),
		Why: shorten(p.Workload.Policy.Why(p.Decision)),
	}
}
