package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestRecorder(t *testing.T) {
	t.Run("there is at most one write a minute for an object and a reason, and none is lost", testAtMostOneWriteMinuteForObjectAndReasonAndNoneIsLost)
	t.Run("Events a minute apart are separate, and equal ones are counted", testEventsMinuteApartAreSeparateAndEqualOnesAreCounted)
	t.Run("the Events of one minute are one Event with the newest note", testEventsOfOneMinuteAreOneEventWithNewestNote)
	t.Run("an Event that no longer exists is created again", testEventThatNoLongerExistsIsCreatedAgain)
	t.Run("a failed write is tried again, and a forbidden one is not", testFailedWriteIsTriedAgainAndForbiddenOneIsNot)
	t.Run("an Event during a write is counted, whether the write fails or not", testEventDuringWriteIsCounted)
	t.Run("the Event of an object without a namespace is in the namespace default", testEventOfObjectWithoutNamespaceIsInDefault)
	t.Run("Events that wait are written at the end", testEventsThatWaitAreWrittenAtEnd)
	t.Run("an API server that does not answer at the end takes two seconds", testSilentServerAtEndTakesTwoSeconds)
	t.Run("nothing is kept of series that have ended", testNothingIsKeptOfSeriesThatHaveEnded)
}

// eventServer stores Events as the API server does.
type eventServer struct {
	mu     sync.Mutex
	all    map[string]*corev1.Event
	writes []eventWrite
	// fail, if not nil, returns the error of a write.
	fail func() error
}

// eventWrite is an attempt to write an Event.
type eventWrite struct {
	at     time.Time
	series string
}

func (s *eventServer) Create(e *corev1.Event) (*corev1.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[e.Name] != nil {
		return nil, apierrors.NewAlreadyExists(schema.GroupResource{Resource: "events"}, e.Name)
	}
	return e, s.store(e)
}

func (s *eventServer) Patch(old *corev1.Event, data []byte) (*corev1.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all[old.Name]
	if e == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "events"}, old.Name)
	}
	changed := e.DeepCopy()
	if err := json.Unmarshal(data, changed); err != nil {
		return nil, err
	}
	return changed, s.store(changed)
}

// store stores an Event. The caller holds s.mu.
func (s *eventServer) store(e *corev1.Event) error {
	if s.fail != nil {
		if err := s.fail(); err != nil {
			return err
		}
	}
	s.writes = append(s.writes, eventWrite{time.Now(), e.InvolvedObject.Name + " " + e.Type + " " + e.Reason})
	s.all[e.Name] = e
	return nil
}

// expect fails the test unless these Events exist, oldest first: COUNT NOTE.
func (s *eventServer) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, name := range slices.Sorted(mapKeys(s.all)) {
		got = append(got, fmt.Sprintf("%d %s", s.all[name].Count, s.all[name].Message))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the Events are %q, want %q", got, want)
	}
}

// shortestSpan returns the shortest time between two writes of a series, without those of Close.
func (s *eventServer) shortestSpan() time.Duration {
	shortest, last := time.Duration(math.MaxInt64), map[string]time.Time{}
	for _, w := range s.writes {
		if before, again := last[w.series]; again && w.at.Before(time.Now()) {
			shortest = min(shortest, w.at.Sub(before))
		}
		last[w.series] = w.at
	}
	return shortest
}

func mapKeys(all map[string]*corev1.Event) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range all {
			if !yield(name) {
				return
			}
		}
	}
}

// withEvents runs a test in a bubble of fake time.
func withEvents(t *testing.T, test func(t *testing.T, s *eventServer, e *running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &eventServer{all: map[string]*corev1.Event{}}
		test(t, s, run(t, func(context.Context) Sink { return s }))
	})
}

// running is a Recorder that runs until Close.
type running struct {
	*Recorder

	stop context.CancelFunc
	done chan struct{}
}

