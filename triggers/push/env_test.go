package push

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	d := &triggertest.Endpoints{}
	l := triggers.Level{Value: 3000, On: true}
	if !d.Record(t.Context(), triggers.Endpoint{}, triggers.Message{At: time.Now()}, []triggers.Level{l}) {
		t.Fatal("the level is not recorded")
	}
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: map[string]string{"threshold": "5", "ttl": "1m"},
		Env:      triggers.Env{Alerts: d, Endpoints: d},
		Break:    func(testing.TB) { d.SetLost(errors.New("the recorded alerts are not loaded yet")) },
		Repair:   func(testing.TB) { d.SetLost(nil) },
	})
}

// env is a trigger that runs.
type env struct {
	*triggertest.Endpoints

	t    *testing.T
	stop func()
	mu   sync.Mutex
	last scalers.Event
}

// run runs a trigger on endpoints until the test ends or stop is called.
func run(t *testing.T, d *triggertest.Endpoints, metadata map[string]string) *env {
	t.Helper()
	w := &env{Endpoints: d, t: t}
	env := triggers.Env{
		Namespace: "shop", Object: "checkout", Trigger: "jobs", Alerts: d, Endpoints: d, Now: time.Now, Pool: triggers.NewPool(),
	}
	c, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Kind().Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(e scalers.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.last = e
		})
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(w.stop)
	w.until("")
	return w
}

// lastLevel returns the last event as text.
func (w *env) lastLevel() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.last.At == 0:
		return ""
	case w.last.AtLeast:
		return "at least " + w.last.Value.String() + ": " + w.last.Err.Error()
	case w.last.Err != nil:
		return "unknown: " + w.last.Err.Error()
	}
	return w.last.Value.String()
}

// until waits until the level of the trigger, as text, begins with want.
func (w *env) until(want string) {
	w.t.Helper()
	got := ""
	defer func() {
		if w.t.Failed() {
			w.t.Logf("the last level: %s", got)
		}
	}()
	testkit.Eventually(w.t, "the level is "+want, func(context.Context) bool {
		got = w.lastLevel()
		return got != "" && strings.HasPrefix(got, want)
	})
}
