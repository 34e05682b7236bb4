package explain

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Otherwise is what one trigger would have to say for another answer at this instant.
type Otherwise struct {
	Trigger string `json:"trigger"`
	// Above is the level above which more are wanted, AtMost the level down to which fewer are; To is how many then. Only one
	// of the two is set, or neither, when no level helps.
	Above  *Level `json:"above,omitempty"`
	AtMost *Level `json:"atMost,omitempty"`
	To     int32  `json:"to,omitempty"`
	// When says in words what would have to happen, of a trigger whose level is no number to its user: an alert fires, or ends.
	// Above and AtMost are not set then.
	When string `json:"when,omitempty"`
	// Then is the first change that comes by itself after what When says, where it changes nothing at first.
	Then *Change `json:"then,omitempty"`
	// Raises is the direction that this is about.
	Raises bool `json:"raises"`
	// counts: the level is itself a count of replicas.
	counts bool
	// Because is the rule that stands in the way when no level helps, with its sentence, and Until when that may end by itself.
	Because string     `json:"because,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
}

// Level is a level that is written as in a status, "880" or "0.5", and not in thousandths.
type Level scalers.Milli

// String returns the level as people write it.
func (l Level) String() string { return scalers.Milli(l).String() }

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// otherwise looks for the nearest levels at which the answer d is another one. A higher level never gives fewer replicas, so
// they are found by halving. A schedule is left out: nobody changes its level but the clock.
func otherwise(p *scalers.Policy, in scalers.Input, d *scalers.Decision, schedules Schedules, alerts Alerts) []Otherwise {
	var all []Otherwise
	for i := range p.Triggers {
		e := eventOf(&in, i)
		if schedules.follow(i) || !p.Propose(i, e, in.Now).Known || p.Triggers[i].PerPod {
			continue // A reading of single pods is not one level that is higher or lower.
		}
		if told := alerted(p, in, i, d.Replicas, alerts, schedules); told != nil {
			all = append(all, told...)
			continue
		}
		ask := func(level scalers.Milli) scalers.Decision { return decide(p, with(in, i, level)) }
		all = append(all, raised(p, i, e.Value, d.Replicas, ask))
		if e.Value > 0 {
			all = append(all, lowered(p, i, e.Value, d.Replicas, ask))
		}
		if p.Triggers[i].Increment.Amount != 0 {
			for j := range all {
				all[j].count(p.Triggers[i].Name)
			}
		}
	}
	return all
}

// with is the same moment with another level of trigger i.
func with(in scalers.Input, i int, level scalers.Milli) scalers.Input {
	in.Events = slices.Clone(in.Events)
	in.Events[i].Value = level
	return in
}

// count leaves whole units of the levels of a step trigger: above 3.999 is above 3 to who counts.
func (o *Otherwise) count(trigger string) {
	for _, level := range []*Level{o.Above, o.AtMost} {
		if o.Trigger == trigger && level != nil {
			*level = Level(whole(scalers.Milli(*level)))
		}
	}
}

// raised finds the least level above which more than wanted are asked for.
func raised(p *scalers.Policy, i int, level scalers.Milli, wanted int32, ask func(scalers.Milli) scalers.Decision) Otherwise {
	o := Otherwise{Trigger: p.Triggers[i].Name, Raises: true, counts: asksItself(&p.Triggers[i])}
	most := scalers.Milli(math.MaxInt64)
	d := ask(most)
	if d.Replicas <= wanted {
		o.Because, o.Until = obstacle(p, &d, i, true)
		return o
	}
	below, above := level, most // ask(below) gives no more than wanted, ask(above) does.
	for above-below > 1 {
		middle := below + (above-below)/2
		if at := ask(middle); at.Replicas > wanted {
			above, d = middle, at
		} else {
			below = middle
		}
	}
	o.Above, o.To = (*Level)(&below), d.Replicas
	return o
}

// lowered finds the greatest level at which fewer than wanted are asked for.
func lowered(p *scalers.Policy, i int, level scalers.Milli, wanted int32, ask func(scalers.Milli) scalers.Decision) Otherwise {
	o := Otherwise{Trigger: p.Triggers[i].Name, counts: asksItself(&p.Triggers[i])}
	d := ask(0)
	if d.Replicas >= wanted {
		o.Because, o.Until = obstacle(p, &d, i, false)
		return o
	}
	below, above := scalers.Milli(0), level // ask(below) gives fewer than wanted, ask(above) does not.
	for above-below > 1 {
		middle := below + (above-below)/2
		if at := ask(middle); at.Replicas < wanted {
			below, d = middle, at
		} else {
			above = middle
		}
	}
	o.AtMost, o.To = (*Level)(&below), d.Replicas
	return o
}

// obstacle is why an extreme level of trigger i changes nothing: another trigger asks for as many, or the last rule that spoke
// has the number where it is. raises is the direction of the level.
func obstacle(p *scalers.Policy, d *scalers.Decision, i int, raises bool) (string, *time.Time) {
	rule, last := scalers.RuleFormula, scalers.Step{}
	if steps := d.Steps(); len(steps) > 0 {
		last = steps[len(steps)-1]
		rule = last.Rule
	}
	other := d.Winner >= 0 && d.Winner != i && !p.Triggers[i].Input && d.Raw >= d.Replicas
	switch {
	case p.Paused.Fixed || p.Paused.Keep:
		return fmt.Sprintf("paused at %d", d.Replicas), nil
	case other && (rule == scalers.RuleFormula || rule == scalers.RuleMax):
		return fmt.Sprintf("%s asks for %d anyway", p.Triggers[d.Winner].Name, d.Raw), nil
	case rule == scalers.RuleFormula:
		return fmt.Sprintf("the answer stays %d", d.Replicas), nil
	case rule == scalers.RuleMax:
		return fmt.Sprintf("the maximum is %d", last.To), nil
	case rule == scalers.RuleMin:
		return fmt.Sprintf("the minimum is %d", last.To), nil
	case p.Paused.In && !raises, p.Paused.Out && raises: // It lasts longer than any window.
		return fmt.Sprintf("paused at %d in this direction", d.Replicas), nil
	default:
		return p.Sentence(d, last), timeOf(last.Until)
	}
}

// asksItself reports whether a level is the count that is asked for, and no number of steps.
func asksItself(t *scalers.Trigger) bool { return t.Exact && t.Increment.Amount == 0 }
