package httpserver

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
)

const (
	// DefaultBodyMemory is the memory for bodies where Options name none, in bytes.
	DefaultBodyMemory = 128 << 20
	// strangersPart is which part of the memory all requests without a credential may hold together: one in so many.
	strangersPart = 4
)

// memory is a budget of bytes for the bodies of all requests in flight, and for what they become when they are decoded.
//
// A principal may hold as much as it leaves free: the first one half of the memory, the next one half of the rest, and so on, so
// that there is always some left for another one. All requests without a credential count as one principal in this, and share a
// part of the memory among their namespaces by the same rule.
type memory struct {
	mu             sync.Mutex
	all, strangers pool
}

// pool is a number of bytes, and who holds them.
type pool struct {
	limit, used int64
	held        map[principal]int64
}

func newMemory(limit int64) *memory {
	if limit == 0 {
		limit = DefaultBodyMemory
	}
	return &memory{
		all:       pool{limit: limit, held: map[principal]int64{}},
		strangers: pool{limit: limit / strangersPart, held: map[principal]int64{}},
	}
}

// share is what a principal holds of a pool.
type share struct {
	*pool

	of principal
}

// shares returns the shares that a principal's bytes are counted in.
func (m *memory) shares(who principal) []share {
	if !who.isStranger() {
		return []share{{&m.all, who}}
	}
	return []share{{&m.all, principal{credential: stranger}}, {&m.strangers, who}}
}

// add adds n bytes, which may be negative.
func (s share) add(n int64) {
	s.used += n
	if s.held[s.of] += n; s.held[s.of] == 0 {
		delete(s.held, s.of)
	}
}

// reservation is what one request holds of the memory.
type reservation struct {
	memory *memory
	of     principal
	bytes  int64
}

// grow reserves n more bytes. The error is errMemory when the principal has no room for them now, and 413 when it never has.
func (r *reservation) grow(n int64) error {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	shares := r.memory.shares(r.of)
	for _, s := range shares {
		if most := s.limit / 2; r.bytes+n > most {
			return echo.NewHTTPError(http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the body takes more than %d bytes of memory when it is decoded", most))
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
