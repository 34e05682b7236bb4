package loop

import (
	"strconv"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// driver steps a state by hand.
type driver struct {
	t     *testing.T
	state *State
	now   scalers.Instant
	out   Output
}

// newDriver returns a driver of a workload with n triggers and one replica, as in a cluster. Its target is not observed yet.
func newDriver(t *testing.T, n int, set func(p *scalers.Policy)) *driver {
	t.Helper()
	p := policy(n)
	if set != nil {
		set(p)
	}
	return &driver{t: t, state: New(Options{Policy: p, Triggers: n, Pacing: ClusterPacing()}), now: start}
}

// input is something that arrives.
type input func(in *Inputs)

// level returns a reading of trigger i that was taken at an instant.
func level(i int, n int64, at scalers.Instant) input {
	return func(in *Inputs) {
		for len(in.Readings) <= i {
			in.Readings = append(in.Readings, scalers.Event{})
		}
		in.Readings[i] = scalers.Event{At: at, Value: scalers.Milli(n * 1000)}
		in.Arrived |= 1 << i
	}
}

// count returns an observation of the target's count in a version of the target.
func count(n int32, version int) input {
	return func(in *Inputs) {
		in.Observation, in.Observed = actuator.Observation{Scale: scale(n, version), Ready: n}, true
	}
}

func scale(n int32, version int) actuator.Scale {
	return actuator.Scale{UID: "u", Replicas: n, ResourceVersion: strconv.Itoa(version)}
}

// ended returns the result of the write in flight.
func ended(n int32, version int, err error) input {
	return func(in *Inputs) { in.Result, in.WriteEnded = Result{Scale: scale(n, version), Err: err}, true }
}

// step lets d pass, and steps with the inputs.
func (d *driver) step(pass time.Duration, inputs ...input) {
	d.t.Helper()
	d.now = d.now.Add(pass)
	in := Inputs{MayWrite: true}
	for _, put := range inputs {
		put(&in)
	}
	d.out = d.state.Step(&in, d.now)
}

// want fails the test unless the last step decided, or did not, and returned a write of this count; 0 for none.
func (d *driver) want(decided bool, write int32) {
	d.t.Helper()
	got := int32(0)
	if d.out.Write != nil {
		got = d.out.Write.To
	}
	if d.out.Decided != decided || got != write {
		d.t.Fatalf("%s after the start the step decided %t and wrote %d, want %t and %d", d.now.Sub(start), d.out.Decided, got, decided, write)
	}
}

// wantWake fails the test unless the last step asks for the next one after this time.
func (d *driver) wantWake(after time.Duration) {
	d.t.Helper()
	if got := d.out.WakeAt.Sub(d.now); got != after {
		d.t.Fatalf("%s after the start the next step is due in %s, want %s", d.now.Sub(start), got, after)
	}
}

// wantEnded fails the test unless the last step describes a write that has succeeded.
func (d *driver) wantEnded(from, to int32) {
	d.t.Helper()
	e := d.out.Ended
	if e == nil || e.From != from || e.To != to || e.Stored != to || e.Err != nil || e.Decision == nil || e.Latency < 0 {
		d.t.Fatalf("%s after the start the step ended the write %+v, want one from %d to %d with its decision and latency", d.now.Sub(start), e, from, to)
	}
}

func TestStep(t *testing.T) {
	t.Parallel()
	t.Run("the first decision waits for a reading of each trigger, up to the timeout", func(t *testing.T) {
		d := newDriver(t, 2, nil)
		d.step(0, level(0, 3, start))
		d.want(false, 0)
		d.step(0, count(1, 1))
		d.want(false, 0)
		d.wantWake(time.Second)
		d.step(time.Second)
		d.want(true, 3)
	})
	t.Run("our own write leads to no decision, observed before its result or after it", func(t *testing.T) {
		for _, order := range [][]input{{count(3, 2), ended(3, 2, nil)}, {ended(3, 2, nil), count(3, 2)}} {
			d := newDriver(t, 1, nil)
			d.step(0, count(1, 1), level(0, 3, start))
			d.want(true, 3)
			d.step(time.Millisecond, order[0])
			d.want(false, 0)
			d.step(time.Millisecond, order[1])
			d.want(false, 0)
		}
	})
	t.Run("a decision that was taken during a write is taken anew from the count after it", func(t *testing.T) {
		d := newDriver(t, 1, func(p *scalers.Policy) {
			p.Up.Policies = []scalers.RatePolicy{{Amount: 2, Period: time.Minute}}
		})
		d.step(0, count(1, 1), level(0, 3, start))
		d.want(true, 3)
		d.step(time.Millisecond, level(0, 9, start))
		d.want(true, 0)
		d.step(time.Millisecond, ended(3, 2, nil))
		d.want(true, 0) // The write has used up the rate.
		if changes := d.state.Memory().Changes; len(changes) != 1 || changes[0].By != 2 {
			t.Errorf("the memory has the changes %v, want one of 2", changes)
		}
	})
	t.Run("repeated foreign writes make the target contested", testRepeatedForeignWritesMakeTargetContested)
	t.Run("a step after a recorded decision continues it", testStepAfterRecordedDecisionContinuesIt)
}

func TestStepInputs(t *testing.T) {
	t.Parallel()
	t.Run("a reading is stamped with the counts of its instant", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(4, 1), level(0, 4, start))
		d.step(time.Second, count(6, 2))
		d.step(time.Second, level(0, 4, start.Add(500*time.Millisecond)))
		if e := d.state.Readings()[0]; e.Current != 4 || e.Ready != 4 {
			t.Errorf("a reading from before the change is stamped with %d replicas, %d ready, want 4 and 4", e.Current, e.Ready)
		}
	})
	t.Run("a step that stops applies the result, and neither decides nor writes", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, level(0, 9, start))
		d.step(time.Millisecond, ended(3, 2, nil), func(in *Inputs) { in.Stopping = true })
		d.want(false, 0)
		if d.out.WakeAt != scalers.Never || d.out.Ended == nil || d.out.Ended.Stored != 3 {
			t.Errorf("got the next step at %d and the ended write %+v, want no step and 3 stored", d.out.WakeAt, d.out.Ended)
		}
	})
	t.Run("a pause ends although the count is unknown", func(t *testing.T) {
		d := newDriver(t, 1, func(p *scalers.Policy) { p.Paused = scalers.Paused{All: true, Until: start.Add(time.Hour)} })
		d.step(time.Minute, level(0, 3, start))
		d.want(false, 0)
		d.wantWake(59 * time.Minute)
		d.step(59 * time.Minute)
		if d.want(false, 0); d.out.WakeAt != scalers.Never {
			t.Errorf("after its end, got the next step at %d, want none", d.out.WakeAt)
		}
	})
	t.Run("a process that may not write tries again after a pause", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		follow := func(in *Inputs) { in.MayWrite = false }
		d.step(0, count(1, 1), level(0, 3, start), follow)
		d.want(true, 0)
		d.wantWake(notLeadingPause)
		d.step(notLeadingPause)
		d.want(false, 3)
	})
}

