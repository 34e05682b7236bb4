package controller

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/actuator"
)

func TestWriteGuard(t *testing.T) {
	t.Run("a write waits for its hook, and a refusal prevents it", testWriteWaitsForItsHookAndRefusalPreventsIt)
}

func testWriteWaitsForItsHookAndRefusalPreventsIt(t *testing.T) {
	errNo := errors.New("no")
	refuse := func(context.Context) (context.Context, context.CancelFunc, error) { return nil, nil, errNo }
	hook := &preWriteHook{
		addFinalizer:  func(context.Context) error { return nil },
		storeOriginal: func(context.Context, actuator.Target, int32) error { return errNo },
	}
	for name, test := range map[string]struct {
		leading func(context.Context) (context.Context, context.CancelFunc, error)
		hook    *preWriteHook
		want    error
	}{
		"a leader without a hook writes":                       {leading, nil, nil},
		"a process that does not lead writes nothing":          {refuse, nil, errNo},
		"nothing is written before the original count is kept": {leading, hook, errNo},
	} {
		t.Run(name, func(t *testing.T) {
			var pointer atomic.Pointer[preWriteHook]
			pointer.Store(test.hook)
			g := &writeGuard{actuator.Target{}, test.leading, &pointer}
			ctx, _, err := g.check(t.Context(), 2)
			if !errors.Is(err, test.want) || (ctx == nil) != (test.want != nil) {
				t.Errorf("check returned %v and error %v, want error %v, and a context only without one", ctx, err, test.want)
			}
		})
	}
}
