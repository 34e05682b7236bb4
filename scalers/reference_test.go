package scalers_test

import (
	"errors"
	"math"
	"math/big"
	"slices"

	"github.com/impulse-sh/impulse/scalers"
)

// twin decides as the documentation says, in the plainest way: it remembers everything that ever happened, prunes nothing,
// and divides with fractions of any size. It says nothing of steps or of when to ask again.
type twin struct {
	policy *scalers.Policy
	// recommended, from the first on; the last may stand.
	recommended []spell
	writes      []scalers.Change
	lastActive  scalers.Instant
	everActive  bool
	stands      bool
	seen        bool
	readings    []scalers.Event
	last        answer
	// unsure is true while some trigger that tells activity is unknown.
	unsure bool
	// runs are the failures in a row of triggers.
	runs map[int]*run
	// bases are what step triggers add to.
	bases map[int]int64
}

// spell is a recommendation and the end of the time in which it was one.
type spell struct {
	end    scalers.Instant
	stands bool
	n      int64
}

// answer is what the twin says of a decision.
type answer struct {
	replicas      int64
	known, active bool
	winner        int
	raw           int64
}

// decides keeps the answer of this instant.
func (w *twin) decides(l *timeline) { w.last = w.decide(l.now, l.current, l.events) }

// wrote is told of each write that succeeded.
func (w *twin) wrote(at scalers.Instant, from, to int32) {
	if from != to {
		w.writes = append(w.writes, scalers.Change{At: at, By: to - from})
	}
}

// away is told that nobody looked after the workload for a while: what was recommended last stands, and what was active was so
// until now.
func (w *twin) away(now scalers.Instant) {
	if w.last.active {
		w.lastActive = now
	}
	if n := len(w.recommended); n > 0 {
		w.recommended[n-1].stands = true
	}
	for _, r := range w.runs {
		r.failures, r.elapsed, r.at = r.failures+r.elapsed, 0, 0
	}
}

// same reports whether two readings are the same one.
func same(a, b scalers.Event) bool {
	return a.At == b.At && a.Value == b.Value && a.Ready == b.Ready && a.Current == b.Current && errors.Is(a.Err, b.Err) &&
		a.AtLeast == b.AtLeast && a.Suspended == b.Suspended && a.PerPod == b.PerPod && slices.Equal(a.Pods, b.Pods)
}

func (w *twin) decide(now scalers.Instant, count int32, events []scalers.Event) answer {
	p, current := w.policy, int64(count)
	arrived := !slices.EqualFunc(events, w.readings, same)
	w.readings = slices.Clone(events)
	w.countFailures(now, events)
	events = w.compose(now, events)
	out, wanted, continuous := w.propose(now, current, events)
	w.capAt(now, events, &out, &wanted, &continuous)
	w.rememberActivity(now, current, events, out.active)

	// The count that the chain starts from: within the limits, at rest, or on its way there.
	minimum := int64(p.Min)
	if p.Idle != scalers.NoIdle {
		minimum = max(minimum, 1)
	}
	start, resting := current, p.Idle != scalers.NoIdle && current <= int64(p.Idle)
	switch {
	case resting && out.active:
		start, resting = minimum, false
	case current > int64(p.Max):
		start = int64(p.Max)
	case current < minimum && !resting && !w.mayRest(now, out):
		start = minimum
	}

	// Unknown holds; otherwise windows and rates.
	unanswered := w.fallBack(now, start, events, &wanted, &continuous, out.winner < 0)
	held := unanswered && (wanted < 0 || wanted < start)
	w.remember(now, current, wanted, held, arrived, !unanswered, continuous)
	n := start
	if !held {
		n = w.limitRate(now, start, w.stabilize(now, start, wanted))
	}

	// Rest, limits and the user's hand.
	lowest := minimum
	switch {
	case resting:
		n, lowest = int64(p.Idle), int64(p.Idle)
	case w.mayRest(now, out):
		n, lowest = max(w.limitRate(now, start, 0), int64(p.Idle)), int64(p.Idle)
	}
	out.replicas = w.paused(current, min(max(n, lowest), int64(p.Max)))
	return out
}

