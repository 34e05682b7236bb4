package endpoints

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

const (
	// maxRemembered bounds the messages of one door that are remembered, and maxDoors the doors.
	maxRemembered = 64
	maxDoors      = 10_000
)

// Repeats is a Recorder that records a message with an ID once. It remembers those of late, in memory: what a restart makes
// it forget is recorded again, with the time that its sender gave it, and is ignored when something newer is known.
type Repeats struct {
	recorder Recorder

	mu sync.Mutex
	// recorded are the last messages of each door, the newest last.
	recorded map[store.Endpoint][][sha256.Size]byte
}

// NewRepeats returns Repeats that have seen nothing.
func NewRepeats(r Recorder) *Repeats {
	return &Repeats{recorder: r, recorded: map[store.Endpoint][][sha256.Size]byte{}}
}

// Record is the Recorder's, unless the message has been recorded before. One that could not be recorded has not.
func (r *Repeats) Record(ctx context.Context, d store.Delivery) (store.Result, error) {
	if d.ID == "" {
		return r.recorder.Record(ctx, d)
	}
	id := sha256.Sum256([]byte(d.ID))
	if r.has(d.Endpoint, id) {
		return store.Result{Selected: len(d.Alerts)}, nil
	}
	result, err := r.recorder.Record(ctx, d)
	if err == nil {
		r.remember(d.Endpoint, id)
	}
	return result, err
}

func (r *Repeats) has(door store.Endpoint, id [sha256.Size]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.recorded[door], id)
}

func (r *Repeats) remember(door store.Endpoint, id [sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := append(r.recorded[door], id)
	if len(all) > maxRemembered {
		all = slices.Delete(all, 0, 1)
	}
	if len(all) == 1 && len(r.recorded) >= maxDoors {
		clear(r.recorded)
	}
	r.recorded[door] = all
}
