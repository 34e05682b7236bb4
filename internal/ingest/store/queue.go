package store

import (
	"container/heap"
	"time"
)

// entry is something that happens by itself at a time: a selection that stands elsewhere then, a record that is forgotten, a
// watcher for whom nothing is lost any more, a shard that is written again, or that all who select anything have said so.
type entry struct {
	at time.Time
	// place is its index in the queue plus one; 0: it is not in it.
	place     int
	selection *selection
	fact      *fact
	watcher   *watcher
	shard     *shard
}

// queue holds entries, the earliest first.
type queue []*entry

// Len is heap.Interface's.
func (q *queue) Len() int { return len(*q) }

// Less is heap.Interface's.
func (q *queue) Less(i, j int) bool { return (*q)[i].at.Before((*q)[j].at) }

// Swap is heap.Interface's.
func (q *queue) Swap(i, j int) {
	(*q)[i], (*q)[j] = (*q)[j], (*q)[i]
	(*q)[i].place, (*q)[j].place = i+1, j+1
}

// Push is heap.Interface's.
func (q *queue) Push(x any) {
	if e, ok := x.(*entry); ok {
		*q = append(*q, e)
		e.place = len(*q)
	}
}

// Pop is heap.Interface's.
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q, e.place = old[:len(old)-1], 0
	return e
}

// set schedules an entry; at a zero time it leaves the queue. One that moves to a later time stays where it is: when it is
// due it is looked at and moved then, so that what is repeated often costs nothing here.
func (q *queue) set(e *entry, at time.Time) {
	switch {
	case at.IsZero():
		q.remove(e)
	case e.place == 0:
		e.at = at
		heap.Push(q, e)
	case at.Before(e.at):
		e.at = at
		heap.Fix(q, e.place-1)
	}
}

func (q *queue) remove(e *entry) {
	if e.place > 0 {
		heap.Remove(q, e.place-1)
	}
}

// due takes the earliest entry out, if its time has come.
func (q *queue) due(now time.Time) *entry {
	if len(*q) == 0 || (*q)[0].at.After(now) {
		return nil
	}
	e, _ := heap.Pop(q).(*entry)
	return e
}
