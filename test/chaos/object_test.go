package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/alertmanager"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// instances are the alerts that each object selects, distinguished by a label.
var instances = []string{"a", "b", "c"}

// highest is the largest count that the random levels can ask for.
const highest int32 = 24

// object is a Deployment and the ScaledObject that scales it.
type object struct {
	name string
	// start is the Deployment's count at the start.
	start int32
	// spec is the ScaledObject's, in YAML; NATS and PROMETHEUS stand for addresses.
	spec string
	// alerts, queue and query are its sources.
	alerts, queue, query bool
	// loweringDelay is how long the policy may delay a lowering; negative when it is unknown.
	loweringDelay time.Duration
}

// kinds are the kinds of random objects.
var kinds = []func(r *rand.Rand, o *object){
	func(r *rand.Rand, o *object) { // An exact number while an alert fires.
		o.alerts, o.loweringDelay = true, 0
		o.spec = fmt.Sprintf("minReplicaCount: %d\ncooldownPeriod: 0\ntriggers:\n%s", r.IntN(3), exact(o.name, `instance=~"a|b"`, 4+r.IntN(6)))
	},
	func(_ *rand.Rand, o *object) { // Rest, and a cooldown.
		o.alerts, o.loweringDelay = true, 2*time.Second
		o.spec = "minReplicaCount: 0\ncooldownPeriod: 1\ntriggers:\n" + exact(o.name, `instance="a"`, 5)
	},
	func(_ *rand.Rand, o *object) { // As many as alerts fire.
		o.alerts, o.loweringDelay = true, 0
		o.spec = "minReplicaCount: 1\ncooldownPeriod: 0\ntriggers:\n" + counted(o.name, 1)
	},
	func(r *rand.Rand, o *object) { // The larger of two.
		o.alerts, o.loweringDelay = true, 0
		o.spec = fmt.Sprintf("minReplicaCount: 1\ncooldownPeriod: 0\ntriggers:\n%s%s",
			exact(o.name, `instance="a"`, 2+r.IntN(3)), strings.Replace(exact(o.name, `instance="b"`, 6+r.IntN(4)), "name: exact", "name: other", 1))
	},
	func(r *rand.Rand, o *object) { // A step for each alert.
		o.alerts, o.loweringDelay = true, 0
		o.spec = fmt.Sprintf("minReplicaCount: 1\ncooldownPeriod: 0\ntriggers:\n"+
			"- {type: alertmanager, name: steps, metadata: {matchers: 'alertname=%q', step: '+%d'}}\n", o.name, 1+r.IntN(3))
	},
	func(_ *rand.Rand, o *object) { // Down step by step.
		o.alerts, o.loweringDelay = true, -1
		o.spec = "minReplicaCount: 1\ncooldownPeriod: 0\nadvanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {policies: [{type: Pods, value: 3, periodSeconds: 1}]}}}}\n" +
			"triggers:\n" + exact(o.name, `instance=~".+"`, 8)
	},
	func(r *rand.Rand, o *object) { // Down after a window.
		o.alerts, o.loweringDelay = true, 4*time.Second
		o.spec = fmt.Sprintf("minReplicaCount: %d\ncooldownPeriod: 3\ntriggers:\n%s", 1+r.IntN(2), counted(o.name, 2))
	},
	func(r *rand.Rand, o *object) { // A queue.
		o.queue, o.loweringDelay = true, -1
		o.spec = fmt.Sprintf("minReplicaCount: %d\ncooldownPeriod: 1\npollingInterval: 1\ntriggers:\n%s", r.IntN(2), queue(o.name))
	},
	func(_ *rand.Rand, o *object) { // A queue beside an alert.
		o.alerts, o.queue, o.loweringDelay = true, true, -1
		o.spec = "minReplicaCount: 1\ncooldownPeriod: 1\npollingInterval: 1\ntriggers:\n" + queue(o.name) + exact(o.name, `instance="a"`, 6)
	},
	func(_ *rand.Rand, o *object) { // A query.
		o.query, o.loweringDelay = true, -1
		o.spec = "minReplicaCount: 1\ncooldownPeriod: 1\npollingInterval: 1\ntriggers:\n" + query(o.name)
	},
	func(_ *rand.Rand, o *object) { // A query beside an alert.
		o.alerts, o.query, o.loweringDelay = true, true, -1
		o.spec = "minReplicaCount: 0\ncooldownPeriod: 1\npollingInterval: 1\ntriggers:\n" + query(o.name) + exact(o.name, `instance=~"a|b"`, 7)
	},
}

