package actuator

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

// WatchOptions say what to watch besides the count.
type WatchOptions struct {
	// Pods: report the number of ready pods, too. Client.Pods can then list the pods of the target's selector, ready or not. The first
	// Follow with Pods opens a watch of pods.
	Pods bool
}

// Follow calls changed as soon as the state of a target is known, or the error that prevents reading it, and again after each change of
// its count, UID, selector, foreign HPA, ready pods (with WatchOptions.Pods) or error. Calls are in order and do not overlap; changes that
// come while changed runs are reported as one, with the newest state. changed must not block: it is called by a worker of Options.Queue.
//
// Whatever fails is tried again: a target, a kind or a permission that is added later is found. Follow returns at once. An error means that
// this client can never observe the target. stop waits for a call of changed in progress, and none follows. It must not be called by changed.
func (c *Client) Follow(t Target, options WatchOptions, changed func(Observation)) (stop func(), err error) {
	if own := c.options.Namespace; own != "" && t.Namespace != own {
		return nil, fmt.Errorf("watch %s: it is in namespace %s, only %s is watched", t, t.Namespace, own)
	}
	w := &watcher{
		target:    t,
		hpaTarget: newHPATarget(t.Namespace, t.APIVersion, t.Kind, t.Name),
		changed:   changed,
	}
	w.item = c.options.Queue.NewItem(w.run)
	w.open(c, options)
	w.item.Wake()
	return w.close, nil
}

// watcher assembles the observation of one target. Only its item uses what changes after open.
type watcher struct {
	target    Target
	hpaTarget hpaTarget
	item      *workqueue.Item
	changed   func(Observation)
	counts    *counts
	hpas      *hpas
	pods      *pods // Nil without WatchOptions.Pods.
	closing   []func()

	client    *Client
	reader    *scaleReader // Nil while the watch shows the count.
	selection selection
	stopCount func() // Ends the count of selection; nil before the first one and after an invalid one.
	countErr  error  // Why selection cannot be counted.
	last      Observation
	reported  bool
}

// Notify implements watch.Subscriber.
func (w *watcher) Notify() { w.item.Wake() }

// run reports the observation if it has changed.
func (w *watcher) run() {
	if now, known := w.observe(); known && (!w.reported || differ(now, w.last)) {
		w.changed(now)
		w.reported, w.last = true, now
	}
}

// open acquires all caches that the watcher reads, and then subscribes to their changes, each of which makes the item read all of them. They run
// until the last one who acquired them has released them.
func (w *watcher) open(c *Client, options WatchOptions) {
	ctx := context.Background()
	var release func()
	w.client, w.closing = c, make([]func(), 0, 5)
	w.counts, release = c.counts.Acquire(ctx, kindName{w.target.APIVersion, w.target.Kind})
	w.closing = append(w.closing, release)
	w.hpas, release = c.hpas.Acquire(ctx, struct{}{})
	w.closing = append(w.closing, release)
	if options.Pods {
		w.pods, release = c.pods.Acquire(ctx, struct{}{})
		w.closing = append(w.closing, release)
	}
	w.closing = append(w.closing, w.counts.Subscribe(w.target.key(), w), w.hpas.Subscribe(w.hpaTarget, w))
}

// close ends the item, and then releases everything, last first.
func (w *watcher) close() {
	w.item.Stop()
	if w.reader != nil {
		w.reader.stop()
	}
	if w.stopCount != nil {
		w.stopCount()
	}
	for _, end := range slices.Backward(w.closing) {
		end()
	}
}

// observe assembles the observation; false while a part of it is not known.
func (w *watcher) observe() (Observation, bool) {
	target, known := w.observeCount()
	if !known {
		return Observation{}, false
	}
	o := Observation{Scale: target.scale, Ready: -1}
	if target.err != nil {
		o.Err = fmt.Errorf("watch %s: %w", w.target, target.err)
	}
	hpa := w.hpas.lookup(w.hpaTarget)
	o.ForeignHPA = hpa.name
	if !hpa.known {
		if o.Err == nil && hpa.err != nil {
			o.Err = fmt.Errorf("watch %s: find out whether a HorizontalPodAutoscaler scales it: %w", w.target, hpa.err)
		}
		o.Scale = Scale{} // Nothing may be written.
	}
	if w.pods == nil || !hpa.known || o.Err != nil && (o.Scale.UID == "" || lasting(o.Err)) {
		return o, hpa.known || o.Err != nil
	}
	podsKnown := w.countPods(&o)
	return o, podsKnown || o.Err != nil
}

// observeCount returns what is known of the Scale, which it reads if the watch does not show it; false while nothing is known.
func (w *watcher) observeCount() (lookup, bool) {
	target, known := w.counts.lookup(w.target.key())
	if !known || !target.unseen {
		return target, known
	}
	if w.reader == nil {
		w.reader = &scaleReader{client: w.client, target: w.target, ended: w.item.Wake}
	}
	read, known := w.reader.read(target.scale)
	if !known {
		return lookup{}, false
	}
	if read.retry > 0 {
		w.item.WakeAfter(read.retry)
	}
	target.scale, target.err = read.scale, cmp.Or(read.err, target.err)
	return target, true
}

// countPods fills in the number of ready pods; false while neither it nor a reason is known.
func (w *watcher) countPods(o *Observation) bool {
	if s := (selection{w.target.Namespace, o.Scale.Selector}); s != w.selection || w.stopCount == nil {
		if w.stopCount != nil {
			w.stopCount()
		}
		w.selection = s
		w.stopCount, w.countErr = w.pods.count(s, w)
	}
	if w.countErr != nil {
		o.ReadyErr = w.countErr
		return true
	}
	n, known := w.pods.lookup(w.selection)
	o.Ready, o.ReadyErr = n.ready, n.err
	return known
}

// differ reports whether two observations differ in what Follow reports.
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
