package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestExpiryQueue(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	t.Run("a deadline is returned when it is due, and once", func(t *testing.T) {
		var q expiryQueue[int]
		d := &deadline[int]{}
		q.schedule(d, at(5))
		if got := q.popDue(at(4)); got != nil {
			t.Errorf("popDue(4s) = %p, want nil before the deadline of 5s", got)
		}
		if got := q.popDue(at(5)); got != d {
			t.Errorf("popDue(5s) = %p, want %p", got, d)
		}
		if got := q.popDue(at(5)); got != nil || d.index != 0 {
			t.Errorf("popDue(5s) = %p again, index %d; want nil and 0", got, d.index)
		}
	})
	t.Run("a deadline that is moved back is returned at the earlier time", func(t *testing.T) {
		var q expiryQueue[int]
		d := &deadline[int]{}
		q.schedule(d, at(5))
		q.schedule(d, at(9))
		if got := q.popDue(at(5)); got != d {
			t.Errorf("popDue(5s) = %p, want %p", got, d)
		}
	})
	t.Run("the zero time cancels", func(t *testing.T) {
		var q expiryQueue[int]
		d := &deadline[int]{}
		q.schedule(d, at(5))
		q.schedule(d, time.Time{})
		if got := q.popDue(at(100)); got != nil {
			t.Errorf("popDue(100s) = %p after cancel, want nil", got)
		}
		q.cancel(d) // It is in no queue: nothing happens.
	})
	t.Run("next is the earliest deadline, up to the limit", func(t *testing.T) {
		var q expiryQueue[int]
		if got := q.next(at(60)); !got.Equal(at(60)) {
			t.Errorf("next(60s) of an empty queue = %s, want %s", got, at(60))
		}
		q.schedule(&deadline[int]{}, at(7))
		q.schedule(&deadline[int]{}, at(3))
		if got := q.next(at(60)); !got.Equal(at(3)) {
			t.Errorf("next(60s) = %s, want %s", got, at(3))
		}
		if got := q.next(at(1)); !got.Equal(at(1)) {
			t.Errorf("next(1s) = %s, want %s", got, at(1))
		}
	})
	t.Run("after random changes every deadline is returned once, in order, at its earliest time", func(t *testing.T) {
		for seed := range uint64(50) {
			randomDeadlines(t, rand.New(rand.NewPCG(seed, 3)), at)
		}
	})
}

// randomDeadlines compares a queue with a map from each deadline to its earliest time.
func randomDeadlines(t *testing.T, r *rand.Rand, at func(int) time.Time) {
	t.Helper()
	var q expiryQueue[int]
	all, want := make([]deadline[int], 20), map[*deadline[int]]time.Time{}
	for range 200 {
		d, when := &all[r.IntN(len(all))], at(r.IntN(1000))
		if r.IntN(4) == 0 {
			q.cancel(d)
			delete(want, d)
			continue
		}
		q.schedule(d, when)
		if known, ok := want[d]; !ok || when.Before(known) {
			want[d] = when
		}
	}
	var got []time.Time
	for d := q.popDue(at(1000)); d != nil; d = q.popDue(at(1000)) {
		if !d.at.Equal(want[d]) {
			t.Errorf("a deadline is returned for %s, want %s", d.at, want[d])
		}
		got = append(got, d.at)
		delete(want, d)
	}
	if len(want) > 0 || !slices.IsSortedFunc(got, time.Time.Compare) {
		t.Errorf("%d deadlines are not returned; those returned are %v, want them in order", len(want), got)
	}
}