func TestFailedWrite(t *testing.T) {
	t.Parallel()
	t.Run("a conflict waits for the observation that explains it", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, ended(0, 0, actuator.ErrConflict))
		d.want(false, 0)
		d.wantWake(conflictPause)
		if err := d.state.WriteErr(); err != nil {
			t.Errorf("a conflict that may still be explained is reported: %v", err)
		}
		d.step(time.Millisecond, count(1, 2))
		d.want(true, 3)
	})
	t.Run("a conflict that an observation has explained is answered at once", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, count(2, 2))
		d.want(true, 0)
		d.step(time.Millisecond, ended(0, 0, actuator.ErrConflict))
		d.want(true, 3)
	})
	t.Run("a count that admission stored is ours, and the refused change waits", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(1, 1), level(0, 9, start))
		d.step(time.Millisecond, count(4, 2))
		d.want(true, 0)
		d.step(time.Millisecond, ended(4, 2, actuator.ErrAltered))
		d.want(true, 0)
		if d.state.Contested() || d.out.Ended.Stored != 4 {
			t.Errorf("contested %t and %d stored, want false and 4", d.state.Contested(), d.out.Ended.Stored)
		}
		d.wantWake(firstRaise)
		d.step(time.Millisecond, level(0, 6, d.now))
		d.want(true, 6) // A smaller raise than the refused one.
	})
}