// propose asks each trigger for the formula and its tolerance; the maximum wins, ties go to the first.
func (w *twin) propose(now scalers.Instant, current int64, events []scalers.Event) (out answer, wanted int64, continuous bool) {
	out, w.unsure = answer{known: true, winner: -1, active: w.activeAnyway()}, false
	for i, e := range events {
		t := &w.policy.Triggers[i]
		if t.Input {
			continue
		}
		known := w.known(t, e, now)
		out.known = out.known && known
		out.active = out.active || w.active(i, now, current, events)
		if _, speaks := w.fallback(i, now, current, events); !known && !speaks {
			w.unsure = w.unsure || tells(t)
		}
	}
	w.takeBases(now, events)
	for i, e := range events {
		t := &w.policy.Triggers[i]
		if raw, n, asks := w.asks(i, now, e); asks && !t.Cap && (out.winner < 0 || n > wanted) {
			out.winner, out.raw, wanted = i, raw, n
		}
	}
	if out.winner < 0 {
		out.winner, continuous = w.quiet(now, events)
		return out, 0, continuous
	}
	for i, e := range events {
		t := &w.policy.Triggers[i]
		_, n, asks := w.asks(i, now, e)
		continuous = continuous || asks && !t.Cap && n == wanted && t.Continuous
	}
	return out, wanted, continuous
}

// active reports whether trigger i, or the fallback in its place, says that there is work.
func (w *twin) active(i int, now scalers.Instant, current int64, events []scalers.Event) bool {
	t := &w.policy.Triggers[i]
	if w.known(t, events[i], now) || w.atLeast(t, events[i], now) {
		awake := w.policy.Idle == scalers.NoIdle || events[i].Current > w.policy.Idle
		return tells(t) && events[i].Value > t.Activation && (!steps(t) || events[i].Value >= 1000) && (!events[i].Suspended || awake)
	}
	n, speaks := w.fallback(i, now, current, events)
	return tells(t) && speaks && n > max(int64(w.policy.Idle), 0)
}

func (w *twin) known(t *scalers.Trigger, e scalers.Event, now scalers.Instant) bool {
	if e.At == 0 || e.Err != nil || e.Value < 0 {
		return false
	}
	if !t.Continuous && t.StaleAfter > 0 && now.Sub(e.At) > t.StaleAfter {
		return false
	}
	if t.PerPod {
		_, _, known := w.overPods(t, e)
		return known
	}
	return t.Metric != scalers.Value || t.Exact || e.Current == 0 || e.Ready > 0
}

// formula returns its answer, and what tolerance and its guard leave of it.
func (w *twin) formula(t *scalers.Trigger, e scalers.Event) (raw, n int64) {
	if t.PerPod {
		raw, n, _ = w.overPods(t, e)
		return raw, n
	}
	ratio := big.NewRat(int64(e.Value), int64(t.Target))
	if t.Exact || e.Current == 0 {
		raw = ceil(ratio)
		return raw, raw
	}
	current := int64(e.Current)
	if t.Metric == scalers.Value {
		raw = ceil(new(big.Rat).Mul(ratio, big.NewRat(int64(e.Ready), 1)))
	} else {
		raw = ceil(ratio)
		ratio.Quo(ratio, big.NewRat(current, 1))
	}
	return raw, w.tolerate(ratio, current, raw)
}

// tolerate is what tolerance leaves of raw.
func (w *twin) tolerate(ratio *big.Rat, current, raw int64) int64 {
	low, high := big.NewRat(1_000_000-w.policy.Down.Tolerance, 1_000_000), big.NewRat(1_000_000+w.policy.Up.Tolerance, 1_000_000)
	switch side := ratio.Cmp(big.NewRat(1, 1)); {
	case ratio.Cmp(low) >= 0 && ratio.Cmp(high) <= 0:
		return current
	case side > 0:
		return max(raw, current)
	default:
		return min(raw, current)
	}
}

func ceil(r *big.Rat) int64 {
	quo, rem := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rem.Sign() > 0 {
		quo.Add(quo, big.NewInt(1))
	}
	if !quo.IsInt64() || quo.Int64() > math.MaxInt32 {
		return math.MaxInt32
	}
	return quo.Int64()
}

