package status

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/notify"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

func TestNotification(t *testing.T) {
	t.Run("a write of a count is notified of, with its reason", testWriteOfCountIsNotifiedOf)
	t.Run("each change of the status is notified of once", testEachChangeOfStatusIsNotifiedOfOnce)
	t.Run("a refusal and its end are notified of once", testRefusalAndItsEndAreNotifiedOfOnce)
	t.Run("a new leader repeats nothing that the stored status has", testNewLeaderRepeatsNothingThatStoredStatusHas)
	t.Run("a new leader reports what the stored status does not have", testNewLeaderReportsWhatStoredStatusDoesNotHave)
	t.Run("the notifications describe the status at any time", testNotificationsDescribeStatusAtAnyTime)
}

// inbox is a Notifier that keeps what it gets.
type inbox struct {
	mu  sync.Mutex
	all []notify.Event
}

func (n *inbox) Enabled() bool { return true }

func (n *inbox) Notify(e *notify.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, *e)
}

// drain returns the notifications since the last call.
func (n *inbox) drain() []notify.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

// details returns the types and details of the notifications since the last call.
func (n *inbox) details() string {
	var all []string
	for _, e := range n.drain() {
		all = append(all, strings.TrimSpace(string(e.Type)+" "+e.Trigger+e.Reason))
	}
	return strings.Join(all, ", ")
}

// listen sets an inbox as the notifier of an env.
func listen(d *env) *inbox {
	n := &inbox{}
	d.reporter.SetNotifier(n)
	return n
}

func testWriteOfCountIsNotifiedOf(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		n := listen(d)
		d.spec.UID, d.spec.Labels = "u-1", map[string]string{"team": "shop"}
		wrote := func(stored int32, err error) func(*autoscaler.Outcome) {
			return func(p *autoscaler.Outcome) {
				p.Write = &loop.EndedWrite{From: 3, To: 10, Stored: stored, Err: err, Decision: p.Decision, Policy: p.Workload.Policy}
			}
		}
		d.reporter.Resume(d.spec, &v1alpha1.ScaledObjectStatus{})
		d.reportLevel(120, nil, wrote(10, nil))
		e := n.drain()[0]
		if e.Type != notify.Scaled || e.From != 3 || e.To != 10 || e.Trigger != "queue" || !slices.Equal(e.LimitedBy, []string{"maxReplicaCount"}) {
			t.Errorf("got %+v, want scaled from 3 to 10 by queue, limited by maxReplicaCount", e)
		}
		if e.Namespace != "shop" || e.Name != "web" || e.UID != "u-1" || e.Target != "Deployment/web" || e.Labels["team"] != "shop" || !e.Time.Before(time.Now()) {
			t.Errorf("got %+v, want the object with its target and labels", e)
		}
		if want := "Deployment/web from 3 to 10: "; !strings.HasPrefix(e.Message, want) {
			t.Errorf("the message is %q, want %q first", e.Message, want)
		}
		d.reportLevel(120, nil, wrote(3, errors.New("the quota is used up")))
		for _, e := range n.drain() {
			if e.Type == notify.Scaled {
				t.Errorf("a write that failed is notified of: %+v", e)
			}
		}
		d.reportLevel(120, nil, wrote(7, actuator.ErrAltered))
		if all := n.drain(); len(all) == 0 || all[0].To != 7 || !strings.Contains(all[0].Message, actuator.ErrAltered.Error()) {
			t.Errorf("a write that admission changed: got %+v, want scaled to 7 with the reason", all)
		}
	})
}

func testEachChangeOfStatusIsNotifiedOfOnce(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		n := listen(d)
		d.spec.Policy.Fallback = &scalers.Fallback{FailureThreshold: 1, Replicas: 6}
		expect := func(what, want string) {
			t.Helper()
			if got := n.details(); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		d.reportLevel(30, nil)
		expect("the first status", "")
		d.reportLevel(120, nil)
		expect("a level above the maximum", "limited MaxReplicaCount")
		d.reportLevel(130, nil)
		expect("another level above the maximum", "")
		d.reportLevel(100, nil)
		expect("a level at the maximum", "unlimited MaxReplicaCount")
		d.reportLevel(120, nil)
		expect("a level above the maximum again", "limited MaxReplicaCount")
		d.reportLevel(100, nil)
		expect("a level at the maximum soon after", "")
		<-time.After(shortestSettling)
		synctest.Wait()
		expect("the same level after the delay of the status", "unlimited MaxReplicaCount")
		d.reportLevel(0, errors.New("connection refused"))
		expect("a failure", "failing queue")
		d.reportLevel(0, errors.New("no route to host"))
		expect("another failure, after which the fallback is used", "limited Fallback, fallback-begun queue")
		d.reportLevel(30, nil)
		expect("the end of the failure", "unlimited Fallback, recovered queue, fallback-ended queue")
		paused := *d.spec.Policy
		paused.Paused.All = true
		spec := *d.spec
		spec.Policy = &paused
		running := d.spec
		d.spec = &spec
		d.reportLevel(30, nil)
		expect("a pause", "paused Paused")
		d.spec = running
		d.reportLevel(30, nil)
		expect("the end of the pause", "resumed Paused")
	})
}

func testRefusalAndItsEndAreNotifiedOfOnce(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		n := listen(d)
		d.reportLevel(0, errors.New("connection refused"))
		n.details()
		so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Generation: 2}}
		for range 2 {
			d.reporter.Refused(so, v1alpha1.ReasonInvalidSpec, "spec.maxReplicaCount: must not be 0", true)
		}
		if got := n.details(); got != "refused InvalidSpec" {
			t.Errorf("got %q, want one refusal, and nothing about the trigger", got)
		}
		d.reportLevel(0, errors.New("connection refused"))
		d.reporter.Accepted(d.spec)
		d.reportLevel(0, errors.New("connection refused"))
		if got := n.details(); got != "accepted InvalidSpec" {
			t.Errorf("got %q, want the end of the refusal", got)
		}
	})
}

