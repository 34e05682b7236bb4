package notify

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
)

func TestQueue(t *testing.T) {
	t.Run("a full queue drops the oldest of the same kind first", testFullQueueDropsOldestOfSameKindFirst)
	t.Run("the queue is bounded by bytes as well", testQueueIsBoundedByBytes)
	t.Run("events leave in the order in which they came", testEventsLeaveInOrder)
	t.Run("a filter selects what all its fields select", testFilterSelectsWhatAllItsFieldsSelect)
}

// about returns an event about an object.
func about(name string, t Type, to int32) *Event {
	return &Event{Type: t, Namespace: "shop", Name: name, To: to}
}

func testFullQueueDropsOldestOfSameKindFirst(t *testing.T) {
	var q queue
	q.add(about("first", Paused, 0))
	q.add(about("web", Scaled, 1))
	for i := range maxQueued - 2 {
		q.add(about("other-"+strconv.Itoa(i), Scaled, 1))
	}
	if dropped := q.add(about("web", Scaled, 2)); dropped != 1 || len(q.events) != maxQueued {
		t.Fatalf("dropped %d of %d events, want 1, and %d that remain", dropped, len(q.events), maxQueued)
	}
	if q.events[0].Name != "first" || q.events[1].Name != "other-0" || q.events[maxQueued-1].To != 2 {
		t.Errorf("the first events are about %s and %s, want first and other-0", q.events[0].Name, q.events[1].Name)
	}
	q.add(about("new", Failing, 0))
	if q.events[0].Name != "other-0" {
		t.Errorf("the oldest event is about %s, want other-0: the oldest of all is dropped if none is of the same kind", q.events[0].Name)
	}
}

func testQueueIsBoundedByBytes(t *testing.T) {
	var q queue
	for i := range 3000 {
		e := about("web-"+strconv.Itoa(i), Scaled, 1)
		e.Message = strings.Repeat("x", 4096)
		q.add(e)
	}
	total := 0
	for _, e := range q.events {
		total += e.size()
	}
	if total > maxQueuedBytes || total != q.bytes || total < maxQueuedBytes*9/10 {
		t.Errorf("the queue has %d bytes and counts %d, want just below %d", total, q.bytes, maxQueuedBytes)
	}
	for e := q.pop(); e != nil; e = q.pop() {
		total -= e.size()
	}
	if total != 0 || q.bytes != 0 || q.events != nil {
		t.Errorf("the empty queue counts %d bytes, want 0", q.bytes)
	}
}

func testEventsLeaveInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q queue
	next, want := int32(0), int32(0)
	for range 10_000 {
		if random.IntN(3) > 0 {
			q.add(about("web", Scaled, next))
			next++
			continue
		}
		e := q.pop()
		switch {
		case e == nil && want != next:
			t.Fatalf("the queue is empty, want event %d", want)
		case e != nil && e.To != want:
			t.Fatalf("got event %d, want %d", e.To, want)
		case e != nil:
			want++
		}
	}
}

// testFilterSelectsWhatAllItsFieldsSelect compares random filters and events with a filter of one field after the other.
func testFilterSelectsWhatAllItsFieldsSelect(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	some := func(of []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(string) bool { return random.IntN(2) == 0 })
	}
	one := func(of []string) string { return of[random.IntN(len(of))] }
	namespaces, rules, teams := []string{"shop", "bank", "mail"}, limitingRules(), []string{"a", "b", ""}
	matched := 0
	for range 20_000 {
		var f Filter
		for _, text := range Types() {
			if random.IntN(3) > 0 {
				f.Types = append(f.Types, text)
			}
		}
		f.Namespaces, f.Rules, f.MinChange = some(namespaces), some(rules), random.Int64N(4)
		if random.IntN(2) == 0 {
			f.Selector = labels.SelectorFromSet(labels.Set{"team": "a"})
		}
		e := &Event{
			Type: Types()[random.IntN(len(Types()))], Namespace: one(namespaces), Reason: one(rules), From: random.Int32N(5), To: random.Int32N(5),
			Labels: map[string]string{"team": one(teams)},
		}
		want := selects(&f, e)
		if got := f.Match(e); got != want {
			t.Fatalf("the filter %+v selects %+v: %t, want %t", f, e, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 500 {
		t.Errorf("%d events were selected, want more: the test says too little", matched)
	}
	if all := (Filter{}); !all.Match(&Event{Type: Scaled}) {
		t.Error("the empty filter does not select an event")
	}
}

// selects is the reference model of Filter.Match, for a selector of the team a.
func selects(f *Filter, e *Event) bool {
	want := true
	if len(f.Types) > 0 {
		want = want && slices.Contains(f.Types, e.Type)
	}
	if len(f.Namespaces) > 0 {
		want = want && slices.Contains(f.Namespaces, e.Namespace)
	}
	if len(f.Rules) > 0 && (e.Type == Limited || e.Type == Unlimited) {
		want = want && slices.Contains(f.Rules, e.Reason)
	}
	if f.Selector != nil {
		want = want && e.Labels["team"] == "a"
	}
	if e.Type == Scaled {
		change := int64(e.To - e.From)
		want = want && (change >= f.MinChange || -change >= f.MinChange)
	}
	return want
}
