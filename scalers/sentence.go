package scalers

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Summary returns the whole decision in one line: the count, and Why. p is the policy of the decision.
func (p *Policy) Summary(d *Decision) string {
	if d.Replicas == 1 {
		return "1 replica: " + p.Why(d)
	}
	return fmt.Sprintf("%d replicas: %s", d.Replicas, p.Why(d))
}

// Why explains the count in one line: a clause for the formula and for each rule that decided. It omits steps that a later
// rule cancelled, such as that of a window that kept three replicas of a workload which then became idle. Decision.Steps has
// them all.
func (p *Policy) Why(d *Decision) string {
	steps := d.Steps()
	if len(steps) == 0 {
		return p.unchanged(d)
	}
	sentences := make([]string, 0, maxSteps)
	for i, s := range steps {
		if !d.cancelled(i) {
			sentences = append(sentences, p.Sentence(d, s))
		}
	}
	return strings.Join(sentences, "; ")
}

// unchanged explains a decision without steps.
func (p *Policy) unchanged(d *Decision) string {
	switch {
	case d.Winner >= 0 && d.proposal(d.Winner).AddsNothing:
		return fmt.Sprintf("unchanged: %s adds nothing, and nobody else asks for replicas", p.name(d.Winner))
	case d.Winner >= 0:
		return fmt.Sprintf("unchanged: %s %s %d", p.name(d.Winner), p.Triggers[d.Winner].does(), d.Replicas)
	}
	for i, q := range d.Proposals() {
		if q.Fallback && i < len(p.Triggers) && !p.Triggers[i].Input {
			return fmt.Sprintf("unchanged: the fallback of %s is %d", p.name(i), d.Replicas)
		}
	}
	for i, q := range d.Proposals() {
		if !q.Known {
			return fmt.Sprintf("held, as nothing is known: %s %s", p.name(i), q.Unknown())
		}
	}
	return "held, as there is no trigger"
}

// Sentence explains step s of d in a sentence that needs no other page: how the count changed, by which rule, and until when.
// p is the policy of the decision, and s one of d.Steps.
func (p *Policy) Sentence(d *Decision, s Step) string {
	switch s.Rule {
	case RuleFormula:
		return p.formulaSentence(d, s)
	case RuleTolerance:
		return p.toleranceSentence(d, s)
	case RuleUnknown:
		return fmt.Sprintf("held at %d instead of %d: %s %s, and unknown never lowers", s.To, s.From, p.name(d.details.unknown.trigger), unknownReason(d))
	case RuleFallback:
		return p.fallbackSentence(d, s)
	case RuleStabilization:
		return stabilizationSentence(d, s)
	case RuleRate:
		return p.rateSentence(d, s)
	case RuleActivation:
		return fmt.Sprintf("activated with %d: %s", s.To, p.activeReason(d.details.activation.trigger))
	case RuleCooldown:
		return cooldownSentence(d, s)
	case RuleIdle:
		return fmt.Sprintf("idle at %d instead of %d: no trigger is active", s.To, s.From)
	case RuleMin:
		return fmt.Sprintf("raised from %d to the minimum, %d", s.From, s.To)
	case RuleMax:
		return fmt.Sprintf("lowered from %d to the maximum, %d", s.From, s.To)
	case RulePaused:
		return fmt.Sprintf("paused at %d instead of %d%s", s.To, s.From, p.Paused.Terms())
	default:
		return fmt.Sprintf("%d instead of %d: %s", s.To, s.From, s.Rule)
	}
}

// formulaSentence shows the winner's division with its numbers.
func (p *Policy) formulaSentence(d *Decision, s Step) string {
	if d.Winner < 0 || d.Winner >= len(p.Triggers) {
		return fmt.Sprintf("%d are asked for", s.To)
	}
	t, q, f := &p.Triggers[d.Winner], d.proposal(d.Winner), &d.details.formula
	name, level, asks := p.name(d.Winner), f.level.String(), t.request(f, s.To)
	if q.AtLeast {
		level += " at least"
	}
	switch {
	case q.AddsNothing:
		return fmt.Sprintf("%s is %s and adds nothing, and nobody else asks for replicas", name, level)
	case t.steps():
		return fmt.Sprintf("%s is %s, base %d + %s each: %s", name, level, f.times, t.Increment, asks)
	case t.Exact && q.AtLeast:
		return fmt.Sprintf("%s is %s: %s", name, level, asks)
	case t.Exact:
		return fmt.Sprintf("%s %s", name, asks)
	case t.PerPod:
		return fmt.Sprintf("%s: %s", p.podSentence(d), asks)
	case t.Metric == Value && f.times > 0:
		return fmt.Sprintf("%s is %s, target %s with %d ready: %s", name, level, f.target, f.times, asks)
	default:
		return fmt.Sprintf("%s is %s, target %s per replica: %s", name, level, f.target, asks)
	}
}

