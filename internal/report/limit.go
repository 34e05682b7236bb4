package report

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// lasting is how long a weaker limit, or none, must have lasted to be written where nothing else has changed.
const lasting = 5 * time.Minute

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
	// turned is when it became another one.
	turned time.Time
}

// counts takes in the rule that limits now, and reports whether it is an outcome beside the one that was reported. A stronger
// rule, one that comes later in the chain, is at once. A weaker one or none is when the rule had not changed for some time
// before: a load that wobbles across a bound, or in and out of a window, is so reported as limited, and writes nothing.
func (l *limit) counts(rule, reported scalers.Rule, now time.Time) bool {
	steady := now.Sub(l.turned) >= lasting
	if rule != l.rule {
		l.rule, l.turned = rule, now
	}
	return rule > reported || rule < reported && steady
}
