package events

import (
	"cmp"
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
	"k8s.io/client-go/tools/record/util"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	// eventTimeout bounds one write of an Event, and closeTimeout all that are in flight or wait when the process stops.
	eventTimeout = 10 * time.Second
	closeTimeout = 2 * time.Second
	// maxEventAttempts is how often the write of an Event is tried.
	maxEventAttempts = 12
	// component is the name of Impulse in Events.
	component = "impulse"
)

// Sink writes Events to the API server.
type Sink interface {
	Create(e *corev1.Event) (*corev1.Event, error)
	Patch(e *corev1.Event, patch []byte) (*corev1.Event, error)
}

// Recorder writes Events to a Sink. It does not block. client-go's recorder is not used, because it merges Events only after ten in ten
// minutes, and writes a repeated one each time.
type Recorder struct {
	// sink returns a sink whose requests end with a context.
	sink  func(context.Context) Sink
	queue workqueue.TypedRateLimitingInterface[seriesKey]

	mu  sync.Mutex
	all map[seriesKey]*series
	// sweepAt is the number of series at which those that have ended are removed.
	sweepAt int
	// named is the time in the newest name, in nanoseconds: no two names are equal.
	named int64
}

// seriesKey identifies a series.
type seriesKey struct {
	about   corev1.ObjectReference
	warning bool
	reason  string
}

// minSweep is the smallest number of series at which those that have ended are removed.
const minSweep = 1024

// New returns a Recorder, whose Events are written by Run to sinks whose requests end with the context that they are made of.
func New(sink func(context.Context) Sink) *Recorder {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[seriesKey](time.Second, time.Minute)
	return &Recorder{sink: sink, queue: workqueue.NewTypedRateLimitingQueue(limiter), all: map[seriesKey]*series{}, sweepAt: minSweep}
}

// Event records that something has happened to an object. The series of an object ends with its UID.
func (r *Recorder) Event(about corev1.ObjectReference, warning bool, reason, note string) {
	key, now := seriesKey{about, warning, reason}, time.Now()
	r.mu.Lock()
	s := r.all[key]
	if s == nil {
		r.sweep(now)
		s = &series{}
		r.all[key] = s
	}
	wait, begins := s.add(note, now)
	r.mu.Unlock()
	if begins {
		r.queue.AddAfter(key, wait)
	}
}

// sweep removes the series that have ended, when there are many. The caller must hold r.mu.
func (r *Recorder) sweep(now time.Time) {
	if len(r.all) < r.sweepAt {
		return
	}
	for key, s := range r.all {
		if s.ended(now) {
			delete(r.all, key)
		}
	}
	r.sweepAt = max(minSweep, 2*len(r.all))
}

// Run writes Events until ctx is done, and then those that wait. That takes closeTimeout at most, the write in flight included.
func (r *Recorder) Run(ctx context.Context) {
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	var work sync.WaitGroup
	work.Go(func() { r.work(writing) })
	<-ctx.Done()
	defer time.AfterFunc(closeTimeout, stopWriting).Stop()
	r.queue.ShutDown()
	work.Wait()
}

// work writes Events until the queue is shut down, and then those that wait for their time.
func (r *Recorder) work(ctx context.Context) {
	for {
		key, shutdown := r.queue.Get()
		if shutdown {
			break
		}
		r.write(ctx, key)
		r.queue.Done(key)
	}
	r.mu.Lock()
	keys := slices.Collect(maps.Keys(r.all))
	r.mu.Unlock()
	for _, key := range keys {
		if ctx.Err() != nil {
			return
		}
		r.write(ctx, key)
	}
}

// write writes the Event of a series that waits. One that the API server does not accept now is tried again.
func (r *Recorder) write(ctx context.Context, key seriesKey) {
	r.mu.Lock()
	var waiting, one *occurrence
	s := r.all[key]
	if s != nil {
		waiting, one = s.pop(time.Now())
	}
	r.mu.Unlock()
	if one == nil {
		return
	}
	err := r.store(ctx, key, one)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		s.written = one
		r.queue.Forget(key)
	case isFinal(err), r.queue.NumRequeues(key) >= maxEventAttempts:
		klog.FromContext(ctx).Error(err, "Event not written", "namespace", key.about.Namespace, "object", key.about.Name, "reason", key.reason)
		r.queue.Forget(key)
	default:
		s.restore(waiting)
		r.queue.AddRateLimited(key)
	}
}

// isFinal reports whether a write of an Event that failed is not worth a retry.
func isFinal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsNotFound(err) || apierrors.IsRequestEntityTooLargeError(err)
}

// store creates the Event of an occurrence, or updates it. An Event that no longer exists is created again.
func (r *Recorder) store(ctx context.Context, key seriesKey, one *occurrence) error {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	sink := r.sink(ctx)
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
	name := r.newName(key)
	if _, err := sink.Create(eventOf(key, one, name)); err != nil {
		return fmt.Errorf("create Event %s: %w", name, err)
	}
	one.name = name
	return nil
}

// newName returns the name of a new Event, as client-go makes it.
func (r *Recorder) newName(key seriesKey) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.named = max(r.named+1, time.Now().UnixNano())
	return util.GenerateEventName(key.about.Name, r.named)
}

// eventOf returns a new Event. One about an object without a namespace is in the namespace default, as those of Kubernetes are.
func eventOf(key seriesKey, one *occurrence, name string) *corev1.Event {
	kind := corev1.EventTypeNormal
	if key.warning {
		kind = corev1.EventTypeWarning
	}
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: cmp.Or(key.about.Namespace, metav1.NamespaceDefault), Name: name},
		InvolvedObject: key.about,
		Type:           kind, Reason: key.reason, Message: one.text(), Count: one.count,
		FirstTimestamp: metav1.NewTime(one.first), LastTimestamp: metav1.NewTime(one.last),
		Source: corev1.EventSource{Component: component}, ReportingController: component,
	}
}
