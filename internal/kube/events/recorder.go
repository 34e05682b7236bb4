package events

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record/util"
	"k8s.io/klog/v2"

	"github.com/impulse-sh/impulse/internal/kube/writes"
)

const (
	// eventTimeout bounds one write of an Event, and closeTimeout all that are in flight or wait when the process stops.
	eventTimeout = 10 * time.Second
	closeTimeout = 2 * time.Second
	// writers bounds the concurrent writes of Events: as many as the gate lets begin (writes.Events). A namespace has one of them.
	writers, writersOfNamespace = 2, 1
	// firstRetry is the time until the first retry of a write, which doubles with each one up to longestRetry.
	firstRetry, longestRetry = time.Second, time.Minute
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
	queue *writes.Queue[seriesKey]

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

// namespace returns the namespace of the Events. Those about an object without a namespace are in the namespace default, as those of
// Kubernetes are.
func (k seriesKey) namespace() string { return cmp.Or(k.about.Namespace, metav1.NamespaceDefault) }

// minSweep is the smallest number of series at which those that have ended are removed.
const minSweep = 1024

// New returns a Recorder, whose Events are written by Run to sinks whose requests end with the context that they are made of.
func New(sink func(context.Context) Sink) *Recorder {
	queue := writes.NewQueue(writes.QueueOptions[seriesKey]{
		Namespace: seriesKey.namespace, Writers: writers, OfNamespace: writersOfNamespace, FirstRetry: firstRetry, LongestRetry: longestRetry,
	})
	return &Recorder{sink: sink, queue: queue, all: map[seriesKey]*series{}, sweepAt: minSweep}
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

// Run writes Events until ctx is done, and then those that wait. That takes closeTimeout at most, the writes in flight included.
func (r *Recorder) Run(ctx context.Context) {
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	var work sync.WaitGroup
	work.Go(func() { r.queue.Run(func(key seriesKey) error { return r.write(writing, key) }) })
	<-ctx.Done()
	defer time.AfterFunc(closeTimeout, stopWriting).Stop()
	r.mu.Lock()
	for key, s := range r.all {
		if s.waiting != nil {
			r.queue.Add(key)
		}
	}
	r.mu.Unlock()
	r.queue.ShutDown()
	work.Wait()
}

// write writes the Event of a series that waits, and returns the error of the API server. One that it does not accept now is tried again.
func (r *Recorder) write(ctx context.Context, key seriesKey) error {
	if err := ctx.Err(); err != nil { // The time to stop is over.
		return err
	}
	r.mu.Lock()
	var waiting, one *occurrence
	s := r.all[key]
	if s != nil {
		waiting, one = s.pop(time.Now())
	}
	r.mu.Unlock()
	if one == nil {
		return nil
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
	return err
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

// eventOf returns a new Event.
func eventOf(key seriesKey, one *occurrence, name string) *corev1.Event {
	kind := corev1.EventTypeNormal
	if key.warning {
		kind = corev1.EventTypeWarning
	}
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: key.namespace(), Name: name},
		InvolvedObject: key.about,
		Type:           kind, Reason: key.reason, Message: one.text(), Count: one.count,
		FirstTimestamp: metav1.NewTime(one.first), LastTimestamp: metav1.NewTime(one.last),
		Source: corev1.EventSource{Component: component}, ReportingController: component,
	}
}
