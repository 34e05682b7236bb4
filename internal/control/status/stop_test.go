package status

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestStop(t *testing.T) {
	t.Run("statuses that are not answered delay the end of the leadership by half a second, and are logged in one line", func(t *testing.T) {
		for name, wait := range map[string]time.Duration{"while statuses are written": minInterval, "before they are written": 0} {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				r := New(silentStore{}, Silent{}, NewMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(&log, nil)))
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
				log.Reset()
				began := time.Now()
				cancel()
				<-ended
				if took := time.Since(began); took != 500*time.Millisecond {
					t.Errorf("%s: it took %s, want 500ms", name, took)
				}
				if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 1 || !strings.Contains(lines[0], "statuses=80") {
					t.Errorf("%s: the log is\n%s\nwant one line with the 80 statuses that were not written", name, &log)
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
