package controller

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

func TestGuardedActuator(t *testing.T) {
	t.Run("a write waits for its hook, and a refusal prevents it", testWriteWaitsForItsHookAndRefusalPreventsIt)
}

// countingActuator counts writes, and does nothing else.
type countingActuator struct {
	autoscaler.Actuator

	writes int
}

func (c *countingActuator) Set(_ context.Context, _ actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	c.writes++
	return actuator.Scale{Replicas: n}, nil
}

func testWriteWaitsForItsHookAndRefusalPreventsIt(t *testing.T) {
	errNo := errors.New("no")
	refuse := func(context.Context, func(context.Context) error) error { return errNo }
	hook := &preWriteHook{
		addFinalizer:  func(context.Context) error { return nil },
		storeOriginal: func(context.Context, actuator.Target, int32) error { return errNo },
	}
	for name, test := range map[string]struct {
		whileLeading func(context.Context, func(context.Context) error) error
		hook         *preWriteHook
		err          error
		writes       int
	}{
		"a leader without a hook writes":                       {whileLeading, nil, nil, 1},
		"a process that does not lead writes nothing":          {refuse, nil, errNo, 0},
		"nothing is written before the original count is kept": {whileLeading, hook, errNo, 0},
	} {
		t.Run(name, func(t *testing.T) {
			to := &countingActuator{}
			var pointer atomic.Pointer[preWriteHook]
			pointer.Store(test.hook)
			a := &guardedActuator{to, test.whileLeading, &pointer}
			if _, err := a.Set(t.Context(), actuator.Target{}, actuator.Scale{}, 2); !errors.Is(err, test.err) {
				t.Errorf("Set returned error %v, want %v", err, test.err)
			}
			if to.writes != test.writes {
				t.Errorf("Set made %d writes, want %d", to.writes, test.writes)
			}
		})
	}
}