// unknownReason returns why the first unknown trigger is unknown, in words that follow its name.
func unknownReason(d *Decision) string {
	if i := d.details.unknown.trigger; i >= 0 && i < d.triggers {
		return d.proposal(i).Unknown()
	}
	return None.String()
}

// does returns the verb for a trigger: it asks for replicas, or caps those of others.
func (t *Trigger) does() string {
	if t.Cap {
		return "caps at"
	}
	return "asks for"
}

// request returns the text for the count that a trigger asks for, or caps at, and for the change of that count by the
// trigger's own Min or Max.
func (t *Trigger) request(f *formulaDetail, to int32) string {
	does := t.does()
	var n int32
	if t.steps() {
		n = t.Increment.addTo(int32(f.times), units(f.level))
	} else {
		n = ceilDiv(f.level, f.times, f.target)
	}
	switch {
	case n > to:
		return fmt.Sprintf("%s %d, its own maximum", does, to)
	case n < to:
		return fmt.Sprintf("%s %d, its own minimum", does, to)
	default:
		return fmt.Sprintf("%s %d", does, to)
	}
}

// podSentence shows what was measured, what became of the other pods, and the target.
func (p *Policy) podSentence(d *Decision) string {
	t, q, f := &p.Triggers[d.Winner], d.proposal(d.Winner), &d.details.formula
	show, target := Milli.String, f.target.String()+" per pod"
	is := fmt.Sprintf("%s is %s on average", p.name(d.Winner), q.Level)
	if t.Metric == Utilization {
		show = func(m Milli) string { return m.String() + "%" }
		target = show(f.target)
		is = fmt.Sprintf("%s is %s of the request (%s on average)", p.name(d.Winner), show(q.Level), q.Pods.Mean)
	}
	counting := ""
	if f.times != int64(q.Pods.Ready) {
		counting = fmt.Sprintf(" (%s counting %d)", show(f.level), f.times)
	}
	return fmt.Sprintf("%s over %s%s, target %s", is, q.Pods, counting, target)
}

// String lists the pods in words, the measured pods first.
func (n PodCounts) String() string {
	parts := []string{fmt.Sprintf("%d ready pods", n.Ready)}
	if n.Ready == 1 {
		parts[0] = "1 ready pod"
	}
	for _, other := range []struct {
		count int32
		what  string
	}{{n.Missing, "without a sample"}, {n.Unready, "not ready"}, {n.Ignored, "ignored"}, {n.Surplus, "not listed"}} {
		if other.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", other.count, other.what))
		}
	}
	return strings.Join(parts, ", ")
}

// activeReason explains why a workload is active. i is the first active trigger, or -1.
func (p *Policy) activeReason(i int) string {
	switch {
	case i >= 0:
		return p.name(i) + " is active"
	case p.ForceActivation:
		return "the activation is forced"
	default:
		return "no trigger could say that there is nothing to do"
	}
}

// toleranceSentence names the tolerance that kept the count, or its guard.
func (p *Policy) toleranceSentence(d *Decision, s Step) string {
	t := &d.details.tolerance
	because := "is within " + percent(t.up) + " above its target"
	switch up := s.To < s.From; {
	case t.reversed:
		because = "would point the other way with the pods that have no sample"
	case up && t.side < 0:
		because = "is below its target, which never raises"
	case !up && t.side > 0:
		because = "is above its target, which never lowers"
	case !up:
		because = "is within " + percent(t.down) + " below its target"
	}
	return fmt.Sprintf("kept at %d instead of %d: %s %s", s.To, s.From, p.name(d.Winner), because)
}

