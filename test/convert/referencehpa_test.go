package convert

import (
	"math/big"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// referenceHPA is the HPA of Kubernetes 1.37 as its pages describe it, with a behavior, for readings that are known, a count within the limits
// and replicas that are all ready. It keeps all history and computes in fractions.
type referenceHPA struct {
	spec    autoscalingv2.HorizontalPodAutoscalerSpec
	current int32
	// recommended and changed are the recommendations and changes by tick. The key -1 has the recommendation from before the first tick; its
	// age counts from the first tick.
	recommended map[int64]int32
	changed     map[int64]int32
}

// tick is the sync period, in seconds.
const tick int32 = 15

func newReferenceHPA(spec *autoscalingv2.HorizontalPodAutoscalerSpec, replicas int32) *referenceHPA {
	return &referenceHPA{spec: *spec, current: replicas, recommended: map[int64]int32{-1: replicas}, changed: map[int64]int32{}}
}

// sync makes the k-th run of the controller's loop. levels are those of the metrics, in their order.
func (h *referenceHPA) sync(k int64, levels []*big.Rat) {
	raw := int32(0)
	for i := range h.spec.Metrics {
		raw = max(raw, h.propose(&h.spec.Metrics[i], levels[i]))
	}
	low, high := h.extremes(k, raw)
	h.recommended[k] = raw
	wanted := min(max(h.current, low), high)
	next := h.limit(k, wanted)
	if next != h.current {
		h.changed[k] = next - h.current
		h.current = next
	}
}

// propose returns the proposal of one metric, with the tolerance applied.
func (h *referenceHPA) propose(m *autoscalingv2.MetricSpec, level *big.Rat) int32 {
	n := big.NewRat(int64(h.current), 1)
	var ratio *big.Rat
	switch {
	case m.External != nil && m.External.Target.AverageValue != nil:
		target := rational(m.External.Target.AverageValue.MilliValue())
		ratio = new(big.Rat).Quo(level, new(big.Rat).Mul(target, n))
	case m.External != nil:
		ratio = new(big.Rat).Quo(level, rational(m.External.Target.Value.MilliValue()))
	case m.Resource.Target.AverageValue != nil:
		ratio = new(big.Rat).Quo(level, rational(m.Resource.Target.AverageValue.MilliValue()))
	default:
		ratio = big.NewRat(int64(floor(level)), int64(*m.Resource.Target.AverageUtilization)) // Whole percents.
	}
	up, down := tolerance(h.spec.Behavior.ScaleUp), tolerance(h.spec.Behavior.ScaleDown)
	one := big.NewRat(1, 1)
	if ratio.Cmp(new(big.Rat).Sub(one, down)) >= 0 && ratio.Cmp(new(big.Rat).Add(one, up)) <= 0 {
		return h.current
	}
	return ceil(ratio.Mul(ratio, n))
}

// rational returns milli thousandths as a fraction.
func rational(milli int64) *big.Rat { return big.NewRat(milli, 1000) }

func tolerance(r *autoscalingv2.HPAScalingRules) *big.Rat {
	if r == nil || r.Tolerance == nil {
		return big.NewRat(1, 10)
	}
	return rational(r.Tolerance.MilliValue())
}

func ceil(r *big.Rat) int32 {
	q, m := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if m.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return int32(q.Int64())
}

func floor(r *big.Rat) int32 { return int32(new(big.Int).Div(r.Num(), r.Denom()).Int64()) }

// extremes returns the lowest recommendation in the scale-up window and the highest in the scale-down window.
func (h *referenceHPA) extremes(k int64, raw int32) (low, high int32) {
	low, high = raw, raw
	up, down := int64(0), int64(300)
	if r := h.spec.Behavior.ScaleUp; r != nil && r.StabilizationWindowSeconds != nil {
		up = int64(*r.StabilizationWindowSeconds)
	}
	if r := h.spec.Behavior.ScaleDown; r != nil && r.StabilizationWindowSeconds != nil {
		down = int64(*r.StabilizationWindowSeconds)
	}
	for at, n := range h.recommended {
		age := (k - max(at, 0)) * int64(tick)
		if age < up {
			low = min(low, n)
		}
		if age < down {
			high = max(high, n)
		}
	}
	return low, high
}

// limit applies the policies and the limits to a change.
func (h *referenceHPA) limit(k int64, wanted int32) int32 {
	switch {
	case wanted > h.current:
		policies := []autoscalingv2.HPAScalingPolicy{{Type: "Pods", Value: 4, PeriodSeconds: 15}, {Type: "Percent", Value: 100, PeriodSeconds: 15}}
		bound := h.bound(k, h.spec.Behavior.ScaleUp, policies, func(start *big.Rat, p autoscalingv2.HPAScalingPolicy) int32 {
			if p.Type == "Pods" {
				return ceil(start.Add(start, big.NewRat(int64(p.Value), 1)))
			}
			return ceil(start.Mul(start, big.NewRat(100+int64(p.Value), 100)))
		}, slices.Max[[]int32], slices.Min[[]int32])
		return min(wanted, h.spec.MaxReplicas, max(bound, h.current))
	case wanted < h.current:
		policies := []autoscalingv2.HPAScalingPolicy{{Type: "Percent", Value: 100, PeriodSeconds: 15}}
		bound := h.bound(k, h.spec.Behavior.ScaleDown, policies, func(start *big.Rat, p autoscalingv2.HPAScalingPolicy) int32 {
			if p.Type == "Pods" {
				return floor(start.Sub(start, big.NewRat(int64(p.Value), 1)))
			}
			return floor(start.Mul(start, big.NewRat(100-int64(p.Value), 100)))
		}, slices.Min[[]int32], slices.Max[[]int32])
		return max(wanted, *h.spec.MinReplicas, min(bound, h.current))
	default:
		return wanted
	}
}

// bound returns the count that the policies of a direction allow.
func (h *referenceHPA) bound(
	k int64, r *autoscalingv2.HPAScalingRules, policies []autoscalingv2.HPAScalingPolicy,
	allows func(start *big.Rat, p autoscalingv2.HPAScalingPolicy) int32, widest, narrowest func([]int32) int32,
) int32 {
	if r != nil && r.SelectPolicy != nil && *r.SelectPolicy == autoscalingv2.DisabledPolicySelect {
		return h.current
	}
	if r != nil && r.Policies != nil {
		policies = r.Policies
	}
	var bounds []int32
	for _, p := range policies {
		start := int64(h.current)
		for at, by := range h.changed {
			if (k-at)*int64(tick) < int64(p.PeriodSeconds) {
				start -= int64(by)
			}
		}
		bounds = append(bounds, allows(big.NewRat(start, 1), p))
	}
	if r != nil && r.SelectPolicy != nil && *r.SelectPolicy == autoscalingv2.MinChangePolicySelect {
		return narrowest(bounds)
	}
	return widest(bounds)
}
