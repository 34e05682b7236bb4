package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/writes"
)

func TestTurns(t *testing.T) {
	t.Run("the status of another namespace is written within a second while those of two are not answered", testStatusIsWrittenWhileOthersAreNotAnswered)
	t.Run("an original count is stored while nothing of two others is answered, before all else of its namespace", testOriginalCountIsStoredWhileOthersAreNotAnswered)
	t.Run("an original count that was not sent is no timeout of the API server, and one that was not answered is", testOriginalCountThatWasNotSentIsNoTimeout)
	t.Run("every status is written, by half of the writers for each namespace and by all for two", testEveryStatusIsWritten)
}

// webhook is a store whose API server does not answer for namespaces whose names begin with silent, unless that is "". It answers all others after
// a time.
type webhook struct {
	silent string
	takes  func() time.Duration

	mu sync.Mutex
	// inFlight counts the saves in each namespace and, as "", in all; most are the largest numbers. saved counts those that succeeded.
	inFlight, most, saved map[string]int
}

func newWebhook(silent string, takes func() time.Duration) *webhook {
	return &webhook{silent: silent, takes: takes, inFlight: map[string]int{}, most: map[string]int{}, saved: map[string]int{}}
}

func (w *webhook) Save(ctx context.Context, o Object, _ *v1alpha1.ScaledObjectStatus) error {
	w.count(o.Namespace, 1)
	defer w.count(o.Namespace, -1)
	if w.silent != "" && strings.HasPrefix(o.Namespace, w.silent) {
		ctx, cancel := context.WithTimeout(ctx, 2500*time.Millisecond) // The leader has to renew its Lease by then.
		defer cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	<-time.After(w.takes())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saved[o.key()]++
	return nil
}

func (w *webhook) count(namespace string, change int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range []string{namespace, ""} {
		w.inFlight[key] += change
		w.most[key] = max(w.most[key], w.inFlight[key])
	}
}

// expectBound fails the test if more statuses of a namespace than may be were written at the same time, or none.
func (w *webhook) expectBound(t *testing.T, namespace string) {
	t.Helper()
	if w.most[namespace] == 0 || w.most[namespace] > writersOfNamespace {
		t.Errorf("%d statuses of %s were written at the same time, want up to %d", w.most[namespace], namespace, writersOfNamespace)
	}
}

// reportTo runs a test with a reporter to a webhook, whose writes pass a gate.
func reportTo(t *testing.T, w *webhook, test func(r *Reporter, gate *writes.Gate)) {
	t.Helper()
	r, gate := New(w, Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler)), writes.New()
	r.SetGate(func(ctx context.Context, namespace string) func(error) {
		return gate.Begin(ctx, writes.Statuses, namespace)
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(ctx)
	}()
	test(r, gate)
	cancel()
	<-ended
}

// refuse reports that objects of a namespace are invalid, which is written in their status.
func refuse(r *Reporter, namespace string, objects int) {
	for i := range objects {
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name = namespace, fmt.Sprintf("web-%d", i)
		r.Refused(so, v1alpha1.ReasonInvalidSpec, "it has no triggers", false)
	}
}

// occupy has a count of a namespace in flight until the test ends, as one whose admission webhook does not answer.
func occupy(t *testing.T, gate *writes.Gate, namespace string) (end func()) {
	t.Helper()
	ended := gate.Begin(t.Context(), writes.Counts, namespace)
	return func() { ended(context.DeadlineExceeded) }
}

func testStatusIsWrittenWhileOthersAreNotAnswered(t *testing.T) {
	for _, counts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWebhook("shop", func() time.Duration { return 10 * time.Millisecond })
			reportTo(t, w, func(r *Reporter, gate *writes.Gate) {
				if counts {
					defer occupy(t, gate, "shop")()
				}
				refuse(r, "shop", 200)
				refuse(r, "shop-2", 200)
				for i := range 20 {
					<-time.After(7 * time.Second)
					namespace := fmt.Sprintf("bank-%d", i)
					refuse(r, namespace, 1)
					<-time.After(time.Second)
					w.mu.Lock()
					if w.saved[namespace+"/web-0"] != 1 {
						t.Errorf("with a count in flight %t: the status of %s is not written", counts, namespace)
					}
					w.mu.Unlock()
				}
			})
			w.expectBound(t, "shop")
			w.expectBound(t, "shop-2")
		})
	}
}

func testOriginalCountIsStoredWhileOthersAreNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook("shop", func() time.Duration { return 10 * time.Millisecond })
		reportTo(t, w, func(r *Reporter, gate *writes.Gate) {
			defer occupy(t, gate, "shop")()
			refuse(r, "shop", 200)
			refuse(r, "shop-2", 200)
			<-time.After(time.Minute)
			refuse(r, "bank", 300)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := r.StoreOriginal(ctx, Object{"bank", "web-299", ""}, "Deployment/web", 3); err != nil {
				t.Error(err)
			}
		})
	})
}

func testOriginalCountThatWasNotSentIsNoTimeout(t *testing.T) {
	store := func(t *testing.T, r *Reporter) error {
		t.Helper()
		refuse(r, "shop", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return r.StoreOriginal(ctx, Object{"shop", "web-0", ""}, "Deployment/web", 3)
	}
	synctest.Test(t, func(t *testing.T) {
		r := New(newWebhook("", nil), Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler)) // It does not run.
		if err := store(t, r); !errors.Is(err, errNotSent) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want %v, and no timeout", err, errNotSent)
		}
		r.queue.ShutDown()
	})
	synctest.Test(t, func(t *testing.T) {
		reportTo(t, newWebhook("shop", nil), func(r *Reporter, _ *writes.Gate) {
			if err := store(t, r); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want a timeout", err)
			}
		})
	})
}

func testEveryStatusIsWritten(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			var mu sync.Mutex
			within := func(longest time.Duration) time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Duration(random.Int64N(int64(longest)))
			}
			w := newWebhook("", func() time.Duration { return within(100 * time.Millisecond) })
			reportTo(t, w, func(r *Reporter, _ *writes.Gate) {
				refuse(r, "shop", 100)
				<-time.After(within(500 * time.Millisecond))
				refuse(r, "bank", 100)
				<-time.After(within(5 * time.Second))
			})
			if w.most[""] != writers || w.most["shop"] != writersOfNamespace || w.most["bank"] != writersOfNamespace {
				t.Errorf("seed %d: at the same time %v, want up to %d in all and %d in one namespace", seed, w.most, writers, writersOfNamespace)
			}
			if len(w.saved) != 200 {
				t.Errorf("seed %d: %d statuses are written, want 200", seed, len(w.saved))
			}
		})
	}
}
