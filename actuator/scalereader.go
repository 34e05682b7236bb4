package actuator

import (
	"context"
	"time"
)

// scaleReader reads the Scale of a target whose watch does not show it: once for each version of the target, and again after a
// failure. One goroutine owns it.
type scaleReader struct {
	client *Client
	target Target

	retry   <-chan time.Time // Fires when a failed read may be tried again.
	pause   time.Duration
	version string // The resource version for which the Scale was read last, or tried.
	last    Scale
	err     error
}

// read returns the Scale of the target whose metadata was observed. With an error it returns the Scale that was read before.
func (r *scaleReader) read(ctx context.Context, observed Scale) (Scale, error) {
	if r.err == nil && r.last.UID == observed.UID &&
		(observed.ResourceVersion == r.version || observed.ResourceVersion == r.last.ResourceVersion) {
		return r.last, nil
	}
	r.version, r.retry = observed.ResourceVersion, nil
	scale, err := r.client.Get(ctx, r.target)
	if r.err = err; err != nil {
		r.pause = min(max(2*r.pause, minRetry), maxRetry(err))
		r.retry = time.After(r.pause)
		return r.last, err
	}
	r.last, r.pause = scale, 0
	return scale, nil
}
