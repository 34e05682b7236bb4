package actuator

import (
	"context"
	"time"
)

// asker reads the Scale of a target whose watch does not show it: once for each version of the target, and again after
// a failure.
type asker struct {
	client *Client
	target Target

	again <-chan time.Time // Fires when a failed read is worth another try.
	delay time.Duration
	seen  string // The version that was last read, or tried.
	last  Scale
	err   error
}

// scale returns the Scale of the target whose metadata were seen.
func (a *asker) scale(ctx context.Context, seen Scale) (Scale, error) {
	if a.err == nil && a.last.UID == seen.UID &&
		(seen.ResourceVersion == a.seen || seen.ResourceVersion == a.last.ResourceVersion) {
		return a.last, nil
	}
	a.seen, a.again = seen.ResourceVersion, nil
	now, err := a.client.Get(ctx, a.target)
	if a.err = err; err != nil {
		a.delay = min(max(2*a.delay, retryMin), retryLimit(err))
		a.again = time.After(a.delay)
		return a.last, err
	}
	a.last, a.delay = now, 0
	return now, nil
}
