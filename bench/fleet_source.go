package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// hover answers queries as Prometheus does, each time with another level near the target, and counts them.
type hover struct {
	mu      sync.Mutex
	answers map[string]int
	// times are those of all requests since the latest reset.
	times []time.Time
}

// ServeHTTP answers a query.
func (h *hover) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, query := time.Now(), r.FormValue("query")
	level := hoverCount * hoverTarget * (1 + hoverShare*(2*rand.Float64()-1))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status": "success", "data": {"resultType": "scalar", "result": [%d, "%.3f"]}}`, at.Unix(), level)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[query]++
	h.times = append(h.times, at)
}

// reset forgets all queries.
func (h *hover) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers, h.times = map[string]int{}, nil
}

// answered returns the number of queries that were answered at least rounds times.
func (h *hover) answered(rounds int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, times := range h.answers {
		if times >= rounds {
			n++
		}
	}
	return n
}

// perSecond returns the number of requests in each complete second of a period.
func (h *hover) perSecond(from, to time.Time) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	seconds := make([]int, int(to.Sub(from)/time.Second))
	for _, at := range h.times {
		if i := int(at.Sub(from) / time.Second); !at.Before(from) && i < len(seconds) {
			seconds[i]++
		}
	}
	return seconds
}
