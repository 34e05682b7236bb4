package triggertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

const (
	// never is a polling interval that no test waits for.
	never = 24 * time.Hour
	// often is one that makes a polled source notice a change soon.
	often = 20 * time.Millisecond
)

func known(e scalers.Event) bool   { return e.Err == nil }
func unknown(e scalers.Event) bool { return e.Err != nil }
func either(scalers.Event) bool    { return true }

func reportsAtOnce(tb testing.TB, s subject) error {
	tb.Helper()
	r, err := s.start(tb, never)
	if err != nil {
		return err
	}
	first, err := r.wait(either)
	switch {
	case err != nil:
	case first.Err != nil:
		err = fmt.Errorf("the first event is unknown: %w", first.Err)
	case first.Trigger != name:
		err = fmt.Errorf("the event names the trigger %q, not %q", first.Trigger, name)
	case first.At == 0:
		err = errors.New("the event does not say when its source was read")
	case first.Value < 0:
		err = fmt.Errorf("the level is negative: %s", first.Value)
	}
	return errors.Join(err, r.stop())
}

// endsClean runs a source twice: what one Run leaves behind often shows in the next.
func endsClean(tb testing.TB, s subject) error {
	tb.Helper()
	before := goroutines()
	for range 2 {
		r, err := s.start(tb, often)
		if err != nil {
			return err
		}
		_, err = r.wait(either)
		if err := errors.Join(err, r.stop()); err != nil {
			return err
		}
		if err := gone(before, s.patience); err != nil {
			return err
		}
		if late := r.late.Load(); late > 0 {
			return fmt.Errorf("%d events came after Run had returned", late)
		}
	}
	return nil
}

func neverBegins(tb testing.TB, s subject) error {
	tb.Helper()
	before := goroutines()
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	r, err := s.startWith(ctx, often)
	if err != nil {
		return err
	}
	return errors.Join(r.stop(), gone(before, s.patience))
}

func downAtStart(tb testing.TB, s subject) error {
	tb.Helper()
	if s.fixture.Break == nil {
		return nil
	}
	s.fixture.Break(tb)
	repaired := false
	defer func() {
		if !repaired {
			s.fixture.Repair(tb)
		}
	}()
	r, err := s.start(tb, often)
	if err != nil {
		return err
	}
	first, err := r.wait(either)
	if err == nil {
		err = s.reason(first)
	}
	if err == nil {
		s.fixture.Repair(tb)
		repaired = true
		_, err = r.wait(known)
	}
	return errors.Join(err, r.stop())
}

func downLater(tb testing.TB, s subject) error {
	tb.Helper()
	if s.fixture.Break == nil {
		return nil
	}
	r, err := s.start(tb, often)
	if err != nil {
		return err
	}
	if _, err := r.wait(known); err != nil {
		return errors.Join(err, r.stop())
	}
	s.fixture.Break(tb)
	failed, err := r.wait(unknown)
	s.fixture.Repair(tb)
	if err == nil {
		err = s.reason(failed)
	}
	if err == nil {
		_, err = r.wait(known)
	}
	return errors.Join(err, r.stop())
}

// reason says whether an unknown level comes with a reason that can be shown.
func (s subject) reason(e scalers.Event) error {
	if e.Err == nil {
		return fmt.Errorf("the source is broken, but the level is known: %s", e.Value)
	}
	text := e.Err.Error()
	if text == "" || strings.Contains(text, "\n") || len(text) > 1000 {
		return fmt.Errorf("the reason is not one line: %q", text)
	}
	for parameter, secret := range s.fixture.Secrets {
		if secret != "" && strings.Contains(text, secret) {
			return fmt.Errorf("the reason repeats the secret %s", parameter)
		}
	}
	return nil
}
