package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

func TestWriter(t *testing.T) {
	t.Run("a follower sends no write", testFollowerSendsNoWrite)
	t.Run("a status that was not answered in time is written again by a process that still leads", testStatusThatWasNotAnsweredInTimeIsWrittenAgain)
	t.Run("a record that is written after the deadline is refused", testRecordThatIsWrittenAfterDeadlineIsRefused)
}

// A process that does not lead has no deadline, so nothing is sent.
func testFollowerSendsNoWrite(t *testing.T) {
	elector, err := election.New(&rest.Config{Host: "127.0.0.1:1"}, election.Options{Namespace: "impulse-system", Name: "impulse"})
	if err != nil {
		t.Fatal(err)
	}
	// There is no client behind any of them: to send anything would panic.
	err = elector.WhileLeading(t.Context(), func(context.Context) error { panic("a write without a deadline") })
	if !errors.Is(err, election.ErrNotLeading) {
		t.Errorf("writing a count: got error %v, want ErrNotLeading", err)
	}
	follows := func() bool { return false }
	if err := (statusWriter{whileLeading: elector.WhileLeading, leading: follows}).Save(t.Context(), status.Object{}, &v1alpha1.ScaledObjectStatus{}); !errors.Is(err, status.ErrGone) {
		t.Errorf("saving a status: got error %v, want ErrGone", err)
	}
	if err := (alertWriter{deadline: elector.Deadline, metrics: newStateWrites(prometheus.NewRegistry())}).Save(t.Context(), 0, store.Shard{}); !errors.Is(err, election.ErrNotLeading) {
		t.Errorf("saving alerts: got error %v, want ErrNotLeading", err)
	}
}

// silentStore never answers.
type silentStore struct{}

func (silentStore) Save(ctx context.Context, _ status.Object, _ *v1alpha1.ScaledObjectStatus) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func testStatusThatWasNotAnsweredInTimeIsWrittenAgain(t *testing.T) {
	for _, leads := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			until := time.Now().Add(time.Second)
			whileLeading := func(ctx context.Context, write func(context.Context) error) error {
				return election.Within(ctx, until, write)
			}
			w := statusWriter{silentStore{}, whileLeading, func() bool { return leads }, newStateWrites(prometheus.NewRegistry())}
			if err := w.Save(t.Context(), status.Object{}, &v1alpha1.ScaledObjectStatus{}); err == nil || errors.Is(err, status.ErrGone) == leads {
				t.Errorf("got error %v, want ErrGone only for a process that does not lead any more: it leads: %t", err, leads)
			}
		})
	}
}

// latePersister returns after a delay, whether its context is done or not: like a write that was in flight when a process was frozen.
type latePersister struct {
	store.Persister

	takes time.Duration
}

func (p latePersister) Save(context.Context, int, store.Shard) error {
	<-time.After(p.takes)
	return nil
}

func testRecordThatIsWrittenAfterDeadlineIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, takes := range []time.Duration{time.Second - time.Nanosecond, time.Second} {
			until := time.Now().Add(time.Second)
			k := alertWriter{latePersister{takes: takes}, func() time.Time { return until }, newStateWrites(prometheus.NewRegistry())}
			err := k.Save(t.Context(), 0, store.Shard{})
			if late := takes >= time.Second; errors.Is(err, election.ErrNotLeading) != late {
				t.Errorf("a save that takes %s, with a deadline in 1s: got error %v, want ErrNotLeading: %t", takes, err, late)
			}
		}
	})
}
