package status

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// limitOf returns the rule that limits a decision; RuleFormula if none does.
func limitOf(d *scalers.Decision) scalers.Rule {
	s, _ := d.Limit()
	return s.Rule
}

// limitNamed is like limitOf for a decision in a status, which has only the names of the rules.
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

// limit is the rule that limits a workload.
type limit struct {
	settling

	rule scalers.Rule
}

// update sets the rule, and reports whether its difference from the reported rule causes a write of the status. A rule that is
// later in the order of rules does so at once; an earlier one, or none, once it has settled. A load that varies around a bound
// is therefore reported as limited all the time, without writes.
func (l *limit) update(rule, reported scalers.Rule, now time.Time) bool {
	settled := l.settled(now)
	if rule != l.rule {
		l.rule = rule
		l.changed(now)
	}
	return rule > reported || rule < reported && settled
}

// report notes that a rule is reported instead of another one.
func (l *limit) report(rule, reported scalers.Rule, now time.Time) {
	if rule < reported {
		l.written(now)
	}
}
