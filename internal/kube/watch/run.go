package watch

import (
	"context"
	"math"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// minRetry is the pause after the first failure. It doubles up to Options.MaxRetry.
	minRetry = 200 * time.Millisecond
	// resetAfter is how long reading has to succeed until the next failure is the first again.
	resetAfter = time.Minute
	// jitter is the part of a pause by which it is longer at most.
	jitter = 0.5
)

// Backoff returns the pauses of a reflector after failures: they begin with minRetry and double up to longest, and each is longer by a random
// part of up to its half. client-go's own grow to a minute.
func Backoff(longest time.Duration) *wait.Backoff {
	return &wait.Backoff{Duration: minRetry, Factor: 2, Jitter: jitter, Cap: longest, Steps: math.MaxInt}
}

// Retry calls read until ctx is done, with the pauses of Backoff. Longest returns the longest pause after an error, nil included.
func Retry(ctx context.Context, longest func(error) time.Duration, read func(context.Context) error) {
	for retry := minRetry; ctx.Err() == nil; {
		start := time.Now()
		err := read(ctx)
		if time.Since(start) > resetAfter {
			retry = minRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait.Jitter(retry, jitter)):
		}
		retry = min(2*retry, longest(err))
	}
}

// Run lists and watches until ctx is done, however often that fails.
func (c *Cache[K, V]) Run(ctx context.Context) {
	// Readers report errors; the reflector would log them a second time.
	silent := logr.Discard()
	Retry(klog.NewContext(ctx, silent), c.options.MaxRetry, func(ctx context.Context) error {
		err := c.listAndWatch(ctx, silent)
		if err != nil && ctx.Err() == nil {
			c.fail(err)
		}
		return err
	})
}

// listAndWatch lists and watches until that fails for another reason than an API server that does not answer for a while.
func (c *Cache[K, V]) listAndWatch(ctx context.Context, log klog.Logger) error {
	source, err := c.options.Source(ctx)
	if err != nil {
		return err
	}
	source = Bounded(source, Observer{Retried: c.retried, Current: c.current})
	reflector := cache.NewReflectorWithOptions(source, nil, (*storeAdapter[K, V])(c), cache.ReflectorOptions{
		Logger:          &log,
		Name:            "impulse",
		TypeDescription: "watched object",
		Backoff:         Backoff(c.options.MaxRetry(nil)),
	})
	return c.mapError(reflector.ListAndWatchWithContext(ctx))
}
