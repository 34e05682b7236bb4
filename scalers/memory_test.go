package scalers_test

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestMemory(t *testing.T) {
	t.Run("merged recommendations end later by at most a slice, never earlier", testMergedRecommendationsEndLaterByAtMostSliceNeverEarlier)
	t.Run("merged writes are forgotten later by at most a slice, never earlier", testMergedWritesAreForgottenLaterByAtMostSliceNeverEarlier)
	t.Run("a full memory fits in four kibibytes", testFullMemoryFitsInFourKibibytes)
	t.Run("an invalid memory text is refused and changes nothing", testInvalidMemoryTextIsRefusedAndChangesNothing)
	t.Run("a memory text without failures is still read", testMemoryTextWithoutFailuresIsStillRead)
	t.Run("failures of removed triggers are forgotten", testFailuresOfRemovedTriggersAreForgotten)
	t.Run("a memory text without bases is still read", testMemoryTextWithoutBasesIsStillRead)
	t.Run("instants in the future are loaded as now", testInstantsInFutureAreLoadedAsNow)
	t.Run("a write that changed nothing is no scale event", testWriteThatChangedNothingIsNoScaleEvent)
	t.Run("a trigger that was active when the memory was stored counts as active until the restart", testTriggerThatWasActiveWhenMemoryWasStoredCountsAsActiveUntilRestart)
}

// testMergedRecommendationsEndLaterByAtMostSliceNeverEarlier fills both windows with one recommendation a second, each less extreme
// than the one before, and compares the counts with those that all recommendations would give.
func testMergedRecommendationsEndLaterByAtMostSliceNeverEarlier(t *testing.T) {
	const window = 300 * time.Second
	const slice = window/62 + 1
	p := &scalers.Policy{
		Max: math.MaxInt32, Min: 1, Idle: scalers.NoIdle, Up: scalers.Behavior{Window: window}, Down: scalers.Behavior{Window: window},
		Triggers: []scalers.Trigger{{Name: "a", Target: 1000, Exact: true}},
	}
	// held is the count that the window gives at an instant, when each second has a less extreme recommendation.
	held := func(at time.Duration, rising bool, past time.Duration) int32 {
		oldest := int32(max((at-past-window)/time.Second+1, 0))
		if rising {
			return 1000 + oldest
		}
		return 100_000 - oldest
	}
	for _, rising := range []bool{false, true} {
		var m scalers.Memory
		most := 0
		for second := range int32(1000) {
			at := time.Duration(second) * time.Second
			n, current, level := 100_000-second, int32(200_000), scalers.Milli(0)
			if rising {
				n, current, level = 1000+second, 1, 200_000_000
			}
			m = m.Recommended(p, epoch.Add(at), n)
			most = max(most, len(m.Highs), len(m.Lows))
			d := scalers.Decide(p, scalers.Input{
				Now: epoch.Add(at), Current: current, Memory: m.Clone(),
				Events: []scalers.Event{{At: epoch.Add(at), Value: level, Current: current}},
			})
			exact, latest := held(at, rising, 0), held(at, rising, slice)
			if d.Replicas < min(exact, latest) || d.Replicas > max(exact, latest) {
				t.Fatalf("at %s, rising %t: got %d replicas, want %d to %d", at, rising, d.Replicas, exact, latest)
			}
		}
		if most != 64 {
			t.Errorf("rising %t: got at most %d records, want the bound, 64, to apply", rising, most)
		}
	}
}

func testMergedWritesAreForgottenLaterByAtMostSliceNeverEarlier(t *testing.T) {
	const period = 60 * time.Second
	p := &scalers.Policy{
		Max: math.MaxInt32, Min: 1, Idle: scalers.NoIdle, Up: scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 1000, Period: period}}},
		Triggers: []scalers.Trigger{{Name: "a", Target: 1000, Exact: true}},
	}
	var m scalers.Memory
	most := 0
	for i := range int32(500) {
		at := time.Duration(i) * 200 * time.Millisecond
		m = m.Scaled(p, epoch.Add(at), 2000+i, 2001+i)
		most = max(most, len(m.Changes))
		d := scalers.Decide(p, scalers.Input{
			Now: epoch.Add(at), Current: 2001 + i, Memory: m.Clone(),
			Events: []scalers.Event{{At: epoch.Add(at), Value: math.MaxInt64, Current: 2001 + i}},
		})
		remembered := min(i+1, int32(period/(200*time.Millisecond)))
		slice := int32((period/62+1)/(200*time.Millisecond)) + 1
		if allowed := d.Replicas - (2001 + i); allowed > 1000-remembered || allowed < 1000-remembered-slice {
			t.Fatalf("at %s: got %d more allowed, want %d, or up to %d fewer", at, allowed, 1000-remembered, slice)
		}
	}
	if most != 64 {
		t.Errorf("got at most %d writes, want the bound, 64, to apply", most)
	}
}

