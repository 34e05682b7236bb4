package triggertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// trap is an outside that must not be touched.
type trap struct {
	mu      sync.Mutex
	touched []error
}

func (tr *trap) touch(what string) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	err := fmt.Errorf("%s before Run", what)
	tr.touched = append(tr.touched, err)
	return err
}

// RoundTrip makes a trap an http.RoundTripper.
func (tr *trap) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, tr.touch("an HTTP request")
}

// Watch makes a trap a triggers.Alerts.
func (tr *trap) Watch(context.Context, triggers.AlertQuery, func(time.Time, []triggers.Alert, error)) error {
	return tr.touch("a watch of alerts")
}

// Listen makes a trap a triggers.Doors.
func (tr *trap) Listen(triggers.Endpoint, func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	_ = tr.touch("a door")
	return func() {}
}

// Record makes a trap a triggers.Doors.
func (tr *trap) Record(context.Context, triggers.Endpoint, time.Time, []triggers.Level) bool {
	return tr.touch("a record") == nil
}

// Reject makes a trap a triggers.Doors.
func (tr *trap) Reject(triggers.Endpoint, error) { _ = tr.touch("a refusal") }

func (tr *trap) secret(context.Context, string) (string, error) {
	return "", tr.touch("a read of a secret")
}

// opensQuietly: Decode and Open run at apply time, for thousands of objects.
func opensQuietly(_ testing.TB, s subject) error {
	before := goroutines()
	tr := &trap{}
	env := s.fixture.Env
	env.HTTP, env.Alerts, env.Endpoints, env.Secret = &http.Client{Transport: tr}, tr, tr, tr.secret
	env.Poller, env.Pool, env.Now = triggers.NewPoller(1, 1), triggers.NewPool(), time.Now
	c, err := s.kind.Decode(s.fixture.Metadata)
	if err != nil {
		return err
	}
	if _, err := s.kind.Open(c, env); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if _, err := s.kind.Open(other{}, env); err == nil {
		tr.touched = append(tr.touched, errors.New("it opens the config of another kind"))
	}
	for id, stack := range goroutines() {
		if before[id] == "" {
			tr.touched = append(tr.touched, fmt.Errorf("a goroutine before Run:\n%s", stack))
		}
	}
	return errors.Join(tr.touched...)
}

// other is the config of no kind.
type other struct{}

// Validate finds nothing.
func (other) Validate() error { return nil }

// Trigger is any trigger.
func (other) Trigger() scalers.Trigger { return scalers.Trigger{} }
