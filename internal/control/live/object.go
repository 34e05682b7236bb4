package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Object has everything about one object.
type Object struct {
	Row

	UID string `json:"uid,omitempty"`
	// At is when the leader built this.
	At time.Time `json:"at"`
	// Present is true if Status is as of At. Otherwise the object has no autoscaler that answers, and Status is the newest one.
	Present bool                         `json:"present"`
	Status  *v1alpha1.ScaledObjectStatus `json:"status,omitempty"`
	// Idle is the count while no trigger is active; absent if the workload does not become idle.
	Idle *int32 `json:"idle,omitempty"`
	// Pause describes the annotation that pauses the object, and DryRunBy why nothing is written.
	Pause    string `json:"pause,omitempty"`
	DryRunBy string `json:"dryRunBy,omitempty"`
	// Sources are the triggers that are read, in the order of status.triggers.
	Sources []Source `json:"sources,omitempty"`
	// Explanation is absent while there is no decision; Unexplained is the reason.
	Explanation *explain.Explanation `json:"explanation,omitempty"`
	Sentences   *explain.Sentences   `json:"sentences,omitempty"`
	Unexplained string               `json:"unexplained,omitempty"`
	// Alerts are the newest alerts that the triggers select, and AlertCount is how many there are.
	Alerts     []Alert `json:"alerts,omitempty"`
	AlertCount int     `json:"alertCount,omitempty"`
	// Series is absent in the updates of a stream.
	Series *Series `json:"series,omitempty"`
	// Point has the present point of the series.
	Point *CountPoint `json:"point,omitempty"`
}

// Source is how a trigger gets its level.
type Source struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// ReadAt is when the level was read; absent while it has not been.
	ReadAt *time.Time `json:"readAt,omitempty"`
	// PollingInterval is how often the source is read, in seconds; absent for a trigger that receives its levels.
	PollingInterval float64 `json:"pollingInterval,omitempty"`
	// Level is the level; absent while it is unknown. Target is absent if the level is itself a count.
	Level  *float64 `json:"level,omitempty"`
	Target *float64 `json:"target,omitempty"`
	// PerReplica is true if Target is the level that each replica should have; otherwise it is that of the workload.
	PerReplica bool `json:"perReplica,omitempty"`
}

// object returns an object without its series, and the version of the entry that it has.
func (v *View) object(e *entry) (*Object, uint64) {
	version := e.version.Load()
	e.mu.Lock()
	owner, newest := e.owner, e.status
	e.mu.Unlock()
	o := &Object{UID: e.object.UID, At: v.now(), Status: newest}
	if p := inspect(owner); p != nil {
		o.Present, o.At, o.Status = true, p.At.Time(), v.statuses.Status(p)
		o.setOutcome(p)
		o.Alerts, o.AlertCount = v.alertsOf(p.Workload)
	}
	o.Row = e.rowOf()
	if o.Status != nil {
		o.setStatus(o.Status)
		o.Reason, o.State = o.Status.Reason, stateOf(o.Status, o.Replicas != nil && o.Desired != nil && *o.Replicas != *o.Desired)
	}
	e.mu.Lock()
	if n := len(e.counts.all); n > 0 {
		point := e.newest.point(o.At.UnixMilli())
		o.Point = &point
	}
	e.mu.Unlock()
	return o, version
}

// setOutcome sets what an outcome has. Its status is set.
func (o *Object) setOutcome(p *autoscaler.Outcome) {
	w := p.Workload
	if w.Policy.Idle != scalers.NoIdle {
		o.Idle = &w.Policy.Idle
	}
	if w.DryRun {
		o.DryRunBy = w.DryRunMessage()
	}
	if reason, message := w.Pause(p.At); reason != "" {
		o.Pause = message
	}
	for i := range w.Triggers {
		o.Sources = append(o.Sources, sourceOf(p, i))
	}
	o.explain(w, p)
}

// sourceOf returns the source of trigger i.
func sourceOf(p *autoscaler.Outcome, i int) Source {
	t, policy := &p.Workload.Triggers[i], &p.Workload.Policy.Triggers[i]
	s := Source{Name: t.Name, Type: t.Kind.Name}
	if at := p.Events[i].At; at != 0 {
		read := at.Time()
		s.ReadAt = &read
	}
	if !t.Kind.Push {
		s.PollingInterval = t.PollingInterval.Seconds()
	}
	if level := levelOf(p, i, p.Decided && p.TargetKnown); level.known || level.atLeast {
		s.Level = inUnits(level.value)
	}
	if !policy.Exact && !policy.Input {
		s.Target, s.PerReplica = inUnits(policy.Target), policy.Metric == scalers.AverageValue && !policy.PerPod
	}
	return s
}

func inUnits(m scalers.Milli) *float64 {
	value := float64(m) / 1000
	return &value
}

// explain explains the decision that the present readings lead to.
func (o *Object) explain(w *compile.Workload, p *autoscaler.Outcome) {
	if !p.Decided || !p.TargetKnown {
		o.Unexplained = explain.Undecided(o.Status).Error()
		return
	}
	in := scalers.Input{Now: p.At, Current: p.Target.Scale.Replicas, Events: p.Events, Memory: *p.Memory}
	e, err := explain.Readings(w, in, o.Status)
	if err != nil {
		o.Unexplained = err.Error()
		return
	}
	sentences := e.Sentences(fmt.Sprintf("%s (%s)", w.Key(), w.Target))
	o.Explanation, o.Sentences = e, &sentences
}

// renderObject returns an object without its series as JSON.
func (v *View) renderObject(e *entry) (rendered, error) {
	e.rendering.Lock()
	defer e.rendering.Unlock()
	if e.detail.text != nil && e.detail.version == e.version.Load() {
		return e.detail, nil
	}
	o, version := v.object(e)
	text, err := encode(o)
	if err != nil {
		return rendered{}, err
	}
	e.detail.version = version
	if !bytes.Equal(text, e.detail.text) {
		e.detail.text = text
		e.detail.changes++
	}
	return e.detail, nil
}

// encode encodes an object as JSON in one line.
func encode(o *Object) ([]byte, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s/%s: %w", o.Namespace, o.Name, err)
	}
	return text, nil
}

// Object returns an object with its series as JSON.
func (v *View) Object(namespace, name string) ([]byte, error) {
	e, err := v.find(namespace, name)
	if err != nil {
		return nil, err
	}
	o, _ := v.object(e)
	o.Series = e.series(v.now())
	return encode(o)
}
