package writes

import (
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	t.Run("Events give way first, then statuses, then records, and they recover in the opposite order", testOrderOfGivingWay)
	t.Run("slow writes count as pushback, and an API server that stays slow becomes usual", testSlowWritesCountAsPushback)
	t.Run("slow statuses make statuses give way only while something more urgent is written", testSlowStatusesAlone)
	t.Run("records never give way to counts because answers are slow", testSlowRecords)
	t.Run("a class that has given way keeps its share", testClassThatHasGivenWayKeepsItsShare)
	t.Run("statuses wait for counts and records that are in flight, records do not wait for counts", testStatusesWaitForUrgentWrites)
	t.Run("nothing but counts and shares begins before the pause that the API server asks for ends", testPause)
}

// write makes a write that takes a time, and returns when it ended.
func (l *limits) write(c Class, now time.Time, took time.Duration, pushedBack bool) time.Time {
	l.begin(c, now)
	l.end(c, now, now.Add(took), pushedBack, 0)
	return now.Add(took)
}

func testOrderOfGivingWay(t *testing.T) {
	l, now := newLimits(), time.Unix(1000, 0)
	limitOf := func(c Class) int { return l.state[c].limit }
	for range 20 {
		now = l.write(Counts, now, calm, true)
		if limitOf(Statuses) < bounds[Statuses].most && limitOf(Events) > 0 {
			t.Fatalf("statuses have given way with Events at %d", limitOf(Events))
		}
		if limitOf(Records) < bounds[Records].most && limitOf(Statuses) > 0 {
			t.Fatalf("records have given way with statuses at %d", limitOf(Statuses))
		}
	}
	if limitOf(Records)+limitOf(Statuses)+limitOf(Events) > 0 {
		t.Fatalf("after 20 answers 429: limits %d, %d, %d, want 0", limitOf(Records), limitOf(Statuses), limitOf(Events))
	}
	for range 40 {
		now = l.write(Counts, now, calm, false)
		if limitOf(Statuses) > 0 && limitOf(Records) < bounds[Records].most {
			t.Fatalf("statuses recover with records at %d", limitOf(Records))
		}
	}
	for _, c := range waits {
		if limitOf(c) != bounds[c].most {
			t.Errorf("%s: limit %d after the recovery, want %d", c, limitOf(c), bounds[c].most)
		}
	}
}

func testSlowWritesCountAsPushback(t *testing.T) {
	l, now := newLimits(), time.Unix(1000, 0)
	for range 100 {
		now = l.write(Records, now, 30*time.Millisecond, false)
	}
	for range 100 {
		now = l.write(Records, now, 55*time.Millisecond, false)
	}
	if l.state[Events].limit != bounds[Events].most {
		t.Error("Events gave way to writes that take less than twice their usual time")
	}
	for range 20 {
		now = l.write(Records, now, 100*time.Millisecond, false)
	}
	if l.state[Events].limit == bounds[Events].most {
		t.Error("Events did not give way to writes that take three times their usual time")
	}
	for end := now.Add(4 * window); now.Before(end); {
		now = l.write(Records, now, 100*time.Millisecond, false)
	}
	if l.state[Events].limit != bounds[Events].most {
		t.Errorf("after %s at the same speed, the limit of Events is %d, want %d", 4*window, l.state[Events].limit, bounds[Events].most)
	}
}

func testSlowStatusesAlone(t *testing.T) {
	for _, urgent := range []bool{false, true} {
		l, now := newLimits(), time.Unix(1000, 0)
		for range 100 {
			now = l.write(Statuses, now, 30*time.Millisecond, false)
		}
		for range 40 {
			if urgent {
				l.write(Counts, now, time.Millisecond, false)
			}
			now = l.write(Statuses, now, 150*time.Millisecond, false)
		}
		if gave := l.state[Statuses].limit < bounds[Statuses].most; gave != urgent {
			t.Errorf("with counts in between %t: statuses gave way %t", urgent, gave)
		}
		if l.state[Events].limit > 0 {
			t.Error("Events did not give way to statuses")
		}
	}
}

func testSlowRecords(t *testing.T) {
	l, now := newLimits(), time.Unix(1000, 0)
	for i := range 200 {
		took := 30 * time.Millisecond
		if i > 100 {
			took *= 5
		}
		now = l.write(Counts, now, took, false)
		now = l.write(Records, now, took, false)
	}
	if l.state[Statuses].limit > 0 || l.state[Records].limit < bounds[Records].most {
		t.Errorf("limits of statuses %d and records %d, want 0 and %d", l.state[Statuses].limit, l.state[Records].limit, bounds[Records].most)
	}
}

func testClassThatHasGivenWayKeepsItsShare(t *testing.T) {
	l, now := newLimits(), time.Unix(1000, 0)
	for _, c := range waits {
		l.state[c].limit = 0
		n := 0
		for end := now.Add(10 * time.Second); now.Before(end); now = now.Add(time.Millisecond) {
			if l.admit(c, now, l.state[c].inFlight) {
				n++
				l.begin(c, now)
				l.state[c].inFlight--
			}
		}
		if want := int(10 * time.Second / bounds[c].gap); n != want {
			t.Errorf("%s: %d writes in 10s, want %d", c, n, want)
		}
	}
}

func testStatusesWaitForUrgentWrites(t *testing.T) {
	for _, urgent := range []Class{Counts, Records} {
		l, now := newLimits(), time.Unix(1000, 0)
		l.begin(urgent, now)
		l.state[Statuses].began = now
		if l.admit(Statuses, now, 0) || !l.admit(Statuses, now.Add(bounds[Statuses].gap), 0) {
			t.Errorf("with %s in flight: a status may begin at once, or has no share", urgent)
		}
		if !l.admit(Records, now, 0) {
			t.Errorf("with %s in flight: a record may not begin", urgent)
		}
		l.end(urgent, now, now, false, 0)
		if !l.admit(Statuses, now, 0) {
			t.Error("with nothing in flight, a status may not begin")
		}
	}
}

func testPause(t *testing.T) {
	l, now := newLimits(), time.Unix(1000, 0)
	for _, c := range waits {
		l.state[c].began = now
	}
	l.begin(Events, now)
	l.end(Events, now, now, true, time.Second)
	for _, c := range waits {
		if l.admit(c, now, l.state[c].inFlight) {
			t.Errorf("%s may begin in the pause", c)
		}
		if !l.admit(c, now.Add(bounds[c].gap), 0) {
			t.Errorf("%s have no share in the pause", c)
		}
	}
	if !l.admit(Counts, now, 0) {
		t.Error("a count may not begin in the pause")
	}
}
