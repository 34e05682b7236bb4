package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// busyPause is for how long a busy API server asks its clients to wait: longer than the counts of a test need.
	busyPause = 30 * time.Second
	// busyLatency is how long it takes to refuse a count: longer than the status of an object waits after the one before, and shorter than the Lease
	// lasts at least after a renewal.
	busyLatency = 1200 * time.Millisecond
	// busyTogether is how long two statuses must wait at the same time to count: a sender may have given up on one of them just now.
	busyTogether = time.Second
)

// busyProxy is a proxy to the real API server that answers 429 to a share of the writes while it is busy. It notes in which order the
// writes of n objects arrive, whose counts only grow, all at the same time.
type busyProxy struct {
	kubeconfig string
	next       http.RoundTripper
	n          int

	mu   sync.Mutex
	busy bool
	// turns counts the writes of each kind that may be refused: the first one is, and every second one after it.
	turns map[string]int
	// arrived are the objects whose next count has arrived. The first write of each waits until those of all objects have, which closes all.
	arrived map[string]bool
	all     chan struct{}
	// answered is the largest count of each object whose first write has been answered or given up, and written the number of its statuses.
	answered map[string]int32
	written  map[string]int
	// Statuses wait until goOn is closed. waiting are those that have waited for busyTogether, and abandoned is the largest count in a status
	// whose sender has given up.
	goOn      chan struct{}
	waiting   int
	abandoned int32
	wrong     []string
	// gaveUp means that the sender of a count did not wait for its answer: the machine is so busy that the counts of all objects did not arrive in
	// the time of a Lease. A status reports that, maybe before it is known here.
	gaveUp bool
}

func newBusyProxy(t *testing.T, n int) *busyProxy {
	t.Helper()
	b := &busyProxy{
		n: n, turns: map[string]int{}, arrived: map[string]bool{}, all: make(chan struct{}),
		answered: map[string]int32{}, written: map[string]int{}, goOn: make(chan struct{}),
	}
	b.kubeconfig = proxyTo(t, func(next http.RoundTripper) http.RoundTripper {
		b.next = next
		return b
	})
	return b
}

// setBusy begins or ends the time in which writes are refused.
func (b *busyProxy) setBusy(busy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = busy
}

// RoundTrip forwards or refuses a request.
func (b *busyProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	busy := b.busy
	b.mu.Unlock()
	path := strings.Split(r.URL.Path, "/")
	switch {
	case !busy || r.Method == http.MethodGet:
	case strings.HasSuffix(r.URL.Path, "/scale"):
		return b.count(r, path[len(path)-2])
	case strings.Contains(r.URL.Path, "/scaledobjects/") && strings.HasSuffix(r.URL.Path, "/status"):
		return b.status(r, path[len(path)-2])
	case strings.Contains(r.URL.Path, "/alertsets") || strings.HasSuffix(r.URL.Path, "/events"):
		if b.refuses(path[len(path)-1]) {
			return refusal(r, time.Second), nil
		}
	}
	return b.next.RoundTrip(r)
}

// refuses reports whether it is the turn of a write to be refused.
func (b *busyProxy) refuses(kind string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turns[kind]++
	return b.turns[kind]%2 == 1
}

// refusal is the answer of an API server with too many requests.
func refusal(r *http.Request, pause time.Duration) *http.Response {
	return &http.Response{
		StatusCode: http.StatusTooManyRequests, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Retry-After": {strconv.Itoa(int(pause.Seconds()))}, "Content-Type": {"text/plain"}},
		Body:   io.NopCloser(strings.NewReader("Too many requests, please try again later.\n")),
	}
}

// bodyOf reads a body, and leaves it to be read again.
func bodyOf(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// within waits for something, and reports whether the sender of a request still waits, too.
func within[T any](r *http.Request, happens <-chan T) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-happens:
		return true
	}
}

// count refuses the first write of each count, once those of all objects have arrived.
func (b *busyProxy) count(r *http.Request, name string) (*http.Response, error) {
	var patch []struct {
		Op    string
		Value any
	}
	if err := bodyOf(r, &patch); err != nil {
		return nil, err
	}
	n, _ := patch[len(patch)-1].Value.(float64)
	b.mu.Lock()
	if int32(n) <= b.answered[name] {
		b.mu.Unlock()
		return b.next.RoundTrip(r)
	}
	all := b.all
	if b.arrived[name] = true; len(b.arrived) == b.n {
		close(b.all)
		b.arrived, b.all = map[string]bool{}, make(chan struct{})
	}
	b.mu.Unlock()
	waited := within(r, all) && within(r, time.After(busyLatency))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered[name] = int32(n)
	if !waited {
		b.gaveUp = true
		return nil, r.Context().Err()
	}
	return refusal(r, busyPause), nil
}

// status holds a status until goOn is closed. From then on, the first one of each object is refused. A status with a count whose write has not
// been answered is wrong.
func (b *busyProxy) status(r *http.Request, name string) (*http.Response, error) {
	var patch []struct {
		Path  string
		Value json.RawMessage
	}
	if err := bodyOf(r, &patch); err != nil {
		return nil, err
	}
	var status struct{ DesiredReplicas int32 }
	if err := json.Unmarshal(patch[len(patch)-1].Value, &status); err != nil {
		return nil, err
	}
	if status.DesiredReplicas <= busyLeast { // It is of the time before.
		return b.next.RoundTrip(r)
	}
	b.mu.Lock()
	if status.DesiredReplicas > b.answered[name] {
		b.wrong = append(b.wrong, fmt.Sprintf("a status of %s has %d replicas, and no write of that count has been answered", name, status.DesiredReplicas))
	}
	b.mu.Unlock()
	if !b.hold(r) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.abandoned = max(b.abandoned, status.DesiredReplicas)
		return nil, r.Context().Err()
	}
	if b.refuses("status of " + name) {
		return refusal(r, time.Second), nil
	}
	response, err := b.next.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusOK {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.written[name]++
	}
	return response, err
}

// hold waits until goOn is closed, and reports whether the sender of a status still waits, too.
func (b *busyProxy) hold(r *http.Request) bool {
	select {
	case <-r.Context().Done():
		return false
	case <-b.goOn:
		return true
	case <-time.After(busyTogether):
	}
	b.wait(1)
	defer b.wait(-1)
	return within(r, b.goOn)
}

// wait counts statuses that wait.
func (b *busyProxy) wait(change int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting += change; b.waiting > 1 {
		b.wrong = append(b.wrong, fmt.Sprintf("%d statuses are written at the same time while the API server pushes back, want one", b.waiting))
	}
}
