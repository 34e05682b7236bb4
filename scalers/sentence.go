package scalers

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Summary says the whole decision in one line: the count, and how it came to be.
func (p *Policy) Summary(d *Decision) string {
	if d.Replicas == 1 {
		return "1 replica: " + p.Why(d)
	}
	return fmt.Sprintf("%d replicas: %s", d.Replicas, p.Why(d))
}

// Why says how the count came to be, each clause once: the formula and the rules that decided. It leaves out what a later rule
// has undone, such as a window that held three replicas of a workload that then went to rest. Steps is the whole chain.
func (p *Policy) Why(d *Decision) string {
	steps := d.Steps()
	if len(steps) == 0 {
		return p.unchanged(d)
	}
	sentences := make([]string, 0, maxSteps)
	for i, s := range steps {
		if !d.overruled(i) {
			sentences = append(sentences, p.Sentence(d, s))
		}
	}
	return strings.Join(sentences, "; ")
}

// unchanged says why no rule changed the number.
func (p *Policy) unchanged(d *Decision) string {
	switch {
	case d.Winner >= 0 && d.proposals[d.Winner].AddsNothing:
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

// Sentence says step s of d in words that need no other page: what happened to the number, by which rule, until when.
func (p *Policy) Sentence(d *Decision, s Step) string {
	switch s.Rule {
	case RuleFormula:
		return p.formulaSentence(d, s)
	case RuleTolerance:
		return p.toleranceSentence(d, s)
	case RuleUnknown:
		return fmt.Sprintf("held at %d instead of %d: %s %s, and unknown never lowers", s.To, s.From, p.name(int(s.A)), unknownSentence(d, s))
	case RuleFallback:
		return p.fallbackSentence(d, s)
	case RuleStabilization:
		return stabilizationSentence(s)
	case RuleRate:
		return p.rateSentence(s)
	case RuleActivation:
		return fmt.Sprintf("woken to %d: %s", s.To, p.awake(int(s.A)))
	case RuleCooldown:
		return cooldownSentence(s)
	case RuleIdle:
		return fmt.Sprintf("at rest at %d instead of %d: no trigger is active", s.To, s.From)
	case RuleMin:
		return fmt.Sprintf("raised from %d to the minimum, %d", s.From, s.To)
	case RuleMax:
		return fmt.Sprintf("lowered from %d to the maximum, %d", s.From, s.To)
	case RulePaused:
		return fmt.Sprintf("paused at %d instead of %d", s.To, s.From)
	default:
		return fmt.Sprintf("%d instead of %d: %s", s.To, s.From, s.Rule)
	}
}

// formulaSentence shows the winner's division with its numbers.
func (p *Policy) formulaSentence(d *Decision, s Step) string {
	if d.Winner < 0 || d.Winner >= len(p.Triggers) {
		return fmt.Sprintf("%d are asked for", s.To)
	}
	t := &p.Triggers[d.Winner]
	level, target := Milli(s.A).String(), Milli(s.B)
	if d.proposals[d.Winner].AtLeast {
		level += " at least"
	}
	switch {
	case d.proposals[d.Winner].AddsNothing:
		return fmt.Sprintf("%s is %s and adds nothing, and nobody else asks for replicas", p.name(d.Winner), level)
	case t.steps():
		return fmt.Sprintf("%s is %s, base %d + %s each: %s", p.name(d.Winner), level, s.C, t.Increment, t.asks(s))
	case t.Exact && d.proposals[d.Winner].AtLeast:
		return fmt.Sprintf("%s is %s: %s", p.name(d.Winner), level, t.asks(s))
	case t.Exact:
		return fmt.Sprintf("%s %s", p.name(d.Winner), t.asks(s))
	case t.PerPod:
		return p.podSentence(d, s)
	case t.Metric == Value && s.C > 0:
		return fmt.Sprintf("%s is %s, target %s with %d ready: %s", p.name(d.Winner), level, target, s.C, t.asks(s))
	default:
		return fmt.Sprintf("%s is %s, target %s per replica: %s", p.name(d.Winner), level, target, t.asks(s))
	}
}

// unknownSentence says why the first trigger that is not known is not, after its name.
func unknownSentence(d *Decision, s Step) string {
	if i := int(s.A); i >= 0 && i < d.triggers {
		return d.proposals[i].Unknown()
	}
	return Unknown(s.B).String()
}

// does says whether a trigger asks for replicas or caps those of others, as a verb.
func (t *Trigger) does() string {
	if t.Cap {
		return "caps at"
	}
	return "asks for"
}

// asks says what a trigger asks for, or caps at, and that its own bounds have changed that.
func (t *Trigger) asks(s Step) string {
	does := t.does()
	n := ceilDiv(Milli(s.A), s.C, Milli(s.B))
	if t.steps() {
		n = t.Increment.on(int32(s.C), units(Milli(s.A)))
	}
	switch {
	case n > s.To:
		return fmt.Sprintf("%s %d, its own maximum", does, s.To)
	case n < s.To:
		return fmt.Sprintf("%s %d, its own minimum", does, s.To)
	default:
		return fmt.Sprintf("%s %d", does, s.To)
	}
}

// podSentence shows what was measured, what became of the other pods, and the division.
func (p *Policy) podSentence(d *Decision, s Step) string {
	t, q := &p.Triggers[d.Winner], &d.proposals[d.Winner]
	show, target := Milli.String, Milli(s.B).String()+" per pod"
	is := fmt.Sprintf("%s is %s on average", p.name(d.Winner), q.Level)
	if t.Metric == Utilization {
		show = func(m Milli) string { return m.String() + "%" }
		target = show(Milli(s.B))
		is = fmt.Sprintf("%s is %s of the request (%s on average)", p.name(d.Winner), show(q.Level), q.Pods.Mean)
	}
	counting := ""
	if s.C != int64(q.Pods.Ready) {
		counting = fmt.Sprintf(" (%s counting %d)", show(Milli(s.A)), s.C)
	}
	return fmt.Sprintf("%s over %s%s, target %s: %s", is, q.Pods, counting, target, t.asks(s))
}

// String lists the pods, the measured ones first.
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

// awake says who woke a workload.
func (p *Policy) awake(i int) string {
	switch {
	case i >= 0:
		return p.name(i) + " is active"
	case p.ForceActivation:
		return "the activation is forced"
	default:
		return "no trigger could say that there is nothing to do"
	}
}

// toleranceSentence says which tolerance kept the count, or that only its guard did.
func (p *Policy) toleranceSentence(d *Decision, s Step) string {
	because := "is within " + percent(s.A) + " above its target"
	switch up := s.To < s.From; {
	case s.C == turned:
		because = "would point the other way with the pods that have no sample"
	case up && s.C < 0:
		because = "is below its target, which never raises"
	case !up && s.C > 0:
		because = "is above its target, which never lowers"
	case !up:
		because = "is within " + percent(s.B) + " below its target"
	}
	return fmt.Sprintf("kept at %d instead of %d: %s %s", s.To, s.From, p.name(d.Winner), because)
}

// fallbackSentence says for whom the fallback speaks and what it is, and when others ask for more.
func (p *Policy) fallbackSentence(d *Decision, s Step) string {
	i := int(s.A)
	if p.Fallback == nil || i >= len(d.Proposals()) {
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
	if int64(s.To) > s.B {
		others = "; others ask for more"
	}
	return fmt.Sprintf("fallback to %d instead of %d: %s %s%s, and its fallback is %s%s",
		s.To, s.From, p.name(i), d.Proposals()[i].Unknown(), times, count, others)
}

// stabilizationSentence names the window and the recommendation in it that holds.
func stabilizationSentence(s Step) string {
	window, extreme := "scale-down", "highest"
	if s.To < s.From {
		window, extreme = "scale-up", "lowest"
	}
	return fmt.Sprintf("held at %d instead of %d by the %s window%s (%s recommendation in %s was %d)",
		s.To, s.From, window, until(s.Until), extreme, duration(s.A), s.B)
}

// rateSentence names the policy that spoke.
func (p *Policy) rateSentence(s Step) string {
	b, direction := &p.Up, "up"
	if s.To > s.From {
		b, direction = &p.Down, "down"
	}
	if s.A < 0 || int(s.A) >= len(b.Policies) {
		return fmt.Sprintf("kept at %d instead of %d: scaling %s is disabled", s.To, s.From, direction)
	}
	r := &b.Policies[s.A]
	amount := fmt.Sprintf("%d pods", r.Amount)
	switch {
	case r.Percent:
		amount = fmt.Sprintf("%d%%", r.Amount)
	case r.Amount == 1:
		amount = "1 pod"
	}
	return fmt.Sprintf("limited to %d instead of %d: scaling %s by %s in %s, from %d%s",
		s.To, s.From, direction, amount, duration(int64(r.Period)), s.B, until(s.Until))
}

// cooldownSentence says until when the cooldown keeps the count, or that it is over.
func cooldownSentence(s Step) string {
	since := "a trigger was last active"
	if s.B != 0 {
		since = "the creation"
	}
	switch {
	case s.Until != Never:
		return fmt.Sprintf("kept at %d instead of %d by the cooldown%s (%s since %s)", s.To, s.From, until(s.Until), duration(s.A), since)
	case s.A == 0:
		return fmt.Sprintf("at rest at %d instead of %d: no trigger is active, and there is no cooldown", s.To, s.From)
	default:
		return fmt.Sprintf("at rest at %d instead of %d: no trigger is active, and the cooldown is over (%s since %s)", s.To, s.From, duration(s.A), since)
	}
}

// name is a trigger's name.
func (p *Policy) name(i int) string {
	if i < 0 || i >= len(p.Triggers) || p.Triggers[i].Name == "" {
		return "a trigger"
	}
	return p.Triggers[i].Name
}

// duration is Short of nanoseconds, as a Step has them.
func duration(nanoseconds int64) string { return Short(time.Duration(nanoseconds)) }

// Short renders a duration without empty units: 5m, not 5m0s.
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

// percent renders millionths.
func percent(millionths int64) string {
	return Milli(min(millionths, math.MaxInt64/1000)/10).String() + "%"
}

// until renders an instant as the time of day it is reached, in UTC, to the millisecond when it has one.
func until(t Instant) string {
	if t == Never {
		return ""
	}
	at := t.Time().Add(time.Millisecond - 1).Truncate(time.Millisecond)
	return " until " + at.Format("15:04:05.999") + "Z"
}
