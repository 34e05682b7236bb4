package scalers_test

import (
	"math/big"

	"github.com/impulse-sh/impulse/scalers"
)

// sample is one summand of a ratio: a pod, or a sample of an unlisted pod.
type sample struct {
	usage, request int64
	surplus        bool
}

// classified are the pods of a reading as the HPA classifies them.
type classified struct {
	measured, missing, unready []sample
	ready                      int64
	broken                     bool
}

func (m *reference) classify(t *scalers.Trigger, e scalers.Event) (s classified) {
	for _, pod := range e.Pods {
		one := sample{usage: int64(pod.Usage), request: int64(pod.Request), surplus: pod.Unlisted}
		if !pod.Unlisted && t.Metric == scalers.Utilization && !pod.HasRequest || pod.Sampled && pod.Usage < 0 {
			s.broken = true
		}
		switch {
		case pod.Unlisted && !pod.Sampled:
		case pod.Unlisted:
			s.measured = append(s.measured, one)
		case pod.Deleting || pod.Phase == scalers.PodFailed:
		case pod.Phase == scalers.PodPending:
			s.unready = append(s.unready, one)
		case !pod.Sampled:
			s.missing = append(s.missing, one)
		case t.CPU && m.startingUp(pod, e.At):
			s.unready = append(s.unready, one)
		default:
			s.measured = append(s.measured, one)
			s.ready++
		}
	}
	return s
}

func (m *reference) startingUp(pod scalers.Pod, now scalers.Instant) bool {
	if pod.NoCondition || pod.Started == 0 {
		return true
	}
	starting := now.Sub(pod.Started) < m.policy.CPUInitializationPeriod
	never := pod.ReadyChanged.Sub(pod.Started) < m.policy.InitialReadinessDelay
	early := pod.SampledAt.Sub(pod.ReadyChanged) < pod.Window
	return starting && (pod.NotReady || early) || !starting && pod.NotReady && never
}

// ratio returns the ratio of the mean or the percentage, both truncated, to the target; nil when the divisor is zero.
func ratio(t *scalers.Trigger, samples []sample) *big.Rat {
	usage, over := new(big.Int), new(big.Int)
	for _, s := range samples {
		switch {
		case t.Metric != scalers.Utilization:
			usage.Add(usage, big.NewInt(s.usage))
			over.Add(over, big.NewInt(1))
		case !s.surplus:
			usage.Add(usage, new(big.Int).Mul(big.NewInt(s.usage), big.NewInt(100)))
			over.Add(over, big.NewInt(s.request))
		}
	}
	if over.Sign() == 0 {
		return nil
	}
	level := usage.Quo(usage, over)
	if t.Metric == scalers.Utilization {
		level.Mul(level, big.NewInt(1000))
	}
	return new(big.Rat).SetFrac(level, big.NewInt(int64(t.Target)))
}

// overPods returns what the formula gives for a per-pod reading, and what tolerance leaves of it. known is false when it is
// unknown.
func (m *reference) overPods(t *scalers.Trigger, e scalers.Event) (raw, n int64, known bool) {
	s := m.classify(t, e)
	first := ratio(t, s.measured)
	if s.broken || first == nil || e.Current == 0 {
		return 0, 0, false
	}
	side := first.Cmp(big.NewRat(1, 1))
	final, times := first, s.ready
	if len(s.missing) > 0 || side > 0 && len(s.unready) > 0 {
		all := s.measured
		for _, one := range s.missing {
			switch {
			case side > 0:
				all = append(all, sample{request: one.request})
			case side < 0 && t.Metric != scalers.Utilization:
				all = append(all, sample{usage: int64(t.Target)})
			case side < 0:
				all = append(all, sample{usage: one.request * max(100_000, int64(t.Target)) / 100_000, request: one.request})
			}
		}
		if side > 0 {
			for _, one := range s.unready {
				all = append(all, sample{request: one.request})
			}
		}
		final, times = ratio(t, all), int64(len(all))
	}
	raw = ceil(new(big.Rat).Mul(final, big.NewRat(times, 1)))
	if side*final.Cmp(big.NewRat(1, 1)) < 0 {
		return raw, int64(e.Current), true
	}
	return raw, m.tolerate(final, int64(e.Current), raw), true
}
