package endpoints

import (
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

// recentIDs remembers the IDs of the last recorded messages in memory, so that a repeat is not recorded again. A repeat after a
// restart is recorded again, with the time that its sender gave it, and has no effect if a newer level is known. It is safe for
// concurrent use.
type recentIDs struct {
	mu sync.Mutex
	// digests has the digests of the last IDs of each endpoint, the newest last.
	digests map[store.Endpoint][][sha256.Size]byte
}

// has reports whether a delivery has an ID that was added.
func (r *recentIDs) has(d *store.Delivery) bool {
	if d.ID == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.digests[d.Endpoint], sha256.Sum256([]byte(d.ID)))
}

// add adds the ID of a delivery, if it has one.
func (r *recentIDs) add(d *store.Delivery) {
	if d.ID == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	digest, all := sha256.Sum256([]byte(d.ID)), r.digests[d.Endpoint]
	if slices.Contains(all, digest) {
		return
	}
	all = append(all, digest)
	if len(all) > maxIDs {
		all = slices.Delete(all, 0, 1)
	}
	if len(all) == 1 && len(r.digests) >= maxEndpoints {
		clear(r.digests)
	}
	r.digests[d.Endpoint] = all
}
