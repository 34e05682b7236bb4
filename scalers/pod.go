package scalers

import "time"

// PodPhase is a pod's phase, as Kubernetes says it.
type PodPhase uint8

// The phases. A pod of which nothing is said is running.
const (
	PodRunning PodPhase = iota
	PodPending
	PodSucceeded
	PodFailed
	PodUnknown
)

// Pod is what a per-pod reading says of one pod, as it was at the reading's instant.
type Pod struct {
	Phase PodPhase
	// Deleting: it has a deletion timestamp.
	Deleting bool
	// NotReady: its condition Ready is not True. NoCondition: it has none at all.
	NotReady, NoCondition bool
	// Unlisted: a sample of a pod that the list of pods does not hold. It has a Usage and nothing else.
	Unlisted bool
	// Sampled is false while its metric is missing.
	Sampled bool
	// HasRequest is false when some container, or the pod, does not say what it requests.
	HasRequest bool
	// Usage and Request are in thousandths of a core or of a byte.
	Usage, Request Milli
	// Started is the pod's start time, ReadyChanged the last transition of its condition Ready, SampledAt the sample's
	// timestamp; zero: unknown.
	Started, ReadyChanged, SampledAt Instant
	// Window is the time that the sample was taken over.
	Window time.Duration
}

// PodCounts says what became of the pods of a reading.
type PodCounts struct {
	// Ready pods are measured. Missing ones have no sample, Unready ones are not there yet, Ignored ones are going or have
	// failed; Surplus is the number of samples without a pod.
	Ready, Missing, Unready, Ignored, Surplus int32
	// Mean is the usage of a measured pod, truncated to thousandths. Request is what it requests, for a utilization.
	Mean, Request Milli
	// Counted is how many pods the formula multiplies with, and Level their level: with those that were filled in.
	Counted int32
	Level   Milli
}

// podGroup is what a reading makes of a pod.
type podGroup uint8

const (
	podReady podGroup = iota
	podMissing
	podUnready
	podIgnored
)

// groupOf is the HPA's classification; the first that fits is it. at is the reading's instant: a pod that has become ready
// since changes nothing of what was measured.
func (p *Policy) groupOf(pod *Pod, cpu bool, at Instant) podGroup {
	switch {
	case pod.Deleting || pod.Phase == PodFailed:
		return podIgnored
	case pod.Phase == PodPending:
		return podUnready
	case !pod.Sampled:
		return podMissing
	case cpu && p.warmingUp(pod, at):
		return podUnready
	default:
		return podReady
	}
}

// warmingUp reports whether a pod's cpu says nothing of the load yet: while it starts, it is unready or was sampled, in
// part, before it became ready; afterwards, it has never been ready. One that lost its readiness later counts.
func (p *Policy) warmingUp(pod *Pod, at Instant) bool {
	switch {
	case pod.NoCondition || pod.Started == 0:
		return true
	case pod.Started.Add(p.CPUInitializationPeriod) > at:
		return pod.NotReady || pod.SampledAt < pod.ReadyChanged.Add(pod.Window)
	default:
		return pod.NotReady && pod.Started.Add(p.InitialReadinessDelay) > pod.ReadyChanged
	}
}

// fingerprint tells the pod of one reading from that of another.
func (pod *Pod) fingerprint() uint64 {
	const a, b = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	x := uint64(pod.Usage)*a ^ uint64(pod.Request)*b
	x ^= (uint64(pod.Started) + uint64(pod.ReadyChanged)*a + uint64(pod.SampledAt)*b + uint64(pod.Window)) * a
	x ^= uint64(pod.Phase)
	for i, is := range [...]bool{pod.Deleting, pod.NotReady, pod.NoCondition, pod.Unlisted, pod.Sampled, pod.HasRequest} {
		if is {
			x ^= 1 << (8 + i)
		}
	}
	x = (x ^ x>>32) * b
	return x ^ x>>29
}