func testFullMemoryFitsInFourKibibytes(t *testing.T) {
	m := scalers.Memory{Seen: true, ContinuousActive: true, LastActive: math.MaxInt64 - 1, Readings: math.MaxUint64}
	const years, day = 68 * 365 * 24 * time.Hour, 24 * time.Hour
	for i := range 64 {
		// The longest windows and periods that a policy can have: only a cooldown may last for years.
		end := scalers.Instant(math.MaxInt64/2 - int64(years)/63*int64(63-i))
		at := scalers.Instant(math.MaxInt64/2 - int64(day)/63*int64(63-i))
		m.Highs = append(m.Highs, scalers.Record{End: end, Count: math.MaxInt32 - int32(i)})
		m.Lows = append(m.Lows, scalers.Record{End: at, Count: math.MaxInt32 - 64 + int32(i)})
		m.Changes = append(m.Changes, scalers.Change{At: at, By: math.MinInt32})
	}
	for i := range 32 {
		at := scalers.Instant(int64(i%2) * math.MaxInt64 / 2)
		m.Failures = append(m.Failures, scalers.Failure{Trigger: math.MaxUint32 - uint32(i), Count: math.MaxInt32, At: at})
		m.Bases = append(m.Bases, scalers.Base{Trigger: math.MaxUint32 - uint32(i), Replicas: math.MaxInt32})
	}
	text, err := m.MarshalText()
	if err != nil || len(text) > 4096 {
		t.Fatalf("MarshalText: got %d bytes, %v, want at most 4096", len(text), err)
	}
	var back scalers.Memory
	if err := back.UnmarshalText(text); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("UnmarshalText of the text: got %+v, %v, want %+v", back, err, m)
	}
}

func testInvalidMemoryTextIsRefusedAndChangesNothing(t *testing.T) {
	good, err := scalers.Memory{Seen: true, Highs: []scalers.Record{{End: 7, Count: 3}}}.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	failed, err := scalers.Memory{Failures: []scalers.Failure{{Trigger: 7, Count: 3, At: 9}}}.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	stepped, err := scalers.Memory{Bases: []scalers.Base{{Trigger: 7, Replicas: 3}}}.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(failed[:len(failed)-3]), string(stepped[:len(stepped)-3]), "1.IAAAAAAAAA", "1.EAAAAAAAAA", "1.EAAAAAAAAQAAAAcAAA", "", "1", "2." + string(good[2:]), string(good) + "AA", string(good[:len(good)-1]), "1.", "1.####", "1.!"} {
		m := scalers.Memory{LastActive: 5}
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q): got %+v, want an error", text, m)
		}
		if m.LastActive != 5 {
			t.Errorf("UnmarshalText(%q): got LastActive %d after the error, want it unchanged, 5", text, m.LastActive)
		}
	}
}

func testMemoryTextWithoutFailuresIsStillRead(t *testing.T) {
	const old = "1.B4CYrPPxlLmGMdKV_NjOsaqqqwEDgIDQ372UuYYxCYCo1rkHBAACAYCoppnFlLmGMQICgIDQ372UuYYxBoDguoS_AwM"
	var m scalers.Memory
	if err := m.UnmarshalText([]byte(old)); err != nil {
		t.Fatal(err)
	}
	want := scalers.Memory{
		Seen: true, ContinuousActive: true, LastActive: epoch.Add(7 * time.Second), Readings: 12345678901234567890,
		Highs:   []scalers.Record{{End: epoch, Count: 9}, {End: epoch.Add(time.Second), Count: 4}, {End: scalers.Never, Count: 2}},
		Lows:    []scalers.Record{{End: epoch.Add(time.Second), Count: 2}},
		Changes: []scalers.Change{{At: epoch, By: 3}, {At: epoch.Add(time.Minute), By: -2}},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, want %+v", m, want)
	}
	if text, err := m.MarshalText(); err != nil || string(text) != old {
		t.Errorf("MarshalText: got %s, %v, want %s", text, err, old)
	}
}

func testFailuresOfRemovedTriggersAreForgotten(t *testing.T) {
	p := plainPolicy(3)
	p.Fallback = &scalers.Fallback{FailureThreshold: 5}
	w := newWorkload(p, 3)
	for i := range 3 {
		w.read(i, 0, reading{failed: true})
	}
	w.decide(0)
	two := *p
	two.Triggers = slices.Clone(p.Triggers[1:])
	w.policy, w.events = &two, w.events[1:]
	w.decide(time.Second)
	if n := len(w.memory.Failures); n != 2 || w.memory.Failures[0].Count != 1 {
		t.Errorf("got the failures %+v, want one each of b and c", w.memory.Failures)
	}
	two.Fallback = nil
	w.decide(2 * time.Second)
	if len(w.memory.Failures) != 0 {
		t.Errorf("without a fallback: got the failures %+v, want none", w.memory.Failures)
	}
}

