package testkit

import (
	"context"
	"sync"
	"testing"
)

// Background runs a function in a goroutine. Its context is cancelled when the returned function is called or when the test
// ends; both wait until the function has returned. Its error is dropped.
func Background(tb testing.TB, run func(context.Context) error) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	tb.Cleanup(stop)
	return stop
}