// fallbackSentence names the trigger that the fallback applies to and the fallback, and mentions triggers that ask for more.
func (p *Policy) fallbackSentence(d *Decision, s Step) string {
	i := d.details.fallback.trigger
	if p.Fallback == nil || i < 0 || i >= len(d.Proposals()) {
		return fmt.Sprintf("fallback to %d instead of %d", s.To, s.From)
	}
	count := strconv.Itoa(int(p.Fallback.Replicas))
	switch p.Fallback.Behavior {
	case FallbackCurrentReplicas:
		count = "the current count"
	case FallbackCurrentReplicasIfHigher:
		count = "the current count, at least " + count
	case FallbackCurrentReplicasIfLower:
		count = "the current count, at most " + count
	case FallbackStatic, FallbackScalingModifiers:
	}
	var times, others string
	switch n := p.Fallback.FailureThreshold; n {
	case 0:
	case 1:
		times = ", more than once in a row"
	default:
		times = fmt.Sprintf(", more than %d times in a row", n)
	}
	if s.To > d.details.fallback.replicas {
		others = "; others ask for more"
	}
	return fmt.Sprintf("fallback to %d instead of %d: %s %s%s, and its fallback is %s%s",
		s.To, s.From, p.name(i), d.Proposals()[i].Unknown(), times, count, others)
}

// stabilizationSentence names the window, and the recommendation in it that limits the count.
func stabilizationSentence(d *Decision, s Step) string {
	detail := &d.details.stabilization
	window, extreme := "scale-down", "highest"
	if s.To < s.From {
		window, extreme = "scale-up", "lowest"
	}
	return fmt.Sprintf("held at %d instead of %d by the %s window%s (%s recommendation in %s was %d)",
		s.To, s.From, window, until(s.Until), extreme, Short(detail.window), detail.extreme)
}

// rateSentence names the rate policy that limits.
func (p *Policy) rateSentence(d *Decision, s Step) string {
	detail := d.details.rateOf(s)
	b, direction := &p.Up, "up"
	if s.To > s.From {
		b, direction = &p.Down, "down"
	}
	if detail.policy < 0 || detail.policy >= len(b.Policies) {
		return fmt.Sprintf("kept at %d instead of %d: scaling %s is disabled", s.To, s.From, direction)
	}
	r := &b.Policies[detail.policy]
	amount := fmt.Sprintf("%d pods", r.Amount)
	switch {
	case r.Percent:
		amount = fmt.Sprintf("%d%%", r.Amount)
	case r.Amount == 1:
		amount = "1 pod"
	}
	return fmt.Sprintf("limited to %d instead of %d: scaling %s by %s in %s, from %d%s",
		s.To, s.From, direction, amount, Short(r.Period), detail.start, until(s.Until))
}

// cooldownSentence explains until when the cooldown keeps the count, or that it is over.
func cooldownSentence(d *Decision, s Step) string {
	detail, since := &d.details.cooldown, "a trigger was last active"
	if detail.sinceCreation {
		since = "the creation"
	}
	switch {
	case s.Until != Never:
		return fmt.Sprintf("kept at %d instead of %d by the cooldown%s (%s since %s)", s.To, s.From, until(s.Until), Short(detail.cooldown), since)
	case detail.cooldown == 0:
		return fmt.Sprintf("idle at %d instead of %d: no trigger is active, and there is no cooldown", s.To, s.From)
	default:
		return fmt.Sprintf("idle at %d instead of %d: no trigger is active, and the cooldown is over (%s since %s)", s.To, s.From, Short(detail.cooldown), since)
	}
}

// name returns the name of trigger i.
func (p *Policy) name(i int) string {
	if i < 0 || i >= len(p.Triggers) || p.Triggers[i].Name == "" {
		return "a trigger"
	}
	return p.Triggers[i].Name
}

// Short formats a duration without empty units: 5m, not 5m0s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// percent formats millionths as a percentage.
func percent(millionths int64) string {
	return Milli(min(millionths, math.MaxInt64/1000)/10).String() + "%"
}

// until formats an instant as a time of day in UTC, rounded up to the millisecond; nothing for Never.
func until(t Instant) string {
	if t == Never {
		return ""
	}
	return " until " + ceilMillisecond(t).Format("15:04:05.999") + "Z"
}
