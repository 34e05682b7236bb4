package triggertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// pollNever is a polling interval that no test waits for.
	pollNever = 24 * time.Hour
	// pollOften is a polling interval at which a polled source notices a change soon. It also limits a reading.
	pollOften = 500 * time.Millisecond
)

func known(e scalers.Event) bool   { return e.Err == nil }
func unknown(e scalers.Event) bool { return e.Err != nil }
func anyEvent(scalers.Event) bool  { return true }

func reportsAtOnce(tb testing.TB, s subject) error {
	tb.Helper()
	r, err := s.start(tb, pollNever)
	if err != nil {
		return err
	}
	first, err := r.wait(anyEvent)
	switch {
	case err != nil:
	case first.Err != nil:
		err = fmt.Errorf("the first event is unknown: %w", first.Err)
	case first.Trigger != name:
		err = fmt.Errorf("the event names the trigger %q, not %q", first.Trigger, name)
	case first.At == 0:
		err = errors.New("the event has no time of the reading")
	case first.Value < 0:
		err = fmt.Errorf("the level is negative: %s", first.Value)
	}
	return errors.Join(err, r.stop())
}

// endsCleanly runs a source twice, because state that one Run leaves behind often shows only in the next.
func endsCleanly(tb testing.TB, s subject) error {
	tb.Helper()
	before := goroutines()
	for range 2 {
		r, err := s.start(tb, pollOften)
		if err != nil {
			return err
		}
		_, err = r.wait(anyEvent)
		if err := errors.Join(err, r.stop()); err != nil {
			return err
		}
		if err := waitForGoroutines(before, s.timeout); err != nil {
			return err
		}
		if late := r.late.Load(); late > 0 {
			return fmt.Errorf("%d events came after Run had returned", late)
		}
	}
	return nil
}

// startsAndStops checks Start of a passive source, which the process calls instead of Run. It starts two, one after the other.
func startsAndStops(tb testing.TB, s subject) error {
	tb.Helper()
	before := goroutines()
	for range 2 {
		r, source, err := s.open(tb.Context(), pollOften)
		if err != nil {
			return err
		}
		passive, ok := source.(triggers.Passive)
		if !ok {
			return r.abort()
		}
		stop, err := passive.Start(r.emit)
		if err != nil {
			return errors.Join(fmt.Errorf("start: %w", err), r.abort())
		}
		_, err = r.wait(anyEvent)
		stop()
		r.returned.Store(true)
		if err := errors.Join(err, r.abort(), waitForGoroutines(before, s.timeout)); err != nil {
			return err
		}
		if late := r.late.Load(); late > 0 {
			return fmt.Errorf("%d events came after stop had returned", late)
		}
	}
	return nil
}

func doesNotStart(tb testing.TB, s subject) error {
	tb.Helper()
	before := goroutines()
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	r, err := s.startWith(ctx, pollOften)
	if err != nil {
		return err
	}
	return errors.Join(r.stop(), waitForGoroutines(before, s.timeout))
}

func failsAtStart(tb testing.TB, s subject) error {
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
	r, err := s.start(tb, pollOften)
	if err != nil {
		return err
	}
	first, err := r.wait(anyEvent)
	if err == nil {
		err = s.checkReason(first)
	}
	if err == nil {
		s.fixture.Repair(tb)
		repaired = true
		_, err = r.wait(known)
	}
	return errors.Join(err, r.stop())
}

func failsLater(tb testing.TB, s subject) error {
	tb.Helper()
	if s.fixture.Break == nil {
		return nil
	}
	r, err := s.start(tb, pollOften)
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
		err = s.checkReason(failed)
	}
	if err == nil {
		_, err = r.wait(known)
	}
	return errors.Join(err, r.stop())
}

// checkReason returns an error unless the level is unknown with a reason that can be shown to users.
func (s subject) checkReason(e scalers.Event) error {
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
