package watch

import (
	"context"
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
)

// Run lists and watches until ctx is done, however often that fails.
func (c *Cache[K, V]) Run(ctx context.Context) {
	// Readers report errors; the reflector would log them a second time.
	silent := logr.Discard()
	ctx = klog.NewContext(ctx, silent)
	for retry := minRetry; ctx.Err() == nil; {
		start := time.Now()
		err := c.listAndWatch(ctx, silent)
		c.fail(err)
		if time.Since(start) > resetAfter {
			retry = minRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait.Jitter(retry, 0.5)):
		}
		retry = min(2*retry, c.options.MaxRetry(err))
	}
}

// listAndWatch lists and watches until that fails for another reason than an API server that does not answer for a while.
func (c *Cache[K, V]) listAndWatch(ctx context.Context, log klog.Logger) error {
	source, err := c.options.Source(ctx)
	if err != nil {
		return err
	}
	reflector := cache.NewReflectorWithOptions(source, nil, (*storeAdapter[K, V])(c), cache.ReflectorOptions{
		Logger:          &log,
		Name:            "impulse",
		TypeDescription: "watched object",
		Backoff:         &wait.Backoff{Duration: minRetry, Factor: 2, Jitter: 0.5, Cap: c.options.MaxRetry(nil), Steps: 1 << 20},
	})
	err = reflector.ListAndWatchWithContext(ctx)
	if c.options.MapError != nil {
		err = c.options.MapError(err)
	}
	return err
}
