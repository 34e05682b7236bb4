package actuator

import (
	"context"
	"fmt"
	"slices"
)

// WatchOptions say what to watch besides the count.
type WatchOptions struct {
	// Pods asks for the number of ready pods, and lets Client.Pods list them all. The first that does opens a watch of pods.
	Pods bool
}

// Watch calls changed as soon as something is known of a target, be it that it cannot be read, and again after each
// change of its count, UID, selector, foreign HPA, ready pods (when asked for) or error. Calls are in order and do not
// overlap; changes that come while changed runs are told as one, with what is true by then.
//
// Everything that does not work is tried again: a target, a kind or a permission that comes later is seen. Watch returns
// nil once ctx is done. An error means that this client never sees the target.
func (c *Client) Watch(ctx context.Context, t Target, options WatchOptions, changed func(Observation)) error {
	if own := c.options.Namespace; own != "" && t.Namespace != own {
		return fmt.Errorf("watch %s: it is in namespace %s, only %s is watched", t, t.Namespace, own)
	}
	w := c.look(ctx, t, options)
	defer w.close()
	var last Observation
	for first := true; ; {
		now, settled := w.observe(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if settled && (first || differ(now, last)) {
			changed(now)
			first, last = false, now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.bell:
		case <-w.asked.again:
		}
	}
}

// watcher looks at everything that is known of one target. One goroutine owns it.
type watcher struct {
	target Target
	scaled scaled
	bell   bell
	counts *counts
	hpas   *hpas
	pods   *pods // Nil when nobody asked.
	asked  asker

	selection selection
	uncount   func() // Ends the count of selection; nil before the first one and after a bad one.
	badPods   error  // Why selection cannot be counted.
	closing   []func()
}

// look opens what a watcher needs.
func (c *Client) look(ctx context.Context, t Target, options WatchOptions) *watcher {
	w := &watcher{
		target: t,
		scaled: scaledBy(t.Namespace, t.APIVersion, t.Kind, t.Name),
		bell:   newBell(),
		asked:  asker{client: c, target: t},
	}
	var end func()
	w.counts, end = c.counts.acquire(ctx, kindName{t.APIVersion, t.Kind})
	w.closing = append(w.closing, end, w.counts.listen(t.key(), w.bell))
	w.hpas, end = c.hpas.acquire(ctx, struct{}{})
	w.closing = append(w.closing, end, w.hpas.listen(w.scaled, w.bell))
	if options.Pods {
		w.pods, end = c.pods.acquire(ctx, struct{}{})
		w.closing = append(w.closing, end)
	}
	return w
}

// close gives everything back, last first.
func (w *watcher) close() {
	if w.uncount != nil {
		w.uncount()
	}
	for _, end := range slices.Backward(w.closing) {
		end()
	}
}

// observe puts together what is known; false while a part of it is not settled.
func (w *watcher) observe(ctx context.Context) (Observation, bool) {
	found, settled := w.counts.look(w.target.key())
	if !settled {
		return Observation{}, false
	}
	if found.ask {
		found.scale, found.err = w.asked.scale(ctx, found.scale)
	}
	o := Observation{Scale: found.scale, Ready: -1}
	if found.err != nil {
		o.Err = fmt.Errorf("watch %s: %w", w.target, found.err)
	}
	foreign, settled := w.hpas.look(w.scaled)
	o.ForeignHPA = foreign
	if w.pods == nil || o.Err != nil {
		return o, settled || o.Err != nil
	}
	podsSettled := w.countPods(&o)
	return o, settled && podsSettled
}

// countPods fills in the ready pods; false while they are not settled.
func (w *watcher) countPods(o *Observation) bool {
	if s := (selection{w.target.Namespace, o.Scale.Selector}); s != w.selection || w.uncount == nil {
		if w.uncount != nil {
			w.uncount()
		}
		w.selection = s
		w.uncount, w.badPods = w.pods.count(s, w.bell)
	}
	if w.badPods != nil {
		o.ReadyErr = w.badPods
		return true
	}
	n, settled := w.pods.look(w.selection)
	o.Ready, o.ReadyErr = n.ready, n.err
	return settled
}

// differ reports whether anything changed that a watcher is told.
func differ(a, b Observation) bool {
	return a.Scale.UID != b.Scale.UID ||
		a.Scale.Replicas != b.Scale.Replicas ||
		a.Scale.Selector != b.Scale.Selector ||
		a.ForeignHPA != b.ForeignHPA ||
		a.Ready != b.Ready ||
		text(a.ReadyErr) != text(b.ReadyErr) ||
		text(a.Err) != text(b.Err)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
