package triggertest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// Endpoints implements triggers.Endpoints and triggers.Alerts in memory, for one trigger. It records the newest level of each key and
// ignores ttls.
type Endpoints struct {
	mu       sync.Mutex
	decode   func(context.Context, triggers.Message) ([]triggers.Level, error)
	endpoint triggers.Endpoint
	records  map[string]triggers.Level
	lost     error
	full     bool
	recorded int
	rejected []error
	header   http.Header
	watchers map[*func()]struct{}
}

// Listen opens the endpoint until the returned function is called.
func (d *Endpoints) Listen(e triggers.Endpoint, decode func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endpoint, d.decode = e, decode
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.decode = nil
	}
}

// Record records levels, and reports false after SetFull(true).
func (d *Endpoints) Record(_ context.Context, _ triggers.Endpoint, m triggers.Message, levels []triggers.Level) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return false
	}
	d.recorded++
	d.header = m.Header
	if d.records == nil {
		d.records = map[string]triggers.Level{}
	}
	for _, l := range levels {
		if l.At.IsZero() || l.At.After(m.At) {
			l.At = m.At
		}
		if old, ok := d.records[l.Key]; !ok || !l.At.Before(old.At) {
			d.records[l.Key] = l
		}
	}
	d.notify()
	return true
}

// Reject records the reason why a message was rejected.
func (d *Endpoints) Reject(_ triggers.Endpoint, reason error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rejected = append(d.rejected, reason)
}

// Send passes a message to the listening trigger and records the decoded levels.
func (d *Endpoints) Send(ctx context.Context, m triggers.Message) ([]triggers.Level, error) {
	d.mu.Lock()
	decode := d.decode
	d.mu.Unlock()
	levels, err := decode(ctx, m)
	if err != nil || len(levels) == 0 {
		return levels, err
	}
	if !d.Record(ctx, d.Endpoint(), m, levels) {
		return levels, errFull
	}
	return levels, nil
}

var errFull = errors.New("not recorded: the test called SetFull")

// Endpoint returns the endpoint that was opened last.
func (d *Endpoints) Endpoint() triggers.Endpoint {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.endpoint
}

// Header returns the header of the message that was recorded last.
func (d *Endpoints) Header() http.Header {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.header
}

// SetLost makes the recorded levels unknown with err, or known again if err is nil.
func (d *Endpoints) SetLost(err error) { d.update(func() { d.lost = err }) }

// SetFull makes every Record fail, or succeed again.
func (d *Endpoints) SetFull(full bool) { d.update(func() { d.full = full }) }

// Expire removes the record of a key, as the end of its ttl does.
func (d *Endpoints) Expire(key string) { d.update(func() { delete(d.records, key) }) }

func (d *Endpoints) update(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	d.notify()
}

// Results returns how many times Record succeeded, and the reasons given to Reject.
func (d *Endpoints) Results() (recorded int, rejected []error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recorded, slices.Clone(d.rejected)
}

// notify calls every watcher. The caller must hold d.mu.
func (d *Endpoints) notify() {
	for changed := range d.watchers {
		(*changed)()
	}
}

// Follow calls changed with the recorded levels, as triggers.Alerts does.
func (d *Endpoints) Follow(_ triggers.AlertQuery, changed func(triggers.Cause, []triggers.Alert, error)) (stop func()) {
	show := func() {
		if d.lost != nil {
			changed(triggers.Cause{At: time.Now()}, nil, d.lost)
			return
		}
		var on []triggers.Alert
		for _, l := range slices.SortedFunc(maps.Values(d.records), func(a, b triggers.Level) int { return cmp.Compare(a.Key, b.Key) }) {
			if l.On {
				on = append(on, triggers.Alert{Level: &l, StartsAt: l.At})
			}
		}
		changed(triggers.Cause{At: time.Now()}, on, nil)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watchers == nil {
		d.watchers = map[*func()]struct{}{}
	}
	d.watchers[&show] = struct{}{}
	show()
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, &show)
	}
}

// MessageOf returns a message with a JSON body and headers, given as names and values in turn.
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
