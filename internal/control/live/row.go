package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

// Row has what a list shows of an object.
type Row struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Target is the target as kind/name; "" while it is not known.
	Target string `json:"target,omitempty"`
	// State is failing, warning, paused, dryrun, scaling, limited, idle, steady or waiting. Reason and Message are those of the condition that matters
	// most.
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Replicas is the count of the target, Desired the decided one, and Shadow that of the shadow policy. Each is absent while it is not known.
	Replicas *int32 `json:"replicas,omitempty"`
	Desired  *int32 `json:"desired,omitempty"`
	Shadow   *int32 `json:"shadow,omitempty"`
	Minimum  *int32 `json:"min,omitempty"`
	Maximum  *int32 `json:"max,omitempty"`
	// Levels has the level and the target of each trigger, such as 132/100, 3/10; ? is unknown.
	Levels string `json:"levels,omitempty"`
	// Trigger is the trigger that the count follows; "" if there is none.
	Trigger string `json:"trigger,omitempty"`
	// LimitedBy is the rule that keeps the count from what the triggers ask for.
	LimitedBy     string     `json:"limitedBy,omitempty"`
	DryRun        bool       `json:"dryRun,omitempty"`
	LastScaleTime *time.Time `json:"lastScaleTime,omitempty"`
}

// rowOf returns the row of an entry.
func (e *entry) rowOf() Row {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := Row{Namespace: e.object.Namespace, Name: e.object.Name, State: Waiting}
	if s := e.status; s != nil {
		r.setStatus(s)
	}
	if e.workload != nil && e.owner != nil {
		e.setPresent(&r)
	}
	if e.status != nil {
		r.State = stateOf(e.status, r.Replicas != nil && r.Desired != nil && *r.Replicas != *r.Desired)
	}
	return r
}

// setStatus sets what the status has.
func (r *Row) setStatus(s *v1alpha1.ScaledObjectStatus) {
	r.Target, r.Reason, r.Message = s.Reference, s.Reason, printable.Line(messageOf(s), printable.Longest)
	r.Replicas, r.Desired, r.Levels = s.Replicas, s.DesiredReplicas, s.Targets
	if s.LastScaleTime != nil {
		r.LastScaleTime = &s.LastScaleTime.Time
	}
	if s.Shadow != nil {
		r.Shadow = &s.Shadow.Replicas
	}
}

// Show sets in a status what a row has of it, for readers who have the status in the cluster.
func (r *Row) Show(s *v1alpha1.ScaledObjectStatus) {
	if r.State == Waiting {
		return
	}
	s.Replicas, s.DesiredReplicas, s.Targets = r.Replicas, r.Desired, r.Levels
	if r.Reason != "" {
		s.Reason = r.Reason
	}
	if s.LastDecision != nil && r.Trigger != "" {
		s.LastDecision.Trigger = r.Trigger
	}
}

// setPresent sets what the newest outcome has. The mutex is held.
func (e *entry) setPresent(r *Row) {
	w, n := e.workload, e.newest
	r.Target, r.DryRun, r.Levels = w.Target.String(), w.DryRun, e.levelsText()
	r.Trigger = e.winner
	r.Minimum, r.Maximum = &w.Policy.Min, &w.Policy.Max
	r.Replicas, r.Desired, r.Shadow = known(n.replicas), known(n.desired), known(n.shadow)
	if n.limit != scalers.RuleFormula {
		r.LimitedBy = n.limit.String()
	}
}

// known returns a count; nil if it is not known.
func known(n int32) *int32 {
	if n == unknownCount {
		return nil
	}
	return &n
}

// levelsText returns the levels and targets in one line, as status.targets has them. The mutex is held.
func (e *entry) levelsText() string {
	var out strings.Builder
	for i, level := range e.present {
		t := &e.workload.Policy.Triggers[i]
		if i > 0 {
			out.WriteString(", ")
		}
		switch {
		case level.known:
			out.WriteString(level.value.String())
		case level.atLeast:
			out.WriteString("≥" + level.value.String())
		default:
			out.WriteString("?")
		}
		if !t.Exact && !t.Input {
			out.WriteString("/" + t.Target.String())
		}
	}
	return out.String()
}

// renderRow returns the row as JSON.
func (e *entry) renderRow() (rendered, error) {
	e.rendering.Lock()
	defer e.rendering.Unlock()
	version := e.version.Load()
	if e.row.text != nil && e.row.version == version {
		return e.row, nil
	}
	text, err := json.Marshal(e.rowOf())
	if err != nil {
		return rendered{}, fmt.Errorf("encode %s/%s: %w", e.object.Namespace, e.object.Name, err)
	}
	e.row.version = version
	if !bytes.Equal(text, e.row.text) {
		e.row.text = text
		e.row.changes++
	}
	return e.row, nil
}
