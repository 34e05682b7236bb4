package status

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestStop(t *testing.T) {
	t.Run("an API server that does not answer delays the end of the process by three seconds at most", func(t *testing.T) {
		for name, wait := range map[string]time.Duration{"while statuses are written": minInterval, "before they are written": 0} {
			synctest.Test(t, func(t *testing.T) {
				r := New(silentStore{}, Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
				for i := range 10 * writers {
					so := &v1alpha1.ScaledObject{}
					so.Namespace, so.Name = "shop", string(rune('a'+i))
					r.Refused(so, v1alpha1.ReasonInvalidSpec, "it has no triggers", false)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					r.Run(ctx)
				}()
				<-time.After(wait)
				synctest.Wait()
				began := time.Now()
				cancel()
				<-ended
				if took := time.Since(began); took != 3*time.Second {
					t.Errorf("%s: it took %s, want 3s", name, took)
				}
			})
		}
	})
}

// silentStore is a store whose API server does not answer.
type silentStore struct{}

func (silentStore) Save(ctx context.Context, _ Object, _ *v1alpha1.ScaledObjectStatus) error {
	<-ctx.Done()
	return ctx.Err()
}
