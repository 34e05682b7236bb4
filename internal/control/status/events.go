package status

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/record/util"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// eventTimeout bounds one write of an Event, and closeTimeout those of all that wait when the process stops.
	eventTimeout = 10 * time.Second
	closeTimeout = 2 * time.Second
	// maxEventAttempts is how often the write of an Event is tried.
	maxEventAttempts = 12
	// component is the name of Impulse in Events.
	component = "impulse"
)

// Events is a Recorder that writes to the API server. It does not block. client-go's recorder is not used, because it merges Events only
// after ten in ten minutes, and writes a repeated one each time.
type Events struct {
	// sink returns a sink whose requests end with a context.
	sink  func(context.Context) record.EventSink
	queue workqueue.TypedRateLimitingInterface[seriesKey]
	done  chan struct{}

	mu  sync.Mutex
	all map[seriesKey]*series
	// sweepAt is the number of series at which those that have ended are removed.
	sweepAt int
	// named is the time in the newest name, in nanoseconds: no two names are equal.
	named int64
}

// seriesKey identifies a series.
type seriesKey struct {
	Object

	warning bool
	reason  string
}

// minSweep is the smallest number of series at which those that have ended are removed.
const minSweep = 1024

// NewEvents returns Events, which writes until Close to sinks whose requests end with the context that they are made of.
func NewEvents(ctx context.Context, sink func(context.Context) record.EventSink) *Events {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[seriesKey](time.Second, time.Minute)
	e := &Events{
		sink: sink, queue: workqueue.NewTypedRateLimitingQueue(limiter), done: make(chan struct{}),
		all: map[seriesKey]*series{}, sweepAt: minSweep,
	}
	go e.run(context.WithoutCancel(ctx))
	return e
}

// Event implements Recorder.
func (e *Events) Event(o Object, warning bool, reason, note string) {
	key, now := seriesKey{o, warning, reason}, time.Now()
	e.mu.Lock()
	s := e.all[key]
	if s == nil {
		e.sweep(now)
		s = &series{}
		e.all[key] = s
	}
	wait, begins := s.add(note, now)
	e.mu.Unlock()
	if begins {
		e.queue.AddAfter(key, wait)
	}
}

// sweep removes the series that have ended, when there are many. The caller must hold e.mu.
func (e *Events) sweep(now time.Time) {
	if len(e.all) < e.sweepAt {
		return
	}
	for key, s := range e.all {
		if s.ended(now) {
			delete(e.all, key)
		}
	}
	e.sweepAt = max(minSweep, 2*len(e.all))
}

// Close writes the Events that wait, for closeTimeout at most, and stops writing.
func (e *Events) Close() {
	e.queue.ShutDown()
	<-e.done
}

// run writes Events until the queue is shut down, and then those that wait.
func (e *Events) run(ctx context.Context) {
	defer close(e.done)
	for {
		key, shutdown := e.queue.Get()
		if shutdown {
			break
		}
		e.write(ctx, key)
		e.queue.Done(key)
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	e.mu.Lock()
	keys := slices.Collect(maps.Keys(e.all))
	e.mu.Unlock()
	for _, key := range keys {
		if ctx.Err() != nil {
			return
		}
		e.write(ctx, key)
	}
}

// write writes the Event of a series that waits. One that the API server does not accept now is tried again.
func (e *Events) write(ctx context.Context, key seriesKey) {
	e.mu.Lock()
	var waiting, one *occurrence
	s := e.all[key]
	if s != nil {
		waiting, one = s.pop(time.Now())
	}
	e.mu.Unlock()
	if one == nil {
		return
	}
	err := e.store(ctx, key, one)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		s.written = one
		e.queue.Forget(key)
	case isFinal(err), e.queue.NumRequeues(key) >= maxEventAttempts:
		klog.FromContext(ctx).Error(err, "Event not written", "namespace", key.Namespace, "object", key.Name, "reason", key.reason)
		e.queue.Forget(key)
	default:
		s.restore(waiting)
		e.queue.AddRateLimited(key)
	}
}

// isFinal reports whether a write of an Event that failed is not worth a retry.
func isFinal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsNotFound(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// store creates the Event of an occurrence, or updates it. An Event that no longer exists is created again.
func (e *Events) store(ctx context.Context, key seriesKey, one *occurrence) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	sink := e.sink(ctx)
	if one.name != "" {
		patch, err := json.Marshal(map[string]any{"count": one.count, "lastTimestamp": metav1.NewTime(one.last), "message": one.text()})
		if err != nil {
			return fmt.Errorf("encode the patch of an Event: %w", err)
		}
		_, err = sink.Patch(eventOf(key, one, one.name), patch)
		if err == nil {
			return nil
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("patch Event %s: %w", one.name, err)
		}
	}
	name := e.newName(key)
	if _, err := sink.Create(eventOf(key, one, name)); err != nil {
		return fmt.Errorf("create Event %s: %w", name, err)
	}
	one.name = name
	return nil
}

// newName returns the name of a new Event, as client-go makes it.
func (e *Events) newName(key seriesKey) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.named = max(e.named+1, time.Now().UnixNano())
	return util.GenerateEventName(key.Name, e.named)
}

// eventOf returns a new Event.
func eventOf(key seriesKey, one *occurrence, name string) *corev1.Event {
	kind := corev1.EventTypeNormal
	if key.warning {
		kind = corev1.EventTypeWarning
	}
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: v1alpha1.GroupVersion().String(), Kind: "ScaledObject", Namespace: key.Namespace, Name: key.Name, UID: types.UID(key.UID),
		},
		Type: kind, Reason: key.reason, Message: one.text(), Count: one.count,
		FirstTimestamp: metav1.NewTime(one.first), LastTimestamp: metav1.NewTime(one.last),
		Source: corev1.EventSource{Component: component}, ReportingController: component,
	}
}

// Silent is a Recorder for objects from files, about which the API server accepts no Events.
type Silent struct{}

// Event does nothing: the Reporter logs all Events.
func (Silent) Event(Object, bool, string, string) {}
