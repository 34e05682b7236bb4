package writes

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Gate decides when the writes of a process begin. It is safe for concurrent use, and has no goroutine.
type Gate struct {
	mu     sync.Mutex
	limits *limits
	// waiting are the writes that wait, by class, in the order of their arrival.
	waiting [classes][]chan struct{}
	// pushedBack counts the writes that the API server did not accept because of its load.
	pushedBack [classes]int
	// Turns are those of counts, which wait for each other only.
	Turns *Turns
}

// New returns a gate that is open.
func New() *Gate { return &Gate{limits: newLimits(), Turns: NewTurns()} }

// Begin waits until a write of a class may begin. The caller calls end once, with the error of the write or nil. When ctx is done, Begin
// waits no longer, and the write may begin all the same: it is the last one, or fails by itself. Counts never wait here: they have had their
// turn.
func (g *Gate) Begin(ctx context.Context, c Class) (end func(error)) {
	ready := make(chan struct{})
	g.mu.Lock()
	g.waiting[c] = append(g.waiting[c], ready)
	g.admit(c, time.Now())
	g.mu.Unlock()
	for !wait(ctx, ready, bounds[c].gap) {
		g.mu.Lock()
		g.admit(c, time.Now())
		g.mu.Unlock()
	}
	g.leave(c, ready)
	began := time.Now()
	return func(err error) { g.end(c, began, err) }
}

// wait waits until ready is closed or ctx is done, and returns false after a time: then a share may begin, or a pause may have ended.
func wait(ctx context.Context, ready chan struct{}, longest time.Duration) bool {
	select {
	case <-ready:
		return true
	default:
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ready:
		return true
	case <-ctx.Done():
		return true
	case <-timer.C:
		return false
	}
}

// admit begins the writes of a class that may begin. The caller must hold g.mu.
func (g *Gate) admit(c Class, now time.Time) {
	for len(g.waiting[c]) > 0 && g.limits.admit(c, now) {
		close(g.waiting[c][0])
		g.waiting[c] = g.waiting[c][1:]
		g.limits.begin(c, now)
	}
	g.limits.state[c].waiting = len(g.waiting[c])
}

// leave begins a write that still waits although its context is done.
func (g *Gate) leave(c Class, ready chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting[c], ready); i >= 0 {
		g.waiting[c] = slices.Delete(g.waiting[c], i, i+1)
		g.limits.state[c].waiting = len(g.waiting[c])
		g.limits.begin(c, time.Now())
	}
}

// end notes that a write has ended, and begins those that may begin now.
func (g *Gate) end(c Class, began time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pushed, pause := pushedBack(err)
	if pushed {
		g.pushedBack[c]++
	}
	now := time.Now()
	g.limits.end(c, began, now, pushed, pause)
	for _, c := range waits {
		g.admit(c, now)
	}
}

// pushedBack reports whether the API server did not accept a write because of its load, and for how long it asks to wait.
func pushedBack(err error) (bool, time.Duration) {
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		return true, time.Duration(seconds) * time.Second
	}
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) ||
		errors.Is(err, context.DeadlineExceeded), 0
}
