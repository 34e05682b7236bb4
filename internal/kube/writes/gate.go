package writes

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// silentTogether is how long after another one a write that is not answered in time counts together with it: longer than any may take.
const silentTogether = 15 * time.Second

// Gate decides when the writes of a process begin. It is safe for concurrent use, and has no goroutine.
type Gate struct {
	mu     sync.Mutex
	limits *limits
	// waiting are the writes that wait, by class, in the order of their arrival. inFlight counts those in flight in each namespace.
	waiting  [classes][]*waiter
	inFlight [classes]map[string]int
	// pushedBack counts the writes that the API server did not accept because of its load.
	pushedBack [classes]int
	// answered is when the newest write began that was answered. silent is the namespace of the newest one that was not answered in time, and
	// silentAt when it ended.
	answered time.Time
	silent   string
	silentAt time.Time
	// Turns are those of counts, which wait for each other only.
	Turns *Turns
}

// waiter is a write to an object of a namespace. ready is closed when it may begin.
type waiter struct {
	namespace string
	ready     chan struct{}
}

// New returns a gate that is open.
func New() *Gate {
	g := &Gate{limits: newLimits(), Turns: NewTurns()}
	for c := range g.inFlight {
		g.inFlight[c] = map[string]int{}
	}
	return g
}

// Begin waits until a write of a class may begin, to an object of a namespace; "" is the namespace of Impulse. The caller calls end once, with
// the error of the write or nil. When ctx is done, Begin waits no longer, and the write may begin all the same: it is the last one, or fails by
// itself. Counts never wait here: they have had their turn.
func (g *Gate) Begin(ctx context.Context, c Class, namespace string) (end func(error)) {
	w := &waiter{namespace, make(chan struct{})}
	g.mu.Lock()
	g.waiting[c] = append(g.waiting[c], w)
	g.admit(c, time.Now())
	g.mu.Unlock()
	for !wait(ctx, w.ready, bounds[c].gap) {
		g.mu.Lock()
		g.admit(c, time.Now())
		g.mu.Unlock()
	}
	g.leave(c, w)
	began := time.Now()
	return func(err error) { g.end(c, namespace, began, err) }
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
	g.waiting[c] = slices.DeleteFunc(g.waiting[c], func(w *waiter) bool {
		if !g.limits.admit(c, now, g.inFlight[c][w.namespace]) {
			return false
		}
		close(w.ready)
		g.begin(c, w, now)
		return true
	})
	g.limits.state[c].waiting = len(g.waiting[c])
}

// begin notes that a write begins. The caller must hold g.mu.
func (g *Gate) begin(c Class, w *waiter, now time.Time) {
	g.inFlight[c][w.namespace]++
	g.limits.begin(c, now)
}

// leave begins a write that still waits although its context is done.
func (g *Gate) leave(c Class, w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting[c], w); i >= 0 {
		g.waiting[c] = slices.Delete(g.waiting[c], i, i+1)
		g.limits.state[c].waiting = len(g.waiting[c])
		g.begin(c, w, time.Now())
	}
}

// end notes that a write has ended, and begins those that may begin now.
func (g *Gate) end(c Class, namespace string, began time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inFlight[c][namespace]--; g.inFlight[c][namespace] == 0 {
		delete(g.inFlight[c], namespace)
	}
	pushed, pause := pushedBack(err)
	if pushed {
		g.pushedBack[c]++
	}
	if isAnswer(err) && !pushed && began.After(g.answered) {
		g.answered = began
	}
	now := time.Now()
	if TimedOut(err) && pause == 0 && !g.isSilent(namespace, began, now) {
		g.limits.abandon(c)
	} else {
		g.limits.end(c, began, now, pushed, pause)
	}
	for _, c := range waits {
		g.admit(c, now)
	}
}

// isSilent reports whether a write that was not answered in time shows that the API server is slow, and not only an admission webhook for its
// namespace: no write that began later was answered, and the one before that was not answered, not long ago, was in another namespace. The
// caller must hold g.mu.
func (g *Gate) isSilent(namespace string, began, now time.Time) bool {
	if g.answered.After(began) {
		return false
	}
	if namespace == "" {
		return true
	}
	before, at := g.silent, g.silentAt
	g.silent, g.silentAt = namespace, now
	return before != "" && before != namespace && now.Sub(at) <= silentTogether
}

// isAnswer reports whether the API server has answered a write, with success or a refusal.
func isAnswer(err error) bool {
	var status apierrors.APIStatus
	return err == nil || errors.As(err, &status)
}

// pushedBack reports whether the API server did not accept a write, perhaps because of its load, and for how long it asks to wait.
func pushedBack(err error) (bool, time.Duration) {
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		return true, time.Duration(seconds) * time.Second
	}
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || TimedOut(err), 0
}

// TimedOut reports whether a write was not answered in time.
func TimedOut(err error) bool {
	return apierrors.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded)
}
