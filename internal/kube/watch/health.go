package watch

import (
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	// staleAfter is how long reading has to fail until objects that were read before count as stale. It is longer than the restart of an API
	// server, which is no reason to hold counts, and shorter than the stabilization windows that usually come before a count is lowered.
	staleAfter = time.Minute
	// maxReasons bounds the reasons that are remembered, and so reported, until objects are read again.
	maxReasons = 16
)

// Health decides when failures of reading objects are reported. It is safe for concurrent use.
type Health struct {
	failing func(error)
	working func()

	mu       sync.Mutex
	readAt   time.Time
	reported map[string]struct{} // Reasons since the last success.
}

// NewHealth returns the Health of objects that have not been read yet. failing is called with each new reason why they are unknown or stale, once,
// and working when they are read again after that. Neither may block, or call the Health.
func NewHealth(failing func(error), working func()) *Health {
	return &Health{failing: failing, working: working, reported: map[string]struct{}{}}
}

// Failed records that the objects could not be read. It is reported if they are unknown because of it, as the caller says, if they have never been
// read, or if they are stale: nothing has succeeded for a minute. Stale reports whether one of the latter two is the case.
func (h *Health) Failed(err error, unknown bool) (stale bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	stale = h.readAt.IsZero() || time.Since(h.readAt) >= staleAfter
	if !stale && !unknown {
		return false
	}
	why := reason(err)
	if _, before := h.reported[why]; !before && len(h.reported) < maxReasons {
		h.reported[why] = struct{}{}
		h.failing(err)
	}
	return stale
}

// Succeeded records that the objects are as they were read now.
func (h *Health) Succeeded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readAt = time.Now()
	if len(h.reported) > 0 {
		clear(h.reported)
		h.working()
	}
}

// reason returns a text that is equal for two occurrences of the same error: without numbers, such as ports, times and counts of attempts.
func reason(err error) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, err.Error())
}