func TestLostAnswer(t *testing.T) {
	t.Parallel()
	t.Run("a write is ours when its count is observed after its error", func(t *testing.T) {
		d := newDriver(t, 1, func(p *scalers.Policy) {
			p.Up.Policies = []scalers.RatePolicy{{Amount: 100, Period: time.Minute}}
		})
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, ended(0, 0, actuator.ErrThrottled))
		d.want(false, 0)
		d.wantWake(firstRaise)
		d.step(time.Millisecond, count(3, 2))
		d.want(false, 0)
		if changes := d.state.Memory().Changes; len(changes) != 1 || changes[0].By != 2 || d.state.WriteErr() != nil {
			t.Errorf("the memory has the changes %v and the error is %v, want one change of 2 and none", changes, d.state.WriteErr())
		}
		d.wantEnded(1, 3)
	})
	t.Run("a write is ours when its count was observed before its error", func(t *testing.T) {
		d := newDriver(t, 1, func(p *scalers.Policy) {
			p.Up.Policies = []scalers.RatePolicy{{Amount: 100, Period: time.Minute}}
		})
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, count(3, 2))
		d.want(false, 0)
		d.step(time.Millisecond, ended(0, 0, actuator.ErrThrottled))
		d.want(false, 0)
		if changes := d.state.Memory().Changes; len(changes) != 1 || changes[0].By != 2 || d.state.WriteErr() != nil {
			t.Errorf("the memory has the changes %v and the error is %v, want one change of 2 and none", changes, d.state.WriteErr())
		}
		d.wantEnded(1, 3)
	})
	t.Run("a write is ours although it is no longer wanted", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, ended(0, 0, actuator.ErrThrottled))
		d.step(time.Millisecond, level(0, 1, d.now))
		d.want(true, 0)
		d.step(time.Millisecond, count(3, 2))
		d.want(true, 1)
		d.wantEnded(1, 3)
	})
	t.Run("a count that is observed a minute later is not ours", func(t *testing.T) {
		d := newDriver(t, 1, nil)
		d.step(0, count(1, 1), level(0, 3, start))
		d.step(time.Millisecond, ended(0, 0, actuator.ErrThrottled))
		d.step(time.Millisecond, level(0, 1, d.now))
		d.step(lostFor, count(3, 2))
		d.want(true, 1)
		if d.out.Ended != nil {
			t.Errorf("ended: %+v, want none", d.out.Ended)
		}
	})
}

func testRepeatedForeignWritesMakeTargetContested(t *testing.T) {
	t.Parallel()
	d := newDriver(t, 1, nil)
	d.step(0, count(8, 1), level(0, 4, start))
	version := 1
	fight := func() {
		version += 2
		d.step(time.Millisecond, ended(4, version-1, nil))
		d.want(false, 0)
		d.step(time.Millisecond, count(9, version))
	}
	for range contestedWrites - 1 {
		fight()
		d.want(true, 4)
	}
	fight()
	d.want(true, 0)
	d.wantWake(firstDelay)
	if !d.state.Contested() {
		t.Fatalf("not contested after %d foreign writes", contestedWrites)
	}
	d.step(firstDelay)
	d.want(false, 4)
	d.step(time.Millisecond, ended(4, version+1, nil))
	d.wantWake(contestedSpan - firstDelay - time.Millisecond)
	d.step(contestedSpan - firstDelay - time.Millisecond)
	if d.state.Contested() {
		t.Errorf("still contested %s after the last foreign write", contestedSpan)
	}
}

func testStepAfterRecordedDecisionContinuesIt(t *testing.T) {
	t.Parallel()
	p := policy(1)
	in := scalers.Input{Now: start, Current: 2, Events: []scalers.Event{{Trigger: "t0", At: start, Value: 5000, Current: 1, Ready: 1}}}
	decision := scalers.Decide(p, in)
	for dry, want := range map[bool]int32{false: 5, true: 0} {
		d := &driver{t: t, state: After(p, dry, in, &decision), now: start}
		d.step(0)
		d.want(false, want)
		d.step(time.Minute, func(in *Inputs) {
			in.Readings = []scalers.Event{{At: d.now, Value: 7000, Current: 3, Ready: 3}}
			in.Arrived, in.Stamped = 1, true
		})
		if e := d.state.Readings()[0]; e.Current != 3 || e.Trigger != "t0" || in.Events[0].Value != 5000 {
			t.Errorf("the stamped reading is %+v and the input %+v, want 3 replicas and an input that stays", e, in.Events[0])
		}
	}
}

// TestStepAllocations is not part of TestStep, because allocations cannot be counted while tests run in parallel.
func TestStepAllocations(t *testing.T) {
	t.Run("a step allocates nothing", testStepAllocatesNothing)
}

func testStepAllocatesNothing(t *testing.T) {
	d := newDriver(t, 1, func(p *scalers.Policy) { p.Down.Window = time.Minute })
	d.step(0, count(1, 1), level(0, 3, start))
	in := Inputs{Readings: make([]scalers.Event, 1), Arrived: 1, MayWrite: true}
	n := int64(0)
	if allocs := testing.AllocsPerRun(1000, func() {
		n++
		d.now = d.now.Add(time.Second)
		in.Readings[0] = scalers.Event{At: d.now, Value: scalers.Milli(n%7) * 1000}
		in.WriteEnded, in.Result = d.state.Writing(), Result{Scale: d.state.write.sent.From}
		in.Result.Scale.Replicas = d.state.write.sent.To
		d.state.Step(&in, d.now)
	}); allocs > 0 {
		t.Errorf("a step allocates %v times, want 0", allocs)
	}
}