// pausedAndFailing returns the status of an object that is paused and whose trigger fails.
func pausedAndFailing(t *testing.T) *v1alpha1.ScaledObjectStatus {
	t.Helper()
	var s *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.spec.Policy.Paused.All = true
		s = d.reportLevel(0, errors.New("connection refused"))
	})
	return s
}

func testNewLeaderRepeatsNothingThatStoredStatusHas(t *testing.T) {
	in(t, pausedAndFailing(t), func(t *testing.T, d *env) {
		n := listen(d)
		d.spec.Policy.Paused.All = true
		d.reportEvents([]scalers.Event{{Trigger: "queue"}}) // It has not been read.
		d.reportLevel(0, errors.New("connection refused"))
		if got := n.details(); got != "" {
			t.Errorf("got %q, want nothing", got)
		}
		d.reportLevel(30, nil)
		if got := n.details(); got != "recovered queue" {
			t.Errorf("got %q, want that the trigger is known again", got)
		}
	})
	var stored *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) { stored = d.reportLevel(30, nil) })
	in(t, stored, func(t *testing.T, d *env) {
		n := listen(d)
		d.reportEvents([]scalers.Event{{Trigger: "queue"}})
		<-time.After(firstReadingGrace)
		d.reportEvents([]scalers.Event{{Trigger: "queue"}})
		if got := n.details(); d.last() == nil || got != "" && got != "limited Unknown" {
			t.Errorf("the trigger has not been read: got the status %v and %q, want no failure", d.last(), got)
		}
		d.reportLevel(30, nil)
		if got := n.details(); strings.Contains(got, "queue") {
			t.Errorf("the trigger is known as before: got %q, want nothing about it", got)
		}
	})
}

func testNewLeaderReportsWhatStoredStatusDoesNotHave(t *testing.T) {
	in(t, pausedAndFailing(t), func(t *testing.T, d *env) {
		n := listen(d)
		d.reportLevel(30, nil)
		if got := n.details(); got != "resumed Paused, recovered queue" {
			t.Errorf("got %q, want what ended while nobody led", got)
		}
	})
}

// described is the state that notifications describe, and nothing else.
type described struct {
	limited, paused   string
	failing, fallback map[string]bool
}

// read changes the state as the notifications say. It reports those that say what is so already.
func (w *described) read(t *testing.T, all []notify.Event) {
	t.Helper()
	reason := func(to *string, e notify.Event, is string) {
		if *to == is || is == "" && *to != e.Reason {
			t.Errorf("%s %s is notified of while the reason is %q", e.Type, e.Reason, *to)
		}
		*to = is
	}
	trigger := func(to map[string]bool, e notify.Event, is bool) {
		if to[e.Trigger] == is {
			t.Errorf("%s of %s is notified of, which is so already", e.Type, e.Trigger)
		}
		to[e.Trigger] = is
	}
	for _, e := range all {
		switch e.Type {
		case notify.Limited:
			reason(&w.limited, e, e.Reason)
		case notify.Unlimited:
			reason(&w.limited, e, "")
		case notify.Paused:
			reason(&w.paused, e, e.Reason)
		case notify.Resumed:
			reason(&w.paused, e, "")
		case notify.Failing, notify.Recovered:
			trigger(w.failing, e, e.Type == notify.Failing)
		case notify.FallbackBegun, notify.FallbackEnded:
			trigger(w.fallback, e, e.Type == notify.FallbackBegun)
		default: // The others are not about a state.
		}
	}
}

// difference describes how a status differs from what the notifications say; "" if it does not.
func (w *described) difference(s *v1alpha1.ScaledObjectStatus) string {
	limited, _ := holding(s, v1alpha1.ConditionScalingLimited)
	paused, _ := holding(s, v1alpha1.ConditionPaused)
	if w.limited != limited || w.paused != paused {
		return fmt.Sprintf("the notifications say %q and %q, the status %q and %q", w.limited, w.paused, limited, paused)
	}
	for _, trigger := range s.Triggers {
		if w.failing[trigger.Name] != (trigger.LastError != "") || w.fallback[trigger.Name] != trigger.Fallback {
			return fmt.Sprintf("the notifications say %v and %v, the status %+v", w.failing, w.fallback, trigger)
		}
	}
	return ""
}

func testNotificationsDescribeStatusAtAnyTime(t *testing.T) {
	seen := map[notify.Type]int{}
	for seed := range uint64(40) {
		in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, e *env) {
			d := &randomEnv{env: e, rand: rand.New(rand.NewPCG(seed, 16)), events: make([]scalers.Event, 2)}
			n := listen(e)
			p := d.setWorkload(2, 5)
			p.Min, p.Idle, p.Max, p.Cooldown, p.Down.Window = 0, 0, 20, 15*time.Second, 20*time.Second
			p.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 6}
			w := &described{failing: map[string]bool{}, fallback: map[string]bool{}}
			for step := range 80 {
				d.change()
				d.decide()
				all := n.drain()
				w.read(t, all)
				for _, e := range all {
					seen[e.Type]++
				}
				if wrong := w.difference(d.last()); wrong != "" {
					t.Fatalf("seed %d, step %d: %s", seed, step, wrong)
				}
			}
		})
	}
	for _, of := range []notify.Type{notify.Limited, notify.Unlimited, notify.Paused, notify.Resumed, notify.Failing, notify.Recovered, notify.FallbackBegun, notify.FallbackEnded} {
		if seen[of] == 0 {
			t.Errorf("there was no notification of type %s: the test says nothing about it", of)
		}
	}
}
