package watch

import (
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

var (
	errIncomplete = errors.New("the watch ended before it had sent all objects")
	errStalled    = fmt.Errorf("the watch has sent neither an object nor the end of the objects for %s", initialTimeout)
)

// stream is a watch that passes on the events of another one, and ends when that is overdue.
type stream struct {
	source   watch.Interface
	observer Observer
	result   chan watch.Event
	stop     func()
	stopped  chan struct{}
	done     chan struct{}

	// Only run uses the fields below. initial is true while the watch sends the objects that there were when it began. caughtUp is true once it has
	// sent all earlier changes.
	initial, caughtUp bool
	// check fires when a watch counts as caught up, or while it is initial, when it counts as stalled.
	check *time.Timer
	// overdue fires when the watch has lasted too long.
	overdue <-chan time.Time
}

func newStream(source watch.Interface, o Observer, initial bool) *stream {
	s := &stream{
		source: source, observer: o, initial: initial,
		result: make(chan watch.Event), stopped: make(chan struct{}), done: make(chan struct{}),
	}
	s.stop = sync.OnceFunc(func() { close(s.stopped) })
	return s
}

// ResultChan implements watch.Interface.
func (s *stream) ResultChan() <-chan watch.Event { return s.result }

// Stop implements watch.Interface. It returns when run has.
func (s *stream) Stop() {
	s.stop()
	<-s.done
}

// run passes on events until Stop, or the end of the watch. It then calls release. The watch may last for a time, or without a limit if that is 0.
func (s *stream) run(limit time.Duration, release func()) {
	defer close(s.done)
	defer close(s.result)
	defer release()
	defer s.source.Stop()
	s.check = time.NewTimer(caughtUpAfter)
	if s.initial {
		s.check.Reset(initialTimeout)
	}
	defer s.check.Stop()
	if limit > 0 {
		end := time.NewTimer(limit)
		defer end.Stop()
		s.overdue = end.C
	}
	for s.next() {
	}
}

// next passes on the next event; false after the last one.
func (s *stream) next() bool {
	select {
	case <-s.stopped:
		return false
	case <-s.overdue:
		return false // It does not count as having worked until now: nobody knows.
	case <-s.check.C:
		if s.initial {
			return s.fail(apierrors.NewTimeoutError(errStalled.Error(), 0))
		}
		s.caughtUp = true
		s.observer.Current()
		return true
	case e, ok := <-s.source.ResultChan():
		if !ok || e.Type == watch.Error {
			return s.end(e)
		}
		return s.pass(e)
	}
}

// pass passes on an event.
func (s *stream) pass(e watch.Event) bool {
	if !s.send(e) {
		return false
	}
	switch bookmark := e.Type == watch.Bookmark; {
	case s.initial && bookmark && endsObjects(e):
		s.initial, s.caughtUp = false, true
		s.check.Stop()
	case s.initial:
		s.check.Reset(initialTimeout)
	case bookmark && !s.caughtUp:
		s.caughtUp = true
		s.check.Stop()
		s.observer.Current() // The reflector has stored the events before.
	}
	return true
}

// end ends the watch with an event of type watch.Error, or without an event if e has no type.
func (s *stream) end(e watch.Event) bool {
	if s.caughtUp {
		s.observer.Current()
	}
	switch {
	case e.Type == watch.Error:
		if err := apierrors.FromObject(e.Object); apierrors.IsTooManyRequests(err) {
			s.observer.Retried(err)
		}
		s.send(e)
	case s.initial: // A reflector would open such a watch again at once, and never list instead.
		s.fail(apierrors.NewInternalError(errIncomplete))
	}
	return false
}

// fail ends the watch with an error.
func (s *stream) fail(err *apierrors.StatusError) bool {
	s.send(watch.Event{Type: watch.Error, Object: &err.ErrStatus})
	return false
}

// send passes on an event; false when nobody reads it any more.
func (s *stream) send(e watch.Event) bool {
	select {
	case s.result <- e:
		return true
	case <-s.stopped:
	case <-s.overdue:
	}
	return false
}

// endsObjects reports whether an event is the bookmark after the objects with which a watch began.
func endsObjects(e watch.Event) bool {
	o, err := meta.Accessor(e.Object)
	return err == nil && o.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
}
