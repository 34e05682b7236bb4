package loop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

var start = scalers.InstantOf(time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC))

// policy returns a policy of 1 to 10 replicas, one for each unit of the highest level of n pushed triggers.
func policy(n int) *scalers.Policy {
	p := &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle}
	for i := range n {
		p.Triggers = append(p.Triggers, scalers.Trigger{Name: fmt.Sprint("t", i), Target: 1000, Exact: true, Continuous: true})
	}
	return p
}

// env is an API server and sources on virtual time, and calls State.Step. Everything in it is a function of its seed.
type env struct {
	t     *testing.T
	r     *rand.Rand
	state *State
	now   scalers.Instant
	// wakeAt is what the last step returned.
	wakeAt scalers.Instant
	// queue has the inputs that are under way, in the order of time.
	queue []arrival
	// target is the real target, version the number of its last resource version, and hpa the HPA that scales it; "" for none.
	target  actuator.Scale
	version int
	hpa     string
	// mayWrite: this process leads. writing: a write is in flight.
	mayWrite, writing bool
	// log has one line for each decision, each write and each result of a write.
	log []string
	// extra, if set, returns an instant between from and until at which run makes one more step, without input and before wakeAt.
	extra func(from, until scalers.Instant) scalers.Instant
}

// arrival is an input with the instant at which it arrives.
type arrival struct {
	at  scalers.Instant
	put func(in *Inputs)
}

func newEnv(t *testing.T, seed uint64, p *scalers.Policy, pacing Pacing) *env {
	t.Helper()
	e := &env{t: t, r: rand.New(rand.NewPCG(seed, 5)), now: start, wakeAt: scalers.Never, mayWrite: true}
	e.state = New(Options{Policy: p, Triggers: len(p.Triggers), Pacing: pacing})
	e.target = actuator.Scale{UID: "u", Replicas: e.r.Int32N(12)}
	e.observe(0)
	return e
}

// schedule lets an input arrive at an instant.
func (e *env) schedule(at scalers.Instant, put func(in *Inputs)) {
	i, _ := slices.BinarySearchFunc(e.queue, at+1, func(a arrival, at scalers.Instant) int { return int(a.at - at) })
	e.queue = slices.Insert(e.queue, i, arrival{at, put})
}

// scheduleReading lets a reading of trigger i arrive at an instant.
func (e *env) scheduleReading(i int, at scalers.Instant, reading scalers.Event) {
	e.schedule(at, func(in *Inputs) {
		in.Readings[i] = reading
		in.Arrived |= 1 << i
	})
}

// observe lets the present state of the target be observed after a delay.
func (e *env) observe(delay time.Duration) {
	e.version++
	e.target.ResourceVersion = strconv.Itoa(e.version)
	o := actuator.Observation{Scale: e.target, Ready: e.target.Replicas, ForeignHPA: e.hpa}
	e.schedule(e.now.Add(delay), func(in *Inputs) { in.Observation, in.Observed = o, true })
}

// answer decides the result of a write, and when it arrives.
func (e *env) answer(w Write) {
	var err error
	to, applied := w.To, true
	switch e.r.IntN(8) {
	case 0:
		err, applied = fmt.Errorf("write: %w", actuator.ErrThrottled), e.r.IntN(2) == 0
	case 1:
		err, applied = fmt.Errorf("write: %w", actuator.ErrDenied), false
	case 2:
		if to = (w.From.Replicas + w.To) / 2; to != w.To {
			err = fmt.Errorf("write: %w", actuator.ErrAltered)
		}
	case 3:
		err, applied = errors.New("connection reset"), e.r.IntN(2) == 0
	}
	if w.From.UID != e.target.UID || w.From.Replicas != e.target.Replicas {
		err, applied = actuator.ErrConflict, false
	}
	latency := time.Duration(e.r.IntN(400)) * time.Millisecond
	if applied && to != e.target.Replicas {
		e.target.Replicas = to
		e.observe(time.Duration(e.r.IntN(400)) * time.Millisecond)
	}
	result := Result{Scale: e.target, Err: err}
	e.schedule(e.now.Add(latency), func(in *Inputs) { in.Result, in.WriteEnded = result, true })
}

