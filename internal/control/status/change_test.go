package status

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestChange(t *testing.T) {
	t.Run("every change of an outcome is written", testEveryChangeOfOutcomeIsWritten)
}

// randomEnv is an env whose workload changes at random.
type randomEnv struct {
	*env

	rand   *rand.Rand
	events []scalers.Event
	// writeErr is the error of the last write.
	writeErr error
}

// change makes one random change.
func (d *randomEnv) change() {
	e := &d.events[d.rand.IntN(len(d.events))]
	switch d.rand.IntN(9) {
	case 0, 1, 2:
		e.Value, e.Err = scalers.Milli(d.rand.Int64N(250))*1000, nil
	case 3:
		e.Err = triggers.VaryingErrorf(noAnswer+"%dms", d.rand.IntN(1000))
	case 4:
		e.Err = errors.New("connection refused")
	case 5:
		d.current = d.rand.Int32N(25)
	case 6:
		spec, policy := *d.spec, *d.spec.Policy
		spec.Policy, policy.Paused.All = &policy, !policy.Paused.All
		if d.rand.IntN(2) == 0 {
			policy.Paused.All = false
			spec.Generation++
		}
		d.spec = &spec
	case 7:
		e.Stale, e.Unconfirmed = !e.Stale, "alert Slow was not repeated since noon"
	case 8:
		d.writeErr = nil
		if d.rand.IntN(2) == 0 {
			d.writeErr = errors.New("the quota is used up")
		}
	}
}

// noAnswer is the beginning of an error that quotes a time.
const noAnswer = "no answer after "

// decide decides on the current events, reports the outcome, and returns it.
func (d *randomEnv) decide() *autoscaler.Outcome {
	now := scalers.InstantOf(time.Now())
	for i := range d.events {
		d.events[i].At, d.events[i].Current, d.events[i].Ready = now, d.current, d.current
	}
	decision := scalers.Decide(d.spec.Policy, scalers.Input{Now: now, Current: d.current, Events: d.events, Memory: d.memory})
	d.memory = decision.Memory
	p := &autoscaler.Outcome{
		Workload: d.spec, At: now, Events: d.events, Decision: &decision, Decided: true, Fresh: true, From: d.current, WriteErr: d.writeErr,
		Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: d.current}}, TargetKnown: true, Memory: &d.memory,
	}
	d.reporter.Decided(p)
	<-time.After(2 * minInterval)
	synctest.Wait()
	return p
}

// difference describes how a status differs from that of an outcome; "" if it does not.
func (d *randomEnv) difference(s *v1alpha1.ScaledObjectStatus, p *autoscaler.Outcome) string {
	o := *d.reporter.objects["shop/web"]
	o.conditions.list = slices.Clone(o.conditions.list)
	switch now := statusOf(p, &o); {
	case *s.DesiredReplicas != p.Decision.Replicas || *s.Replicas != d.current:
		return fmt.Sprintf("replicas %d and desiredReplicas %d, want %d and %d", *s.Replicas, *s.DesiredReplicas, d.current, p.Decision.Replicas)
	case s.ObservedGeneration != d.spec.Generation:
		return fmt.Sprintf("observedGeneration %d, want %d", s.ObservedGeneration, d.spec.Generation)
	case limitNamed(s.LastDecision.Raw, s.LastDecision.To, s.LastDecision.LimitedBy) < limitOf(p.Decision):
		return fmt.Sprintf("lastDecision.limitedBy %v, want %s", s.LastDecision.LimitedBy, limitOf(p.Decision))
	case !reflect.DeepEqual(withoutReadings(s), withoutReadings(now)):
		return fmt.Sprintf("got\n%+v\nwant\n%+v", withoutReadings(s), withoutReadings(now))
	case !slices.Equal(d.failures(s), d.failures(now)):
		return fmt.Sprintf("the memory has the failures %v, want %v", d.failures(s), d.failures(now))
	default:
		return ""
	}
}

// withoutReadings returns the outcome of a status, without the readings that an error quotes.
func withoutReadings(s *v1alpha1.ScaledObjectStatus) *v1alpha1.ScaledObjectStatus {
	fields := outcomeFields(s)
	for i := range fields.Triggers {
		if why := &fields.Triggers[i].LastError; strings.HasPrefix(*why, noAnswer) {
			*why = noAnswer
		}
	}
	return fields
}

// failures returns the consecutive failures that a status remembers. Counts above the threshold of the fallback are the same.
func (d *randomEnv) failures(s *v1alpha1.ScaledObjectStatus) []scalers.Failure {
	all := memoryIn(s).Failures
	for i := range all {
		all[i].Count = min(all[i].Count, d.spec.Policy.Fallback.FailureThreshold+1)
	}
	return all
}

func testEveryChangeOfOutcomeIsWritten(t *testing.T) {
	for seed := range uint64(100) {
		in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, e *env) {
			d := &randomEnv{env: e, rand: rand.New(rand.NewPCG(seed, 3)), events: make([]scalers.Event, 2)}
			p := d.setWorkload(2, 5)
			p.Min, p.Idle, p.Max, p.Cooldown, p.Down.Window = 0, 0, 20, 15*time.Second, 20*time.Second
			p.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 6}
			if seed%2 == 1 { // Activity then changes where nothing else does.
				p.Min, p.Idle, p.Triggers[0].Activation, p.Triggers[1].Activation = 15, 15, 50_000, 50_000
			}
			for n := range 80 {
				d.change()
				p := d.decide()
				if wrong := d.difference(d.last(), p); wrong != "" {
					t.Fatalf("seed %d, change %d: the last status differs from the outcome: %s", seed, n, wrong)
				}
			}
		})
	}
}
