package httpserver

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

const (
	// DefaultBodyMemory is the default of Options.BodyMemory, in bytes.
	DefaultBodyMemory = 128 << 20
	// anonymousShare is the divisor that gives the part of the memory for all requests without a credential together.
	anonymousShare = 4
)

// memory is a budget of bytes for the bodies of all requests in flight, and for what they become when they are decoded.
//
// A principal may hold at most as many bytes as are then free: the first principal half of the memory, the next one half of the rest,
// and so on, so that some memory is always left for another one. All requests without a credential count as one principal, and their namespaces
// divide a part of the memory by the same rule.
type memory struct {
	mu             sync.Mutex
	all, anonymous pool
}

// pool is a number of bytes, and how many each principal holds.
type pool struct {
	limit, used int64
	held        map[auth.Principal]int64
}

func newMemory(limit int64) *memory {
	if limit == 0 {
		limit = DefaultBodyMemory
	}
	return &memory{
		all:       pool{limit: limit, held: map[auth.Principal]int64{}},
		anonymous: pool{limit: limit / anonymousShare, held: map[auth.Principal]int64{}},
	}
}

// share is the part of a pool that a principal holds.
type share struct {
	*pool

	of auth.Principal
}

// shares returns the shares that count the bytes of a principal.
func (m *memory) shares(p auth.Principal) []share {
	if !p.IsAnonymous() {
		return []share{{&m.all, p}}
	}
	return []share{{&m.all, auth.Principal{Name: auth.Anonymous}}, {&m.anonymous, p}}
}

// add adds n bytes, which may be negative.
func (s share) add(n int64) {
	s.used += n
	if s.held[s.of] += n; s.held[s.of] == 0 {
		delete(s.held, s.of)
	}
}

// reservation is the memory that one request holds.
type reservation struct {
	memory *memory
	of     auth.Principal
	bytes  int64
}

// grow reserves n more bytes. It returns errMemory when the principal may not have them now, and 413 when it never may.
func (r *reservation) grow(n int64) error {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	shares := r.memory.shares(r.of)
	for _, s := range shares {
		if most := s.limit / 2; r.bytes+n > most {
			return echo.NewHTTPError(http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the decoded body needs more than %d bytes of memory", most))
		}
	}
	for _, s := range shares {
		if s.held[s.of]+n > s.limit-s.used-n {
			return errMemory
		}
	}
	for _, s := range shares {
		s.add(n)
	}
	r.bytes += n
	return nil
}

// release gives everything back.
func (r *reservation) release() {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	for _, s := range r.memory.shares(r.of) {
		s.add(-r.bytes)
	}
	r.bytes = 0
}