// run steps until an instant: at each arrival, and whenever the last step requires it.
func (e *env) run(until scalers.Instant) {
	e.t.Helper()
	for {
		next := e.wakeAt
		if len(e.queue) > 0 {
			next = min(next, e.queue[0].at)
		}
		if before := min(next, until); e.extra != nil && before > e.now+1 {
			next = min(next, e.extra(e.now, before))
		}
		if next > until {
			e.now = until
			return
		}
		e.now = next
		e.wakeAt = e.step()
	}
}

// step makes the step of this instant with all inputs that have arrived.
func (e *env) step() scalers.Instant {
	e.t.Helper()
	in := Inputs{Readings: make([]scalers.Event, len(e.state.readings)), MayWrite: e.mayWrite}
	for len(e.queue) > 0 && e.queue[0].at <= e.now {
		e.queue[0].put(&in)
		e.queue = e.queue[1:]
	}
	out := e.state.Step(&in, e.now)
	at := e.now.Sub(start).Round(time.Microsecond)
	if in.WriteEnded {
		e.writing = false
		e.log = append(e.log, fmt.Sprintf("%s: %d → %d ended with %d: %v", at, out.Ended.From, out.Ended.To, out.Ended.Stored, out.Ended.Err))
	}
	if out.Decided {
		e.log = append(e.log, fmt.Sprintf("%s: decided %d → %d", at, e.state.From(), e.state.Decision().Replicas))
	}
	if out.Write != nil {
		e.log = append(e.log, fmt.Sprintf("%s: write %d → %d", at, out.Write.From.Replicas, out.Write.To))
		e.check(out.Write)
		e.writing = true
		e.answer(*out.Write)
	}
	if out.WakeAt <= e.now {
		e.t.Fatalf("the step at %s wants the next at %s, want a later instant", at, out.WakeAt.Sub(start))
	}
	return out.WakeAt
}

// check fails the test if a write must not be sent.
func (e *env) check(w *Write) {
	e.t.Helper()
	s := e.state
	switch {
	case e.writing:
		e.t.Fatalf("%s: a second write is in flight", e.log[len(e.log)-1])
	case !e.mayWrite, !s.TargetKnown(), s.target.hpa != "", s.dryRun:
		e.t.Fatalf("%s: may write %t, target known %t, HPA %q, dry run %t", e.log[len(e.log)-1], e.mayWrite, s.TargetKnown(), s.target.hpa, s.dryRun)
	case w.To != s.Decision().Replicas, w.To == w.From.Replicas:
		e.t.Fatalf("%s: the decision is %d", e.log[len(e.log)-1], s.Decision().Replicas)
	}
}

// disturb makes one random change.
func (e *env) disturb() {
	switch e.r.IntN(16) {
	case 0:
		e.target.Replicas = e.r.Int32N(12)
		e.observe(time.Duration(e.r.IntN(300)) * time.Millisecond)
	case 1:
		e.hpa = map[bool]string{true: "theirs"}[e.hpa == ""]
		e.observe(0)
	case 2:
		e.schedule(e.now, func(in *Inputs) {
			in.Observation, in.Observed = actuator.Observation{Ready: -1, Err: actuator.ErrNotFound}, true
		})
	case 3:
		e.observe(0)
	case 4:
		e.target.UID, e.target.Replicas = e.target.UID+"+", 1
		e.observe(0)
	case 5:
		e.scheduleReading(e.r.IntN(len(e.state.readings)), e.now, scalers.Event{At: e.now, Err: errors.New("no answer")})
	default:
		at := e.now
		e.scheduleReading(e.r.IntN(len(e.state.readings)), at.Add(time.Duration(e.r.IntN(500))*time.Millisecond), scalers.Event{At: at, Value: scalers.Milli(e.r.IntN(11)) * 1000})
	}
}
