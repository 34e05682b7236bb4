package explain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Otherwise is a change of one trigger's level that would change the decision at this instant.
type Otherwise struct {
	Trigger string `json:"trigger"`
	// Above is the level above which the count would be higher, AtMost the level at or below which it would be lower; To is that count. One of
	// the two is set, or neither when no level changes the decision.
	Above  *Level `json:"above,omitempty"`
	AtMost *Level `json:"atMost,omitempty"`
	To     int32  `json:"to,omitempty"`
	// When describes the event that would have to happen for a trigger whose user does not think of its level as a number: an alert
	// fires, or ends. Above and AtMost are not set then.
	When string `json:"when,omitempty"`
	// Then is the first change that follows the event by itself, when the event changes nothing at once.
	Then *Change `json:"then,omitempty"`
	// Raises is the direction: a higher level.
	Raises bool `json:"raises"`
	// counts: the level is itself a count of replicas.
	counts bool
	// Because names the rule that prevents a change when no level changes the decision. Until is when that may end by itself.
	Because string     `json:"because,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
}

// Level is a level in the units of its trigger, such as "880" or "0.5".
type Level scalers.Milli

// String returns the level in decimal notation.
func (l Level) String() string { return scalers.Milli(l).String() }

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(text []byte) error {
	m, err := scalers.ParseMilli(string(text))
	*l = Level(m)
	return err
}

// otherwise finds the nearest levels at which the decision d is another one. A higher level never gives fewer replicas, so a binary
// search finds them. Schedules are left out: only the clock changes their levels.
func otherwise(p *scalers.Policy, in scalers.Input, d *scalers.Decision, schedules Schedules, alerts Alerts) []Otherwise {
	var all []Otherwise
	for i := range p.Triggers {
		e := eventOf(&in, i)
		if schedules.follows(i) || !p.Propose(i, e, in.Now).Known || p.Triggers[i].PerPod {
			continue // A reading of single pods is not one level that is higher or lower.
		}
		if byAlerts := otherwiseByAlerts(p, in, i, d.Replicas, alerts, schedules); byAlerts != nil {
			all = append(all, byAlerts...)
			continue
		}
		decideAt := func(level scalers.Milli) scalers.Decision { return decide(p, with(in, i, level)) }
		all = append(all, levelToRaise(p, i, e.Value, d.Replicas, decideAt))
		if e.Value > 0 {
			all = append(all, levelToLower(p, i, e.Value, d.Replicas, decideAt))
		}
		if p.Triggers[i].Increment.Amount != 0 {
			for j := range all {
				all[j].count(p.Triggers[i].Name)
			}
		}
	}
	return all
}

// with returns the input with another level of trigger i.
func with(in scalers.Input, i int, level scalers.Milli) scalers.Input {
	in.Events = slices.Clone(in.Events)
	in.Events[i].Value = level
	return in
}

// count rounds the levels of a step trigger down to whole steps: above 3.999 is above 3.
func (o *Otherwise) count(trigger string) {
	for _, level := range []*Level{o.Above, o.AtMost} {
		if o.Trigger == trigger && level != nil {
			*level = Level(whole(scalers.Milli(*level)))
		}
	}
}

// levelToRaise finds the least level above which the decision is higher than wanted.
func levelToRaise(p *scalers.Policy, i int, level scalers.Milli, wanted int32, decideAt func(scalers.Milli) scalers.Decision) Otherwise {
	o := Otherwise{Trigger: p.Triggers[i].Name, Raises: true, counts: isCount(&p.Triggers[i])}
	most := scalers.Milli(math.MaxInt64)
	d := decideAt(most)
	if d.Replicas <= wanted {
		o.Because, o.Until = obstacle(p, &d, i, true)
		return o
	}
	below, above := level, most // decideAt(below) gives no more than wanted, decideAt(above) does.
	for above-below > 1 {
		middle := below + (above-below)/2
		if at := decideAt(middle); at.Replicas > wanted {
			above, d = middle, at
		} else {
			below = middle
		}
	}
	o.Above, o.To = (*Level)(&below), d.Replicas
	return o
}

// levelToLower finds the greatest level at which the decision is lower than wanted.
func levelToLower(p *scalers.Policy, i int, level scalers.Milli, wanted int32, decideAt func(scalers.Milli) scalers.Decision) Otherwise {
	o := Otherwise{Trigger: p.Triggers[i].Name, counts: isCount(&p.Triggers[i])}
	d := decideAt(0)
	if d.Replicas >= wanted {
		o.Because, o.Until = obstacle(p, &d, i, false)
		return o
	}
	below, above := scalers.Milli(0), level // decideAt(below) gives fewer than wanted, decideAt(above) does not.
	for above-below > 1 {
		middle := below + (above-below)/2
		if at := decideAt(middle); at.Replicas < wanted {
			below, d = middle, at
		} else {
			above = middle
		}
	}
	o.AtMost, o.To = (*Level)(&below), d.Replicas
	return o
}

// obstacle returns the reason why an extreme level of trigger i changes nothing, and until when: another trigger asks for as many, or the last rule
// that changed the number keeps it there. raises is the direction of the level.
func obstacle(p *scalers.Policy, d *scalers.Decision, i int, raises bool) (string, *time.Time) {
	rule, last := scalers.RuleFormula, scalers.Step{}
	if steps := d.Steps(); len(steps) > 0 {
		last = steps[len(steps)-1]
		rule = last.Rule
	}
	other := d.Winner >= 0 && d.Winner != i && !p.Triggers[i].Input && d.Raw >= d.Replicas
	switch {
	case p.Paused.Fixed || p.Paused.All:
		return fmt.Sprintf("paused at %d%s", d.Replicas, p.Paused.Terms()), pauseEnd(p)
	case other && (rule == scalers.RuleFormula || rule == scalers.RuleMax):
		return fmt.Sprintf("%s asks for %d anyway", p.Triggers[d.Winner].Name, d.Raw), nil
	case rule == scalers.RuleFormula:
		return fmt.Sprintf("the answer stays %d", d.Replicas), nil
	case rule == scalers.RuleMax:
		return fmt.Sprintf("the maximum is %d", last.To), nil
	case rule == scalers.RuleMin:
		return fmt.Sprintf("the minimum is %d", last.To), nil
	case p.Paused.In && !raises, p.Paused.Out && raises: // A pause lasts longer than any window.
		return fmt.Sprintf("paused at %d in this direction%s", d.Replicas, p.Paused.Terms()), pauseEnd(p)
	default:
		return p.Sentence(d, last), timeOf(last.Until)
	}
}

// pauseEnd returns the end of the pause; nil without one.
func pauseEnd(p *scalers.Policy) *time.Time {
	if p.Paused.Until == 0 {
		return nil
	}
	return timeOf(p.Paused.Until)
}

// isCount reports whether the level of a trigger is itself a count of replicas.
func isCount(t *scalers.Trigger) bool { return t.Exact && t.Increment.Amount == 0 }