func run(t *testing.T, sink func(context.Context) Sink) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	e := &running{New(sink), stop, make(chan struct{})}
	go func() {
		defer close(e.done)
		e.Run(ctx)
	}()
	return e
}

func (e *running) Close() {
	e.stop()
	<-e.done
}

func scaledObjectIn(namespace, name string) corev1.ObjectReference {
	return corev1.ObjectReference{Kind: "ScaledObject", Namespace: namespace, Name: name, UID: "u"}
}

func scaledObject(name string) corev1.ObjectReference {
	return scaledObjectIn("shop", name)
}

var ofWeb = scaledObject("web")

func testAtMostOneWriteMinuteForObjectAndReasonAndNoneIsLost(t *testing.T) {
	for seed := range uint64(20) {
		withEvents(t, func(t *testing.T, s *eventServer, e *running) {
			r := rand.New(rand.NewPCG(seed, 5))
			const total = 2000
			for range total {
				object := scaledObject([]string{"web", "worker"}[r.IntN(2)])
				e.Event(object, r.IntN(2) == 0, []string{"Scaled", "TriggerFailed"}[r.IntN(2)], fmt.Sprint("note ", r.IntN(3)))
				<-time.After(time.Duration(r.ExpFloat64() * float64(time.Second)))
			}
			e.Close()
			var count int32
			for _, one := range s.all {
				count += one.Count
			}
			if count != total {
				t.Errorf("seed %d: the Events count %d, want %d", seed, count, total)
			}
			if span := s.shortestSpan(); span < seriesInterval {
				t.Errorf("seed %d: an Event is written twice in %s, want once a minute at most", seed, span)
			}
			if len(s.writes) > total/4 {
				t.Errorf("seed %d: %d writes for %d Events, want much fewer", seed, len(s.writes), total)
			}
		})
	}
}

func testEventsMinuteApartAreSeparateAndEqualOnesAreCounted(t *testing.T) {
	withEvents(t, func(t *testing.T, s *eventServer, e *running) {
		defer e.Close()
		for _, note := range []string{"from 1 to 2", "from 2 to 3", "from 2 to 3"} {
			e.Event(ofWeb, false, "Scaled", note)
			<-time.After(seriesInterval)
		}
		s.expect(t, "1 from 1 to 2", "2 from 2 to 3")
		<-time.After(seriesEnd)
		e.Event(ofWeb, false, "Scaled", "from 2 to 3")
		s.expect(t, "1 from 1 to 2", "2 from 2 to 3", "1 from 2 to 3")
	})
}

func testEventsOfOneMinuteAreOneEventWithNewestNote(t *testing.T) {
	withEvents(t, func(t *testing.T, s *eventServer, e *running) {
		defer e.Close()
		for n := range 4 {
			e.Event(ofWeb, false, "Scaled", fmt.Sprintf("from %d to %d", n, n+1))
			<-time.After(time.Second)
		}
		e.Event(ofWeb, true, "TriggerFailed", "connection refused") // Another reason does not wait.
		s.expect(t, "1 from 0 to 1", "1 connection refused")
		<-time.After(seriesInterval)
		s.expect(t, "1 from 0 to 1", "1 connection refused", "3 "+combined+"from 3 to 4")
	})
}

func testEventThatNoLongerExistsIsCreatedAgain(t *testing.T) {
	withEvents(t, func(t *testing.T, s *eventServer, e *running) {
		defer e.Close()
		e.Event(ofWeb, false, "Scaled", "from 1 to 2")
		s.expect(t, "1 from 1 to 2")
		clear(s.all)
		<-time.After(seriesInterval)
		e.Event(ofWeb, false, "Scaled", "from 1 to 2")
		s.expect(t, "2 from 1 to 2")
	})
}

