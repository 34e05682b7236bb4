package httpserver

import (
	"sync"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

const (
	// slotsPerCredential bounds the requests of one credential that are in flight, and slotsPerNamespace those without a
	// credential to the webhooks of one namespace. A request counts from when its body has arrived.
	slotsPerCredential = 256
	slotsPerNamespace  = 32
)

// slots counts the requests in flight of each principal. It holds at most as many entries as there are such requests. It is safe
// for concurrent use.
type slots struct {
	mu    sync.Mutex
	inUse map[auth.Principal]int
}

// acquire takes a slot, and reports false when the principal has all of its own in use.
func (s *slots) acquire(p auth.Principal) bool {
	limit := slotsPerCredential
	if p.IsAnonymous() {
		limit = slotsPerNamespace
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse[p] >= limit {
		return false
	}
	s.inUse[p]++
	return true
}

// release gives a slot back.
func (s *slots) release(p auth.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse[p]--; s.inUse[p] == 0 {
		delete(s.inUse, p)
	}
}