func testMemoryTextWithoutBasesIsStillRead(t *testing.T) {
	const old = "1.EQAAAAAAAQAAAAcDEg"
	var m scalers.Memory
	if err := m.UnmarshalText([]byte(old)); err != nil {
		t.Fatal(err)
	}
	want := scalers.Memory{Seen: true, Failures: []scalers.Failure{{Trigger: 7, Count: 3, At: 9}}}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, want %+v", m, want)
	}
	if text, err := m.MarshalText(); err != nil || string(text) != old {
		t.Errorf("MarshalText: got %s, %v, want %s", text, err, old)
	}
}

func testInstantsInFutureAreLoadedAsNow(t *testing.T) {
	p := &scalers.Policy{Down: scalers.Behavior{Window: time.Minute, Policies: []scalers.RatePolicy{{Amount: 1, Period: time.Minute}}}}
	future := epoch.Add(time.Hour)
	m := scalers.Memory{LastActive: future}.Recommended(p, epoch, 9).Recommended(p, future, 5).Scaled(p, future, 9, 5).Resume(epoch)
	if m.LastActive != epoch || m.Changes[0].At != epoch {
		t.Errorf("Resume: got LastActive %s and a write at %s, want both now", m.LastActive.Time(), m.Changes[0].At.Time())
	}
	if len(m.Highs) != 1 || m.Highs[0] != (scalers.Record{End: scalers.Never, Count: 5}) {
		t.Errorf("Resume: got Highs %v, want a recommendation of 5 that lasts", m.Highs)
	}
}

func testWriteThatChangedNothingIsNoScaleEvent(t *testing.T) {
	p := &scalers.Policy{Up: scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 1, Period: time.Minute}}}}
	if m := (scalers.Memory{}).Scaled(p, epoch, 4, 4); len(m.Changes) != 0 {
		t.Errorf("Scaled from 4 to 4: got the changes %v, want none", m.Changes)
	}
}

// FuzzMemory decodes any text. A memory must be the same after encoding and decoding, and Decide must accept it.
func FuzzMemory(f *testing.F) {
	l := newTimeline(7, nil)
	for range 20 {
		l.play()
		text, err := l.memory.MarshalText()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m scalers.Memory
		if m.UnmarshalText([]byte(text)) != nil {
			return
		}
		again, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back scalers.Memory
		if err := back.UnmarshalText(again); err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("UnmarshalText of the text: got %+v, %v, want %+v", back, err, m)
		}
		p := fullPolicy()
		events := make([]scalers.Event, 3)
		events[0] = scalers.Event{At: epoch, Value: 70_000, Ready: 3, Current: 3}
		d := scalers.Decide(p, scalers.Input{Now: epoch, Current: 3, Events: events, Memory: m.Clone()})
		if _, err := d.Memory.Scaled(p, epoch, 3, d.Replicas).Resume(epoch).MarshalText(); err != nil {
			t.Fatalf("MarshalText after a decision with %+v: got %v, want no error", m, err)
		}
	})
}

// Status is written when an outcome changes. Its memory is from when the trigger became active, not from the last reading that
// was active.
func testTriggerThatWasActiveWhenMemoryWasStoredCountsAsActiveUntilRestart(t *testing.T) {
	p := &scalers.Policy{Max: 10, Idle: 0, Cooldown: 5 * time.Minute, Triggers: []scalers.Trigger{{Name: "queue", Target: 10_000}}}
	decide := func(at time.Duration, current int32, level scalers.Milli, m scalers.Memory) scalers.Decision {
		now := epoch.Add(at)
		return scalers.Decide(p, scalers.Input{Now: now, Current: current, Events: []scalers.Event{{At: now, Value: level, Current: current}}, Memory: m})
	}
	text, err := decide(0, 0, 50_000, scalers.Memory{}).Memory.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var kept scalers.Memory
	if err := kept.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	d := decide(time.Hour, 5, 0, kept.Resume(epoch.Add(time.Hour)))
	if d.Replicas != 1 || d.Next != epoch.Add(time.Hour+5*time.Minute) {
		t.Errorf("got %d replicas until %s after the restart, want 1 until the cooldown is over", d.Replicas, d.Next.Time())
	}
	if d = decide(time.Hour+5*time.Minute, 1, 0, d.Memory); d.Replicas != 0 {
		t.Errorf("after the cooldown: got %d replicas, want 0", d.Replicas)
	}
}
