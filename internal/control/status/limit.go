package status

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// limitDelay is how long what limits must not have changed before a weaker limit, or none, is written by itself.
const limitDelay = 5 * time.Minute

// limitOf is the rule that limits a decision; RuleFormula when none does.
func limitOf(d *scalers.Decision) scalers.Rule {
	s, _ := d.Limit()
	return s.Rule
}

// limitNamed is limitOf, of a decision of which a status has only the names of the rules that spoke.
func limitNamed(raw *int32, to int32, names []string) scalers.Rule {
	if raw != nil && *raw == to {
		return scalers.RuleFormula
	}
	for r := scalers.RulePaused; r > scalers.RuleFormula; r-- {
		if r != scalers.RuleTolerance && r != scalers.RuleActivation && slices.Contains(names, r.String()) {
			return r
		}
	}
	return scalers.RuleFormula
}

// limit follows the rule that limits a workload from decision to decision.
type limit struct {
	rule scalers.Rule
	// changedAt is when it became another one.
	changedAt time.Time
}

// update records the rule that limits now, and reports whether it is to be written in the place of the reported one. A stronger
// rule, one that comes later in the chain, is at once. A weaker one, or none, is if the rule has not changed for lasting. So a load
// that wobbles across a bound, or in and out of a window, stays reported as limited, and writes nothing.
func (l *limit) update(rule, reported scalers.Rule, now time.Time) bool {
	steady := now.Sub(l.changedAt) >= limitDelay
	if rule != l.rule {
		l.rule, l.changedAt = rule, now
	}
	return rule > reported || rule < reported && steady
}
