package scalers

import "time"

// PodPhase is the phase of a pod's status.
type PodPhase uint8

// The phases. The zero value is that of a running pod.
const (
	PodRunning PodPhase = iota
	PodPending
	PodSucceeded
	PodFailed
	PodUnknown
)

// Pod is one pod of a per-pod reading, as it was at the reading's instant.
type Pod struct {
	Phase PodPhase
	// Deleting is true when the pod has a deletion timestamp.
	Deleting bool
	// NotReady is true when the pod's condition Ready is not True, NoCondition when it has no such condition.
	NotReady, NoCondition bool
	// Unlisted is true for a sample of a pod that the list of pods does not have. Such a Pod has a Usage and nothing else.
	Unlisted bool
	// Sampled is true when the pod has a sample. Without one, Usage has no meaning.
	Sampled bool
	// HasRequest is false when the pod, or one of its containers, does not request the resource.
	HasRequest bool
	// Usage and Request are in thousandths of a core for cpu, of a byte for memory; 0 or more.
	Usage, Request Milli
	// Started is the pod's start time, ReadyChanged the last transition of its condition Ready, and SampledAt the timestamp of
	// the sample. Zero is unknown.
	Started, ReadyChanged, SampledAt Instant
	// Window is the length of time that the sample covers.
	Window time.Duration
}

// PodCounts shows how the pods of a per-pod reading were counted.
type PodCounts struct {
	// Ready pods are measured. Missing pods have no sample, Unready pods do not count yet, and Ignored pods are being deleted
	// or have failed. Surplus is the number of samples of unlisted pods.
	Ready, Missing, Unready, Ignored, Surplus int32
	// Mean is the mean usage of the measured pods, truncated to thousandths. Request is their mean request; a utilization
	// only.
	Mean, Request Milli
	// Counted is the number of pods that the formula multiplies with, and Level their level, both with the pods whose
	// usage was assumed.
	Counted int32
	Level   Milli
}

// podGroup is how a pod counts in a reading.
type podGroup uint8

const (
	podReady podGroup = iota
	podMissing
	podUnready
	podIgnored
)

// groupOf classifies a pod as the HPA does; the first case that fits applies. at is the instant of the reading: the
// age of the pod at that instant counts.
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

// warmingUp reports whether a pod's cpu does not show the load yet. During CPUInitializationPeriod that is a pod that is
// unready, or whose sample begins before it became ready; later, a pod that has never been ready. A pod that was ready and
// is not any more counts. The cpu of a pod without the condition Ready, or without a start time, never shows the load.
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

// fingerprint identifies a pod with its content.
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
