package triggertest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// Endpoints are the direct doors of one trigger, and what came through them, in memory: they record what the newest message says,
// and nothing of ttls. They implement triggers.Doors and triggers.Alerts.
type Endpoints struct {
	mu       sync.Mutex
	decode   func(context.Context, triggers.Message) ([]triggers.Level, error)
	endpoint triggers.Endpoint
	records  map[string]triggers.Level
	lost     error
	full     bool
	recorded int
	rejected []error
	watchers map[*func()]struct{}
}

// Listen is triggers.Doors'.
func (d *Endpoints) Listen(door triggers.Endpoint, take func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endpoint, d.decode = door, take
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.decode = nil
	}
}

// Record is triggers.Doors'.
func (d *Endpoints) Record(_ context.Context, _ triggers.Endpoint, at time.Time, levels []triggers.Level) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return false
	}
	d.recorded++
	if d.records == nil {
		d.records = map[string]triggers.Level{}
	}
	for _, l := range levels {
		if l.At.IsZero() || l.At.After(at) {
			l.At = at
		}
		if old, ok := d.records[l.Key]; !ok || !l.At.Before(old.At) {
			d.records[l.Key] = l
		}
	}
	d.notify()
	return true
}

// Reject is triggers.Doors'.
func (d *Endpoints) Reject(_ triggers.Endpoint, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rejected = append(d.rejected, why)
}

// Send hands a message to the trigger that listens, and records what it makes of it.
func (d *Endpoints) Send(ctx context.Context, m triggers.Message) ([]triggers.Level, error) {
	d.mu.Lock()
	take := d.decode
	d.mu.Unlock()
	levels, err := take(ctx, m)
	if err != nil || len(levels) == 0 {
		return levels, err
	}
	if !d.Record(ctx, d.Endpoint(), m.At, levels) {
		return levels, errFull
	}
	return levels, nil
}

var errFull = errors.New("it is not recorded: the test said so")

// Endpoint is the door that was opened last.
func (d *Endpoints) Endpoint() triggers.Endpoint {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.endpoint
}

// Lose makes the records unknown, or known again with nil; Fill makes them take nothing more.
func (d *Endpoints) Lose(err error) { d.set(func() { d.lost = err }) }

// Fill makes every record fail, or none any more.
func (d *Endpoints) Fill(full bool) { d.set(func() { d.full = full }) }

// Expire drops the record of a key, as the end of its ttl does.
func (d *Endpoints) Expire(key string) { d.set(func() { delete(d.records, key) }) }

func (d *Endpoints) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	d.notify()
}

// Counts returns how many records were made, and what was refused.
func (d *Endpoints) Counts() (recorded int, refused []error) { //nolint:nonamedreturns // They say which is which.
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recorded, slices.Clone(d.rejected)
}

// notify tells every watcher; d.mu is held.
func (d *Endpoints) notify() {
	for changed := range d.watchers {
		(*changed)()
	}
}

// Watch is triggers.Alerts'.
func (d *Endpoints) Watch(ctx context.Context, _ triggers.AlertQuery, changed func(time.Time, []triggers.Alert, error)) error {
	show := func() {
		if d.lost != nil {
			changed(time.Now(), nil, d.lost)
			return
		}
		var on []triggers.Alert
		for _, l := range slices.SortedFunc(maps.Values(d.records), func(a, b triggers.Level) int { return cmp.Compare(a.Key, b.Key) }) {
			if l.On {
				on = append(on, triggers.Alert{Level: &l, StartsAt: l.At})
			}
		}
		changed(time.Now(), on, nil)
	}
	d.mu.Lock()
	if d.watchers == nil {
		d.watchers = map[*func()]struct{}{}
	}
	d.watchers[&show] = struct{}{}
	show()
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.watchers, &show)
	return ctx.Err()
}

// MessageOf is a message with a body and headers, each a name and a value.
func MessageOf(tb testing.TB, body string, headers ...string) triggers.Message {
	tb.Helper()
	m := triggers.Message{Header: map[string][]string{}, Raw: []byte(body), At: time.Now()}
	for i := 0; i+1 < len(headers); i += 2 {
		m.Header.Set(headers[i], headers[i+1])
	}
	var err error
	if m.Body, err = triggers.DecodeJSON(m.Raw); err != nil {
		tb.Fatalf("%s: %v", body, err)
	}
	return m
}