func exact(name, matcher string, n int) string {
	return fmt.Sprintf("- {type: alertmanager, name: exact, metadata: {matchers: 'alertname=%q,%s', replicas: %d}}\n", name, matcher, n)
}

func counted(name string, each int) string {
	return fmt.Sprintf("- {type: alertmanager, name: counted, metadata: {matchers: 'alertname=%q', threshold: '%g'}}\n", name, 1/float64(each))
}

func queue(name string) string {
	return fmt.Sprintf("- {type: nats-jetstream, name: queue, metadata: {natsServerURL: 'nats://NATS', stream: %s, consumer: workers, lagThreshold: 10}}\n",
		stream(name))
}

// stream returns the name of an object's stream.
func stream(name string) string { return strings.ToUpper(name) }

func query(name string) string {
	return fmt.Sprintf("- {type: prometheus, name: query, metadata: {serverAddress: 'http://PROMETHEUS', query: 'chaos{object=%q}', threshold: 10, timeout: 1s}}\n", name)
}

// policy is a compiled object.
type policy struct {
	*compile.Workload

	memo map[string]int32
}

// compileObject compiles an object's spec.
func compileObject(o *object) (*policy, error) {
	so := &v1alpha1.ScaledObject{}
	so.Name = o.name
	if err := yaml.UnmarshalStrict([]byte(o.spec), &so.Spec); err != nil {
		return nil, fmt.Errorf("read the spec of %s: %w", o.name, err)
	}
	so.Spec.ScaleTargetRef.Name = o.name
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("compile %s: %w", o.name, mistakes[0])
	}
	return &policy{Workload: w, memo: map[string]int32{}}, nil
}

// levels are the true state of an object's sources: the instances of its alert that fire, and the values of its queue and its query.
type levels struct {
	firing       []string
	queue, query int
}

// least returns the lowest count for the levels, whatever the count before: within the tolerance several are right.
func (p *policy) least(l levels) int32 { return slices.Min(p.finalCounts(l)) }

// most returns the highest count for the levels, whatever the count before.
func (p *policy) most(l levels) int32 { return slices.Max(p.finalCounts(l)) }

// finalCounts returns the final counts of a workload, one for each count that it may start with.
func (p *policy) finalCounts(l levels) []int32 {
	var all []int32
	for n := range highest + 1 {
		all = append(all, p.finalCount(l, n))
	}
	return append(all, p.finalCount(l, p.Policy.Max))
}

// finalCount returns the final count of a workload that starts with n replicas, with constant levels.
func (p *policy) finalCount(l levels, n int32) int32 {
	key := fmt.Sprint(l, n)
	if known, ok := p.memo[key]; ok {
		return known
	}
	w := engine.Scenario{Policy: p.Policy, Start: scalers.InstantOf(time.Unix(1, 0)), Replicas: n}
	for i := range p.Triggers {
		w.Feeds = append(w.Feeds, p.feed(i, l))
	}
	for turn := range w.Turns(w.Start.Add(time.Minute)) {
		n = turn.Target.Current
	}
	p.memo[key] = n
	return n
}

// feed is a trigger with a constant level.
func (p *policy) feed(i int, l levels) engine.Feed {
	f := constant{sampled: !p.Policy.Triggers[i].Continuous}
	switch config := p.Triggers[i].Config.(type) {
	case alertmanager.Config:
		f.event.Value, _, f.event.Err = config.Level(selected(config, p.Name, l.firing), time.Unix(1, 0))
	default:
		level := l.query
		if p.Triggers[i].Kind.Name == "nats-jetstream" {
			level = l.queue
		}
		f.event.Value = scalers.Milli(level) * 1000
	}
	return f
}

// selected returns the alerts that a trigger's matchers select.
func selected(config alertmanager.Config, name string, firing []string) []triggers.Alert {
	q, err := config.Selection("")
	if err != nil {
		return nil
	}
	var all []triggers.Alert
	for _, instance := range firing {
		if set := map[string]string{"alertname": name, "instance": instance}; q.Match(set) {
			all = append(all, triggers.Alert{Labels: set})
		}
	}
	return all
}

// constant always has the same reading.
type constant struct {
	event   scalers.Event
	sampled bool
}

// Next implements engine.Feed.
func (c constant) Next(t scalers.Instant) scalers.Instant {
	if c.sampled {
		return t.Add(time.Second)
	}
	return scalers.Never
}

// Read implements engine.Feed.
func (c constant) Read(scalers.Instant, engine.Target) (scalers.Event, bool) { return c.event, true }

// sorted returns the keys of a set in order.
func sorted(set map[string]bool) []string {
	var all []string
	for key, in := range set {
		if in {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}
