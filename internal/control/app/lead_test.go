package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

func TestLead(t *testing.T) {
	t.Run("the objects are listed while the alerts are read, and applied after both, or after 10 s", testObjectsAreListedWhileAlertsAreRead)
	t.Run("the end of the leadership ends the wait for the alerts", testEndOfLeadershipEndsWaitForAlerts)
}

// slowAlerts is a store of alerts that is read in a given time.
type slowAlerts struct {
	store.Persister

	takes time.Duration
}

func (p slowAlerts) Load(ctx context.Context, _ ...int) (map[int]store.Shard, error) {
	select {
	case <-time.After(p.takes):
		return map[int]store.Shard{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p slowAlerts) Check(context.Context) ([]int, error) { return nil, nil }

// slowObjects are no objects, which are listed in a given time. It records after which time they were requested and applied.
type slowObjects struct {
	takes              time.Duration
	began              time.Time
	requested, applied time.Duration
}

func (o *slowObjects) Run(ctx context.Context, c *controller.Controller, _ func()) {
	o.requested = time.Since(o.began)
	<-time.After(o.takes)
	c.Sync(ctx, nil)
	o.applied = time.Since(o.began)
	<-ctx.Done()
}

func (o *slowObjects) Listed() bool { return false }

// newLeader returns a process that can lead without an API server.
func newLeader(t *testing.T) *process {
	t.Helper()
	o := Defaults()
	o.Config, o.StateDir = t.TempDir(), filepath.Join(t.TempDir(), "states")
	self, err := forward.Listen(t.Context(), o.PeerListen, o.PeerAdvertise)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = self.Close() })
	p, err := assemble(t.Context(), o, slog.New(slog.DiscardHandler), &rest.Config{Host: "127.0.0.1:1"}, self)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// leadFor leads for a time, with alerts and objects that take a while, and returns when the objects were requested and applied.
func leadFor(t *testing.T, term, alerts, objects time.Duration) *slowObjects {
	t.Helper()
	p, o := newLeader(t), &slowObjects{takes: objects}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), term)
		defer cancel()
		p.now = time.Now
		p.alerts = store.New(slowAlerts{takes: alerts}, p.now)
		p.objects, o.began = o, time.Now()
		p.lead(ctx)
		if took := time.Since(o.began); took != term {
			t.Errorf("lead returned after %s, want %s", took, term)
		}
	})
	return o
}

func testObjectsAreListedWhileAlertsAreRead(t *testing.T) {
	for _, c := range []struct{ alerts, objects, want time.Duration }{
		{alerts: 3 * time.Second, objects: 2 * time.Second, want: 3 * time.Second},
		{alerts: time.Second, objects: 2 * time.Second, want: 2 * time.Second},
		{alerts: time.Hour, objects: 2 * time.Second, want: 10 * time.Second},
		{alerts: time.Hour, objects: 12 * time.Second, want: 12 * time.Second},
	} {
		got := leadFor(t, time.Minute, c.alerts, c.objects)
		if late := got.applied - c.want; got.requested != 0 || late < 0 || late > alertsPollInterval {
			t.Errorf("with alerts that take %s and objects that take %s, the objects were requested after %s and applied after %s; want 0 and %s",
				c.alerts, c.objects, got.requested, got.applied, c.want)
		}
	}
}

func testEndOfLeadershipEndsWaitForAlerts(t *testing.T) {
	if got := leadFor(t, 5*time.Second, time.Hour, time.Second); got.applied != 5*time.Second {
		t.Errorf("the wait ended after %s, want 5s", got.applied)
	}
}
