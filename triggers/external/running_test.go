package external

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// environment is the process that triggers of a test run in. Its secrets may change.
type environment struct {
	triggers.Env

	mu      sync.Mutex
	secrets map[string]string
	revoked bool
}

// newEnvironment returns an environment with a running poller. every is the polling interval.
func newEnvironment(t testing.TB, every time.Duration, secrets map[string]string) *environment {
	t.Helper()
	e := &environment{secrets: maps.Clone(secrets)}
	e.Env = triggers.Env{
		Namespace: "shop", Object: "worker", Trigger: "jobs", PollingInterval: every, Now: time.Now,
		Secrets: triggertest.SecretsFunc(e.secret), Pool: triggers.NewPool(), Poller: triggers.NewPoller(4, 4),
	}
	testkit.Background(t, e.Poller.Run)
	return e
}

func (e *environment) secret(_ context.Context, parameter string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.revoked {
		return "", fmt.Errorf("read the authentication: %w", triggers.ErrNotAllowed)
	}
	return e.secrets[parameter], nil
}

// rotate replaces all secrets.
func (e *environment) rotate(secrets map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = maps.Clone(secrets)
}

// running is a trigger that runs until the end of the test, and its events.
type running struct {
	t      testing.TB
	events chan scalers.Event
	stop   func()
}

// run opens and runs a trigger.
func run(t testing.TB, kind triggers.Kind, metadata map[string]string, env triggers.Env) *running {
	t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	source, err := kind.Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, events: make(chan scalers.Event, 4096)}
	r.stop = testkit.Background(t, func(ctx context.Context) error {
		return source.Run(ctx, func(e scalers.Event) { r.events <- e })
	})
	return r
}

// until returns the next event for which wanted is true.
func (r *running) until(what string, wanted func(scalers.Event) bool) scalers.Event {
	r.t.Helper()
	var found scalers.Event
	last := errors.New("none")
	if !testkit.Poll(r.t, func(context.Context) bool {
		for {
			select {
			case e := <-r.events:
				if wanted(e) {
					found = e
					return true
				}
				last = fmt.Errorf("value %s, error %w", e.Value, e.Err)
			default:
				return false
			}
		}
	}) {
		r.t.Fatalf("got no event with %s; the last one: %v", what, last)
	}
	return found
}

// untilLevel returns the next event with a level.
func (r *running) untilLevel(want scalers.Milli) scalers.Event {
	r.t.Helper()
	return r.until("the level "+want.String(), func(e scalers.Event) bool { return e.Err == nil && e.Value == want })
}

// untilError returns the next event whose error has a text.
func (r *running) untilError(text string) scalers.Event {
	r.t.Helper()
	return r.until("the error "+text, func(e scalers.Event) bool { return e.Err != nil && strings.Contains(e.Err.Error(), text) })
}

// never is a polling interval that no test waits for, and often one at which changes are noticed soon.
const (
	never = 24 * time.Hour
	often = 100 * time.Millisecond
)
