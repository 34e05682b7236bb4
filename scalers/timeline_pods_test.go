package scalers_test

import (
	"math/rand/v2"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// randomPods returns about as many pods as there are replicas. On average 14 of 24 are ready and use the same amount, from a
// twelfth of the target to twice the target. The others differ from them, most in one respect.
func randomPods(r *rand.Rand, t *scalers.Trigger, at scalers.Instant, replicas int32) []scalers.Pod {
	pods := make([]scalers.Pod, max(int(replicas)+r.IntN(4)-1, 1))
	usual, request := 1+r.IntN(24), scalers.Milli(1+r.IntN(3))*100
	if r.IntN(8) == 0 {
		request = 333
	}
	for i := range pods {
		pod := &pods[i]
		*pod = scalers.Pod{
			Sampled: true, HasRequest: true, Request: request, Window: seconds(r, 0, 10, 30),
			Started: at.Add(-seconds(r, 10, 20, 60, 3600)), SampledAt: at.Add(-seconds(r, 0, 0, 5, 20)),
		}
		pod.ReadyChanged = pod.Started.Add(seconds(r, 0, 5, 10, 20))
		pod.Usage = usageAtTarget(t, pod) * scalers.Milli(usual) / 12
		switch r.IntN(24) {
		case 0:
			pod.Usage = scalers.Milli(r.IntN(1000))
		case 1, 2, 3:
			pod.Sampled, pod.Usage = false, 0
		case 4:
			pod.Phase = scalers.PodPhase(r.IntN(5))
		case 5:
			pod.Deleting = true
		case 6, 7, 8:
			pod.NotReady, pod.NoCondition = true, r.IntN(3) == 0
		case 9:
			*pod = scalers.Pod{Unlisted: true, Sampled: r.IntN(4) > 0, Usage: pod.Usage}
		case 10:
			pod.Started += scalers.Instant(r.IntN(3) - 1)
			pod.ReadyChanged += scalers.Instant(r.IntN(3) - 1)
		case 11:
			if r.IntN(8) == 0 {
				pod.HasRequest, pod.Request = false, 0
			}
			if r.IntN(16) == 0 {
				pod.Started = 0
			}
		}
	}
	return pods
}

// usageAtTarget returns what a pod would use at the target.
func usageAtTarget(t *scalers.Trigger, pod *scalers.Pod) scalers.Milli {
	if t.Metric == scalers.Utilization {
		return pod.Request * t.Target / 100_000
	}
	return t.Target
}

// podsOf returns n pods like this one.
func podsOf(n int, like scalers.Pod) []scalers.Pod {
	pods := make([]scalers.Pod, n)
	for i := range pods {
		pods[i] = like
	}
	return pods
}

// oldPod returns a pod that has been ready for a day, and was sampled just now.
func oldPod(at scalers.Instant, usage, request scalers.Milli) scalers.Pod {
	return scalers.Pod{
		Sampled: true, HasRequest: true, Usage: usage, Request: request, Window: time.Minute,
		Started: at.Add(-24 * time.Hour), ReadyChanged: at.Add(-24 * time.Hour), SampledAt: at,
	}
}
