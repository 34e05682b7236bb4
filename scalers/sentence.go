package scalers

import (
	"fmt"
	"strings"
	"time"
)

// Sentence says step s in words that need no other page: what happened to the number, by which rule, and until when.
func (p *Policy) Sentence(d *Decision, s Step) string {
	switch s.Rule {
	case RuleFormula:
		return p.formulaSentence(d, s)
	case RuleTolerance:
		return fmt.Sprintf("kept at %d: within the tolerance of its target (%s up, %s down)", s.To, percent(s.A), percent(s.B))
	case RuleUnknown:
		return fmt.Sprintf("kept at %d instead of %d: a trigger is unknown, and unknown never lowers", s.To, s.From)
	case RuleStabilization:
		return fmt.Sprintf("held at %d instead of %d: %s in the last %s%s", s.To, s.From, extreme(s), duration(s.A), until(s.Until))
	case RuleRate:
		return fmt.Sprintf("limited to %d instead of %d by the rate policies%s", s.To, s.From, until(s.Until))
	case RuleActivation:
		return fmt.Sprintf("woken to %d: a trigger became active", s.To)
	case RuleCooldown:
		return fmt.Sprintf("kept at %d: the cooldown of %s has not passed%s", s.To, duration(s.A), until(s.Until))
	case RuleIdle:
		return fmt.Sprintf("at rest with %d: no trigger is active", s.To)
	case RuleMin:
		return fmt.Sprintf("raised to %d: minReplicaCount", s.To)
	case RuleMax:
		return fmt.Sprintf("limited to %d instead of %d: maxReplicaCount", s.To, s.From)
	case RulePaused:
		return fmt.Sprintf("paused at %d", s.To)
	default:
		return fmt.Sprintf("%s: %d instead of %d", s.Rule, s.To, s.From)
	}
}

// formulaSentence shows the winner's division with its numbers.
func (p *Policy) formulaSentence(d *Decision, s Step) string {
	if d.Winner < 0 || d.Winner >= len(p.Triggers) {
		return fmt.Sprintf("%d", s.To)
	}
	t := &p.Triggers[d.Winner]
	switch {
	case t.Exact:
		return fmt.Sprintf("%s asks for %d", t.Name, s.To)
	case t.Metric == Value:
		return fmt.Sprintf("%s is %s, target %s: %d for the ready pods", t.Name, Milli(s.A), Milli(s.B), s.To)
	default:
		return fmt.Sprintf("%s is %s, %s for each replica: %d", t.Name, Milli(s.A), Milli(s.B), s.To)
	}
}

// Why says the whole decision in one line: the demand, and every rule that changed it.
func (p *Policy) Why(d *Decision) string {
	steps := d.Steps()
	if len(steps) == 0 {
		return fmt.Sprintf("stays at %d", d.Replicas)
	}
	sentences := make([]string, len(steps))
	for i, s := range steps {
		sentences[i] = p.Sentence(d, s)
	}
	return strings.Join(sentences, "; ")
}

// LimitedBy names the rules after the formula that changed the number, in order.
func (d *Decision) LimitedBy() []string {
	var names []string
	for _, s := range d.Steps() {
		if s.Rule != RuleFormula {
			names = append(names, s.Rule.String())
		}
	}
	return names
}

// extreme is what a window was held by.
func extreme(s Step) string {
	if s.To > s.From {
		return "more was recommended"
	}
	return "less was recommended"
}

func duration(milliseconds int64) string {
	return (time.Duration(milliseconds) * time.Millisecond).String()
}

func percent(millionths int64) string { return Milli(millionths/10).String() + "%" }

func until(t Instant) string {
	if t == Never {
		return ""
	}
	return ", until " + t.Time().Format("15:04:05.000Z")
}
