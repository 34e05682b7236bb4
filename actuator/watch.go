package actuator

import (
	"context"
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/internal/kube/watch"
)

// WatchOptions say what to watch besides the count.
type WatchOptions struct {
	// Pods: report the number of ready pods, too. Client.Pods can then list the pods of the target's selector, ready or not. The first
	// Watch with Pods opens a watch of pods.
	Pods bool
}

// Watch calls changed as soon as the state of a target is known, or the error that prevents reading it, and again after each change of
// its count, UID, selector, foreign HPA, ready pods (with WatchOptions.Pods) or error. Calls are in order and do not overlap; changes that
// come while changed runs are reported as one, with the newest state.
//
// Whatever fails is tried again: a target, a kind or a permission that is added later is found. Watch returns nil once ctx is done.
// An error means that this client can never observe the target.
func (c *Client) Watch(ctx context.Context, t Target, options WatchOptions, changed func(Observation)) error {
	if own := c.options.Namespace; own != "" && t.Namespace != own {
		return fmt.Errorf("watch %s: it is in namespace %s, only %s is watched", t, t.Namespace, own)
	}
	w := c.newWatcher(ctx, t, options)
	defer w.close()
	var last Observation
	for first := true; ; {
		now, known := w.observe(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if known && (first || differ(now, last)) {
			changed(now)
			first, last = false, now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.notifier:
		case <-w.reader.retry:
		}
	}
}

// watcher assembles the observation of one target. One goroutine owns it.
type watcher struct {
	target    Target
	hpaTarget hpaTarget
	notifier  watch.Notifier
	counts    *counts
	hpas      *hpas
	pods      *pods // Nil without WatchOptions.Pods.
	reader    scaleReader

	selection selection
	stopCount func() // Ends the count of selection; nil before the first one and after an invalid one.
	countErr  error  // Why selection cannot be counted.
	closing   []func()
}

// newWatcher returns a watcher, with all caches that it reads acquired.
func (c *Client) newWatcher(ctx context.Context, t Target, options WatchOptions) *watcher {
	w := &watcher{
		target:    t,
		hpaTarget: newHPATarget(t.Namespace, t.APIVersion, t.Kind, t.Name),
		notifier:  watch.NewNotifier(),
		reader:    scaleReader{client: c, target: t},
	}
	var release func()
	w.counts, release = c.counts.Acquire(ctx, kindName{t.APIVersion, t.Kind})
	w.closing = append(w.closing, release, w.counts.Subscribe(t.key(), w.notifier))
	w.hpas, release = c.hpas.Acquire(ctx, struct{}{})
	w.closing = append(w.closing, release, w.hpas.Subscribe(w.hpaTarget, w.notifier))
	if options.Pods {
		w.pods, release = c.pods.Acquire(ctx, struct{}{})
		w.closing = append(w.closing, release)
	}
	return w
}

// close releases everything, last first.
func (w *watcher) close() {
	if w.stopCount != nil {
		w.stopCount()
	}
	for _, end := range slices.Backward(w.closing) {
		end()
	}
}

// observe assembles the observation; false while a part of it is not known.
func (w *watcher) observe(ctx context.Context) (Observation, bool) {
	target, known := w.counts.lookup(w.target.key())
	if !known {
		return Observation{}, false
	}
	if target.unseen {
		target.scale, target.err = w.reader.read(ctx, target.scale)
	}
	o := Observation{Scale: target.scale, Ready: -1}
	if target.err != nil {
		o.Err = fmt.Errorf("watch %s: %w", w.target, target.err)
	}
	foreign, known := w.hpas.lookup(w.hpaTarget)
	o.ForeignHPA = foreign
	if w.pods == nil || o.Err != nil {
		return o, known || o.Err != nil
	}
	podsKnown := w.countPods(&o)
	return o, known && podsKnown
}

// countPods fills in the number of ready pods; false while neither it nor a reason is known.
func (w *watcher) countPods(o *Observation) bool {
	if s := (selection{w.target.Namespace, o.Scale.Selector}); s != w.selection || w.stopCount == nil {
		if w.stopCount != nil {
			w.stopCount()
		}
		w.selection = s
		w.stopCount, w.countErr = w.pods.count(s, w.notifier)
	}
	if w.countErr != nil {
		o.ReadyErr = w.countErr
		return true
	}
	n, known := w.pods.lookup(w.selection)
	o.Ready, o.ReadyErr = n.ready, n.err
	return known
}

// differ reports whether two observations differ in what Watch reports.
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
