package scalers_test

import (
	"math"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestPerPod(t *testing.T) {
	t.Run("a pod that is starting up is not ready", testPodThatIsStartingUpIsNotReady)
	t.Run("an unknown per-pod reading has a reason", testUnknownPerPodReadingHasReason)
	t.Run("the shown value is that of the pods", testShownValueIsThatOfPods)
	t.Run("huge usage saturates", testHugeUsageSaturates)
}

// cpuPolicy returns a policy of 1 to 1000 replicas at 50 % of the cpu that the pods request.
func cpuPolicy() *scalers.Policy {
	return &scalers.Policy{
		Min: 1, Max: 1000, Idle: scalers.NoIdle, Created: epoch, CPUInitializationPeriod: 5 * time.Minute, InitialReadinessDelay: 30 * time.Second,
		Triggers: []scalers.Trigger{{Name: "cpu", Metric: scalers.Utilization, Target: 50_000, PerPod: true, CPU: true}},
	}
}

// proposalOn returns the proposal of the policy's first trigger on these pods.
func proposalOn(p *scalers.Policy, current int32, pods ...scalers.Pod) scalers.Proposal {
	return p.Propose(0, &scalers.Event{Trigger: "cpu", At: epoch, Current: current, PerPod: true, Pods: pods}, epoch)
}

func testPodThatIsStartingUpIsNotReady(t *testing.T) {
	const second = time.Second
	cases := map[string]struct {
		started, changed, sampled time.Duration // ago
		notReady, noCondition     bool
		ready                     bool
	}{
		"sampled since it became ready":          {started: 60 * second, changed: 30 * second, ready: true},
		"sampled in part before it became ready": {started: 60 * second, changed: 29 * second},
		"sampled too long ago":                   {started: 60 * second, changed: 30 * second, sampled: 1},
		"unready while it starts":                {started: 299 * second, changed: 200 * second, notReady: true},
		"at the last instant of its start":       {started: 300*second - 1, changed: 10 * second},
		"at the first instant after its start":   {started: 300 * second, changed: 10 * second, ready: true},
		"has lost its readiness":                 {started: 400 * second, changed: 370 * second, notReady: true, ready: true},
		"has never been ready":                   {started: 400 * second, changed: 370*second + 1, notReady: true},
		"has been ready for long":                {started: time.Hour, changed: time.Hour, ready: true},
		"has no condition, whatever its age":     {started: time.Hour, changed: time.Hour, noCondition: true, notReady: true},
		"has no start time":                      {changed: time.Hour},
		"has a transition at the reading":        {started: time.Hour, changed: 0, ready: true},
	}
	for name, c := range cases {
		pod := oldPod(epoch, 100, 1000)
		pod.Started, pod.ReadyChanged, pod.SampledAt = epoch.Add(-c.started), epoch.Add(-c.changed), epoch.Add(-c.sampled)
		if c.started == 0 {
			pod.Started = 0
		}
		pod.Window, pod.NotReady, pod.NoCondition = 30*second, c.notReady, c.noCondition
		q := proposalOn(cpuPolicy(), 2, pod, oldPod(epoch, 500, 1000))
		if ready := q.Pods.Ready == 2; ready != c.ready {
			t.Errorf("a pod that %s: got ready %t, want %t", name, ready, c.ready)
		}
		memory := cpuPolicy()
		memory.Triggers[0].CPU = false
		if q := proposalOn(memory, 2, pod, oldPod(epoch, 500, 1000)); q.Pods.Ready != 2 {
			t.Errorf("a pod that %s: got it not counted for memory, want it counted", name)
		}
	}
}

func testUnknownPerPodReadingHasReason(t *testing.T) {
	good, bad := oldPod(epoch, 500, 1000), oldPod(epoch, 500, 0)
	bad.HasRequest = false
	deleting, negative, unlisted := good, good, bad
	deleting.Deleting, negative.Usage, unlisted.Unlisted = true, -1, true
	badAndGoing := bad
	badAndGoing.Deleting = true
	for name, c := range map[string]struct {
		current int32
		pods    []scalers.Pod
		want    scalers.Unknown
	}{
		"one that is good":                {1, podsOf(1, good), scalers.None},
		"no pod":                          {1, nil, scalers.NoPods},
		"only deleted pods":               {1, podsOf(2, deleting), scalers.NoPods},
		"only unlisted pods":              {1, podsOf(2, unlisted), scalers.NoPods},
		"pods that are no replicas":       {0, podsOf(2, good), scalers.NoPods},
		"one without a request":           {2, []scalers.Pod{good, bad}, scalers.NoRequest},
		"one that goes without a request": {2, []scalers.Pod{good, badAndGoing}, scalers.NoRequest},
		"requests of nothing":             {1, podsOf(2, oldPod(epoch, 500, 0)), scalers.NoRequest},
		"one that gives back":             {2, []scalers.Pod{good, negative}, scalers.Negative},
	} {
		if q := proposalOn(cpuPolicy(), c.current, c.pods...); q.Why != c.want || q.Known != (c.want == scalers.None) {
			t.Errorf("Propose on %s: got that it %s, want that it %s", name, q.Why, c.want)
		}
	}
	p := cpuPolicy()
	if q := p.Propose(0, &scalers.Event{At: epoch, Value: 80_000, Current: 4}, epoch); q.Why != scalers.Misread {
		t.Errorf("Propose on one number for cpu: got that it %s, want that it %s", q.Why, scalers.Misread)
	}
	p = plainPolicy(1)
	if q := proposalOn(p, 1, good); q.Why != scalers.Misread {
		t.Errorf("Propose on pods for a single level: got that it %s, want that it %s", q.Why, scalers.Misread)
	}
}

func testShownValueIsThatOfPods(t *testing.T) {
	missing := oldPod(epoch, 0, 1000)
	missing.Sampled = false
	q := proposalOn(cpuPolicy(), 4, oldPod(epoch, 801, 1000), oldPod(epoch, 808, 1000), oldPod(epoch, 800, 1000), missing)
	want := scalers.PodCounts{Ready: 3, Missing: 1, Mean: 803, Request: 1000, Counted: 4, Level: 60_000}
	if q.Level != 80_000 || q.Pods != want || q.Raw != 5 || q.Replicas != 5 {
		t.Errorf("got %+v, want 80%%, %+v and 5 replicas: 60%% over four", q, want)
	}
}

func testHugeUsageSaturates(t *testing.T) {
	const tebibyte = 1 << 40 * 1000
	for usage, percent := range map[scalers.Milli]scalers.Milli{
		90 * tebibyte:      90_000,
		8000 * tebibyte:    8_000_000,
		math.MaxInt64:      math.MaxInt64 / (100 * tebibyte) * 100_000,
		math.MaxInt64 / 10: math.MaxInt64 / 10 / tebibyte * 1000,
	} {
		q := proposalOn(cpuPolicy(), 1, oldPod(epoch, usage, 100*tebibyte))
		if !q.Known || q.Level/100_000 != percent/100_000 {
			t.Errorf("usage of %d of 100 TiB: got %s%%, want %s%%", usage, q.Level, percent)
		}
	}
	most := oldPod(epoch, math.MaxInt64, 1)
	if q := proposalOn(cpuPolicy(), 5, podsOf(5, most)...); !q.Known || q.Raw != math.MaxInt32 {
		t.Errorf("got %+v, want all there is", q)
	}
}
