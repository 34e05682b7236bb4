package endpoints

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

const (
	// maxIDs bounds the messages of one endpoint that are remembered, and maxEndpoints the endpoints.
	maxIDs       = 64
	maxEndpoints = 10_000
)

// deduplicator is a Recorder that records a message with an ID once. It remembers the last messages in memory. A repeat after a
// restart is recorded again, with the time that its sender gave it, and has no effect if a newer level is known. It is safe for
// concurrent use.
type deduplicator struct {
	recorder Recorder

	mu sync.Mutex
	// recorded are the digests of the last IDs of each endpoint, the newest last.
	recorded map[store.Endpoint][][sha256.Size]byte
}

func newDeduplicator(r Recorder) *deduplicator {
	return &deduplicator{recorder: r, recorded: map[store.Endpoint][][sha256.Size]byte{}}
}

// Record records a delivery unless its ID was recorded before. An ID whose record failed is not remembered.
func (d *deduplicator) Record(ctx context.Context, delivery store.Delivery) (store.Result, error) {
	if delivery.ID == "" {
		return d.recorder.Record(ctx, delivery)
	}
	id := sha256.Sum256([]byte(delivery.ID))
	if d.has(delivery.Endpoint, id) {
		return store.Result{Selected: len(delivery.Alerts)}, nil
	}
	result, err := d.recorder.Record(ctx, delivery)
	if err == nil {
		d.remember(delivery.Endpoint, id)
	}
	return result, err
}

func (d *deduplicator) has(e store.Endpoint, id [sha256.Size]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.recorded[e], id)
}

func (d *deduplicator) remember(e store.Endpoint, id [sha256.Size]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := append(d.recorded[e], id)
	if len(all) > maxIDs {
		all = slices.Delete(all, 0, 1)
	}
	if len(all) == 1 && len(d.recorded) >= maxEndpoints {
		clear(d.recorded)
	}
	d.recorded[e] = all
}
