package scalers

import (
	"math"
	"math/bits"
)

// whole is 100 % in thousandths of a percent, which is the unit of a utilization.
const whole = 100_000

// podTally is the sum over a per-pod reading. The weight of a pod is its request for a utilization and 1 for an average; the
// level is usage over weight.
type podTally struct {
	utilization bool
	target      Milli
	counts      PodCounts
	// usage and weight are those of the measured pods.
	usage, weight Milli
	// missing and unready are the weights of the missing and the unready pods.
	missing, unready Milli
	// assumed is the usage that is assumed of the missing pods when the level of the measured ones is below the target.
	assumed Milli
}

// overPods reduces a per-pod reading to a single measure, as the HPA does. level is that of the measured pods.
//
// Pods without a sample get an assumed usage that makes the change smaller. If the level of the measured pods is below the
// target, pods without a sample are assumed to use the target; if it is above, they, and the pods that are not ready yet, are
// assumed to use nothing. The assumptions may prevent a change, but do not reverse it.
func (p *Policy) overPods(t *Trigger, e *Event) (m measure, level Milli, counts PodCounts, why Unknown) {
	a := podTally{utilization: t.Metric == Utilization, target: t.Target}
	if why := a.add(p, t, e); why != None {
		return measure{}, 0, a.counts, why
	}
	level = a.level()
	m = measure{level: level, each: 1, times: int64(a.counts.Ready)}
	side := m.compare(t.Target, one)
	unready := side > 0 && a.counts.Unready > 0
	a.counts.Counted, a.counts.Level = a.counts.Ready, level
	if a.counts.Missing == 0 && !unready {
		return m, level, a.counts, None
	}
	m.times += int64(a.counts.Surplus)
	if side != 0 {
		a.weight = plus(a.weight, a.missing)
		m.times += int64(a.counts.Missing)
	}
	if side < 0 {
		a.usage = plus(a.usage, a.assumed)
	}
	if unready {
		a.weight = plus(a.weight, a.unready)
		m.times += int64(a.counts.Unready)
	}
	m.level = a.level()
	a.counts.Counted, a.counts.Level = int32(m.times), m.level
	m.reversed = side*m.compare(t.Target, one) < 0
	return m, level, a.counts, None
}

// add adds the pods of a reading, and returns why the reading is unknown; None if it is not.
func (a *podTally) add(p *Policy, t *Trigger, e *Event) Unknown {
	for i := range e.Pods {
		pod := &e.Pods[i]
		if pod.Sampled && pod.Usage < 0 {
			return Negative
		}
		switch {
		case pod.Unlisted:
			a.addSurplus(pod)
			continue
		case a.utilization && (!pod.HasRequest || pod.Request < 0):
			return NoRequest
		}
		weight := Milli(1)
		if a.utilization {
			weight = pod.Request
		}
		switch p.groupOf(pod, t.CPU, e.At) {
		case podReady:
			a.counts.Ready++
			a.usage, a.weight = plus(a.usage, pod.Usage), plus(a.weight, weight)
		case podMissing:
			a.counts.Missing++
			a.missing, a.assumed = plus(a.missing, weight), plus(a.assumed, a.assume(weight))
		case podUnready:
			a.counts.Unready++
			a.unready = plus(a.unready, weight)
		case podIgnored:
			a.counts.Ignored++
		}
	}
	return a.measured(e)
}

// addSurplus adds a sample of an unlisted pod. It has no request, so it counts for an average only.
func (a *podTally) addSurplus(pod *Pod) {
	if !pod.Sampled {
		return
	}
	a.counts.Surplus++
	if !a.utilization {
		a.usage, a.weight = plus(a.usage, pod.Usage), plus(a.weight, 1)
	}
}

// measured sets the means over the measured pods, and returns why there are none.
func (a *podTally) measured(e *Event) Unknown {
	switch {
	case e.Current <= 0 || a.counts.Ready+a.counts.Surplus == 0 || a.utilization && a.counts.Ready == 0:
		return NoPods
	case a.weight == 0:
		return NoRequest
	}
	n := a.counts.Ready
	if !a.utilization {
		n += a.counts.Surplus
	}
	a.counts.Mean = a.usage / Milli(n)
	if a.utilization {
		a.counts.Request = a.weight / Milli(n)
	}
	return None
}

// assume returns the usage of a missing pod of this weight at the target, or its whole request where that is more.
func (a *podTally) assume(weight Milli) Milli {
	if !a.utilization {
		return a.target
	}
	return mulDiv(weight, max(a.target, whole), whole)
}

// level returns usage over weight, truncated: to thousandths for an average, to a whole percent for a utilization.
func (a *podTally) level() Milli {
	if !a.utilization {
		return a.usage / a.weight
	}
	return min(mulDiv(a.usage, 100, a.weight), math.MaxInt64/1000) * 1000
}

// mulDiv returns a × n / b truncated, saturating; a, n >= 0, b > 0.
func mulDiv(a, n, b Milli) Milli {
	hi, lo := bits.Mul64(uint64(a), uint64(n))
	if hi >= uint64(b) {
		return math.MaxInt64
	}
	quo, _ := bits.Div64(hi, lo, uint64(b))
	return Milli(min(quo, math.MaxInt64))
}

// plus returns a + b, saturating; both >= 0.
func plus(a, b Milli) Milli {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
