// Package explain answers the questions of whoever looks at a count: why this number, until when, what comes next by
// itself, and what would change it. It knows no rule: every answer is what scalers.Decide says, asked again with another
// instant or another level.
package explain

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Explanation is a decision and what surrounds it. It is rendered as text, JSON or YAML.
type Explanation struct {
	At time.Time `json:"at"`
	// From is the count that the decision was taken from, To the one that is wanted.
	From int32 `json:"from"`
	To   int32 `json:"to"`
	// Obstacles stand between what is wanted and the count of the target.
	Obstacles []Obstacle `json:"obstacles,omitempty"`
	// Notices are what people should know of the triggers beside their levels.
	Notices []string `json:"notices,omitempty"`
	// Raw is the winner's formula before everything else; absent while nothing is known.
	Raw      *int32    `json:"raw,omitempty"`
	Winner   string    `json:"trigger,omitempty"`
	Triggers []Trigger `json:"triggers"`
	Steps    []Step    `json:"steps"`
	// Unchanged says why no rule changed the number, when none did.
	Unchanged string   `json:"unchanged,omitempty"`
	LimitedBy []string `json:"limitedBy,omitempty"`
	// Next is when the answer may be another one with no new event.
	Next *time.Time `json:"next,omitempty"`
	// Scheduled: some trigger follows the clock.
	Scheduled bool `json:"scheduled,omitempty"`
	// Ahead is what comes by itself in a day, while every level but those of schedules stays as it is.
	Ahead []Change `json:"ahead,omitempty"`
	// Recorded says why neither that nor Otherwise is told, when it is not.
	Recorded string `json:"recorded,omitempty"`
	// Told says of each trigger whose level is pushed and stands, such as an alert or a level with a ttl, what it does by itself: a
	// status does not have when, so that it is not among what is ahead.
	Told []string `json:"told,omitempty"`
	// has is the count that there is when it is asked; nil when that is not known.
	has *int32
	// Now is when it was asked, where that is another instant than At.
	Now *time.Time `json:"now,omitempty"`
	// Otherwise is what would change the answer at this instant.
	Otherwise []Otherwise `json:"otherwise,omitempty"`
}

// Trigger is one trigger's part in a decision.
type Trigger struct {
	Name string `json:"name"`
	// Formula is its division, with its numbers; "" while its level is unknown. Of a level that is unknown but for what it is at
	// least, it is that of the least.
	Formula string `json:"formula,omitempty"`
	// Proposal is what the formula asks for, Tolerated what is left of that after the tolerance; absent of a trigger that asks
	// for nothing itself: a step trigger with nothing to add, or one that is part of the formula of all.
	Proposal  *int32 `json:"proposal,omitempty"`
	Tolerated *int32 `json:"tolerated,omitempty"`
	Active    bool   `json:"active"`
	// Indifferent: the trigger does not say when there is work at all, as cpu and memory do not.
	Indifferent bool `json:"indifferent,omitempty"`
	// Unknown says why the level is not known.
	Unknown string `json:"unknown,omitempty"`
}

// Step is one rule that changed the number.
type Step struct {
	Rule string `json:"rule"`
	From int32  `json:"from"`
	To   int32  `json:"to"`
	Why  string `json:"why"`
	// Until is when the rule may stop holding the number back by itself.
	Until *time.Time `json:"until,omitempty"`
}

// Explain takes the decision that in calls for, and surrounds it. The levels of schedules are those of its instant. It does
// not consume in.
func Explain(p *scalers.Policy, in scalers.Input, schedules Schedules, alerts Alerts) *Explanation {
	return explain(p, in, schedules, alerts, nil)
}

// explain is Explain with what stands in the way of the count.
func explain(p *scalers.Policy, in scalers.Input, schedules Schedules, alerts Alerts, obstacles []Obstacle) *Explanation {
	in.Events = slices.Clone(in.Events)
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
	e.Obstacles = append(e.Obstacles, e.ignorance()...)
	e.Next = timeOf(min(d.Next, schedules.next(in.Now), beginsNext(in.Events)))
	e.Scheduled, e.Told = schedules.any(), told(p, in, schedules, alerts)
	e.Ahead = ahead(p, in, &d, schedules, e.blocked())
	e.Otherwise = otherwise(p, in, &d, schedules, alerts)
	return e
}

// decide asks the core without consuming the memory.
func decide(p *scalers.Policy, in scalers.Input) scalers.Decision {
	in.Memory = in.Memory.Clone()
	return scalers.Decide(p, in)
}

// eventOf is the reading of trigger i; an empty one when there is none yet.
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

// indifferent reports whether a trigger has no part in whether the workload is active.
func indifferent(t *scalers.Trigger) bool { return t.PerPod || t.Cap || t.Input }

// timeOf is an instant as a time; nil for one that is not reached.
func timeOf(t scalers.Instant) *time.Time {
	if t == scalers.Never {
		return nil
	}
	at := t.Time()
	return &at
}
