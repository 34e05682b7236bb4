package autoscaler

import (
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

// turnGranted reports whether the write that waits may be sent.
func (a *Autoscaler) turnGranted() bool { return a.turn != nil && a.turn.Granted() }

// queueWrite joins the queue of writes, or leaves it, by what a step has returned. What is written is thus what is decided when its turn comes.
// If the turn is granted at once, the write is added to the output.
func (a *Autoscaler) queueWrite(out *loop.Output, now scalers.Instant) {
	if out.Write != nil {
		return
	}
	if out.Waiting == 0 || (out.Waiting > 0) != (a.waiting > 0) {
		a.leaveQueue()
	}
	if a.waiting = out.Waiting; out.Waiting == 0 || a.turn != nil {
		return
	}
	a.turn = a.options.Turns.Join(a.workload.Namespace, out.Waiting, a.item.Wake)
	if a.turn.Granted() {
		a.mu.Lock()
		defer a.mu.Unlock()
		out.Write = a.state.Send(now)
	}
}

// leaveQueue ends the turn of a write that is not sent, if there is one.
func (a *Autoscaler) leaveQueue() {
	if a.turn != nil {
		a.turn.End(nil)
		a.turn = nil
	}
}