func testFailedWriteIsTriedAgainAndForbiddenOneIsNot(t *testing.T) {
	withEvents(t, func(t *testing.T, s *eventServer, e *running) {
		defer e.Close()
		attempts := 0
		s.fail = func() error {
			attempts++
			return errors.New("connection refused")
		}
		e.Event(ofWeb, false, "Scaled", "from 1 to 2")
		<-time.After(5 * time.Second)
		e.Event(ofWeb, false, "Scaled", "from 2 to 3")
		s.expect(t)
		s.mu.Lock()
		s.fail = nil
		s.mu.Unlock()
		<-time.After(seriesInterval)
		s.expect(t, "2 "+combined+"from 2 to 3")
		s.fail = func() error {
			attempts++
			return apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", errors.New("no rule allows it"))
		}
		attempts = 0
		e.Event(ofWeb, true, "TriggerFailed", "connection refused")
		<-time.After(time.Hour)
		if synctest.Wait(); attempts != 1 {
			t.Errorf("%d attempts of a write that is forbidden, want 1", attempts)
		}
	})
}

func testEventDuringWriteIsCounted(t *testing.T) {
	for _, failed := range []error{nil, errors.New("connection refused")} {
		withEvents(t, func(t *testing.T, s *eventServer, e *running) {
			defer e.Close()
			first := true
			s.fail = func() error {
				if first {
					first = false
					e.Event(ofWeb, false, "Scaled", "from 1 to 2")
					return failed
				}
				return nil
			}
			e.Event(ofWeb, false, "Scaled", "from 1 to 2")
			<-time.After(2 * seriesInterval)
			s.expect(t, "2 from 1 to 2")
		})
	}
}

func testEventOfObjectWithoutNamespaceIsInDefault(t *testing.T) {
	withEvents(t, func(t *testing.T, s *eventServer, e *running) {
		e.Event(corev1.ObjectReference{Kind: "ClusterTriggerAuthentication", Name: "shared"}, true, "NotConverted", "a mistake")
		e.Close()
		s.expect(t, "1 a mistake")
		for _, one := range s.all {
			if one.Namespace != "default" || one.InvolvedObject.Namespace != "" {
				t.Errorf("it is in namespace %q, about an object in %q; want default, and none", one.Namespace, one.InvolvedObject.Namespace)
			}
		}
	})
}

func testEventsThatWaitAreWrittenAtEnd(t *testing.T) {
	withEvents(t, func(t *testing.T, s *eventServer, e *running) {
		for n := range 3 {
			e.Event(ofWeb, false, "Scaled", fmt.Sprintf("from %d to %d", n, n+1))
			<-time.After(time.Second)
		}
		e.Close()
		s.expect(t, "1 from 0 to 1", "2 "+combined+"from 2 to 3")
	})
}

func testSilentServerAtEndTakesTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := run(t, func(ctx context.Context) Sink { return silentServer{ctx} })
		for n := range 10 {
			e.Event(scaledObject(fmt.Sprint("web-", n)), false, "Scaled", "from 1 to 2")
		}
		<-time.After(time.Second)
		began := time.Now()
		e.Close()
		if took := time.Since(began); took != closeTimeout {
			t.Errorf("the end took %s, want %s: one write is in flight, and nine wait", took, closeTimeout)
		}
	})
}

// silentServer answers no request.
type silentServer struct{ ctx context.Context } //nolint:containedctx // A Sink has no context.

func (s silentServer) Create(*corev1.Event) (*corev1.Event, error) {
	<-s.ctx.Done()
	return nil, s.ctx.Err()
}

func (s silentServer) Patch(e *corev1.Event, _ []byte) (*corev1.Event, error) { return s.Create(e) }

func testNothingIsKeptOfSeriesThatHaveEnded(t *testing.T) {
	withEvents(t, func(t *testing.T, _ *eventServer, e *running) {
		defer e.Close()
		for n := range 3 * minSweep {
			e.Event(scaledObject(fmt.Sprint("web-", n)), false, "Scaled", "from 1 to 2")
			<-time.After(time.Second)
		}
		if len(e.all) > minSweep {
			t.Errorf("%d series are kept, want at most %d", len(e.all), minSweep)
		}
	})
}