// remember records a recommendation when a reading arrived, and the current count at first sight. What is held because of
// an unknown is none: the last one stands until the next, or until another is known without a reading.
func (w *twin) remember(now scalers.Instant, current, wanted int64, held, arrived, known, continuous bool) {
	if !w.seen {
		w.seen = true
		w.recommended = append(w.recommended, spell{end: now, n: current})
	}
	last := &w.recommended[len(w.recommended)-1]
	switch {
	case held:
		last.stands = true
	case arrived, known && last.stands && last.n != wanted:
		if last.stands {
			last.end, last.stands = now, false
		}
		w.recommended = append(w.recommended, spell{end: now, stands: continuous, n: wanted})
	}
}

func (w *twin) rememberActivity(now scalers.Instant, current int64, events []scalers.Event, active bool) {
	stands := w.activeAnyway()
	w.everActive = w.everActive || stands
	for i, e := range events {
		t := &w.policy.Triggers[i]
		if !active || !w.active(i, now, current, events) {
			continue
		}
		w.everActive = true
		if t.Continuous {
			stands = true
		} else {
			w.lastActive = max(w.lastActive, e.At)
		}
	}
	if stands || w.stands {
		w.lastActive = now
	}
	w.stands = stands
}

// activeAnyway reports whether the workload is active without a trigger that says so.
func (w *twin) activeAnyway() bool {
	return w.policy.ForceActivation || !slices.ContainsFunc(w.policy.Triggers, func(t scalers.Trigger) bool { return tells(&t) })
}

// stabilize is clamp(current, lowest in the up window, highest in the down window), each with the newest included.
func (w *twin) stabilize(now scalers.Instant, start, wanted int64) int64 {
	low, high := wanted, wanted
	for _, r := range w.recommended {
		if r.stands || now.Sub(r.end) < w.policy.Up.Window {
			low = min(low, r.n)
		}
		if r.stands || now.Sub(r.end) < w.policy.Down.Window {
			high = max(high, r.n)
		}
	}
	return min(max(start, low), high)
}

// limitRate keeps wanted within the policies of its direction.
func (w *twin) limitRate(now scalers.Instant, start, wanted int64) int64 {
	b, sign := &w.policy.Up, int64(1)
	if wanted == start {
		return start
	}
	if wanted < start {
		b, sign = &w.policy.Down, -1
	}
	if b.Select == scalers.Disabled {
		return start
	}
	var bounds []int64
	for _, r := range b.Policies {
		then := start
		for _, e := range w.writes {
			if now.Sub(e.At) < r.Period {
				then -= int64(e.By)
			}
		}
		bound := then + sign*int64(r.Amount)
		if r.Percent {
			share := big.NewRat(then*(100+sign*int64(r.Amount)), 100)
			if bound = -ceil(share.Neg(share)); sign > 0 {
				bound = ceil(share.Neg(share))
			}
		}
		bounds = append(bounds, bound)
	}
	if len(bounds) == 0 {
		return wanted
	}
	// The largest change is the highest bound up and the lowest down.
	if bound := slices.Max(bounds); (sign > 0) == (b.Select == scalers.Max) {
		return between(start, wanted, bound)
	}
	return between(start, wanted, slices.Min(bounds))
}

// between is wanted, but not past bound, and never back past start.
func between(start, wanted, bound int64) int64 {
	if wanted > start {
		return min(wanted, max(bound, start))
	}
	return max(wanted, min(bound, start))
}

// mayRest reports whether nothing is active, for sure and for long enough.
func (w *twin) mayRest(now scalers.Instant, a answer) bool {
	if w.policy.Idle == scalers.NoIdle || a.active || w.unsure {
		return false
	}
	if !w.everActive {
		return now.Sub(w.policy.Created) >= w.policy.InitialCooldown
	}
	return now.Sub(w.lastActive) >= w.policy.Cooldown
}

func (w *twin) paused(current, n int64) int64 {
	switch paused := w.policy.Paused; {
	case paused.Fixed:
		return int64(paused.At)
	case paused.Keep, paused.In && n < current, paused.Out && n > current:
		return current
	default:
		return n
	}
}
