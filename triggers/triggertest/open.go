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

// noIO records every use of it as a violation, because Decode and Open may do no I/O.
type noIO struct {
	mu         sync.Mutex
	violations []error
}

func (tr *noIO) report(what string) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	err := fmt.Errorf("%s before Run", what)
	tr.violations = append(tr.violations, err)
	return err
}

// RoundTrip implements http.RoundTripper.
func (tr *noIO) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, tr.report("an HTTP request")
}

// Follow implements triggers.Alerts.
func (tr *noIO) Follow(triggers.AlertQuery, func(triggers.Cause, []triggers.Alert, error)) func() {
	_ = tr.report("a watch of alerts")
	return func() {}
}

// Listen implements triggers.Endpoints.
func (tr *noIO) Listen(triggers.Endpoint, func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	_ = tr.report("an endpoint")
	return func() {}
}

// Record implements triggers.Endpoints.
func (tr *noIO) Record(context.Context, triggers.Endpoint, triggers.Message, []triggers.Level) bool {
	return tr.report("a record") == nil
}

// Reject implements triggers.Endpoints.
func (tr *noIO) Reject(triggers.Endpoint, error) { _ = tr.report("a rejected message") }

func (tr *noIO) secrets(context.Context, ...string) (map[string]string, error) {
	return nil, tr.report("a read of a secret")
}

// opensWithoutIO checks that Decode and Open do no I/O: they run when objects are applied, for thousands of objects.
func opensWithoutIO(_ testing.TB, s subject) error {
	before := goroutines()
	tr := &noIO{}
	env := s.fixture.Env
	env.HTTP, env.Alerts, env.Endpoints, env.Secrets = &http.Client{Transport: tr}, tr, tr, tr.secrets
	env.Poller, env.Pool, env.Now = triggers.NewPoller(1, 1), triggers.NewPool(), time.Now
	c, err := s.kind.Decode(s.fixture.Metadata)
	if err != nil {
		return err
	}
	if _, err := s.kind.Open(c, env); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if _, err := s.kind.Open(other{}, env); err == nil {
		tr.violations = append(tr.violations, errors.New("it opens the config of another kind"))
	}
	for _, stack := range children(before) {
		tr.violations = append(tr.violations, fmt.Errorf("a goroutine before Run:\n%s", stack))
	}
	return errors.Join(tr.violations...)
}

// other is the config of no kind.
type other struct{}

// Validate returns no error.
func (other) Validate() error { return nil }

// Trigger returns the zero trigger.
func (other) Trigger() scalers.Trigger { return scalers.Trigger{} }
