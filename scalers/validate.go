package scalers

import (
	"errors"
	"fmt"
)

// Validate returns every mistake of the policy at once, joined.
func (p *Policy) Validate() error {
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	if p.Min < 0 {
		wrong("minimum is %d: expected 0 or more", p.Min)
	}
	if p.Max < 1 || p.Max < p.Min {
		wrong("maximum is %d: expected at least 1 and the minimum, %d", p.Max, p.Min)
	}
	if p.Rest < NoRest || p.Rest >= max(p.Min, 1) {
		wrong("resting count is %d: expected less than the minimum, %d", p.Rest, p.Min)
	}
	if len(p.Triggers) == 0 || len(p.Triggers) > MaxTriggers {
		wrong("%d triggers: expected 1 to %d", len(p.Triggers), MaxTriggers)
	}
	for i := range p.Triggers {
		if t := &p.Triggers[i]; t.Target <= 0 {
			wrong("trigger %s: target is %s: expected more than 0", t.Name, t.Target)
		}
	}
	for _, b := range [...]*Behavior{&p.Up, &p.Down} {
		if b.Window < 0 || b.Tolerance < 0 {
			wrong("window %s and tolerance %d: expected 0 or more", b.Window, b.Tolerance)
		}
		for _, r := range b.Policies {
			if r.Amount <= 0 || r.Period <= 0 {
				wrong("rate policy of %d in %s: expected more than 0", r.Amount, r.Period)
			}
		}
	}
	return errors.Join(mistakes...)
}
