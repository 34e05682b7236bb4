package explain

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Explanation explains one decision. It is rendered as text, JSON or YAML.
type Explanation struct {
	At time.Time `json:"at"`
	// Live is true if the leader has explained its readings of that time. Otherwise the values are those of the status.
	Live bool `json:"live,omitempty"`
	// From is the count that the decision was taken from, To the count that it wants.
	From int32 `json:"from"`
	To   int32 `json:"to"`
	// Obstacles keep the target from having the wanted count, or act on that count.
	Obstacles []Obstacle `json:"obstacles,omitempty"`
	// Notices are remarks on the triggers, and on annotations without an effect.
	Notices []string `json:"notices,omitempty"`
	// Raw is the result of the winner's formula, before every other rule; absent while no trigger is known.
	Raw      *int32    `json:"raw,omitempty"`
	Winner   string    `json:"trigger,omitempty"`
	Triggers []Trigger `json:"triggers"`
	Steps    []Step    `json:"steps"`
	// Unchanged is the reason why no rule changed the number; "" when one did.
	Unchanged string   `json:"unchanged,omitempty"`
	LimitedBy []string `json:"limitedBy,omitempty"`
	// Next is when the decision may change without a new reading.
	Next *time.Time `json:"next,omitempty"`
	// Scheduled: a trigger follows the clock.
	Scheduled bool `json:"scheduled,omitempty"`
	// Ahead are the first five changes of the next 24 hours while every level but those of schedules stays as it is.
	Ahead []Change `json:"ahead,omitempty"`
	// Recorded is the reason why Ahead and Otherwise are missing; "" when they are not.
	Recorded string `json:"recorded,omitempty"`
	// Undated are the changes that time alone brings to levels that are pushed, such as those of alerts, when a status does not
	// have their instants: they are missing in Ahead.
	Undated []string `json:"undated,omitempty"`
	// targetCount is the count of the target now; nil when it is unknown.
	targetCount *int32
	// Now is the instant of the explanation, when it is not At.
	Now *time.Time `json:"now,omitempty"`
	// Otherwise are the levels at which the decision would be another one.
	Otherwise []Otherwise `json:"otherwise,omitempty"`
}

// Trigger is one trigger's part in a decision.
type Trigger struct {
	Name string `json:"name"`
	// Formula is its division, with its numbers; "" while its level is unknown. For a level of which only a lower bound is known, it
	// is the division of the bound.
	Formula string `json:"formula,omitempty"`
	// Proposal is the count that the formula asks for, Tolerated the count after the tolerance. Both are absent for a trigger that
	// asks for no count: a step trigger with nothing to add, or an input of the formula of all triggers.
	Proposal  *int32 `json:"proposal,omitempty"`
	Tolerated *int32 `json:"tolerated,omitempty"`
	Active    bool   `json:"active"`
	// Indifferent: the trigger cannot activate the workload, as cpu, memory and kubernetes-pods cannot.
	Indifferent bool `json:"indifferent,omitempty"`
	// Unknown is the reason why the level is unknown.
	Unknown string `json:"unknown,omitempty"`
}

// Step is one rule that changed the number.
type Step struct {
	Rule string `json:"rule"`
	From int32  `json:"from"`
	To   int32  `json:"to"`
	Why  string `json:"why"`
	// Until is the time at which the rule may stop limiting the number without a new reading.
	Until *time.Time `json:"until,omitempty"`
}

// Explain takes the decision of an input, and explains it. Schedules have the levels of its instant. It does not consume in.
func Explain(p *scalers.Policy, in scalers.Input, schedules Schedules, alerts Alerts) *Explanation {
	return explain(p, in, schedules, alerts, nil)
}

// explain is Explain with obstacles.
func explain(p *scalers.Policy, in scalers.Input, schedules Schedules, alerts Alerts, obstacles []Obstacle) *Explanation {
	in.Events = slices.Clone(in.Events)
	p = withoutEndedPause(p, in.Now)
	schedules.read(in.Events, in.Now)
	begin(in.Events, in.Now)
	d := decide(p, in)
	e := &Explanation{
		At: in.Now.Time(), From: in.Current, To: d.Replicas, Obstacles: obstacles, LimitedBy: d.LimitedBy(), Steps: []Step{},
	}
	if d.Winner >= 0 {
		raw := d.Raw
		e.Raw, e.Winner = &raw, p.Triggers[d.Winner].Name
	}
	for i := range p.Triggers {
		e.Triggers = append(e.Triggers, triggerOf(p, i, eventOf(&in, i), &d.Proposals()[i]))
	}
	for _, s := range d.Steps() {
		e.Steps = append(e.Steps, Step{Rule: s.Rule.String(), From: s.From, To: s.To, Why: p.Sentence(&d, s), Until: timeOf(s.Until)})
	}
	if len(e.Steps) == 0 {
		e.Unchanged = p.Why(&d)
	}
	e.Obstacles = append(e.Obstacles, e.unknownObstacles()...)
	e.Next = timeOf(min(d.Next, schedules.next(in.Now), nextForeseen(in.Events)))
	e.Scheduled, e.Undated = schedules.any(), undated(p, in, schedules, alerts)
	e.Ahead = ahead(p, in, &d, schedules, e.blocked())
	e.Otherwise = otherwise(p, in, &d, schedules, alerts)
	return e
}

// withoutEndedPause returns the policy without a pause that has ended, so that readers of the policy need no instant.
func withoutEndedPause(p *scalers.Policy, now scalers.Instant) *scalers.Policy {
	if p.Paused.Effective(now) == p.Paused {
		return p
	}
	unpaused := *p
	unpaused.Paused = scalers.Paused{}
	return &unpaused
}

// decide takes a decision without consuming the memory.
func decide(p *scalers.Policy, in scalers.Input) scalers.Decision {
	in.Memory = in.Memory.Clone()
	return scalers.Decide(p, in)
}

// eventOf returns the reading of trigger i; an empty one when there is none yet.
func eventOf(in *scalers.Input, i int) *scalers.Event {
	if i < len(in.Events) {
		return &in.Events[i]
	}
	return &scalers.Event{}
}

func triggerOf(p *scalers.Policy, i int, e *scalers.Event, q *scalers.Proposal) Trigger {
	t := Trigger{Name: p.Triggers[i].Name, Active: q.Active, Indifferent: indifferent(&p.Triggers[i])}
	if !q.Known {
		t.Unknown = q.Unknown()
		if e.Err != nil {
			t.Unknown += ": " + e.Err.Error()
		}
	}
	if p.Triggers[i].Input && q.Known {
		t.Formula = partOf(q)
		return t
	}
	if q.Known || q.AtLeast {
		t.Formula = formula(&p.Triggers[i], e, q)
		if !q.AddsNothing {
			t.Proposal, t.Tolerated = &q.Raw, &q.Replicas
		}
	}
	return t
}

// indifferent reports whether a trigger has no part in the activity of the workload.
func indifferent(t *scalers.Trigger) bool { return t.PerPod || t.Cap || t.Input }

// timeOf returns an instant as a time; nil for Never.
func timeOf(t scalers.Instant) *time.Time {
	if t == scalers.Never {
		return nil
	}
	at := t.Time()
	return &at
}
