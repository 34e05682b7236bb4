package actuator

import (
	"context"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

// maxReads bounds the Scales that a Client reads at the same time.
const maxReads = 16

// scaleReader reads the Scale of a target whose watch does not show it: once for each version of the target, and again after a
// failure. A worker of Client.reads performs the reading, so that those that wait have no goroutine. Its methods are called by one goroutine at a
// time.
type scaleReader struct {
	client *Client
	target Target
	// ended is called when a reading has ended: it must lead to a call of read.
	ended func()

	pause   time.Duration
	retryAt time.Time
	version string // The resource version for which the Scale was read last, or tried.
	last    Scale
	err     error

	item *workqueue.Item // Reads once each time it is woken; nil before the first reading.

	mu      sync.Mutex
	reading *scaleReading      // Nil between readings.
	cancel  context.CancelFunc // Ends the reading in progress; nil before the first one.
	stopped bool
}

// scaleReading is the result of a reading, once it is done.
type scaleReading struct {
	done  bool
	scale Scale
	err   error
}

// readScale is the Scale that was read last, and why it could not be read since; retry is then the time until the next reading is due.
type readScale struct {
	scale Scale
	err   error
	retry time.Duration
}

// read returns the Scale of the target whose metadata was observed. If it has a retry, read is to be called again after it. It returns false
// while the Scale is being read.
func (r *scaleReader) read(observed Scale) (readScale, bool) {
	now := time.Now()
	if !r.collect(now) {
		return readScale{}, false
	}
	if r.err == nil && r.last.UID == observed.UID && (observed.ResourceVersion == r.version || observed.ResourceVersion == r.last.ResourceVersion) {
		return readScale{scale: r.last}, true
	}
	if r.err != nil && observed.ResourceVersion == r.version && now.Before(r.retryAt) {
		return readScale{r.last, r.err, r.retryAt.Sub(now)}, true
	}
	r.version = observed.ResourceVersion
	r.start()
	return readScale{}, false
}

// collect applies the result of the last reading; false while it is in progress.
func (r *scaleReader) collect(now time.Time) bool {
	r.mu.Lock()
	done := r.reading
	if done != nil && !done.done {
		r.mu.Unlock()
		return false
	}
	r.reading = nil
	r.mu.Unlock()
	if done == nil {
		return true
	}
	if r.err = done.err; r.err != nil {
		r.pause = min(max(2*r.pause, minRetry), maxRetry(r.err))
		r.retryAt = now.Add(r.pause)
		return true
	}
	r.last, r.pause = done.scale, 0
	return true
}

// start begins a reading.
func (r *scaleReader) start() {
	r.mu.Lock()
	r.reading = &scaleReading{}
	r.mu.Unlock()
	if r.item == nil {
		r.item = r.client.reads.NewItem(r.perform)
	}
	r.item.Wake()
}

// perform performs a reading.
func (r *scaleReader) perform() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.mu.Lock()
	r.cancel = cancel
	stopped := r.stopped
	r.mu.Unlock()
	if stopped {
		return
	}
	scale, err := r.client.Get(ctx, r.target)
	r.mu.Lock()
	*r.reading = scaleReading{done: true, scale: scale, err: err}
	r.mu.Unlock()
	r.ended()
}

// stop ends the reading in progress. No read may follow.
func (r *scaleReader) stop() {
	r.mu.Lock()
	r.stopped = true
	if r.cancel != nil {
		r.cancel()
	}
	r.mu.Unlock()
	if r.item != nil {
		r.item.Stop()
	}
}
